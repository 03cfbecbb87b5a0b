"""EuroSAT: a .zip of 27,000 JPEG tiles of Sentinel-2, in a folder for each of ten classes.

Helber et al., IEEE J. Sel. Top. Appl. Earth Obs. Remote Sens. 12, 2217 (2019).
"""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from resqunn.data.pictures import decoded, require_moderate
from resqunn.errors import DataError

LIMIT = 2**20
"""Bytes that a tile may have: 64x64 pixels take some thousand."""


def parse_eurosat(
    content: bytes, path: Path, classes: tuple[str, ...]
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Images (N, 3, H, W) and labels (N,), class after class, in the order of their names.

    Nothing is unpacked to disk.

    Args:
        path: for messages only.
        classes: the names of the folders.

    Raises:
        DataError: if the archive is damaged, or not this one.
        MissingExtraError: without the extra [lab].
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return {"train": _tiles(archive, path, classes)}
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, ValueError) as error:
        raise DataError(f"{path} is a damaged .zip file ({error}): get it anew") from None


def _tiles(
    archive: zipfile.ZipFile, path: Path, classes: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray]:
    entries = []
    for entry in archive.infolist():
        *_, folder, name = ["", "", *entry.filename.split("/")]
        if name.lower().endswith(".jpg") and folder in classes:
            if entry.file_size > LIMIT:
                raise DataError(f"{path} is not EuroSAT: {name} has {entry.file_size:,} bytes")
            entries.append((classes.index(folder), name, entry))
    entries.sort(key=lambda each: each[:2])
    labels = np.array([label for label, *_ in entries], np.int64)
    if set(labels.tolist()) != set(range(len(classes))):
        raise DataError(f"{path} is not EuroSAT: it does not hold tiles of its ten classes")
    pixels: np.ndarray[Any, Any] = np.empty(0, np.uint8)
    for number, (_, name, entry) in enumerate(entries):
        tile = decoded(archive.read(entry), path / name)
        if number == 0:
            require_moderate(len(entries), tile.shape)
            pixels = np.empty((len(entries), *tile.shape), np.uint8)
        if tile.shape != pixels.shape[1:]:
            raise DataError(f"{path} is not EuroSAT: {name} has shape {tile.shape}")
        pixels[number] = tile
    return pixels, labels
