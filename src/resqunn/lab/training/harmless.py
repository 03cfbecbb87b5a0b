"""Texts and folders of strangers, made harmless before they are shown or written to."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

from resqunn.errors import RunError

FORMULA = tuple("=+-@\t\r\n＝＋－＠")
"""What a spreadsheet takes for the beginning of a formula, in a CSV file too."""


def printable(text: str) -> str:
    r"""A text without control characters (terminal escapes), lone surrogates and marks that
    turn the direction of writing; each becomes U+FFFD. Line feeds and tabs stay.

    >>> printable("two\x1b[31m lines\n")
    'two�[31m lines\n'
    """
    return "".join(c if c in "\n\t" or _harmless(c) else "\ufffd" for c in text)


def one_line(text: object) -> str:
    """A text that may hold names from outside, as one line without terminal escapes."""
    return " ".join(printable(str(text)).splitlines())


def brief(value: object, most: int = 60) -> str:
    """What a file of somebody else gives for a value, as part of a message.

    >>> brief("2.13.0" * 100)
    '2.13.02.13.02.13.02.13.02.13.02.13.02.13.02.13.02.13.02.13.0...'
    """
    text = one_line(value)
    return text if len(text) <= most else f"{text[:most]}..."


def _harmless(character: str) -> bool:
    kind = unicodedata.category(character)
    turns = unicodedata.bidirectional(character)
    # Surrogates and the last two characters of each plane are illegal in XML.
    illegal = ord(character) & 0xFFFE == 0xFFFE
    return kind not in ("Cc", "Cs") and turns[-1:] not in ("E", "O", "I") and not illegal


def cell(value: Any) -> Any:
    """A value as a cell of a CSV file: numbers stay numbers, None is empty, and a text that a
    spreadsheet would compute gets an apostrophe in front.

    >>> [cell(value) for value in ("=1+1", "X+O1", -0.5, None, True)]
    ["'=1+1", 'X+O1', -0.5, '', 'true']
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return "'" * value.startswith(FORMULA) + printable(value)
    return value


def own_folder(path: Path) -> Path:
    """Makes a folder to write to, if it is not there.

    Raises:
        RunError: if a symbolic link stands in its place: its target is not ours.
    """
    if path.is_symlink():
        raise RunError(
            f"{path} is a symbolic link, and nothing is written through it: remove the link"
        )
    path.mkdir(parents=True, exist_ok=True)
    return path
