# %% [markdown]
# # Your own PennyLane circuit, at a layer's price
#
# You have a quantum function in PennyLane. `from_pennylane` records it once; afterwards it is a
# layer, evaluated by compiled code for all patches of all images at once. The values and the
# derivatives are those of PennyLane.

# %%
import math
import time

import matplotlib.pyplot
import pennylane as qml
import torch
from matplotlib.figure import Figure

from resqunn import Quanv2d, from_pennylane, plot_spectrum, spectrum

torch.set_num_threads(1)

# %% [markdown]
# ## The function
#
# It may use whatever PennyLane offers for gates: templates, controlled gates, angles that are
# computed. This one encodes each pixel twice, with a trainable scale in between.

# %%
device = qml.device("default.qubit", wires=4)


@qml.qnode(device)
def qnode(inputs, weights, scale):
    qml.AngleEmbedding(math.pi * inputs, wires=range(4), rotation="Y")
    qml.StronglyEntanglingLayers(weights, wires=range(4))
    for q in range(4):
        qml.RX(scale[q] * inputs[q], wires=q)
        qml.CRZ(scale[q], wires=[q, (q + 1) % 4])
    return [qml.expval(qml.Z(q)) for q in range(4)]


# %% The function as a circuit
circuit = from_pennylane(
    qnode, inputs=4, weights={"weights": (1, 4, 3), "scale": (4,)}
)
circuit.draw("mpl")

# %% [markdown]
# ## The same numbers
#
# A layer in double precision beside PennyLane, patch by patch: values, and the derivatives by
# every weight.

# %%
torch.manual_seed(0)
layer = Quanv2d(
    1, 4, kernel_size=2, stride=2, circuit=circuit, dtype=torch.float64
)
images = torch.rand(2, 1, 6, 6, dtype=torch.float64)
maps = layer(images)
maps.square().sum().backward()

named = {
    name: value[0].detach().requires_grad_()
    for name, value in circuit.named_weights(layer.weight).items()
}
patches = (
    torch.nn.functional.unfold(images, 2, stride=2)
    .transpose(1, 2)
    .reshape(-1, 4)
)
values = torch.stack([torch.stack(qnode(patch, **named)) for patch in patches])
values.square().sum().backward()
theirs = torch.cat(
    [named[name].grad.flatten() for name in ("weights", "scale")]
)
ours = maps.detach().permute(0, 2, 3, 1).reshape(-1, 4)
difference = ours - values.detach()
print(f"largest difference of values:      {difference.abs().max():.0e}")
difference = layer.weight.grad.flatten() - theirs
print(f"largest difference of derivatives: {difference.abs().max():.0e}")

# %% [markdown]
# ## The price
#
# Forward and backward of sixteen images of 28 by 28 pixels, on one thread: the layer, PennyLane
# with all patches as one broadcast, and `torch.nn.Conv2d` with as many channels. Times are
# of the machine that built this page; the smallest of several repetitions each.

# %%
layer = Quanv2d(1, 4, 2, 2, circuit=circuit)
convolution = torch.nn.Conv2d(1, 4, 2, 2)
batch = torch.rand(16, 1, 28, 28)
patches = (
    torch.nn.functional.unfold(batch, 2, stride=2)
    .transpose(1, 2)
    .reshape(-1, 4)
)
named = {name: value.detach().requires_grad_() for name, value in named.items()}


def pennylane():
    inputs = patches.T.double()
    return torch.stack(qnode(inputs, **named)).square().sum()


def broadcast(inputs, weights, scale):
    for q in range(4):
        qml.RY(math.pi * inputs[q], wires=q)
    qml.StronglyEntanglingLayers(weights, wires=range(4))
    for q in range(4):
        qml.RX(scale[q] * inputs[q], wires=q)
        qml.CRZ(scale[q], wires=[q, (q + 1) % 4])
    return [qml.expval(qml.Z(q)) for q in range(4)]


qnode = qml.QNode(broadcast, device, diff_method="backprop")


def milliseconds(step, repetitions):
    found = []
    for _ in range(repetitions):
        begun = time.perf_counter()
        step().backward()
        found.append(1000 * (time.perf_counter() - begun))
    return min(found)


times = {
    "PennyLane, broadcast": milliseconds(pennylane, 4),
    "resqunn": milliseconds(lambda: layer(batch).square().sum(), 30),
    "nn.Conv2d": milliseconds(lambda: convolution(batch).square().sum(), 30),
}
for name, value in times.items():
    print(f"{name:20} {value:8.2f} ms")

# %% Milliseconds of a step: PennyLane, the layer, and a convolution
figure = Figure(figsize=(5.4, 2.2), layout="constrained")
ax = figure.subplots()
bars = ax.barh(
    list(times), list(times.values()), color=["#d9a066", "#0f766e", "#8a929c"]
)
ax.bar_label(bars, [f"{value:,.2f} ms" for value in times.values()], padding=4)
ax.set_xscale("log")
ax.set_xlim(right=8 * max(times.values()))
ax.set_title("forward and backward, 16 images, one thread", loc="left")
ax.spines[["top", "right"]].set_visible(False)
figure

# %% [markdown]
# [The benchmarks](../benchmarks.md) measure more circuits, sizes and simulators.
#
# ## What the circuit can say
#
# Outputs of such circuits are Fourier series of their inputs. Here is one without trainable scales,
# which encodes the pixels twice; its third output has these frequencies in each of them:


# %% How much of one output varies at which frequency of each input
def twice(inputs, weights):
    for layer in weights:
        qml.AngleEmbedding(inputs, wires=range(4), rotation="Y")
        qml.StronglyEntanglingLayers(layer, wires=range(4))
    return [qml.expval(qml.Z(q)) for q in range(4)]


own = from_pennylane(twice, inputs=4, weights=(2, 1, 4, 3))
weights = (
    torch.rand(
        24, dtype=torch.float64, generator=torch.Generator().manual_seed(3)
    )
    * 6
)
plot_spectrum(spectrum(own, weights=weights.tolist()), output=2)

# %% [markdown]
# What can be imported, and what is refused in one line, is on
# [the page about PennyLane](../pennylane.md); the way back is `to_pennylane`
# ([export](../export.md)).
