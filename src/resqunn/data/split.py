"""One split of somebody's images, kept as small as it was given.

Shape suffixes: N images, C channels, H W height and width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import torch
from torch import Tensor

from resqunn.checks import check_fields
from resqunn.data.labelled import LabelledImages
from resqunn.data.pictures import resized
from resqunn.errors import DataError

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class Split:
    """Pixels and the index of each image's class.

    Attributes:
        pixels: (N, C, H, W), bytes from 0 to `white`, or float32 in [0, 1].
        labels: (N,) of int64.
        white: the value of a white pixel.

    Raises:
        DataError: for arrays of other shapes or number types.
    """

    pixels: np.ndarray
    labels: np.ndarray
    white: int = 255

    def __post_init__(self) -> None:
        check_fields(self)
        if self.pixels.ndim != 4 or self.pixels.dtype not in (np.uint8, np.float32):
            raise DataError(
                "pixels must be bytes or float32 of shape (N, C, H, W), got "
                f"{self.pixels.dtype} of shape {self.pixels.shape}"
            )
        if self.labels.shape != self.pixels.shape[:1] or self.labels.dtype != np.int64:
            raise DataError(
                f"labels must be one int64 for each of {len(self.pixels)} images, got "
                f"{self.labels.dtype} of shape {self.labels.shape}"
            )

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        return self.pixels.shape[1:]  # pyright: ignore[reportReturnType] - (N, C, H, W)

    def at_size(self, size: tuple[int, int], antialias: bool = True) -> Split:
        """The images at another height and width; without `antialias` as floats, not rounded."""
        whole = self.pixels.dtype == np.uint8
        if whole and (self.white != 255 or not antialias):  # too few values to round to
            pixels = self.pixels / np.float32(self.white)
            return Split(resized(pixels, size, antialias), self.labels)
        if not antialias:
            return Split(resized(self.pixels, size, antialias), self.labels)
        return Split(resized(self.pixels, size), self.labels, self.white)

    def members(self, label: int) -> Tensor:
        """The numbers of a class's images."""
        return (torch.as_tensor(self.labels) == label).nonzero().flatten()

    def at(self, index: Tensor, labels: Sequence[int], names: Sequence[str]) -> LabelledImages:
        """Those images, as floats in [0, 1].

        Args:
            index: their numbers.
            labels: the classes that there are, which become 0, 1, ...
            names: of these classes.
        """
        chosen = index.numpy()
        pixels = self.pixels[chosen]
        if pixels.dtype == np.uint8:
            pixels = pixels / np.float32(self.white)
        become = np.full(max(labels) + 1, -1, np.int64)
        become[list(labels)] = np.arange(len(labels))
        return LabelledImages(
            torch.as_tensor(np.ascontiguousarray(pixels), dtype=torch.float32),
            torch.as_tensor(become[self.labels[chosen]]),
            tuple(names),
        )

    def whole(self, labels: tuple[int, ...], names: tuple[str, ...]) -> LabelledImages:
        """All images of these classes, in their order.

        Whoever asks again while somebody still has them gets these, so that many seeds take the
        memory of one.
        """
        key = self, labels, names
        found = _WHOLE.get(key)
        if found is None:
            index = np.isin(self.labels, labels).nonzero()[0]
            found = _WHOLE[key] = self.at(torch.as_tensor(index), labels, names)
        return found


_WHOLE: WeakValueDictionary[Any, LabelledImages] = WeakValueDictionary()
