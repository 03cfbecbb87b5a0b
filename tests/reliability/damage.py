"""Damages a file in every way, uses it each time, and checks what its user is told."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from resqunn.errors import ResqunnError

from reliability import mutations


def tried(load: Callable[[], Any], error: Any) -> tuple[Any, str | None]:
    """What a file gives, or the message of the error."""
    try:
        return load(), None
    except error as mistake:
        return None, str(mistake)


def damage(
    place: Path,
    ways: dict[str, mutations.Mutation],
    count: int,
    load: Callable[[], Any],
    error: type[ResqunnError] | tuple[type[ResqunnError], ...],
) -> None:
    """Damages a file so many times, in every way in turn, and uses it."""
    content, expected, rng = place.read_bytes(), load(), random.Random(place.name)
    accepted: list[str] = []
    try:
        for number in range(count):
            name = list(ways)[number % len(ways)]
            place.write_bytes(ways[name](content, rng))
            found, mistake = tried(load, error)
            if mistake is None:
                accepted.append(name)
                assert found == expected, name
            else:
                assert place.name in mistake, name
                assert "\n" not in mistake, name
            assert not place.with_name("mark").exists(), f"{name} was executed"
    finally:
        place.write_bytes(content)
    assert len(accepted) < count / 4 or place.name == "result.json", accepted
