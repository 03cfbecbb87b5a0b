"""The IDX file format of MNIST and its relatives.

A file is two zero bytes, one byte for the number type, one for the number of dimensions,
each dimension as a big-endian 32-bit integer, then the values, big-endian, row-major.
"""

from __future__ import annotations

import gzip
import io
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from resqunn.errors import DataError

LIMIT = 2**26
"""Bytes that a file may have, packed or unpacked: the largest of the table has 47,040,016."""

DIMENSIONS = 8

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def decompressed(content: bytes, path: Path) -> bytes:
    """The bytes of a file, unpacked if they are gzip.

    Raises:
        DataError: if the gzip stream is damaged or truncated, or would become too large.
    """
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            unpacked = file.read(LIMIT + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} is a damaged gzip file ({error}): get it anew") from None
    if len(unpacked) > LIMIT:
        raise DataError(f"{path} unpacks to more than {LIMIT:,} bytes: it is not the file wanted")
    return unpacked


def parse_idx(content: bytes, path: Path) -> np.ndarray:
    """The array in the bytes of an unpacked IDX file; `path` is for the message only.

    Raises:
        DataError: if the bytes are not exactly one IDX file.
    """
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _TYPES:
        raise DataError(f"{path} is not an IDX file: its first bytes are {content[:4].hex(' ')}")
    dimensions = content[3]
    if dimensions > DIMENSIONS:
        raise DataError(f"{path} must have {DIMENSIONS} dimensions or fewer, got {dimensions}")
    start = 4 + 4 * dimensions
    if dimensions == 0 or len(content) < start:
        raise DataError(f"{path} is truncated: its header of {dimensions} dimension(s) is cut off")
    shape = struct.unpack(f">{dimensions}I", content[4:start])
    dtype = np.dtype(_TYPES[content[2]])
    expected = start + math.prod(shape) * dtype.itemsize
    if len(content) != expected:
        state = "truncated" if len(content) < expected else "too long"
        raise DataError(
            f"{path} is {state}: shape {shape} needs {expected} bytes, it has {len(content)}"
        )
    return (
        np.frombuffer(content, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))
    )
