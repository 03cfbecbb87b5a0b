"""The images of a row of the table of data sets."""

from __future__ import annotations

from functools import cache, lru_cache
from importlib import resources
from pathlib import Path

import numpy as np

from resqunn.data.arrays import as_labels, in_layout, in_range
from resqunn.data.cifar import parse_cifar
from resqunn.data.eurosat import parse_eurosat
from resqunn.data.files import State, state_of
from resqunn.data.images import Images
from resqunn.data.npz import parse_npz
from resqunn.data.sources import Archive, Source
from resqunn.data.split import Split
from resqunn.data.verified import idx_array, located, verified_archive
from resqunn.errors import DataError


def images_of(row: Source, root: str | Path | None, mirror: str | None) -> Images:
    """Its images, from files whose checksums are verified, or from this package.

    Files are read again only if they have changed since; arrays cannot be written to.

    Raises:
        DataError: if files are missing, altered or damaged.
        MissingExtraError: for a download without the extra [lab].
    """
    if not row.files:
        return _embedded(row)
    paths = [located(row, file, root, mirror) for file in row.files]
    return _read(row, tuple((path, state_of(path)) for path in paths))


@lru_cache(maxsize=2)
def _read(row: Source, places: tuple[tuple[Path, State], ...]) -> Images:
    if row.kind == "idx":
        train_images, train_labels, test_images, test_labels = (
            idx_array(file, *place) for file, place in zip(row.files, places, strict=True)
        )
        train, test = _split(train_images, train_labels), _split(test_images, test_labels)
        return Images(row.name, row.classes, train, test=test)
    (file,), ((path, _),) = row.files, places
    assert isinstance(file, Archive)
    content = verified_archive(file, path)
    if row.kind == "eurosat":
        pairs = parse_eurosat(content, path, row.classes)
    else:
        pairs = (parse_npz if row.kind == "npz" else parse_cifar)(content, path)
    splits = {}
    for name, (pixels, labels) in pairs.items():
        what = f"{name} images of {path}"
        pixels = in_range(in_layout(pixels, None, what), what)
        splits[name] = _split(pixels, as_labels(labels, len(pixels), f"{name} labels of {path}"))
        if splits[name].shape != row.shape:
            raise DataError(f"{what} must have shape {row.shape}, got {splits[name].shape}")
    return Images(row.name, row.classes, **splits)


def _split(pixels: np.ndarray, labels: np.ndarray, white: int = 255) -> Split:
    """Pixels (N, H, W) or (N, C, H, W) with labels of whatever whole numbers."""
    pixels = pixels[:, None] if pixels.ndim == 3 else pixels
    return Split(pixels, labels.astype(np.int64), white)


@cache
def _embedded(row: Source) -> Images:
    """The digits in the file beside this one, whose pixels are 0 to 16."""
    with (
        resources.files("resqunn.data").joinpath("digits.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as arrays,  # noqa: TID251
    ):
        train = _split(arrays["images"], arrays["labels"], 16)
    return Images(row.name, row.classes, train)
