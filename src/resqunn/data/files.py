"""Files of others: ordinary ones only, and never more bytes of them than are wanted."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from resqunn.errors import DataError

State = tuple[int, ...]
"""What a file that has changed does not keep: device, inode, size and times."""

_NO_WAIT = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


@contextlib.contextmanager
def readable(path: Path) -> Iterator[None]:
    """
    Raises:
        DataError: in place of the error of a file or folder that cannot be read.
    """
    try:
        yield
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror})") from None
    except ValueError:  # as of a path with a zero byte
        raise DataError(f"{str(path)!r} is no path") from None


def state_of(path: Path) -> State:
    """
    Raises:
        DataError: if the file cannot be looked at.
    """
    with readable(path):
        return in_numbers(path.stat())


def in_numbers(found: os.stat_result) -> State:
    """The state of a file that was looked at."""
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def bounded(path: Path, limit: int, *, through_links: bool = True) -> bytes:
    """The bytes of an ordinary file.

    Raises:
        DataError: if it cannot be read, is a device or a pipe, which may have no end, or has
            more than `limit` bytes.
    """
    with readable(path):
        handle = os.open(path, os.O_RDONLY | _NO_WAIT | (0 if through_links else _NO_LINK))
        try:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode):
                raise DataError(f"{path} is no ordinary file")
            content = b""
            if found.st_size <= limit:
                with os.fdopen(handle, "rb", closefd=False) as file:
                    content = file.read(found.st_size + 1)  # takes so much memory at once
        finally:
            os.close(handle)
    if max(found.st_size, len(content)) > limit:
        raise DataError(f"{path} has more than {limit:,} bytes: it is not the file wanted")
    return content
