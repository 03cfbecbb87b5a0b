"""A pool of processes that survives the death of any of them.

Unlike the standard library's pools it knows which runs a dead process was at, and starts a new
process in its place.
"""

from __future__ import annotations

import multiprocessing  # noqa: TID251 - between processes of this library
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait  # noqa: TID251
from pathlib import Path
from typing import Any

from resqunn.lab.study.executors.base import Executor, Outcome, Stack, attempt, outcomes_of

_CONTEXT = multiprocessing.get_context("spawn")
"""Torch's and numba's threads do not survive a fork."""

PATIENCE = 5.0
"""Seconds that a process gets to end."""


@dataclass(frozen=True)
class Pool(Executor):
    """A number of processes on this machine, one thread each."""

    workers: int

    @property
    def width(self) -> int:
        return self.workers

    def outcomes(self, stacks: Sequence[Stack], folder: Path) -> Iterator[list[Outcome]]:
        queue = deque(stacks)
        workers = [_Worker() for _ in range(min(self.workers, len(queue)))]
        try:
            for worker in workers:
                worker.start(queue.popleft(), folder)
            while any(worker.stack for worker in workers):
                busy = {worker.connection: worker for worker in workers if worker.stack}
                for ready in wait(list(busy)):
                    worker = busy[ready]  # pyright: ignore[reportArgumentType]
                    outcomes = worker.outcomes()
                    if not worker.alive:
                        workers.remove(worker)
                        worker.stop()
                        worker = _Worker() if queue else None
                        workers += [worker] if worker else []
                    if queue and worker:
                        worker.start(queue.popleft(), folder)
                    yield outcomes
        finally:
            for worker in workers:
                worker.stop()


class _Worker:
    """A process, and the runs that it is at."""

    def __init__(self) -> None:
        self.connection, other = _CONTEXT.Pipe()
        self.process = _CONTEXT.Process(target=_serve, args=(other,), daemon=True)
        self.process.start()
        other.close()  # so that the end of the process is the end of the connection
        self.stack: Stack = ()
        self.alive = True
        self.since = 0.0

    def start(self, stack: Stack, folder: Path) -> None:
        self.stack, self.since = stack, time.monotonic()
        try:
            self.connection.send((stack, folder))
        except OSError:
            self.alive = False  # seen by `outcomes`

    def outcomes(self) -> list[Outcome]:
        """What became of the runs; called when the connection has something to say."""
        stack, self.stack = self.stack, ()
        try:
            return self.connection.recv()
        except (EOFError, OSError):
            self.alive = False
            self.process.join(PATIENCE)
            code = self.process.exitcode
            how = f"was killed by signal {-code}" if code and code < 0 else f"ended with {code}"
            errors = {run.key: f"its worker process {how}" for run in stack}
            return outcomes_of(stack, errors, self.since)

    def stop(self) -> None:
        """Ends the process; runs in the middle can be resumed."""
        self.connection.close()
        self.process.terminate()
        self.process.join(PATIENCE)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def _serve(connection: Connection[Any, Any]) -> None:
    """A worker's life: stacks of runs come in, outcomes go out."""
    # Ctrl-C reaches every process of a terminal; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    while True:
        try:
            stack, folder = connection.recv()
            connection.send(attempt(stack, folder))
        except (EOFError, OSError):
            return


def _die_with_parent() -> None:
    """No orphan may go on writing in a folder that a new command takes over."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
