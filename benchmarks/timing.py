"""Fair timing: contestants take turns, so that noise meets all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

ROUNDS = 15
LEAST_ROUNDS = 7
TURN_SECONDS = 0.02
"""A contestant's turn is repeated up to this long, so that short calls are timed often."""

CASE_SECONDS = 12.0
"""After so long a case ends, if every contestant has had `LEAST_ROUNDS` turns."""


@dataclass(frozen=True)
class Timing:
    """Seconds: the first call ever in this process, the median and the minimum after it."""

    first: float
    median: float
    least: float
    calls: int


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def race(contestants: dict[str, Callable[[], object]]) -> dict[str, Timing]:
    """Times every contestant, turn by turn after two calls to warm up."""
    first = {name: seconds(call) for name, call in contestants.items()}
    warm = {name: seconds(call) for name, call in contestants.items()}
    repeats = {name: max(1, min(20, int(TURN_SECONDS / warm[name]))) for name in contestants}
    times: dict[str, list[float]] = {name: [] for name in contestants}
    begin = time.perf_counter()
    for turn in range(ROUNDS):
        if turn >= LEAST_ROUNDS and time.perf_counter() - begin > CASE_SECONDS:
            break
        for name, call in contestants.items():
            times[name] += [seconds(call) for _ in range(repeats[name])]
    return {
        name: Timing(first[name], statistics.median(found), min(found), len(found))
        for name, found in times.items()
    }
