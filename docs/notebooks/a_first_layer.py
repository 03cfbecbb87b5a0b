# %% [markdown]
# # A first layer
#
# A quantum convolution takes an image apart into small patches, as a convolution does. Each patch
# is written into the angles of a quantum circuit, the circuit is measured, and what is measured
# becomes the channels of the output. This page makes one, looks inside, and trains it.

# %%
import matplotlib.pyplot
import torch

from resqunn import LinearHead, Quanv2d, ResQuNN, load_dataset, plot_features

digits = load_dataset("digits")
print(
    len(digits.train),
    "images to train on, of the shape",
    tuple(digits.train.images.shape[1:]),
)

# %% [markdown]
# ## The layer and its circuit
#
# `Quanv2d` takes the arguments of `torch.nn.Conv2d`. Beside them it takes an encoding (how pixels
# become angles), an ansatz (which gates follow, with trainable angles) and a readout (what is
# measured). A patch of two by two pixels needs four qubits, and each qubit gives a channel.

# %% The layer's circuit: four encoding rotations, then two layers of trainable rotations and CNOTs
generator = torch.Generator().manual_seed(1)
layer = Quanv2d(
    1, 4, kernel_size=2, depth=2, ansatz="ry_chain", generator=generator
)
print(layer)
layer.circuit.draw("mpl")

# %% [markdown]
# Blue gates read the pixels $x_0$ to $x_3$, yellow ones the weights. The layer is a module like
# any other: it has a weight, it takes a batch of images, and torch differentiates it.

# %%
images = digits.train.images[:8]
maps = layer(images)
maps.square().mean().backward()
print("weight:  ", tuple(layer.weight.shape), "- filters, layers, qubits")
print("images:  ", tuple(images.shape))
print("maps:    ", tuple(maps.shape))
print(
    "gradient:",
    [round(float(value), 4) for value in layer.weight.grad.flatten()],
)

# %% [markdown]
# ## The same numbers by hand
#
# Without weights (depth 0) the circuit is four rotations $R_Y(\pi x)$ and a measurement of $Z$,
# so that each channel must be $\cos(\pi x)$ of one pixel of the patch, here the first channel:

# %%
plain = Quanv2d(1, 4, kernel_size=2, depth=0, dtype=torch.float64)
pixels = images.double()
first = pixels[:, :, :-1, :-1]  # of each patch
expected = torch.cos(torch.pi * first)
difference = (plain(pixels).detach()[:, :1] - expected).abs().max()
print(f"largest difference: {difference:.0e}")

# %% [markdown]
# ## A network, trained by hand
#
# A linear head reads the maps. The training loop is the usual one.

# %%
model = ResQuNN([layer], "none", LinearHead(10, 4 * 7 * 7))
with torch.no_grad():
    before = layer(digits.validation.images[:4])
optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
shuffle = torch.Generator().manual_seed(0)
for epoch in range(1, 9):
    for batch in torch.randperm(len(digits.train), generator=shuffle).split(32):
        loss = torch.nn.functional.cross_entropy(
            model(digits.train.images[batch]), digits.train.labels[batch]
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        right = (
            model(digits.validation.images).argmax(1)
            == digits.validation.labels
        )
    if epoch in (1, 2, 4, 8):
        share = 100 * right.double().mean()
        print(f"epoch {epoch}: {share:.1f} % of the validation images")

# %% [markdown]
# ## What the layer makes of digits
#
# `plot_features` draws images and their maps. Values are expectation values, between -1 and 1.

# %% Four digits and what each of the layer's four channels makes of them
plot_features(layer, digits.validation.images[:4])

# %% [markdown]
# Training has changed the maps by this much, on the scale from -1 to 1:

# %%
with torch.no_grad():
    change = (layer(digits.validation.images[:4]) - before).abs()
print(f"mean {change.mean():.2f}, largest {change.max():.2f}")

# %% [markdown]
# Next: [which layers of a deeper network learn](who_learns.md), or
# [images of your own](your_own_images.md). All arguments of the layer are in
# [the guide](../usage.md#the-layer).
