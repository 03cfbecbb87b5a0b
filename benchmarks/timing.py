"""Fair timing: contestants take turns, so that noise meets all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

TURN_SECONDS = 0.02
"""A contestant's turn is repeated up to this long, so that short calls are timed often."""

Call = Callable[[], object]


class Patience(NamedTuple):
    """How long a race lasts: so many rounds, but after so many seconds only the least number."""

    rounds: int = 15
    least: int = 7
    seconds: float = 12.0


LONG = Patience(rounds=120, least=15, seconds=4.0)
"""For calls of a millisecond: a processor's clock changes from one second to the next."""


class Spent(NamedTuple):
    """Seconds of one call: on the clock, and of the processor, all threads together."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Timing:
    """Seconds: the first call ever in this process, and medians and the minimum after it."""

    first: float
    median: float
    cpu: float
    least: float
    calls: int


@dataclass(frozen=True)
class Result:
    """One row: a case and its contestants' timings; `scale` for those timed on a slice.

    Attributes:
        limit: milliseconds that the processor would need, if that is known (`limits.py`).
    """

    case: str
    timings: dict[str, Timing]
    scale: dict[str, float] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    limit: float | None = None

    def wall(self, name: str) -> float:
        """Milliseconds on the clock."""
        return 1e3 * self.timings[name].median * self.scale.get(name, 1.0)

    def cpu(self, name: str) -> float:
        """Milliseconds of the processor."""
        return 1e3 * self.timings[name].cpu * self.scale.get(name, 1.0)


def spent(call: Call) -> Spent:
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    # In the opposite order, so that the processor's time is taken inside the clock's.
    cpu = time.process_time() - cpu
    return Spent(time.perf_counter() - wall, cpu)


def race(contestants: Mapping[str, Call], patience: Patience | None = None) -> dict[str, Timing]:
    """Times every contestant, turn by turn after two calls to warm up."""
    patience = patience or Patience()
    first = {name: spent(call).wall for name, call in contestants.items()}
    warm = {name: spent(call).wall for name, call in contestants.items()}
    repeats = {name: max(1, min(20, int(TURN_SECONDS / warm[name]))) for name in contestants}
    times: dict[str, list[Spent]] = {name: [] for name in contestants}
    begin = time.perf_counter()
    for turn in range(patience.rounds):
        if turn >= patience.least and time.perf_counter() - begin > patience.seconds:
            break
        for name, call in contestants.items():
            times[name] += [spent(call) for _ in range(repeats[name])]
    return {name: _timing(first[name], found) for name, found in times.items()}


def _timing(first: float, found: list[Spent]) -> Timing:
    walls, cpus = zip(*found, strict=True)
    median = statistics.median
    return Timing(first, median(walls), median(cpus), min(walls), len(found))
