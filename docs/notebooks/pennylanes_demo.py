# %% [markdown]
# # PennyLane's quanvolution demo, then trained
#
# PennyLane's tutorial on
# [quanvolutional networks](https://pennylane.ai/qml/demos/tutorial_quanvolution) sends each patch
# of 2 by 2 pixels through one random circuit, once, before training; the circuit stays as it was
# drawn. Here that circuit is a layer. Its numbers are compared with a QNode's, and then it is
# trained too.

# %%
import math
import time

import matplotlib.pyplot
import numpy as np
import pennylane as qml
import torch
from matplotlib.figure import Figure
from torch import nn

from resqunn import LinearHead, Quanv2d, load_dataset, plot_features

# %% [markdown]
# ## The circuit
#
# RY by pi times each pixel, one layer of PennyLane's `RandomLayers` with four rotations by numbers
# drawn once, and Z of each wire. As a QNode it is written so:

# %%
rand_params = np.random.default_rng(0).uniform(high=2 * math.pi, size=(1, 4))


@qml.qnode(qml.device("default.qubit", wires=4))
def circuit(phi):
    for j in range(4):
        qml.RY(math.pi * phi[j], wires=j)
    qml.RandomLayers(rand_params, wires=range(4), seed=42)
    return [qml.expval(qml.Z(j)) for j in range(4)]


# %% [markdown]
# As a layer it is a name and four numbers. `random_layers:42` draws the gates that PennyLane
# draws from this seed, and pi is the layer's own scale of pixels.

# %% The demo's circuit as a layer
layer = Quanv2d(
    1, 4, 2, 2, ansatz="random_layers:42", depth=1, dtype=torch.float64
)
with torch.no_grad():
    layer.weight.copy_(
        torch.from_numpy(rand_params).reshape(layer.weight.shape)
    )
layer.circuit.draw("mpl")

# %% [markdown]
# ## The same numbers
#
# Every patch of two digits, by the QNode one after the other, and by the layer at once. Times are
# of the machine that built this page, for each the smallest of five.

# %%
data = load_dataset("digits")
images = data.validation.images.double()


def by_qnode(images):
    values = [
        [
            circuit(image[0, j : j + 2, k : k + 2].flatten().numpy())
            for k in range(0, 8, 2)
        ]
        for image in images
        for j in range(0, 8, 2)
    ]
    return torch.tensor(values).reshape(-1, 4, 4, 4).permute(0, 3, 1, 2)


@torch.no_grad()
def by_layer(images):
    return layer(images)


def least(function):
    seconds = []
    for _ in range(5):
        begun = time.perf_counter()
        function(images[:2])
        seconds.append(time.perf_counter() - begun)
    return min(seconds)


difference = by_layer(images[:2]) - by_qnode(images[:2])
print(f"largest difference: {difference.abs().max():.0e}")
print(f"QNode, patch by patch {1000 * least(by_qnode):7.2f} ms")
print(f"layer                 {1000 * least(by_layer):7.2f} ms")

# %% [markdown]
# ## Feature maps
#
# What the demo shows of its images: an image, and the four values of its patches as channels.

# %% Two digits and the four channels that the circuit makes of each
plot_features(layer, images[:2])

# %% [markdown]
# ## Frozen, trained, and without a circuit
#
# The demo trains a dense layer on these channels. Three networks differ in what that layer reads:
# the channels of the circuit as it was drawn, those of it while it is trained, and
# the pixels themselves. All three give the head 64 numbers for an image of 8 by 8 pixels.


# %%
def accuracies(first, epochs=30):
    """On the validation images, after each epoch."""
    generator = torch.Generator().manual_seed(0)
    head = LinearHead(10, 64, generator=generator)
    model = nn.Sequential(first, head)
    learned = [each for each in model.parameters() if each.requires_grad]
    optimizer = torch.optim.Adam(learned, lr=0.01)
    found = []
    for _ in range(epochs):
        order = torch.randperm(len(data.train.images), generator=generator)
        for batch in order.split(32):
            scores = model(data.train.images[batch])
            loss = nn.functional.cross_entropy(scores, data.train.labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            scores = model(data.validation.images)
            right = scores.argmax(1) == data.validation.labels
        found.append(100 * right.double().mean().item())
    return found


def demo(trainable):
    first = Quanv2d(1, 4, 2, 2, ansatz="random_layers:42", depth=1)
    first.load_state_dict(layer.state_dict())
    return first.requires_grad_(trainable)


curves = {
    "frozen": accuracies(demo(False)),
    "trained": accuracies(demo(True)),
    "no circuit": accuracies(nn.Identity()),
}
for name, curve in curves.items():
    print(f"{name:10}  after the last epoch {curve[-1]:.1f} %")

# %% Validation accuracy by epoch: the circuit frozen, trained, and none
figure = Figure(figsize=(5.4, 3), layout="constrained")
ax = figure.subplots()
for name, curve in curves.items():
    ax.plot(range(1, len(curve) + 1), curve, label=name)
ax.set_xlabel("epoch")
ax.set_ylabel("validation accuracy, %")
ax.set_ylim(80, 100)
ax.legend(loc="lower right")
ax.spines[["top", "right"]].set_visible(False)
figure

# %% [markdown]
# This is one run of each on one small set of images, and it is no proof: another seed may put
# the curves in another order. [A question and its verdict](a_question.md) asks over many seeds with
# such controls, and [the page on studies](../studies.md) says how.
#
# A function of your own in place of the demo's is
# [your own PennyLane circuit](your_own_circuit.md).
