# %% [markdown]
# # Noise and shots
#
# A simulator gives expectation values. A quantum computer gives samples, from a state that has
# been disturbed. Both are options of a layer: `shots` and `noise`. This page looks at one output,
# and then at a trained network.

# %%
import math

import matplotlib.pyplot
import torch
from matplotlib.figure import Figure

from resqunn import Noise, Quanv2d, load_dataset, with_noise
from resqunn.lab import TrainConfig, load_model, train

image = load_dataset("digits").train.images[:1]

# %% [markdown]
# ## Shots
#
# With $S$ shots an output is the mean of $S$ outcomes, each 1 or -1. Its expectation is the exact
# value $z$, and its standard deviation $\sqrt{(1 - z^2) / S}$. Two thousand estimates of one
# output, for two numbers of shots:

# %% Estimates of one output from 20 and from 500 shots, around its exact value
exact = Quanv2d(1, 4, 2, 2, generator=torch.Generator().manual_seed(4))
with torch.no_grad():
    z = float(exact(image)[0, 1, 1, 1])
figure = Figure(figsize=(5.4, 3), layout="constrained")
ax = figure.subplots()
for shots, color in ((20, "#d9a066"), (500, "#0f766e")):
    sampled = Quanv2d(1, 4, 2, 2, shots=shots)
    sampled.load_state_dict(exact.state_dict())
    torch.manual_seed(0)
    with torch.no_grad():
        found = sampled(image.expand(2000, -1, -1, -1))[:, 1, 1, 1]
    wanted = math.sqrt((1 - z * z) / shots)
    print(
        f"{shots:3} shots: standard deviation {found.std():.4f}, "
        f"by the formula {wanted:.4f}"
    )
    values, counts = found.unique(return_counts=True)
    width = 2 / shots  # between two values that the mean may have
    density = counts.numpy() / len(found) / width
    ax.bar(
        values.numpy(),
        density,
        0.9 * width,
        color=color,
        alpha=0.8,
        label=f"{shots} shots",
    )
ax.axvline(z, color="black", linewidth=1, label="exact")
ax.set(xlabel="estimate", ylabel="density")
ax.legend(frameon=False)
ax.spines[["top", "right"]].set_visible(False)
figure

# %% [markdown]
# ## Noise
#
# Channels stand after gates, after layers or before the readout. They draw themselves dashed:

# %% A circuit with a depolarizing channel after each of its layers
noise = Noise(depolarizing=0.05, where="layer")
Quanv2d(1, 4, 2, 2, depth=2, noise=noise).noisy_circuit.draw("mpl")

# %% [markdown]
# A readout error of probability $p$ flips each measured bit, and shrinks an expectation value of
# one qubit by $1 - 2p$ whatever the circuit is:

# %%
flipped = Quanv2d(1, 4, 2, 2, noise="readout=0.1")
flipped.load_state_dict(exact.state_dict())
with torch.no_grad():
    maps = exact(image), flipped(image)
print(
    "largest difference from 0.8 times the exact maps:",
    f"{(maps[1] - 0.8 * maps[0]).abs().max():.0e}",
)

# %% [markdown]
# ## A network that was trained without noise
#
# and then meets it. Within `with_noise` a network has other noise and shots; its weights stay as
# they are.

# %%
digits = load_dataset("digits")
config = TrainConfig(wiring="none", depths=(2,), epochs=15, learning_rate=0.01)
run = train(config, "runs/quiet")
model = load_model("runs/quiet")
best = 100 * run.best.validation_accuracy
print(f"without noise: {best:.1f} % of the validation images")

# %% Accuracy of the trained network by the strength of the noise, exact and with few shots
strengths = [0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3]
images, labels = digits.validation.images, digits.validation.labels


def accuracy(noise, shots):
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad(), with_noise(model, noise, shots, generator):
        return float((model(images).argmax(1) == labels).double().mean())


figure = Figure(figsize=(5.4, 3.2), layout="constrained")
ax = figure.subplots()
for shots, color in ((None, "#0f766e"), (200, "#d9a066"), (20, "#c2410c")):
    found = [
        accuracy(Noise(depolarizing=strength), shots) for strength in strengths
    ]
    name = "exact" if shots is None else f"{shots} shots"
    ax.plot(
        strengths,
        [100 * value for value in found],
        "o-",
        color=color,
        label=name,
    )
    print(f"{name:9}", "  ".join(f"{100 * value:5.1f}" for value in found))
ax.set(
    xlabel="depolarizing, after each gate", ylabel="accuracy, %", ylim=(0, 100)
)
ax.legend(frameon=False)
ax.spines[["top", "right"]].set_visible(False)
figure

# %% [markdown]
# Layers can be trained through noise and shots too, and whole runs have the options `noise` and
# `shots`: [the page about noise](../noise.md) says how. `resqunn evaluate RUN --noise ...
# --figure curve.svg` draws such a curve for a run.
