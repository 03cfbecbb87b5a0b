"""What is done with planned runs, wherever they are executed.

Every task leaves a folder `runs/KEY` that ends with a `result.json`; that file says that the
run is done. Networks are trained by `lab.training`, which writes the whole folder. Any other
task is a function from a configuration to `Measured`, named by its address, so that worker
processes find it.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from resqunn.errors import ConfigurationError, RunError
from resqunn.lab.study.evaluations import evaluate, evaluated, wanted
from resqunn.lab.study.plan import TRAIN, PlannedRun
from resqunn.lab.study.results import Measured, as_builtins
from resqunn.lab.training.config import TrainConfig
from resqunn.lab.training.files import (
    as_line,
    exists,
    open_for_appending,
    refuse_links,
    remove_partials,
    sealed,
    write_atomically,
)
from resqunn.lab.training.lock import lock
from resqunn.lab.training.records import refuse_linked_parts
from resqunn.lab.training.run import train_several
from resqunn.lab.training.session import threads

_ONE_AT_A_TIME = threading.Lock()
"""Torch's number of threads belongs to the process, so that a process has one stack at a time."""

Task = Callable[[TrainConfig], Measured]


def task(address: str) -> Task:
    """The function at an address, "package.module:name".

    Raises:
        ConfigurationError: if there is none.
    """
    module, _, name = address.partition(":")
    found: Any = None
    with contextlib.suppress(ImportError, AttributeError, ValueError):
        found = getattr(importlib.import_module(module), name)
    if not callable(found):
        raise ConfigurationError(
            f"task must be 'train' or a function's address, package.module:name, got {address!r}"
        )
    return cast(Task, found)


def finished(folder: Path, run: PlannedRun) -> bool:
    """Whether the run is done, its evaluations included."""
    place = folder / "runs" / run.key
    return exists(place / "result.json") and evaluated(place, run)


def perform(stack: Sequence[PlannedRun], folder: Path) -> dict[str, Exception | None]:
    """Does runs of one stack, continues them, or finds them done.

    Returns:
        What has kept each run, by its key, from being done, or None.

    Raises:
        RunError: if `folder` is no results folder, as seen from where the runs are executed.
    """
    if not exists(folder / "study.json"):
        raise RunError(f"{folder} must be a results folder, seen by every worker under this path")
    errors: dict[str, Exception | None] = {}
    with _ONE_AT_A_TIME, contextlib.ExitStack() as held:
        trained: dict[str | Path, TrainConfig] = {}
        # In one order, so that no two stacks wait for each other.
        for run in sorted(stack, key=lambda run: run.key):
            errors[run.key] = None
            try:
                held.enter_context(locked(folder / "locks" / run.key))
                if finished(folder, run):
                    continue
                place = folder / "runs" / run.key
                refuse_links((folder / "runs", place))
                refuse_linked_parts(place)
                if run.task == TRAIN:
                    if not exists(place / "config.json"):
                        with contextlib.suppress(OSError):
                            (place / "checkpoints").rmdir()  # emptied by a user who wants it anew
                    trained[place] = run.config
                else:
                    _measure(run, place)
            except Exception as error:
                errors[run.key] = error
        for place, found in train_several(trained).items():
            errors[place.name] = found if isinstance(found, Exception) else None
        for run in stack:
            if wanted(run) and errors[run.key] is None:
                try:
                    evaluate(folder / "runs" / run.key, run)
                except Exception as error:
                    errors[run.key] = error
    return errors


def _measure(run: PlannedRun, place: Path) -> None:
    """Does what is no training, and writes its result."""
    start = time.perf_counter()
    with threads(1):
        found = task(run.task)(run.config)
    result = {"kind": run.task, "config_sha256": run.config.sha256, **as_builtins(found)}
    seconds = round(time.perf_counter() - start, 4)
    place.mkdir(parents=True, exist_ok=True)
    remove_partials(place)
    write_atomically(place / "config.json", run.config.to_json())
    write_atomically(place / "timings.jsonl", as_line({"epoch": 0, "seconds": seconds}))
    write_atomically(place / "result.json", sealed("result.json", result))


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Waits until no other process is at the same run.

    A scheduler may take a slow worker for a dead one and start its run elsewhere.

    Raises:
        RunError: if the file or its folder is a symbolic link, or cannot be written to.
    """
    refuse_links((path.parent, path))
    try:
        path.parent.mkdir(exist_ok=True)
        handle = open_for_appending(path)
    except OSError as error:
        raise RunError(f"cannot write to {path}: {error.strerror}") from None
    with os.fdopen(handle, "ab") as file:
        lock(file.fileno(), wait=True)
        yield
