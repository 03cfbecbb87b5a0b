"""Files of others: ordinary ones only, and never more bytes of them than are wanted."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from resqunn.errors import DataError

State = tuple[int, ...]
"""What a file that has changed does not keep: device, inode, size and times."""

_NO_WAIT = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


def state_of(path: Path) -> State:
    """
    Raises:
        DataError: if the file cannot be looked at.
    """
    try:
        return in_numbers(path.stat())
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror})") from None


def in_numbers(found: os.stat_result) -> State:
    """The state of a file that was looked at."""
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def bounded(path: Path, limit: int, *, through_links: bool = True) -> bytes:
    """The bytes of an ordinary file.

    Raises:
        DataError: if it cannot be read, is a device or a pipe, which may have no end, or has
            more than `limit` bytes.
    """
    try:
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
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror})") from None
    if max(found.st_size, len(content)) > limit:
        raise DataError(f"{path} has more than {limit:,} bytes: it is not the file wanted")
    return content
