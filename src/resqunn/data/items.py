"""The entries of a torch `Dataset`: pairs of an image and its label.

Shape suffixes: N images, C channels, H W height and width.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from resqunn.checks import shown
from resqunn.data.arrays import as_array, as_labels, in_layout
from resqunn.data.pictures import channels_of, resized
from resqunn.errors import DataError, WrongTypeError


def stacked(
    dataset: Any, called: str, layout: str | None, size: tuple[int, int] | None
) -> tuple[np.ndarray, np.ndarray]:
    """All images of a data set (N, C, H, W), of whatever numbers they have, and labels (N,).

    Args:
        called: the name of its split, for messages.
        layout: of images of three axes, as in `arrays.in_layout`.
        size: to resize to.

    Raises:
        WrongTypeError: if it is no data set.
        DataError: for entries that are no pairs, or images of different sizes.
    """
    images: list[np.ndarray] = []
    labels: list[Any] = []
    for number, entry in enumerate(_entries(dataset, called)):
        what = f"{called} image {number}"
        if not isinstance(entry, tuple | list) or len(entry) != 2:
            raise DataError(f"{what} must come with its label, as a pair, got {shown(entry)}")
        image = _image(entry[0], layout, what)
        if size is not None:
            image = resized(_resizable(image)[None], size)[0]
        if images and (image.shape, image.dtype) != (images[0].shape, images[0].dtype):
            raise DataError(
                f"{what} must be as the first, {images[0].dtype} of shape {images[0].shape}, got "
                f"{image.dtype} of shape {image.shape}: convert it, or give a size"
            )
        images.append(image)
        labels.append(_label(entry[1]))
    if not images:
        raise DataError(f"the {called} data set must have one image or more, got none")
    return np.stack(images), as_labels(labels, len(images), f"{called} labels")


def _entries(dataset: Any, called: str) -> Iterator[Any]:
    if hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__"):
        return (dataset[number] for number in range(len(dataset)))
    if not hasattr(dataset, "__iter__") or isinstance(dataset, type):
        raise WrongTypeError(f"{called} data must be a torch Dataset, got {shown(dataset)}")
    return iter(dataset)


def _image(image: Any, layout: str | None, what: str) -> np.ndarray:
    """An image as (C, H, W)."""
    if hasattr(image, "mode") and hasattr(image, "getchannel"):  # Pillow's
        return channels_of(image, what)
    array = as_array(image, what)
    if array.ndim not in (2, 3):
        raise DataError(f"{what} must have shape (H, W), (C, H, W) or (H, W, C), got {array.shape}")
    return in_layout(array[None], layout, what)[0]


def _resizable(image: np.ndarray) -> np.ndarray:
    """Bytes or float32, as they are resized; what is no pixel is refused later."""
    if image.dtype.kind in "iu" and 0 <= image.min() <= image.max() <= 255:
        return image.astype(np.uint8)
    return image.astype(np.float32) if image.dtype.kind in "biuf" else image


def _label(label: Any) -> Any:
    """A label without the axes of one entry that it may have."""
    if isinstance(label, str) or not hasattr(label, "__array__"):
        return label
    array = as_array(label, "labels")
    return array.reshape(-1)[0] if array.size == 1 else array


def class_names(dataset: Any) -> tuple[str, ...] | None:
    """The names of the classes 0, 1, ... that a data set has itself, as torchvision's have."""
    names = getattr(dataset, "classes", None)
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        return None
    return tuple(names) or None
