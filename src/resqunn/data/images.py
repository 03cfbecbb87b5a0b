"""Anybody's images: arrays, `.npz` files, folders of pictures, torch's data sets.

Shape suffixes: N images, C channels, H W height and width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from resqunn.checks import check_fields, checked
from resqunn.data import folders, items, npz
from resqunn.data.arrays import as_array, as_labels, in_classes, in_layout, in_range
from resqunn.data.files import State, state_of
from resqunn.data.pictures import Size, in_pixels, words
from resqunn.data.split import SPLITS, Split
from resqunn.errors import DataError


@dataclass(frozen=True, eq=False)
class Images:
    """Images with classes, in the splits that they came with; `load_dataset` takes them.

    `from_arrays`, `from_npz`, `from_folder` and `from_dataset` make them. Arrays are not copied,
    so leave them as they are.

    Attributes:
        name: what they are called where they are shown.
        classes: names, in the order of the labels.
        train: all images, if there are no other splits.
        validation, test: None where there are none: `load_dataset` makes them.

    Raises:
        DataError: for less than two classes, labels outside them, or splits of different shapes.

    >>> pixels = np.arange(10 * 28 * 28).reshape(10, 28, 28) % 256
    >>> images = Images.from_arrays(pixels, ["cat", "dog"] * 5)
    >>> images.classes, images.train.shape
    (('cat', 'dog'), (1, 28, 28))
    """

    name: str
    classes: tuple[str, ...]
    train: Split
    validation: Split | None = None
    test: Split | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        if len(self.classes) < 2:
            only = f" alone: {self.classes[0]!r:.60}" if self.classes else ""
            raise DataError(
                f"{self.name} must have two classes or more, got {len(self.classes)}{only}"
            )
        if len(set(self.classes)) < len(self.classes):
            raise DataError(f"{self.name} must have classes of different names")
        most = len(self.classes) - 1
        for name, split in self.splits.items():
            if not len(split):
                raise DataError(f"{self.name} has no {name} images")
            if split.shape != self.train.shape:
                raise DataError(
                    f"{name} images of {self.name} must be {words(self.train.shape)} as those to "
                    f"train on, got {words(split.shape)}: convert them, or give a size"
                )
            low, high = split.labels.min(), split.labels.max()
            if not 0 <= low <= high <= most:
                raise DataError(
                    f"{name} labels of {self.name} must be 0 to {most}, got {low} to {high}"
                )

    @property
    def splits(self) -> dict[str, Split]:
        """Those that there are, by their names."""
        found = {name: getattr(self, name) for name in SPLITS}
        return {name: split for name, split in found.items() if split is not None}

    def at_size(self, size: Size, antialias: bool = True) -> Images:
        """The images at another height and width; None leaves them as they are.

        Args:
            antialias: whether smaller images are weighted means of what becomes one pixel, as in
                Pillow; else each pixel is interpolated between the four nearest alone.

        Raises:
            ConfigurationError: for a size that is none.
            MissingExtraError: without the extra [lab], if they have another size.
        """
        to = in_pixels(size)
        if to is None or self.train.shape[1:] == to:
            return self
        return _at_size(self, to, antialias)

    @staticmethod
    @checked
    def from_arrays(
        images: Any,
        labels: Any,
        *,
        validation: tuple[Any, Any] | None = None,
        test: tuple[Any, Any] | None = None,
        classes: tuple[str, ...] | None = None,
        layout: str | None = None,
        size: Size = None,
        name: str = "arrays",
    ) -> Images:
        """Images from NumPy arrays or tensors.

        Args:
            images: (N, H, W), (N, C, H, W) or (N, H, W, C), whole numbers from 0 to 255 or
                floats in [0, 1].
            labels: (N,) or (N, 1), whole numbers or strings.
            validation, test: images and labels of these splits.
            classes: names of the labels 0, 1, ...; without, the labels are the names.
            layout: "NCHW" or "NHWC", where the shape does not say which.
            size: height and width to resize to, by bilinear interpolation; one number for both.
            name: what they are called where they are shown.

        Raises:
            WrongTypeError, ConfigurationError: for arguments that do not fit.
            DataError: for images or labels that are none.
        """
        given = {"train": (images, labels), "validation": validation, "test": test}
        pairs = {split: pair for split, pair in given.items() if pair is not None}
        return _made(name, pairs, "", classes, layout).at_size(size)

    @staticmethod
    @checked
    def from_npz(path: str | Path, *, layout: str | None = None, size: Size = None) -> Images:
        """Images from an .npz file.

        Its arrays have the names that MedMNIST gives them (`train_images`, `train_labels`,
        `val_images`, ...), or Keras (`x_train`, `y_train`, `x_test`, ...), or are `images` and
        `labels`; `from_arrays` says what they may be. Pickled arrays are refused.

        Raises:
            DataError: if the file cannot be read, or holds something else.
        """
        path = Path(path)
        return _from_npz(path, state_of(path), layout).at_size(size)

    @staticmethod
    @checked
    def from_folder(path: str | Path, *, size: Size = None, antialias: bool = True) -> Images:
        """Images from a folder that holds a folder of PNG and JPEG files for each class.

        Class folders may lie in folders `train`, `val` (or `valid`, `validation`) and `test`.
        Classes and files come in the order of their names. Images are grey if all files are, else
        all are in colour, and have one size, unless a size is given; `antialias` as in `at_size`.

        Raises:
            DataError: for a file that is no such picture or cannot be read; names the first.
            MissingExtraError: without the extra [lab].
        """
        path = Path(path)
        return _from_folder(path, folders.listed(path), in_pixels(size), antialias)

    @staticmethod
    @checked
    def from_dataset(
        dataset: Any,
        *,
        validation: Any = None,
        test: Any = None,
        classes: tuple[str, ...] | None = None,
        layout: str | None = None,
        size: Size = None,
        name: str = "dataset",
    ) -> Images:
        """Images from a torch `Dataset`, or whatever gives pairs of an image and its label.

        All pairs are read at once, in order. An image is an array, a tensor or a Pillow image,
        with a layout as in `from_arrays`.

        Args:
            validation, test: data sets of these splits.
            classes: names of the labels 0, 1, ...; without, those of `dataset.classes`, and if it
                has none, the labels are the names.

        Raises:
            WrongTypeError, DataError: for entries that are no such pairs.
        """
        given = {"train": dataset, "validation": validation, "test": test}
        to = in_pixels(size)
        pairs = {
            split: items.stacked(each, split, layout, to)
            for split, each in given.items()
            if each is not None or split == "train"
        }
        return _made(name, pairs, "", classes or items.class_names(dataset), "NCHW")


def images_at(path: Path, size: Size = None, antialias: bool = True) -> Images:
    """The images at a path: of a folder, or of an .npz file.

    Raises:
        DataError: if it is neither, or holds something else.
    """
    if path.is_dir():
        return Images.from_folder(path, size=size, antialias=antialias)
    if path.suffix.lower() != ".npz":
        raise DataError(
            f"{path} must be an .npz file, or a folder that holds a folder of images for each "
            "class: unpack or convert it"
        )
    return Images.from_npz(path).at_size(size, antialias)


def _made(
    name: str,
    pairs: Mapping[str, tuple[Any, Any]],
    of: str,
    classes: Sequence[str] | None,
    layout: str | None,
) -> Images:
    """Images from arrays of each split; `of` is where they come from, for messages."""
    called = {split: "" if split == "train" and not of else f"{split} " for split in pairs}
    pixels, labels = [], []
    for split, (images, of_images) in pairs.items():
        what = f"{called[split]}images{of}"
        array = in_range(in_layout(as_array(images, what), layout, what), what)
        pixels.append(array)
        labels.append(as_labels(of_images, len(array), f"{called[split]}labels{of}"))
    names, indices = in_classes(labels, classes, [f"{called[split]}labels{of}" for split in pairs])
    made = {
        split: Split(array, index)
        for split, array, index in zip(pairs, pixels, indices, strict=True)
    }
    return Images(name, names, **made)


@lru_cache(maxsize=2)
def _at_size(images: Images, size: tuple[int, int], antialias: bool) -> Images:
    made = {name: split.at_size(size, antialias) for name, split in images.splits.items()}
    return Images(images.name, images.classes, **made)


@lru_cache(maxsize=2)
def _from_npz(path: Path, state: State, layout: str | None) -> Images:
    return _made(str(path), npz.read_npz(path), f" of {path}", None, layout)


@lru_cache(maxsize=2)
def _from_folder(
    path: Path, found: folders.Listing, size: tuple[int, int] | None, antialias: bool
) -> Images:
    """Reads the files of a folder, whose states `found` holds, so that none is read twice."""
    pixels, labels, counts = folders.read(path, found, size, antialias)
    ends = np.cumsum(list(counts.values()))
    made = {
        split: Split(pixels[end - counts[split] : end], labels[end - counts[split] : end])
        for split, end in zip(counts, ends, strict=True)
    }
    return Images(str(path), found.classes, **made)
