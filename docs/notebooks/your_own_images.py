# %% [markdown]
# # Your own images
#
# Any images with classes will do: a folder with a folder of pictures for each class, arrays, or an
# `.npz` file. This page begins with a folder, and goes on with arrays.

# %%
import os
from pathlib import Path

import matplotlib.pyplot
import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image

from resqunn import Images, load_dataset, plot_features
from resqunn.lab import TrainConfig, load_model, measure_run, train

# %% [markdown]
# ## From a folder
#
# Handwritten digits stand for your pictures here: PNG files, those of a class in a folder of its
# name.

# %%
digits = load_dataset("digits", classes=(3, 8)).train
for number, (pixels, label) in enumerate(zip(digits.images, digits.labels)):
    path = Path("pictures", ("three", "eight")[label], f"{number}.png")
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((255 * pixels[0]).byte().numpy()).save(path)
for path in sorted(Path("pictures").iterdir()):
    print(path, len(list(path.iterdir())), "files")

# %% [markdown]
# `data` of a run is the folder's path. `load_dataset` shows what becomes of it: some images of each
# class are kept for choosing an epoch, and some for the last word. Pictures of different sizes
# need a `size`.

# %%
print(load_dataset("pictures"))
config = TrainConfig(data="pictures", wiring="none", depths=(2,), epochs=6)
run = train(config, "runs/pictures")
run

# %% [markdown]
# A notebook shows the table, with a star at the best epoch. In a script, print what you want of
# it: the run in one line, or fields of `run.epochs` and `run.best`.

# %%
print(run)
print([round(epoch.validation_accuracy, 3) for epoch in run.epochs])
print(f"epoch {run.best.epoch}, training loss {run.best.train_loss:.3f}")

# %% [markdown]
# On the command line it is `resqunn train --data pictures --wiring none --depths 2 --epochs 6`.
# What the network says of a picture that is in no folder yet, is a few lines:
# [how do I classify a new picture?](../faq.md#how-do-i-classify-a-new-picture)

# %% [markdown]
# ## From arrays
#
# The second set is breast ultrasound (BreastMNIST, [MedMNIST v2](https://medmnist.com),
# CC BY 4.0) where a folder of data holds it, and two other classes of digits elsewhere. What this
# page prints says which.

# %%
folder = Path(os.environ.get("RESQUNN_DATA", "."))
medical = any(
    (folder / place).exists()
    for place in ("breastmnist.npz", "medmnist/breastmnist.npz")
)
if medical:
    found = load_dataset("breastmnist", root=folder)
else:
    found = load_dataset("digits", classes=(1, 7))
print(found.name, found.train.classes)

# %% [markdown]
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

# %% Images of each class
figure = Figure(figsize=(5, 2.8), layout="constrained")
for row, ax in zip(range(8), figure.subplots(2, 4).flat):
    label = row // 4
    chosen = (data.train.labels == label).nonzero().flatten()[row % 4]
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
# The folder `runs/mine` holds the weights, every epoch and the scores. `train` again would refuse
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
    given = 100 * own[index]
    print(f"image {index}: {label}, to which the network gives {given:.0f} %")
plot_features(model, data.test.images[worst], channels=3)

# %% [markdown]
# Is the circuit worth it, beside a convolution or no layer at all? One run cannot say:
# [a question and its verdict](a_question.md). All forms of data, and what is refused, are in
# [the guide](../usage.md#images).
