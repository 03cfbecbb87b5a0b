"""The results folder.

study.json     format, version of resqunn, options, rules and limits: what the folder is for
runs/KEY/      one folder a run, KEY a hash of its configuration
locks/         one empty file a run, locked while a process is at it
failures.json  the runs that failed every time, with their errors
summary.json   all that was found, for the report
tables/        the same as CSV
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from resqunn import __version__
from resqunn.errors import ResqunnError, RunError
from resqunn.lab.study.differences import difference, shown
from resqunn.lab.study.rules import RULES
from resqunn.lab.study.seeds import rows, spelled
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

DAMAGED = "delete it and run the same command again"
"""What is right where study.json is damaged."""

PROBE = 1 << 20
"""Bytes written to see whether the disk still takes any."""


@contextlib.contextmanager
def opened(
    folder: Path, options: Mapping[str, Any], limits: Mapping[str, Any] | None = None
) -> Iterator[None]:
    """A new results folder, or one that these options can continue, for this process alone.

    A folder may get more seeds after those that it has: looking again is allowed. What its
    claims are judged by stays as it was before the first run.

    Args:
        limits: of each claim, by its id.

    Raises:
        RunError: if it belongs to other options, limits or rules, another version, something else
            or a process that is still running, holds symbolic links in the place of its parts, or
            cannot be written to.
    """
    identity = _identity(options, limits or {})
    _require_no_file(folder)
    with contextlib.ExitStack() as held:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            refuse_links(folder / name for name in LINKED)
            _require_ours(folder, identity)
            (folder / "locks").mkdir(exist_ok=True)
            refuse_links([folder / "locks" / "command"])
            opening = open_for_appending(folder / "locks" / "command")
            file = held.enter_context(os.fdopen(opening, "ab"))
            if not lock(file.fileno(), wait=False):
                raise RunError(
                    f"another command is working in {folder}: wait for it, stop it, or choose "
                    "another --out"
                )
            if not _require_ours(folder, identity):  # another command may have been faster
                path = folder / "study.json"
                write_atomically(path, sealed(path.name, identity))
            for name in ("runs", "tables"):
                (folder / name).mkdir(exist_ok=True)
            for place in (folder, folder / "tables"):
                remove_partials(place)
        except OSError as error:
            raise unwritable(folder, error) from None
        check_writable(folder)
        yield


def check_ours(
    folder: Path, options: Mapping[str, Any], limits: Mapping[str, Any] | None = None
) -> None:
    """Whether `opened` would take the folder, as far as that can be seen without writing.

    Raises:
        RunError: if it would not.
    """
    _require_no_file(folder)
    if not exists(folder):
        return
    try:
        refuse_links(folder / name for name in LINKED)
        _require_ours(folder, _identity(options, limits or {}))
    except OSError as error:
        raise unwritable(folder, error) from None


def seeds_held(folder: Path, fewer: Sequence[int]) -> tuple[int, ...] | None:
    """The seeds that a results folder is for, if they are these, in their order, and more.

    Raises:
        RunError: for a folder that cannot be read.
    """
    path = folder / "study.json"
    refuse_links([path])
    if not exists(path):
        return None
    options = read_sealed(path, RunError, DAMAGED).get("options")
    held = options.get("seeds") if isinstance(options, Mapping) else None
    return tuple(held) if held and rows(held) and _more(list(fewer), held) else None


def _require_no_file(folder: Path) -> None:
    """
    Raises:
        RunError: for a file in the place of the folder, or of one that it is in.
    """
    for place in (folder, *folder.parents):
        if place.is_file():
            raise RunError(f"{place} is a file, not a folder: choose another --out")


def _identity(options: Mapping[str, Any], limits: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "resqunn": __version__,
        "options": dict(options),
        "rules": RULES,
        "limits": dict(limits),
    }


def _require_ours(folder: Path, identity: Mapping[str, Any]) -> bool:
    """Whether the folder says that it is for this; if not, it is free, or has fewer seeds.

    Raises:
        RunError: if it is for something else.
    """
    path = folder / "study.json"
    if not exists(path):
        ours = OWN if (folder / "locks").is_dir() else ()
        others = [entry.name for entry in folder.iterdir() if not is_partial(entry)]
        if not set(others) <= set(ours):
            raise RunError(f"{folder} holds other files: choose another --out")
        return False
    found = read_sealed(path, RunError, DAMAGED)
    if found.get("resqunn") != __version__:
        raise RunError(
            f"{folder} was made by resqunn {brief(found.get('resqunn'))}, not {__version__}: "
            "choose another --out, or use that version"
        )
    if found.get("rules") != RULES:
        raise RunError(
            f"{folder} was begun under other rules of judging than this version's: choose another "
            "--out, or use the version of resqunn that began it"
        )
    for name in ("options", "limits"):
        if not isinstance(found.get(name), Mapping):
            raise RunError(f"{path} cannot be read: it holds no {name}; choose another --out")
    _require_limits(folder, found, identity)
    theirs, ours = found["options"], identity["options"]
    more = "seeds" in ours and _more(theirs.get("seeds"), ours["seeds"])
    different = [name for name in ours if theirs.get(name) != ours[name]]
    different = [name for name in different if not (more and name == "seeds")]
    if different:
        # What cannot be continued in any way comes before what takes another number of seeds.
        name = min(different, key=lambda name: name == "seeds")
        held = theirs.get(name)
        right = "repeat its options"
        if name == "seeds" and len(rows(held)) == 1:
            right = f"ask for --seeds {spelled(held)}"
        raise RunError(
            f"{folder} holds {difference(name, held, ours[name])}: {right}, or choose another --out"
        )
    return not more


def _require_limits(folder: Path, found: Mapping[str, Any], identity: Mapping[str, Any]) -> None:
    fixed = "these are fixed before the first run: choose another --out"
    theirs, ours = found["limits"], identity["limits"]
    for claim in dict.fromkeys((*ours, *theirs)):
        called = _called(claim, (identity if claim in ours else found)["options"])
        noun = "" if called.startswith("question") else "the claim "
        if claim not in theirs:
            raise RunError(f"{folder} lacks {noun}{called}; {fixed}")
        if claim not in ours:
            raise RunError(f"{folder} has {noun}{called}, which is not asked now; {fixed}")
        was = theirs[claim] if isinstance(theirs[claim], Mapping) else {}
        for name, value in ours[claim].items():
            if was.get(name) == value:
                continue
            if name in ("figures", "quantities") and _measured(was) != _measured(ours[claim]):
                raise RunError(f"{folder} judges {called} by other quantities; {fixed}")
            raise RunError(
                f"{folder} judges {called} with {name} = {shown(was.get(name))}, not "
                f"{shown(value)}; {fixed}"
            )


def _measured(limits: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a claim is judged by but for the figures."""
    found = limits.get("quantities")
    each_of = found if isinstance(found, list) else []
    return [{**each, "figure": None} for each in each_of if isinstance(each, Mapping)]


def _more(theirs: Any, ours: Any) -> bool:
    """Whether ours are their seeds, in their order, and more."""
    both = isinstance(theirs, list) and isinstance(ours, list)
    return both and len(theirs) < len(ours) and ours[: len(theirs)] == theirs


def _called(claim: str, options: Mapping[str, Any]) -> str:
    """A claim by its name; one of a question file also by its words."""
    word, _, number = claim.partition(" ")
    asked = options.get("question")
    if word == "question" and number.isdecimal() and isinstance(asked, list):
        each = asked[int(number) - 1] if int(number) <= len(asked) else None
        words = each.get("claim") if isinstance(each, Mapping) else None
        return f"question {int(number)} ({brief(words)!r})"
    return repr(brief(claim))


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
