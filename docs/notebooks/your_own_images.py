# %% [markdown]
# # Your own images
#
# Any images with classes will do: arrays, a folder with a folder for each class, or an `.npz`
# file. This page trains on breast ultrasound (BreastMNIST, [MedMNIST v2](https://medmnist.com),
# CC BY 4.0) where a folder of data holds it, and on two classes of handwritten digits elsewhere.
# What it prints says which.

# %%
import os
from pathlib import Path

import matplotlib.pyplot
import numpy as np
import torch
from matplotlib.figure import Figure

from resqunn import Images, load_dataset, plot_features
from resqunn.lab import TrainConfig, load_model, measure_run, train

folder = Path(os.environ.get("RESQUNN_DATA", "."))
medical = any(
    (folder / place).exists()
    for place in ("breastmnist.npz", "medmnist/breastmnist.npz")
)
if medical:
    found = load_dataset("breastmnist", root=folder)
else:
    found = load_dataset("digits", classes=(3, 8))
print(found.name, found.train.classes)

# %% [markdown]
# ## From arrays
#
# Say that your images are arrays: pixels as whole numbers from 0 to 255, and a word for each
# image. `Images.from_arrays` takes them as they are, and `load_dataset` splits them by class into
# images for training, for choosing an epoch, and for the last word.

# %%
everything = [found.train, found.validation] + (
    [found.test] if found.test else []
)
pixels = np.concatenate(
    [(255 * part.images).round().to(torch.uint8).numpy() for part in everything]
)
words = np.concatenate(
    [np.array(part.classes)[part.labels.numpy()] for part in everything]
)
print("pixels", pixels.shape, pixels.dtype, "- labels", words[:3])

images = Images.from_arrays(pixels, words, name="mine")
data = load_dataset(images, seed=1)
for split in ("train", "validation", "test"):
    part = getattr(data, split)
    counts = dict(zip(part.classes, part.labels.bincount().tolist()))
    print(f"{split:10} {len(part):4} images, {counts}")

# %% [markdown]
# A folder goes the same way: `load_dataset("tiles/", size=28)`, with pictures in
# `tiles/field/`, `tiles/town/` and so on; on the command line it is
# `resqunn train --data tiles/ --size 28`.

# %% Images of each class
figure = Figure(figsize=(8, 2.8), layout="constrained")
for row, ax in zip(range(12), figure.subplots(2, 6).flat):
    label = row // 6
    chosen = (data.train.labels == label).nonzero().flatten()[row % 6]
    ax.imshow(data.train.images[chosen, 0].numpy(), cmap="gray", vmin=0, vmax=1)
    ax.set_axis_off()
    ax.set_title(data.train.classes[label], fontsize=9)
figure

# %% [markdown]
# ## Training
#
# `TrainConfig` says everything that decides a run. Classes are weighted, because there may be more
# images of one than of the other; the best epoch is the one with the best AUROC on validation
# images, and the test images are looked at once, after the last epoch.

# %%
config = TrainConfig(
    wiring="O1+O2",
    depths=(2, 2),
    normalization="batch",
    activation="relu",
    class_weights="balanced",
    metric="auroc",
    learning_rate=0.003,
    quantum_learning_rate=0.02,
    epochs=12,
    patience=5,
)
run = train(config, "runs/mine", data=images)
run

# %% [markdown]
# The star is the best epoch. The folder `runs/mine` holds the weights, every epoch and the scores. `train` again would refuse
# it; `resume` would go on where it stopped.

# %%
scores, classes = measure_run("runs/mine", data=images)
for name in ("accuracy", "balanced_accuracy", "auroc", "f1"):
    print(f"{name:18} on test images: {scores.test[name]:.3f}")

# %% [markdown]
# ## Where it is wrong
#
# `load_model` gives the network of the best epoch. The two images of the test set that it is
# surest about and wrong, or least sure about, with what its two layers make of them:

# %% Two test images to whose class the network gives least, and their maps in both layers
model = load_model("runs/mine")
with torch.no_grad():
    chances = model(data.test.images).softmax(1)
own = chances.gather(1, data.test.labels[:, None]).flatten()
worst = own.argsort()[:2]
for index in worst.tolist():
    label = classes[int(data.test.labels[index])]
    print(
        f"image {index}: {label}, to which the network gives {100 * own[index]:.0f} %"
    )
plot_features(model, data.test.images[worst], channels=3)

# %% [markdown]
# Is the circuit worth it, beside a convolution or no layer at all? One run cannot say:
# [a question and its verdict](a_question.md). All forms of data, and what is refused, are in
# [the guide](../usage.md#images).
