"""A plan before it is run: whether each of its networks can be built, and about how long it takes.

Networks are built and a few steps of each are timed; no file is written.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from resqunn.data.datasets import Dataset
from resqunn.data.sources import SOURCES
from resqunn.errors import ResqunnError
from resqunn.lab.study.finished import read_runs
from resqunn.lab.study.folder import check_ours
from resqunn.lab.study.plan import TRAIN, Plan, PlannedRun
from resqunn.lab.study.running import placed, require_reported
from resqunn.lab.study.statistics import FEWEST
from resqunn.lab.training.config import TrainConfig
from resqunn.lab.training.evaluation import evaluate, prepare
from resqunn.lab.training.inputs import in_words, load_data
from resqunn.lab.training.session import Session
from resqunn.lab.training.stack import Learner, Stack

STEPS = 6
"""Batches that are timed of each network, after as many that are not."""

OTHER = 2.0
"""Seconds that a run of another task is taken to last."""

DESCRIBED = 4
"""Choices of images that are described; of further ones their number is said."""

LOOKING = 20.0
"""Seconds after which further networks are built but not timed."""


@dataclass(frozen=True)
class Outlook:
    """What is left of a plan.

    Attributes:
        runs: all, without repetitions.
        done: those that are finished.
        seconds: until the rest is done, about; networks that are trained together need less.
        decides: the smallest number of seeds that can decide a question.
        data: what each choice of images holds, in words.
    """

    runs: int
    done: int
    seconds: float
    decides: int = FEWEST
    data: tuple[str, ...] = ()


def outlook(
    plan: Plan, folder: Path, width: int = 1, data_root: str | Path | None = None
) -> Outlook:
    """Looks ahead.

    Args:
        width: how many processes there are.

    Raises:
        ResqunnError: for a network that cannot be built, data that cannot be had, or a folder
            that is for something else; says which.
    """
    check_ours(folder, plan.options, plan.limits)
    data = []
    for config in plan.data:
        found = load_data(placed(config, data_root))
        require_reported(plan, found)
        data.append(_described(config, found))
    data = list(dict.fromkeys(data))
    if len(data) > DESCRIBED:
        data[DESCRIBED:] = [f"and {len(data) - DESCRIBED} more"]
    runs = plan.runs
    done = read_runs(folder, runs, plan.reported)
    waiting = [run for run in runs if run.key not in done]
    kinds: dict[tuple[str, TrainConfig], list[PlannedRun]] = {}
    for run in waiting:
        kinds.setdefault((run.task, replace(run.config, seed=0)), []).append(run)
    known: list[tuple[int, float]] = []
    start, before = time.perf_counter(), torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for alike in kinds.values():
            timed = time.perf_counter() - start < LOOKING
            found = _seconds(alike[0], data_root, timed)
            if found is not None:
                known.append((len(alike), found))
    finally:
        torch.set_num_threads(before)
    of_run = sum(n * each for n, each in known) / max(1, sum(n for n, _ in known))
    seconds = of_run * len(waiting) / max(1, width)
    return Outlook(len(runs), len(runs) - len(waiting), seconds, data=tuple(data))


def _described(config: TrainConfig, data: Dataset) -> str:
    parts = {"train": data.train, "validation": data.validation, "test": data.test}
    counts = {part: len(images) for part, images in parts.items() if images is not None}
    *drawn, last = (*(("training",) if _of_a_subset(config) else ()), *data.drawn) or ("",)
    words = f"{', '.join(drawn)} and {last}" if drawn else last
    by = "the seed" if config.split_seed is None else "split_seed"
    split = f"{words} drawn by {by}" if words else "split as the files say"
    shape = data.train.images.shape[1:]
    return f"{in_words(config.data, len(data.train.classes), shape, counts)}, {split}"


def _of_a_subset(config: TrainConfig) -> bool:
    """Whether a number of images to train on is drawn, not what is left of them."""
    row = SOURCES.get(config.data)
    each = config.per_class or (row.per_class if row else None) or "all"
    return config.train_images is not None or each != "all"


def _seconds(run: PlannedRun, data_root: str | Path | None, timed: bool) -> float | None:
    """A run's time, about; None for one that is not timed."""
    if run.task != TRAIN:
        return OTHER
    config = placed(run.config, data_root)
    try:
        session = Session(config, model=config.model)
        return _timed(session) if timed else None
    except ResqunnError as error:
        error.args = (f"network {run.label!r}: {error}",)
        raise


def _timed(session: Session) -> float:
    """A run's time from that of a few steps and one evaluation."""
    config, model = session.config, session.model
    start = time.perf_counter()
    data, validation = prepare(model, session.train), prepare(model, session.validation)
    prepared = time.perf_counter() - start
    learner = Learner(model, session.optimizer, data, config.seed, objective=session.objective)
    whole = (
        Stack([learner], config.batch_size).steps
        if config.steps_per_epoch is None
        else config.steps_per_epoch
    )
    stack = Stack([learner], config.batch_size, min(STEPS, whole))
    stack.train_epoch([1])  # compiles, if anything is to be compiled
    start = time.perf_counter()
    stack.train_epoch([2])
    of_step = (time.perf_counter() - start) / stack.steps
    start = time.perf_counter()
    evaluate(model, validation)
    of_image = (time.perf_counter() - start) / max(1, len(validation))
    epoch = of_step * whole + of_image * (len(data) + len(validation))
    return prepared + config.epochs * epoch
