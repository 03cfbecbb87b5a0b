"""`.npz` files: a zip archive of NumPy arrays, read without pickle and without trust.

What an archive and its arrays claim to hold is compared before memory is used for it.
"""

from __future__ import annotations

import io
import math
import warnings
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from resqunn.data.files import bounded
from resqunn.errors import DataError

LIMIT = 2**30
"""Bytes that a file may have, and that the arrays which are read of it may have together."""

ENTRIES = 1000
"""Arrays that a file may have."""

KEYS: tuple[tuple[str, str, str], ...] = (
    ("train_images", "train_labels", "train"),
    ("val_images", "val_labels", "validation"),
    ("validation_images", "validation_labels", "validation"),
    ("test_images", "test_labels", "test"),
    ("x_train", "y_train", "train"),
    ("x_val", "y_val", "validation"),
    ("x_test", "y_test", "test"),
    ("images", "labels", "train"),
)
"""Names of images and of labels, as MedMNIST, Keras and others have them, and their split."""

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}

Pair = tuple[np.ndarray, np.ndarray]


def read_npz(path: Path) -> dict[str, Pair]:
    """Images and labels of each split of a file; `parse_npz` says what is refused."""
    return parse_npz(bounded(path, LIMIT), path)


def parse_npz(content: bytes, path: Path) -> dict[str, Pair]:
    """Images and labels of each split in the bytes of a file, as they lie there.

    Arrays of other names than those of `KEYS` are passed over.

    Args:
        path: for messages only.

    Raises:
        DataError: if it is damaged, holds pickled arrays, claims more than `LIMIT` bytes, or has
            no images with labels.
    """
    try:
        with warnings.catch_warnings(), zipfile.ZipFile(io.BytesIO(content)) as archive:
            warnings.simplefilter("ignore")  # of what files of Python 2 need
            arrays = _arrays(archive, path)
    except DataError:
        raise
    except MemoryError:
        raise DataError(f"{path} does not fit into memory: take fewer images") from None
    except Exception as error:  # bytes may be anything
        told = " ".join(str(error).split())[:200] or type(error).__name__
        raise DataError(f"{path} is damaged or no .npz file ({told}): write it anew") from None
    return _paired(arrays, path)


def _arrays(archive: zipfile.ZipFile, path: Path) -> dict[str, np.ndarray]:
    entries = archive.infolist()
    if len(entries) > ENTRIES:
        raise DataError(f"{path} must hold {ENTRIES:,} arrays or fewer, got {len(entries):,}")
    wanted = {name for images, labels, _ in KEYS for name in (images, labels)}
    names = [entry.filename.removesuffix(".npy") for entry in entries]
    found: dict[str, np.ndarray] = {}
    left = LIMIT
    for name, entry in zip(names, entries, strict=True):
        if name not in wanted:
            continue
        if name in found:
            raise DataError(f"{path} is damaged: it holds {name} twice; write it anew")
        left -= entry.file_size
        if left < 0:
            raise DataError(f"{path} unpacks to more than {LIMIT:,} bytes: take fewer images")
        found[name] = _array(archive.read(entry), f"{name} of {path}")
    if not found:
        raise DataError(
            f"{path} must hold images and labels, train_images and train_labels, or x_train and "
            f"y_train, got {_listed(names)}"
        )
    return found


def _array(content: bytes, what: str) -> np.ndarray:
    """The array in the bytes of an entry, which has no more of them than it claims."""
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    if version not in _HEADERS:
        raise DataError(f"{what} must be an array of numbers or strings")
    shape, by_columns, dtype = _HEADERS[version](file)
    if dtype.hasobject:
        raise DataError(
            f"{what} is pickled, which is refused since unpickling runs code: save it as numbers "
            "or strings"
        )
    if dtype.kind not in "biufUS":
        raise DataError(f"{what} must hold numbers or strings, got {dtype}")
    needed = file.tell() + math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or needed != len(content):
        raise DataError(
            f"{what} is damaged: shape {shape} needs {needed} bytes, it has {len(content)}; write "
            "it anew"
        )
    order = "F" if by_columns else "C"
    values = np.frombuffer(content, dtype, math.prod(shape), file.tell())
    return values.reshape(shape, order=order)


def _paired(arrays: dict[str, np.ndarray], path: Path) -> dict[str, Pair]:
    splits: dict[str, Pair] = {}
    for images, labels, split in KEYS:
        if images in arrays and labels in arrays:
            if split in splits:
                raise DataError(f"{path} holds {split} images under two names: leave one of them")
            splits[split] = arrays[images], arrays[labels]
        elif images in arrays or labels in arrays:
            here, missing = (images, labels) if images in arrays else (labels, images)
            raise DataError(f"{path} holds {here} but no {missing}: add them")
    if "train" not in splits:
        raise DataError(f"{path} holds {_listed(arrays)} but no images to train on: add them")
    return splits


def _listed(names: Iterable[str], most: int = 6) -> str:
    """Some of the names, as a message shows them."""
    shown = [repr(name)[:40] for name in names]
    more = f" and {len(shown) - most} more" if len(shown) > most else ""
    return (", ".join(shown[:most]) or "nothing") + more
