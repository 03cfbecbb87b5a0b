"""The results folder.

study.json     format, version of resqunn, options: what the folder is for
runs/KEY/      one folder a run, KEY a hash of its configuration
locks/         one empty file a run, locked while a process is at it
failures.json  the runs that failed every time, with their errors
summary.json   all that was found, for the report
tables/        the same as CSV
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from resqunn import __version__
from resqunn.errors import ResqunnError, RunError
from resqunn.lab.training.files import (
    exists,
    is_partial,
    open_anew,
    open_for_appending,
    read_sealed,
    refuse_links,
    remove_partials,
    sealed,
    write_atomically,
)
from resqunn.lab.training.harmless import brief
from resqunn.lab.training.lock import lock

OWN = ("runs", "locks", "tables", "report", "failures.json", "summary.json")
"""What else a results folder may hold, if its study.json was damaged and had to be deleted."""

LINKED = ("study.json", *OWN)
"""What must be no symbolic link."""

PROBE = 1 << 20
"""Bytes written to see whether the disk still takes any."""


@contextlib.contextmanager
def opened(folder: Path, options: Mapping[str, Any]) -> Iterator[None]:
    """A new results folder, or one that these options can continue, for this process alone.

    Raises:
        RunError: if it belongs to other options, another version, something else or a
            process that is still running, holds symbolic links in the place of its parts, or
            cannot be written to.
    """
    with contextlib.ExitStack() as held:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            refuse_links(folder / name for name in LINKED)
            _require_ours(folder, options)
            (folder / "locks").mkdir(exist_ok=True)
            refuse_links([folder / "locks" / "command"])
            opening = open_for_appending(folder / "locks" / "command")
            file = held.enter_context(os.fdopen(opening, "ab"))
            if not lock(file.fileno(), wait=False):
                raise RunError(
                    f"another command is working in {folder}: wait for it, stop it, or choose "
                    "another --out"
                )
            if not _require_ours(folder, options):  # another command may have been faster
                path = folder / "study.json"
                write_atomically(path, sealed(path.name, _identity(options)))
            for name in ("runs", "tables"):
                (folder / name).mkdir(exist_ok=True)
            for place in (folder, folder / "tables"):
                remove_partials(place)
        except OSError as error:
            raise unwritable(folder, error) from None
        check_writable(folder)
        yield


def _identity(options: Mapping[str, Any]) -> dict[str, Any]:
    return {"resqunn": __version__, "options": dict(options)}


def _require_ours(folder: Path, options: Mapping[str, Any]) -> bool:
    """Whether the folder has been begun with these options; if not, it is free.

    Raises:
        RunError: if it is neither.
    """
    identity = _identity(options)
    path = folder / "study.json"
    if not exists(path):
        ours = OWN if (folder / "locks").is_dir() else ()
        others = [entry.name for entry in folder.iterdir() if not is_partial(entry)]
        if not set(others) <= set(ours):
            raise RunError(f"{folder} holds other files: choose another --out")
        return False
    found = read_sealed(path, RunError, "delete it and run the same command again")
    if found.get("resqunn") != __version__:
        raise RunError(
            f"{folder} was made by resqunn {brief(found.get('resqunn'))}, not {__version__}: "
            "choose another --out, or use that version"
        )
    theirs, ours = found.get("options"), identity["options"]
    if not isinstance(theirs, Mapping):
        raise RunError(f"{path} cannot be read: it holds no options; choose another --out")
    different = [name for name in ours if theirs.get(name) != ours[name]]
    if different:
        name = different[0]
        raise RunError(
            f"{folder} holds results with {name} = {_shown(theirs.get(name))}, not "
            f"{_shown(ours[name])}: repeat the options it was started with, or choose another --out"
        )
    return True


def _shown(value: Any) -> str:
    return brief(" ".join(map(str, value)) if isinstance(value, list) else value)


def check_writable(folder: Path) -> None:
    """Sees whether anything can still be written.

    Raises:
        RunError: if not; says why.
    """
    path = folder / "locks" / "probe"
    refuse_links((path.parent, path))
    try:
        path.unlink(missing_ok=True)  # of a process that was killed here
        with os.fdopen(open_anew(path), "wb") as file:
            file.write(bytes(PROBE))
    except OSError as error:
        raise unwritable(folder, error) from None
    finally:
        with contextlib.suppress(OSError):
            path.unlink()


def unwritable(folder: Path, error: OSError) -> ResqunnError:
    """The error for a folder that cannot be written to."""
    return RunError(
        f"cannot write to {folder}: {error.strerror}; make room or choose another --out, and run "
        "the same command again (finished runs are kept)"
    )
