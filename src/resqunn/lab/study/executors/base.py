"""What an executor is, and the simplest one.

An executor only says what became of each run; trying again, reporting and progress are the
same for all of them, in `execution.py`. Runs write their own folders, so the results are the
same from each.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from resqunn.errors import ResqunnError
from resqunn.lab.study.plan import PlannedRun
from resqunn.lab.study.tasks import perform


@dataclass(frozen=True)
class Outcome:
    """A run is done (`error` is None), or has failed."""

    run: PlannedRun
    seconds: float
    error: str | None = None


class Executor(ABC):
    """Base of all places where runs are executed."""

    @property
    @abstractmethod
    def width(self) -> int:
        """How many runs go on at once."""

    @abstractmethod
    def outcomes(self, runs: Sequence[PlannedRun], folder: Path) -> Iterator[Outcome]:
        """Executes the runs; yields each when it has ended, in whatever order.

        Closed early, or interrupted, it stops what it has started.
        """

    def close(self) -> None:  # noqa: B027 - most have nothing to give back
        """Gives back what the executor holds."""


def attempt(run: PlannedRun, folder: Path) -> Outcome:
    """One attempt at a run, in this process; no exception of the run gets out."""
    start = time.monotonic()
    error = None
    try:
        perform(run, folder)
    except Exception as mistake:
        known = isinstance(mistake, ResqunnError)
        error = str(mistake) if known else f"{type(mistake).__name__}: {mistake}"
    return Outcome(run, time.monotonic() - start, error)


class Serial(Executor):
    """One run after the other, in this process."""

    @property
    def width(self) -> int:
        return 1

    def outcomes(self, runs: Sequence[PlannedRun], folder: Path) -> Iterator[Outcome]:
        for run in runs:
            yield attempt(run, folder)
