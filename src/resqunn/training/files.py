"""Files that are there whole or not at all, and JSON objects that hold their own SHA-256.

What decides or reports a result is written sealed: the last entry, `sha256`, is the SHA-256 of
all others. It is taken of the values, not of the bytes, so that a file that was only laid out
anew is still itself. No torch here.
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


def remove_partials(folder: Path) -> None:
    """Removes what a crash in the middle of `write_atomically` left behind."""
    for partial in folder.glob(".*.partial"):
        partial.unlink(missing_ok=True)


def as_json(value: Any) -> bytes:
    """A JSON file's bytes."""
    return (json.dumps(value, indent=2) + "\n").encode()


def digest(value: Any) -> str:
    """The SHA-256 of a JSON value, however it is laid out."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def sealed(value: Mapping[str, Any]) -> bytes:
    """The bytes of a JSON file that holds its own SHA-256."""
    return as_json({**value, SEAL: digest(value)})


def intact(value: Mapping[str, Any]) -> bool:
    """Whether a JSON object is as it was sealed."""
    return value.get(SEAL) == digest({key: v for key, v in value.items() if key != SEAL})


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


def read_sealed(
    path: Path, error: type[ResqunnError], remedy: str, form: int | None = None
) -> dict[str, Any]:
    """Reads what `sealed` wrote, without the seal.

    Args:
        error: the class of the error if the file cannot be used, and `remedy` what its
            message says would be right.
        form: the only value of its entry `format` that can be read, if it has one.
    """
    try:
        value = parsed(path.read_bytes())
    except OSError as mistake:
        raise error(f"{path} cannot be read ({mistake.strerror}): {remedy}") from None
    except ValueError as mistake:
        raise error(f"{path} cannot be read: it is damaged ({mistake}); {remedy}") from None
    if form is not None and value.get("format") != form:
        raise error(
            f"{path} has format {value.get('format')!r:.40}, but this version reads format {form}: "
            "use the version of resqunn that wrote it"
        )
    if not intact(value):
        raise error(f"{path} fails its checksum: it is damaged or altered; {remedy}")
    return {key: v for key, v in value.items() if key != SEAL}
