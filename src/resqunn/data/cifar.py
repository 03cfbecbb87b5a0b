"""The binary version of CIFAR-10: a .tar.gz of six files of 10,000 images.

An image is one byte for its label and 3,072 for its red, green and blue values, row by row.
"""

from __future__ import annotations

import io
import tarfile
import zlib
from pathlib import Path

import numpy as np

from resqunn.errors import DataError

SIDE = 32
RECORD = 1 + 3 * SIDE * SIDE
TRAIN = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST = ("test_batch.bin",)
MEMBERS = 100
"""Files that the archive may hold, of which it has eight."""

LIMIT = 2**25
"""Bytes that one of them may have: it has 30,730,000."""


def parse_cifar(content: bytes, path: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Images (N, 3, 32, 32) and labels (N,) for training and test, from the archive's bytes.

    Nothing is unpacked to disk. `path` is for messages only.

    Raises:
        DataError: if the archive is damaged, or not this one.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
            files = _files(archive, path)
    except (OSError, EOFError, ValueError, zlib.error, tarfile.TarError) as error:
        raise DataError(f"{path} is a damaged .tar.gz file ({error}): get it anew") from None
    return {
        split: _records(b"".join(files[name] for name in names), path)
        for split, names in (("train", TRAIN), ("test", TEST))
    }


def _files(archive: tarfile.TarFile, path: Path) -> dict[str, bytes]:
    """The six files by their names, without their folder."""
    found: dict[str, bytes] = {}
    for _ in range(MEMBERS):
        member = archive.next()
        if member is None:
            break
        name = member.name.rpartition("/")[2]
        if name in (*TRAIN, *TEST) and member.isreg():
            if member.size > LIMIT:
                raise DataError(f"{path} is not CIFAR-10: {name} has {member.size:,} bytes")
            file = archive.extractfile(member)
            found[name] = file.read() if file is not None else b""
    if missing := [name for name in (*TRAIN, *TEST) if name not in found]:
        raise DataError(f"{path} is not CIFAR-10's binary version: it holds no {missing[0]}")
    return found


def _records(content: bytes, path: Path) -> tuple[np.ndarray, np.ndarray]:
    if not content or len(content) % RECORD:
        raise DataError(f"{path} is not CIFAR-10: its images have other sizes")
    records = np.frombuffer(content, np.uint8).reshape(-1, RECORD)
    return records[:, 1:].reshape(-1, 3, SIDE, SIDE), records[:, 0]
