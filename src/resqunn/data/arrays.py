"""Arrays and tensors of others: which axis is which, what values pixels have, what labels mean.

Shape suffixes: N images, C channels, H W height and width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch

from resqunn.checks import shown
from resqunn.errors import ConfigurationError, DataError, WrongTypeError

Layout = Literal["NCHW", "NHWC"]

LAYOUTS = ("NCHW", "NHWC")

CHANNELS = (1, 3)
"""Of images whose layout is seen from their shape: grey and colour."""


def as_array(values: object, what: str) -> np.ndarray:
    """An array, a tensor or something that NumPy takes for one, not copied where that can be.

    Raises:
        WrongTypeError: if it is none.
    """
    try:
        if isinstance(values, torch.Tensor):
            plain = values.detach().cpu()
            values = (plain.float() if plain.dtype == torch.bfloat16 else plain).numpy()
        if isinstance(values, np.ndarray) or hasattr(values, "__array__"):
            return np.asarray(values)
    except (TypeError, ValueError, RuntimeError):
        pass
    raise WrongTypeError(f"{what} must be a NumPy array or a dense tensor, got {shown(values)}")


def in_layout(array: np.ndarray, layout: str | None, what: str) -> np.ndarray:
    """Images as (N, C, H, W), not copied: from (N, H, W), (N, C, H, W) or (N, H, W, C).

    Args:
        layout: which of the last two; None takes the axis that has 1 or 3 entries for the
            channels.

    Raises:
        ConfigurationError: for a layout that does not exist.
        DataError: for another shape, or one that may be either; says what to do.
    """
    if layout is not None and layout not in LAYOUTS:
        raise ConfigurationError(f"layout must be 'NCHW', 'NHWC' or None, got {layout!r}")
    shape = array.shape
    if array.ndim not in (3, 4):
        raise DataError(
            f"{what} must have shape (N, H, W), (N, C, H, W) or (N, H, W, C), got {shape}"
        )
    if 0 in shape:
        raise DataError(
            f"{what} must be one image or more, of one pixel or more, got shape {shape}"
        )
    if array.ndim == 3:
        return array[:, None]
    first, last = shape[1] in CHANNELS, shape[3] in CHANNELS
    if layout is None and first and last:
        raise DataError(
            f"{what} of shape {shape} may be (N, C, H, W) or (N, H, W, C): say layout='NCHW' or "
            "layout='NHWC' to Images"
        )
    if layout is None and not (first or last):
        raise DataError(
            f"{what} must have 1 or 3 channels, (N, C, H, W) or (N, H, W, C), got {shape}: of "
            "others say layout='NCHW' or layout='NHWC' to Images"
        )
    channels_first = layout == "NCHW" if layout else first
    return array if channels_first else array.transpose(0, 3, 1, 2)


def in_range(array: np.ndarray, what: str) -> np.ndarray:
    """Pixels as bytes, 0 to 255, or as float32 in [0, 1].

    Raises:
        DataError: for other numbers; says what to do.
    """
    if array.dtype == bool:
        return array.astype(np.float32)
    if array.dtype.kind in "iu":
        low, high = array.min(), array.max()
        if low < 0 or high > 255:
            raise DataError(
                f"{what} of whole numbers must be 0 to 255, got {low} to {high}: scale them"
            )
        if high == 1:
            raise DataError(
                f"{what} of whole numbers must be 0 to 255, and these are 0 and 1 alone: give "
                "floats, or multiply by 255"
            )
        return array.astype(np.uint8, copy=False)
    if array.dtype.kind != "f":
        raise DataError(f"{what} must be whole numbers or floats, got {array.dtype}")
    with np.errstate(over="ignore"):
        array = array.astype(np.float32, copy=False)
    low, high = array.min(), array.max()  # NaN if there is one
    if not np.isfinite([low, high]).all():
        bad = next(n for n, image in enumerate(array) if not np.isfinite(image).all())
        raise DataError(f"{what}: image {bad} holds NaN or infinite pixels: repair or drop it")
    if low < 0 or high > 1:
        raise DataError(
            f"{what} of floats must be in [0, 1], got [{low:.4g}, {high:.4g}]: scale them, or give "
            "whole numbers from 0 to 255"
        )
    return array


def as_labels(labels: object, count: int, what: str) -> np.ndarray:
    """One whole number or string for each of so many images, (N,), from (N,) or (N, 1).

    Raises:
        WrongTypeError, DataError: if they are none.
    """
    array: np.ndarray[Any, Any]
    if isinstance(labels, Sequence) and not isinstance(labels, str | bytes):
        try:
            array = np.asarray(labels) if len(labels) else np.zeros(0, np.int64)
        except (TypeError, ValueError, RuntimeError, OverflowError):
            raise WrongTypeError(f"{what} must be whole numbers or strings, one an image") from None
    else:
        array = as_array(labels, what)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 2 and len(array) == count:
        raise DataError(
            f"{what} must be one an image, (N,) or (N, 1), got {array.shape}: images with several "
            "labels are not supported, and of one-hot rows take argmax(axis=1)"
        )
    if array.shape != (count,):
        raise DataError(f"{what} must be one for each of {count} images, got shape {array.shape}")
    if array.dtype.kind == "S":
        try:
            return np.array([each.decode() for each in array.tolist()])
        except UnicodeDecodeError:
            raise DataError(f"{what} must be text in UTF-8") from None
    if array.dtype == bool:
        return array.astype(np.int64)
    if array.dtype.kind not in "iuU":
        raise DataError(
            f"{what} must be whole numbers or strings, got {array.dtype}: convert them if they are "
            "classes"
        )
    return array


def in_classes(
    labels: Sequence[np.ndarray], names: Sequence[str] | None, what: Sequence[str]
) -> tuple[tuple[str, ...], list[np.ndarray]]:
    """The names of the classes, and each split's labels as indices of them.

    Args:
        labels: of each split.
        names: of classes 0, 1, ..., or none: then the classes are the labels that there are, in
            order.
        what: the splits' labels are called in messages.

    Raises:
        DataError: for labels that are no classes, or labels of two kinds.
    """
    kinds = {array.dtype.kind == "U" for array in labels}
    if len(kinds) > 1:
        raise DataError(f"{' and '.join(what)} must be all whole numbers or all strings")
    if names is None:
        known: Any = np.unique(np.concatenate(list(labels)))
        names = tuple(str(value) for value in known)
    elif kinds == {True}:
        known = np.array(names)
    else:
        known = np.arange(len(names))
    order = np.argsort(known, kind="stable")
    indices = []
    for array, called in zip(labels, what, strict=True):
        at = np.searchsorted(known[order], array).clip(max=len(known) - 1)
        found = order[at]
        if (wrong := known[found] != array).any():
            raise DataError(
                f"{called} hold {str(array[wrong][0])[:40]!r}, which is none of the "
                f"{len(known)} classes"
            )
        indices.append(found.astype(np.int64))
    return tuple(names), indices
