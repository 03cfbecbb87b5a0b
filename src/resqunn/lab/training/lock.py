"""One process at a time in a run's folder, and at whatever else must not be done twice at once.

Where there are no locks, as on Windows and on some network file systems, users must take care
themselves.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from resqunn.errors import RunError

try:
    import fcntl
except ImportError:
    fcntl = None

NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)
"""Errors of file systems without locks."""


def lock(handle: int, *, wait: bool) -> bool:
    """Locks an open file or folder until it is closed, or the process dies.

    Args:
        handle: its file descriptor.
        wait: until whoever has locked it is done.

    Returns:
        Whether it is free, or could be had without waiting.
    """
    if fcntl is None:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
    return True


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Holds the folder for this process until the block ends, or the process dies.

    Raises:
        RunError: if another process holds it, or it cannot be opened.
    """
    if fcntl is None:
        yield  # where there are no locks, folders cannot be opened either
        return
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise RunError(f"{folder} cannot be opened ({error.strerror})") from None
    try:
        if not lock(handle, wait=False):
            raise RunError(f"{folder} is being trained by another process: wait for it, or stop it")
        yield
    finally:
        os.close(handle)
