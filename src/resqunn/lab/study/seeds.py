"""Seeds as people name them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from resqunn.checks import shown
from resqunn.errors import ConfigurationError

MAX_SEEDS = 1000


def seeds(text: str) -> tuple[int, ...]:
    """Seeds as the command line names them: a number of them, or a range.

    >>> seeds("3"), seeds("200:203")
    ((0, 1, 2), (200, 201, 202))

    Raises:
        ConfigurationError: for anything else.
    """
    first, last = text.split(":", 1) if ":" in text else ("0", text)
    fits = all(part.isascii() and part.isdecimal() and len(part) < 19 for part in (first, last))
    count = int(last) - int(first) if fits else 0
    if not 1 <= count <= MAX_SEEDS:
        raise ConfigurationError(
            f"seeds must be a number from 1 to {MAX_SEEDS}, or a range such as 200:230, "
            f"got {text!r}"
        )
    return tuple(range(int(first), int(last)))


def spelled(numbers: Sequence[int]) -> str:
    """The seeds as `seeds` reads them, if they are a range.

    >>> spelled((0, 1, 2)), spelled((200, 201))
    ('3', '200:202')
    """
    first, last = numbers[0], numbers[-1] + 1
    return str(last) if first == 0 else f"{first}:{last}"


def rows(value: Any) -> list[list[int]]:
    """Whole numbers, cut where they do not go up by one; none for anything else.

    >>> rows([3, 4, 5, 9]), rows(["3", 4]), rows(3)
    ([[3, 4, 5], [9]], [], [])
    """
    if not isinstance(value, list | tuple) or not all(type(number) is int for number in value):
        return []
    found: list[list[int]] = []
    for number in value:
        if found and found[-1][-1] == number - 1:
            found[-1].append(number)
        else:
            found.append([number])
    return found


def different(numbers: Sequence[int]) -> tuple[int, ...]:
    """
    Raises:
        ConfigurationError: for seeds that are not different numbers of at least 0, too many or
            none.
    """
    if not 1 <= len(numbers) <= MAX_SEEDS or len(set(numbers)) != len(numbers):
        raise ConfigurationError(
            f"seeds must be 1 to {MAX_SEEDS} different numbers, got {shown(numbers)}"
        )
    if not all(0 <= seed < 2**63 for seed in numbers):
        raise ConfigurationError(f"seeds must be 0 or more and below 2**63, got {shown(numbers)}")
    return tuple(numbers)


def seeds_of(given: int | str | Sequence[int]) -> tuple[int, ...]:
    """Seeds from their number, a range as text, or the numbers themselves.

    >>> seeds_of(2), seeds_of("200:202"), seeds_of([3, 5])
    ((0, 1), (200, 201), (3, 5))

    Raises:
        ConfigurationError: for what is none of these.
    """
    if isinstance(given, int):
        return seeds(str(given))
    return seeds(given) if isinstance(given, str) else different(given)
