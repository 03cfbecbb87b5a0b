"""Files that are there whole or not at all, and JSON objects that hold their own SHA-256.

What decides or reports a result is written sealed: the last entry, `sha256`, is the SHA-256 of
the file's name and all other entries. It is taken of the values, not of the bytes, so that a
file whose layout alone has changed still counts as the same. No torch here.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from resqunn.errors import ResqunnError

FORMAT = 2
"""Of all these JSON files; raised when those of an older version can no longer be read."""

SEAL = "sha256"


def write_atomically(path: Path, content: bytes) -> None:
    """Writes a file so that a reader, or a crash, sees the old one or the new one whole."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def is_partial(path: Path) -> bool:
    """Whether this is what a crash in the middle of `write_atomically` leaves behind."""
    return path.name.startswith(".") and path.name.endswith(".partial")


def remove_partials(folder: Path) -> None:
    """Removes what crashes in the middle of `write_atomically` left behind."""
    for partial in filter(is_partial, folder.glob(".*")):
        partial.unlink(missing_ok=True)


def as_json(value: Any) -> bytes:
    """A JSON file's bytes."""
    return (json.dumps(value, indent=2, allow_nan=False) + "\n").encode()


def digest(value: Any) -> str:
    """The SHA-256 of a JSON value, however it is laid out."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def sealed(name: str, value: Mapping[str, Any]) -> bytes:
    """The content of a file of that name: a JSON object with its format and its SHA-256.

    The name is part of what is hashed, so that no file can be taken for another.
    """
    value = {"format": FORMAT, **value}
    return as_json({**value, SEAL: digest([name, value])})


def intact(name: str, value: Mapping[str, Any]) -> bool:
    """Whether a JSON object, with its format and SHA-256, is as it was sealed."""
    rest = {key: entry for key, entry in value.items() if key != SEAL}
    return value.get(SEAL) == digest([name, rest])


def parsed(content: bytes) -> dict[str, Any]:
    """The JSON object in a file's bytes.

    Raises:
        ValueError: if there is none.
    """
    try:
        value = json.loads(content.decode("utf-8"))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("it holds no JSON object")
    return value


def read_sealed(path: Path, error: type[ResqunnError], remedy: str) -> dict[str, Any]:
    """Reads what `sealed` wrote, without format and SHA-256.

    Args:
        error: the class of the error if the file cannot be used.
        remedy: what the message then says would be right.
    """
    try:
        value = parsed(path.read_bytes())
    except OSError as mistake:
        raise error(f"{path} cannot be read ({mistake.strerror}): {remedy}") from None
    except ValueError as mistake:
        raise error(f"{path} cannot be read: it is damaged ({mistake}); {remedy}") from None
    if value.get("format") != FORMAT:
        raise error(
            f"{path} has format {value.get('format')!r:.40}, but this version reads format "
            f"{FORMAT}: use the version of resqunn that wrote it"
        )
    if not intact(path.name, value):
        raise error(f"{path} fails its checksum: it is damaged or altered; {remedy}")
    return {key: entry for key, entry in value.items() if key not in ("format", SEAL)}
