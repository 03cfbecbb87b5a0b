"""Machine code on disk: one file a kernel and kind of arguments.

A file is only run if its SHA-256 is right, if it is for exactly what is wanted (`identity`: the
kernel, its arguments, its sources, versions, the processor, the compiler's settings), and if
nobody else could have written it. Anything else is as good as no file. Files appear complete or
not at all, so that processes may write at the same time; those of other versions or processors
have other names.

"Nobody else": the file, its folder and every folder above belong to the user or to the system's
administrator and may be written by nobody else, except that a folder above may be writable by
all if it is the administrator's and sticky, as /tmp is. Each is opened from the one above without
following symbolic links, so that nothing can be exchanged in between; of links, only the
administrator's own, as /home may be one, are followed. A folder that is not so is not used.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import stat
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

VARIABLES = ("RESQUNN_CACHE", "NUMBA_CACHE_DIR", "XDG_CACHE_HOME")
"""The first that is set says in which folder the folder `resqunn` is, in place of ~/.cache."""

POSIX = os.name == "posix"
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_BINARY = getattr(os, "O_BINARY", 0)


def folder() -> Path:
    """Where the files are."""
    chosen = next(filter(None, map(os.environ.get, VARIABLES)), None)
    return (Path(chosen) if chosen else Path.home() / ".cache") / "resqunn"


def _file_name(name: str, header: bytes) -> str:
    return f"{name}-{sha256(header).hexdigest()[:24]}.bin"


def read(name: str, identity: dict[str, str]) -> bytes | None:
    """The code of that identity, if it is there."""
    header = json.dumps(identity).encode()
    try:
        with _opened_folder() as (start, place):
            flags = os.O_RDONLY | _NO_LINK | _BINARY | getattr(os, "O_NONBLOCK", 0)
            handle = os.open(start + _file_name(name, header), flags, dir_fd=place)
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode) or (POSIX and not _ours(status)):
                return None
            checksum, content = file.read(32), file.read()
    except (OSError, RuntimeError):  # no file, or no home folder
        return None
    if sha256(content).digest() != checksum or not content.startswith(header + b"\n"):
        return None
    return content[len(header) + 1 :]


def write(name: str, identity: dict[str, str], code: bytes) -> None:
    """Keeps the code, if there is a folder for it that only the user can write to."""
    header = json.dumps(identity).encode()
    content = header + b"\n" + code
    with contextlib.suppress(OSError, RuntimeError), _opened_folder(make=True) as (start, place):
        temporary = f"{start}tmp{secrets.token_hex(8)}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK | _BINARY
        handle = os.open(temporary, flags, 0o600, dir_fd=place)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(sha256(content).digest() + content)
            target = start + _file_name(name, header)
            os.replace(temporary, target, src_dir_fd=place, dst_dir_fd=place)
        except BaseException:
            os.unlink(temporary, dir_fd=place)
            raise


@contextlib.contextmanager
def _opened_folder(make: bool = False) -> Iterator[tuple[str, int | None]]:
    """What the names of files begin with, and the open folder that they are relative to.

    Raises:
        OSError: if there is no such folder, or others could have written to it.
    """
    path = Path(os.path.abspath(folder()))  # noqa: PTH100 - links are looked at one by one
    if not POSIX:
        if make:
            path.mkdir(parents=True, exist_ok=True)
        yield f"{path}{os.sep}", None
        return
    parts = [*reversed(path.parts[1:])]
    place = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    followed = 0
    try:
        while True:
            _require_ours(os.fstat(place), last=not parts)
            if not parts:
                break
            part = parts.pop()
            target = _administrators_link(part, place) if parts else None
            if target is not None:
                followed += 1
                if followed > 40:
                    raise PermissionError("too many links")
                ahead = [p for p in target.split("/") if p not in ("", ".")]
                parts += reversed(ahead)
                if target.startswith("/"):
                    place = _exchanged(place, os.open("/", os.O_RDONLY | os.O_DIRECTORY))
                continue
            place = _exchanged(place, _below(place, part, make))
        yield "", place
    finally:
        os.close(place)


def _exchanged(before: int, after: int) -> int:
    os.close(before)
    return after


def _below(place: int, name: str, make: bool) -> int:
    """A folder in an open folder, made for the user alone if it is not there and wanted."""
    if make:
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=place)
    return os.open(name, os.O_RDONLY | os.O_DIRECTORY | _NO_LINK, dir_fd=place)


def _administrators_link(name: str, place: int) -> str | None:
    """What a link names that belongs to the administrator, in a folder that only they can write
    to; None for what is no link."""
    with contextlib.suppress(FileNotFoundError):
        status, around = os.stat(name, dir_fd=place, follow_symlinks=False), os.fstat(place)
        if stat.S_ISLNK(status.st_mode):
            if status.st_uid or around.st_uid or around.st_mode & 0o022:
                raise PermissionError(f"{name} is a link")
            return os.readlink(name, dir_fd=place)
    return None


def _require_ours(status: os.stat_result, last: bool) -> None:
    shared = not last and status.st_uid == 0 and bool(status.st_mode & stat.S_ISVTX)
    if not shared and not _ours(status):
        raise PermissionError("others may write to it")


def _ours(status: os.stat_result) -> bool:
    """Whether only the user, or the system's administrator, can have written it."""
    return status.st_uid in (0, os.geteuid()) and not status.st_mode & 0o022
