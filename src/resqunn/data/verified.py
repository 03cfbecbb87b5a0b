"""The files of named sets: found in a folder or downloaded, and compared with their checksums."""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path

import numpy as np

from resqunn.data.download import KINDS, download
from resqunn.data.files import State, bounded, state_of
from resqunn.data.idx import LIMIT, decompressed, parse_idx
from resqunn.data.paths import DATA_ROOT
from resqunn.data.sources import SOURCES, Archive, IdxFile, Source
from resqunn.errors import DataError

ARCHIVE_LIMIT = 2**28
"""Bytes that an archive may have: the largest of the table has about 206 million."""


def find(row: Source, file: IdxFile | Archive, root: str | Path | None) -> Path | None:
    """Where a file is under `root` or `RESQUNN_DATA`, plain or .gz; None if it is in neither.

    Files may be in a folder of the set's name, or in one folder with those of other sets; IDX
    files of other sets, which have the same names, are passed over there.
    """
    names = (f"{file.name}.gz", file.name) if isinstance(file, IdxFile) else (file.name,)
    for folder in (root, os.environ.get(DATA_ROOT)):
        if not folder:
            continue
        own = [Path(folder) / name for name in (row.name, row.folder) if name]
        for base in (*own, Path(folder)):
            for path in (base / name for name in names):
                if path.is_file() and not (base == Path(folder) and _of_another(row, path)):
                    return path
    return None


def _of_another(row: Source, path: Path) -> bool:
    if row.kind != "idx":
        return False
    found = _sha256(path, state_of(path))
    files = [file for other in SOURCES.values() if other is not row for file in other.files]
    idx = [file for file in files if isinstance(file, IdxFile)]
    return any(found in (file.gz_sha256, file.sha256) for file in idx)


@lru_cache(maxsize=64)
def _sha256(path: Path, state: State) -> str:
    return hashlib.sha256(bounded(path, LIMIT)).hexdigest()


def located(
    row: Source, file: IdxFile | Archive, root: str | Path | None, mirror: str | None
) -> Path:
    """Where a file is, downloaded if it is nowhere.

    Raises:
        DataError: if it cannot be downloaded safely.
    """
    return find(row, file, root) or _download(row, file, mirror)


@lru_cache(maxsize=4)
def idx_array(file: IdxFile, path: Path, state: State) -> np.ndarray:
    """The array of an IDX file in that state; those of one set are kept.

    Raises:
        DataError: if it is altered or damaged.
    """
    content = bounded(path, LIMIT)
    unpacked = decompressed(content, path)
    _verify(file, path, content, unpacked)
    array = parse_idx(unpacked, path)
    array.flags.writeable = False
    return array


def _verify(file: IdxFile, path: Path, content: bytes, unpacked: bytes) -> None:
    found = hashlib.sha256(unpacked).hexdigest()
    if file.sha256 is not None and found == file.sha256:
        return
    if hashlib.sha256(content).hexdigest() == file.gz_sha256:
        return
    if file.sha256 is None and content == unpacked:
        raise DataError(
            f"{path} cannot be verified: a checksum is known only for {file.name}.gz; "
            "put that file there instead"
        )
    raise DataError(
        f"{path} is altered or damaged: its SHA-256 is {found}, expected "
        f"{file.sha256 or f'{file.gz_sha256} for the .gz'}; replace it, or remove it and it is "
        "downloaded"
    )


def verified_archive(archive: Archive, path: Path) -> bytes:
    """The bytes of an archive that has one of its sums.

    Raises:
        DataError: if it has none of them, or cannot be read.
    """
    content = bounded(path, ARCHIVE_LIMIT)
    found = {
        "md5": hashlib.md5(content, usedforsecurity=False).hexdigest(),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    for each in archive.sums:
        kind, _, value = each.partition(":")
        if found[kind] == value:
            return content
    kind, _, value = archive.sums[0].partition(":")
    raise DataError(
        f"{path} is altered, damaged or packed anew: its {KINDS[kind]} is {found[kind]}, expected "
        f"{value}; replace it, or remove it and it is downloaded"
    )


def _download(row: Source, file: IdxFile | Archive, mirror: str | None) -> Path:
    base = (mirror or row.mirror).rstrip("/")
    folder = row.folder or row.name
    otherwise = (
        f"put the files in a folder {folder}/ and name its parent by --data-root or {DATA_ROOT}"
    )
    if isinstance(file, IdxFile):
        name, known, query, limit = f"{file.name}.gz", f"sha256:{file.gz_sha256}", "", LIMIT
    else:
        name, known, query, limit = file.name, file.sums[0], file.query, ARCHIVE_LIMIT
    return download(base, name, known, folder, otherwise, query=query, limit=limit)
