"""One process at a time in a run's folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from resqunn.errors import RunError

try:
    import fcntl
except ImportError:  # Windows has no such locks; there, users must take care themselves
    fcntl = None


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Holds the folder for this process until the block ends, or the process dies.

    Raises:
        RunError: if another process holds it.
    """
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunError(
                f"{folder} is being trained by another process: wait for it, or stop it"
            ) from None
        yield
    finally:
        os.close(handle)
