"""In what the options of a results folder differ from those of a command, as part of a message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from resqunn.lab.study.seeds import rows
from resqunn.lab.training.harmless import brief, one_line

LISTED = 4
"""Whole numbers in a row that are shown one by one."""

CUT = 60
"""Characters of a value that are shown."""

BEFORE = 20
"""Characters before the first that differs, where long texts begin alike."""


def difference(name: str, was: Any, now: Any) -> str:
    """Where two values of an option differ first.

    >>> difference("epochs", 1, 2)
    'results with epochs = 1, not 2'
    >>> difference("question", [{"claim": "Yes."}], [{"claim": "No."}])
    "other results: question 1: claim was 'Yes.', is now 'No.'"
    """
    place, was, now = _first([name], was, now)
    if place == [name]:
        was, now = _apart(was, now)
        return f"results with {name} = {shown(was)}, not {shown(now)}"
    old, new = (_quoted(each) for each in _apart(was, now))
    return f"other results: {': '.join(place)} was {old}, is now {new}"


def shown(value: Any) -> str:
    """A value on one line; whole numbers in a row as "0 to 19"."""
    if len(found := rows(value)) == 1 and len(found[0]) > LISTED:
        return f"{value[0]} to {value[-1]}"
    return brief(" ".join(map(str, value)) if isinstance(value, list) else value, CUT)


def _first(place: list[str], was: Any, now: Any) -> tuple[list[str], Any, Any]:
    """The keys that lead to the first difference, and the two values there."""
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        for key in dict.fromkeys((*now, *was)):
            if was.get(key) != now.get(key):
                return _first([*place, brief(key)], was.get(key), now.get(key))
    if _tables(was) and _tables(now):
        for i in range(max(len(was), len(now))):
            pair = [each[i] if i < len(each) else None for each in (was, now)]
            if pair[0] != pair[1]:
                return _first([*place[:-1], f"{place[-1]} {i + 1}"], *pair)
    return place, was, now


def _tables(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, Mapping) for each in value)


def _apart(was: Any, now: Any) -> tuple[Any, Any]:
    """Two values; long texts from a little before they differ."""
    if not (isinstance(was, str) and isinstance(now, str)):
        return was, now
    was, now = one_line(was), one_line(now)
    if max(len(was), len(now)) <= CUT:
        return was, now
    pairs = enumerate(zip(was, now, strict=False))
    same = next((i for i, (a, b) in pairs if a != b), min(len(was), len(now)))
    start = max(0, same - BEFORE)
    dots = "..." if start else ""
    return f"{dots}{was[start:]}", f"{dots}{now[start:]}"


def _quoted(value: Any) -> str:
    if value is None:
        return "missing"
    return f"'{brief(value, CUT)}'" if isinstance(value, str) else shown(value)
