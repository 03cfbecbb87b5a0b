"""`load_dataset`: checked, balanced, split and fixed by a seed.

Shape suffixes: N images, H W height and width.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from resqunn.checks import check_fields, checked
from resqunn.data.sources import Source, read, require_used, source
from resqunn.errors import ConfigurationError, DataError


@dataclass(frozen=True)
class LabelledImages:
    """Images and the index of each one's class.

    Raises:
        WrongTypeError, ShapeError: for arguments that are no such tensors.
        DataError: for pixels that are not finite or outside [0, 1], labels outside the
            classes, or counts that differ.
    """

    images: Float[Tensor, "N 1 H W"]
    labels: Int[Tensor, " M"]
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        check_fields(self)
        if len(self.images) != len(self.labels):
            raise DataError(
                f"labels must be one for each of {len(self.images)} images, got {len(self.labels)}"
            )
        # Extremes first: they take no memory, and NaN is one.
        low, high = self.images.aminmax() if self.images.numel() else (0, 0)
        if not 0 <= low <= high <= 1:
            bad = ~torch.isfinite(self.images).flatten(1).all(dim=1)
            if bad.any():
                raise DataError(
                    f"image {int(bad.nonzero()[0])} holds NaN or infinite pixels: repair or drop it"
                )
            raise DataError(f"pixels must be in [0, 1], got [{low:.4g}, {high:.4g}]: scale them")
        outside = (self.labels < 0) | (self.labels >= len(self.classes))
        if outside.any():
            at = int(outside.nonzero()[0])
            raise DataError(
                f"labels of {len(self.classes)} classes must be 0 to {len(self.classes) - 1}, got "
                f"{int(self.labels[at])} for image {at}"
            )

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    """A data set, split for training.

    Attributes:
        name: its row in the table.
        train, validation: disjoint and balanced alike.
        sha256: of all images and labels, so that a run can tell what it was trained on.
    """

    name: str
    train: LabelledImages
    validation: LabelledImages

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def sha256(self) -> str:
        """Of all images and labels."""
        digest = hashlib.sha256()
        for part in (self.train, self.validation):
            digest.update(str(tuple(part.images.shape)).encode())
            # Flat, as hashlib reads no other arrays without a copy.
            digest.update(part.images.flatten().numpy().data)
            digest.update(part.labels.flatten().numpy().data)
        return digest.hexdigest()


@checked
def load_dataset(
    name: str,
    classes: int = 10,
    per_class: int | Literal["all"] | None = None,
    seed: int = 0,
    root: str | Path | None = None,
    *,
    validation: float = 0.2,
    mirror: str | None = None,
) -> Dataset:
    """Loads a data set as float images in [0, 1], balanced and split by class.

    Files are looked for in `root/name/`, `root/`, and likewise under the environment variable
    `RESQUNN_DATA`; if they are in none, they are downloaded to the user's cache. Either way
    their checksums are verified.

    Args:
        name: "digits" (8x8, needs no files), "mnist", "fashion_mnist" or "kmnist".
        classes: how many classes, the first ones of the data set.
        per_class: images of each class, drawn from the training files and split;
            "all" takes every image, with the official test files for validation where there
            are any. None is the table's default: 200 (ResQuNN paper, Table 3), for digits
            all.
        seed: fixes which images are drawn and how they are split.
        root: a folder with the files; "digits" has none.
        validation: the fraction of each class that is held out.
        mirror: another base address to download from, https:// (http:// for a server on this
            machine alone).

    Raises:
        ConfigurationError: for options that do not fit.
        DataError: for files that are missing, damaged or altered, or too few images.
        MissingExtraError: for a download without the extra [lab].

    >>> digits = load_dataset("digits", classes=4, per_class=100)
    >>> digits.train.images.shape, digits.validation.labels.bincount()
    (torch.Size([320, 1, 8, 8]), tensor([20, 20, 20, 20]))
    """
    row = source(name)
    require_used(row, "root", root)
    if not 2 <= classes <= len(row.classes):
        raise ConfigurationError(
            f"classes must be 2 to {len(row.classes)} for {name}, got {classes}"
        )
    if not 0 < validation < 1:
        raise ConfigurationError(f"validation must be a fraction between 0 and 1, got {validation}")
    if not 0 <= seed < 2**63:
        raise ConfigurationError(f"seed must be 0 or more and below 2**63, got {seed}")
    if per_class is None:
        per_class = row.per_class or "all"
    if per_class != "all" and (isinstance(per_class, str) or per_class < 2):
        raise ConfigurationError(f"per_class must be 2 or more, or 'all', got {per_class!r}")
    train, official = _load(row, root, mirror)
    generator = torch.Generator().manual_seed(seed)
    if per_class == "all" and official is not None:
        return Dataset(name, train.first(classes), official.first(classes))
    chosen: list[Tensor] = []
    held: list[Tensor] = []
    labels = torch.as_tensor(train.labels.astype(np.int64))
    for label in range(classes):
        members = (labels == label).nonzero().flatten()
        count = len(members) if per_class == "all" else per_class
        if len(members) < count:
            raise DataError(
                f"{name} has {len(members)} images of class {row.classes[label]!r}, fewer than "
                f"per_class={count}"
            )
        drawn = members[torch.randperm(len(members), generator=generator)[:count]]
        kept = min(count - 1, max(1, round(count * (1 - validation))))
        chosen.append(drawn[:kept])
        held.append(drawn[kept:])
    parts = [torch.cat(part) for part in (chosen, held)]
    mixed = [part[torch.randperm(len(part), generator=generator)] for part in parts]
    return Dataset(name, *(train.at(index, classes) for index in mixed))


@dataclass(frozen=True)
class _Part:
    """Pixels as a file has them, 0 to `white`, and their labels."""

    row: Source
    pixels: np.ndarray
    white: int
    labels: np.ndarray

    def at(self, index: Tensor, classes: int) -> LabelledImages:
        """Those images, scaled to [0, 1], of the first classes."""
        chosen = index.numpy()
        images = self.pixels[chosen] / np.float32(self.white)
        return LabelledImages(
            torch.as_tensor(images, dtype=torch.float32).unsqueeze(1),
            torch.as_tensor(self.labels[chosen], dtype=torch.int64),
            self.row.classes[:classes],
        )

    def first(self, classes: int) -> LabelledImages:
        """All of the first classes."""
        return self.at(torch.as_tensor((self.labels < classes).nonzero()[0]), classes)


def _load(row: Source, root: str | Path | None, mirror: str | None) -> tuple[_Part, _Part | None]:
    """The training files, and the test files if any."""
    if not row.files:
        return _Part(row, *_digits()), None
    train_images, train_labels, test_images, test_labels = read(row, root, mirror)
    return (
        _Part(row, train_images, 255, train_labels),
        _Part(row, test_images, 255, test_labels),
    )


@cache
def _digits() -> tuple[np.ndarray, int, np.ndarray]:
    """The pixels, 0 to 16, their largest value, and labels of the digits in the file beside this
    one."""
    with (
        resources.files("resqunn.data").joinpath("digits.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as arrays,  # noqa: TID251
    ):
        return arrays["images"], 16, arrays["labels"]
