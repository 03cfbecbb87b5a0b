"""What an executor is, and the simplest one.

An executor only says what became of each run; what is trained together, trying again, reporting
and progress are the same for all of them, in `execution.py`. Runs write their own folders, so
the results are the same from each.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from resqunn.errors import ResqunnError
from resqunn.lab.study.plan import PlannedRun
from resqunn.lab.study.tasks import perform

Stack = tuple[PlannedRun, ...]
"""Runs that one process trains together."""


@dataclass(frozen=True)
class Outcome:
    """A run is done (`error` is None), or has failed.

    Attributes:
        seconds: that it took, or its share of the time of its stack.
    """

    run: PlannedRun
    seconds: float
    error: str | None = None


class Executor(ABC):
    """Base of all places where runs are executed."""

    @property
    @abstractmethod
    def width(self) -> int:
        """How many stacks go on at once."""

    @abstractmethod
    def outcomes(self, stacks: Sequence[Stack], folder: Path) -> Iterator[list[Outcome]]:
        """Executes stacks of runs; yields what became of each run of a stack when it has ended,
        in whatever order.

        Closed early, or interrupted, it stops what it has started.
        """

    def close(self) -> None:  # noqa: B027 - most have nothing to give back
        """Gives back what the executor holds."""


def attempt(stack: Stack, folder: Path) -> list[Outcome]:
    """One attempt at each run of a stack, in this process; no exception of a run gets out."""
    start = time.monotonic()
    try:
        errors = perform(stack, folder)
    except Exception as mistake:
        errors = dict.fromkeys((run.key for run in stack), mistake)
    return outcomes_of(stack, {key: described(e) for key, e in errors.items()}, start)


def outcomes_of(stack: Stack, errors: Mapping[str, str | None], start: float) -> list[Outcome]:
    """The outcomes of runs that ended now with these errors, or none.

    Args:
        start: of the stack, by `time.monotonic()`.
    """
    seconds = (time.monotonic() - start) / len(stack)
    return [Outcome(run, seconds, errors[run.key]) for run in stack]


def described(error: Exception | None) -> str | None:
    """The line that an error gets."""
    if error is None or isinstance(error, ResqunnError):
        return error and str(error)
    return f"{type(error).__name__}: {error}"


class Serial(Executor):
    """One stack after the other, in this process."""

    @property
    def width(self) -> int:
        return 1

    def outcomes(self, stacks: Sequence[Stack], folder: Path) -> Iterator[list[Outcome]]:
        for stack in stacks:
            yield attempt(stack, folder)
