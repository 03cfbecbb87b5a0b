"""`load_dataset`: checked, split and fixed by a seed; named sets, files, folders and arrays."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from resqunn.checks import check_fields, checked, shown
from resqunn.data.images import Images, images_at
from resqunn.data.labelled import LabelledImages
from resqunn.data.named import images_of
from resqunn.data.paths import base_of, require_root_used, row_or_none
from resqunn.data.pictures import Size
from resqunn.data.sources import Source
from resqunn.data.splitting import Classes, Counts, chosen, counted_split, split
from resqunn.errors import ConfigurationError

__all__ = ["Dataset", "LabelledImages", "load_dataset"]

TEST = 0.2
"""Of each class, the fraction of a third split that the files do not have."""


@dataclass(frozen=True, repr=False)
class Dataset:
    """A data set, split for training.

    Attributes:
        name: its row in the table, a path, or the name of `Images`.
        train, validation: disjoint, with the same classes.
        test: images that neither is for, or None where there are none.
        drawn: which of the last two are drawn from images to train on, by the seed.
    """

    name: str
    train: LabelledImages
    validation: LabelledImages
    test: LabelledImages | None = None
    drawn: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_fields(self)
        some = set(self.drawn)
        if not some <= {"validation", "test"} or len(some) < len(self.drawn):
            raise ConfigurationError(
                f"drawn must be of validation and test, each once, got {shown(self.drawn)}"
            )
        if "test" in some and self.test is None:
            raise ConfigurationError(
                f"drawn must be of validation, as there are no test images, got {shown(self.drawn)}"
            )

    def __repr__(self) -> str:
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        counts = (f"{len(part)} {name}" for name, part in parts.items() if part is not None)
        shape = "x".join(map(str, self.train.images.shape[1:]))
        classes = len(self.train.classes)
        return f"<Dataset {self.name!r}: {', '.join(counts)} images of {shape}, {classes} classes>"

    @property
    def sha256(self) -> str:
        """Of the images and labels to train and to validate on, so that a run can tell."""
        return _sha256(self.train, self.validation)

    @property
    def test_sha256(self) -> str | None:
        """Of the images and labels to test on; None without any."""
        return None if self.test is None else _sha256(self.test)


def _sha256(*parts: LabelledImages) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(str(tuple(part.images.shape)).encode())
        # Flat, as hashlib reads no other arrays without a copy.
        digest.update(part.images.flatten().numpy().data)
        digest.update(part.labels.flatten().numpy().data)
    return digest.hexdigest()


@checked
def load_dataset(
    name: str | Path | Images,
    classes: int | tuple[int | str, ...] | None = None,
    per_class: int | Literal["all"] | None = None,
    seed: int = 0,
    root: str | Path | None = None,
    *,
    size: int | tuple[int, int] | None = None,
    antialias: bool = True,
    train_images: int | None = None,
    validation_images: int | None = None,
    validation: float = 0.2,
    test: float | None = None,
    mirror: str | None = None,
) -> Dataset:
    """Loads a data set as float images (N, C, H, W) in [0, 1], split by class.

    Files of a named set are looked for in `root/name/`, `root/`, and likewise under the
    environment variable `RESQUNN_DATA` (those of MedMNIST also in a folder `medmnist`); if they
    are in none, they are downloaded to the user's cache. Either way their checksums are verified.
    A relative path starts from `root`, or else from the current folder or `RESQUNN_DATA`.

    Validation and test images are those that the files say. Where they say none, they are drawn
    from the images to train on: `validation` of each class, and `test` of each class if the images
    come in no splits at all. Of the digits no test images are drawn; MNIST, Fashion-MNIST and
    KMNIST with `per_class="all"` are validated on their test files. With `train_images` and
    `validation_images` so many are drawn from those to train on, each class by its share, as
    scikit-learn draws them; where the files say no test images, these are what is left.

    Args:
        name: "digits" (8x8, needs no files), another name of the table (`resqunn datasets` lists
            them), the path of an .npz file or of a folder of class folders, or `Images`.
        classes: how many, the first ones; or which, by index or name, in that order; None for all.
        per_class: images of each class, drawn from those to train on; "all" takes every image.
            None is the table's default, 200 (ResQuNN paper, Table 3) or all, and all for others.
        seed: fixes which images are drawn and how they are split.
        root: a folder with the files; "digits" has none.
        size: height and width to resize to, by bilinear interpolation; one number for both.
        antialias: as in `Images.at_size`.
        train_images, validation_images: how many to draw, in place of `per_class` and fractions;
            both or neither.
        validation: the fraction of each class that is held out.
        test: the same for a third split; None is 0.2, or half of what `validation` leaves if that
            is less.
        mirror: another base address to download from, https:// (http:// for a server on this
            machine alone).

    Raises:
        ConfigurationError: for options that do not fit.
        DataError: for files that are missing, damaged or altered, or too few images.
        MissingExtraError: for a download, pictures or resizing without the extra [lab].

    >>> digits = load_dataset("digits", classes=4, per_class=100)
    >>> digits
    <Dataset 'digits': 320 train, 80 validation images of 1x8x8, 4 classes>
    >>> digits.train.images.shape, digits.validation.labels.bincount()
    (torch.Size([320, 1, 8, 8]), tensor([20, 20, 20, 20]))
    """
    if not 0 < validation < 1:
        raise ConfigurationError(f"validation must be a fraction between 0 and 1, got {validation}")
    if test is not None and not 0 < test < 1 - validation:
        raise ConfigurationError(
            f"test must be a fraction above 0 that leaves images beside validation={validation}, "
            f"got {test}"
        )
    if not 0 <= seed < 2**63:
        raise ConfigurationError(f"seed must be 0 or more and below 2**63, got {seed}")
    if per_class is not None and per_class != "all":
        if isinstance(per_class, str) or per_class < 2:
            raise ConfigurationError(f"per_class must be 2 or more, or 'all', got {per_class!r}")
    counts = _counts(train_images, validation_images, per_class)
    images, row = _images(name, root, mirror, classes, size, antialias)
    if counts is not None:
        return _dataset(images, counted_split(images, classes, counts, seed))
    if per_class is None:
        per_class = (row.per_class if row else None) or "all"
    if row is not None and row.test_validates and per_class == "all":
        images = Images(images.name, images.classes, images.train, images.test)
    fractions = [] if images.validation is not None else [validation]
    settled = row is not None and not row.files
    drawn_too = not settled and list(images.splits) == ["train"]
    if test is not None and not drawn_too:
        raise ConfigurationError(
            f"test must be left out for {images.name}, whose test images are settled, got {test}"
        )
    if drawn_too:
        fractions.append(min(TEST, (1 - validation) / 2) if test is None else test)
    return _dataset(images, split(images, classes, per_class, seed, fractions))


def _dataset(images: Images, parts: dict[str, LabelledImages]) -> Dataset:
    settled = ("train", *images.splits)
    return Dataset(images.name, **parts, drawn=tuple(name for name in parts if name not in settled))


def _counts(
    train_images: int | None, validation_images: int | None, per_class: int | str | None
) -> Counts | None:
    """
    Raises:
        ConfigurationError: for numbers that do not go together.
    """
    if train_images is None and validation_images is None:
        return None
    if train_images is None or validation_images is None:
        raise ConfigurationError(
            "train_images and validation_images must be given together, got "
            f"{train_images} and {validation_images}"
        )
    if train_images < 1 or validation_images < 1:
        raise ConfigurationError(
            "train_images and validation_images must be 1 or more, got "
            f"{train_images} and {validation_images}"
        )
    if per_class is not None:
        raise ConfigurationError(f"per_class must be left out with train_images, got {per_class!r}")
    return Counts(train_images, validation_images)


def _images(
    name: str | Path | Images,
    root: str | Path | None,
    mirror: str | None,
    classes: Classes,
    size: Size,
    antialias: bool,
) -> tuple[Images, Source | None]:
    """The images, and their row of the table if they have one."""
    row = None
    if not isinstance(name, Images):
        require_root_used(name, "root", root)
        row = row_or_none(name, root)
    elif root is not None:
        raise ConfigurationError(f"root must be left out for Images, got {str(root)!r}")
    if row is not None:
        chosen(row.name, row.classes, classes)  # before anything is downloaded
        return images_of(row, root, mirror).at_size(size, antialias), row
    if mirror is not None:
        raise ConfigurationError(f"mirror must be left out for images of your own, got {mirror!r}")
    if isinstance(name, Images):
        return name.at_size(size, antialias), None
    return images_at(base_of(name, root) / name, size, antialias), None
