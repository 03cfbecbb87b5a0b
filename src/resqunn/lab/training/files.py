"""Files that are there whole or not at all, and JSON objects that hold their own SHA-256.

What decides or reports a result is written sealed: the last entry, `sha256`, is the SHA-256 of
the file's name and all other entries. It is taken of the values, not of the bytes, so that a
file whose layout alone has changed still counts as the same. No torch here.

A folder may come from somebody else, who may have put symbolic links in it: nothing is written
or removed through one.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import math
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from resqunn.errors import ResqunnError, RunError

FORMAT = 2
"""Of all these JSON files; raised when those of an older version can no longer be read."""

SEAL = "sha256"

PARTIAL = re.compile(r"\..+\.\d+\.partial", re.DOTALL)

LIMIT = 2**28
"""Bytes that a file of records may have; a thousand epochs take less than one in a thousand."""

LARGEST = 1e100
"""Of numbers in files: their squares and sums are finite."""

_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)


def refuse_links(paths: Iterable[Path]) -> None:
    """
    Raises:
        RunError: if one of the paths is a symbolic link: what lies behind it is not ours.
    """
    for path in paths:
        with _seeing(path):
            linked = path.is_symlink()
        if linked:
            raise RunError(
                f"{path} is a symbolic link, and nothing is written through it: remove the link"
            )


def exists(path: Path) -> bool:
    """Whether there is a file or a folder.

    Raises:
        RunError: if that cannot be seen, as in a folder of somebody else.
    """
    with _seeing(path):
        return path.exists()


@contextlib.contextmanager
def _seeing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RunError(f"{path} cannot be looked at ({error.strerror})") from None


def open_for_appending(path: Path) -> int:
    """A file's descriptor; the file is made if it is not there, and must be no link.

    Raises:
        OSError: if it is a link, a pipe, which would have to wait for a reader, or anything else
            but an ordinary file, or if it cannot be opened.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | _NO_LINK | _NO_WAIT, 0o666)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, f"{path.name} is no ordinary file")
    return handle


def open_anew(path: Path) -> int:
    """The descriptor of a file that was not there before.

    Raises:
        OSError: if there is one, a link included, or it cannot be made.
    """
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK, 0o666)


def read_bounded(path: Path, limit: int = LIMIT) -> bytes:
    """The bytes of an ordinary file.

    Raises:
        OSError: if there is no such file, or it cannot be read.
        ValueError: if it is a device or a pipe, which may have no end, or larger than `limit`.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | _NO_WAIT)
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        os.close(handle)
        raise ValueError("it is no ordinary file")
    with os.fdopen(handle, "rb") as file:
        content = file.read(limit + 1) if status.st_size <= limit else b""
    if status.st_size > limit or len(content) > limit:
        raise ValueError(f"it has more than {limit:,} bytes")
    return content


def write_atomically(path: Path, content: bytes) -> None:
    """Writes a file so that a reader, or a crash, sees the old one or the new one whole."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with os.fdopen(_opened_anew(partial), "wb") as file:
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


def _opened_anew(partial: Path) -> int:
    try:
        return open_anew(partial)
    except FileExistsError:  # of a process that had this number before
        partial.unlink()
        return open_anew(partial)


def is_partial(path: Path) -> bool:
    """Whether this is what a crash in the middle of `write_atomically` leaves behind."""
    return PARTIAL.fullmatch(path.name) is not None


def remove_partials(folder: Path) -> None:
    """Removes what crashes in the middle of `write_atomically` left behind."""
    for partial in filter(is_partial, folder.glob(".*")):
        partial.unlink(missing_ok=True)


def as_json(value: Any) -> bytes:
    """A JSON file's bytes."""
    return (json.dumps(value, indent=2, allow_nan=False) + "\n").encode()


def as_line(value: Any) -> bytes:
    """A line of a file of JSON lines."""
    return (json.dumps(value, allow_nan=False) + "\n").encode()


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
        ValueError: if there is none, or it holds a number that is not finite or too large.
    """
    try:
        text = content.decode("utf-8")
        value = json.loads(text, parse_float=_finite, parse_int=_whole, parse_constant=_finite)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("it holds no JSON object")
    return value


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text:.20} is no finite number")
    if abs(value) > LARGEST:
        raise ValueError(f"{text:.20} is no number of {LARGEST:g} at most")
    return value


def _whole(text: str) -> int:
    _finite(text)  # what computes with it may take it for a float
    return int(text)


def read_sealed(path: Path, error: type[ResqunnError], remedy: str) -> dict[str, Any]:
    """Reads what `sealed` wrote, without format and SHA-256.

    Args:
        error: the class of the error if the file cannot be used.
        remedy: what the message then says would be right.
    """
    try:
        value = parsed(read_bounded(path))
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
