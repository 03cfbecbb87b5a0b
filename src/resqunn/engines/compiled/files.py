"""Machine code on disk: one file a kernel and kind of arguments.

A file is only run if its SHA-256 is right, if it is for exactly what is wanted (`identity`: the
kernel, its arguments, its sources, versions, the processor), and if nobody else could have
written it. Anything else is as good as no file. Files appear complete or not at all, so that
processes may write at the same time; those of other versions or processors have other names.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from hashlib import sha256
from pathlib import Path

VARIABLES = ("RESQUNN_CACHE", "NUMBA_CACHE_DIR", "XDG_CACHE_HOME")
"""The first that is set says in which folder the folder `resqunn` is, in place of ~/.cache."""


def folder() -> Path:
    """Where the files are."""
    chosen = next(filter(None, map(os.environ.get, VARIABLES)), None)
    return (Path(chosen) if chosen else Path.home() / ".cache") / "resqunn"


def _place(name: str, header: bytes) -> Path:
    return folder() / f"{name}-{sha256(header).hexdigest()[:24]}.bin"


def read(name: str, identity: dict[str, str]) -> bytes | None:
    """The code of that identity, if it is there."""
    header = json.dumps(identity).encode()
    try:
        with _place(name, header).open("rb") as file:
            if not _trusted(file.fileno()):
                return None
            checksum, content = file.read(32), file.read()
    except (OSError, RuntimeError):  # no file, or no home folder
        return None
    if sha256(content).digest() != checksum or not content.startswith(header + b"\n"):
        return None
    return content[len(header) + 1 :]


def write(name: str, identity: dict[str, str], code: bytes) -> None:
    """Keeps the code, if there is a folder that can be written to."""
    header = json.dumps(identity).encode()
    content = header + b"\n" + code
    with contextlib.suppress(OSError, RuntimeError):
        place = _place(name, header)
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Such a file belongs to the user alone.
        handle, temporary = tempfile.mkstemp(dir=place.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(sha256(content).digest() + content)
            Path(temporary).replace(place)
        except BaseException:
            Path(temporary).unlink()
            raise


def _trusted(file: int) -> bool:
    """Whether only the user, or the system's administrator, can have written the open file."""
    if os.name != "posix":
        return True
    status = os.fstat(file)
    return status.st_uid in (0, os.geteuid()) and not status.st_mode & 0o022
