"""What the commands show while they work: live on a terminal, else a line now and then."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from resqunn.cli import tables
from resqunn.cli.console import console, errors, shown
from resqunn.cli.signals import Stopped, stoppable

if TYPE_CHECKING:
    from torch import nn

    from resqunn.data.datasets import Dataset
    from resqunn.lab.study.execution import Progress as StudyProgress
    from resqunn.lab.study.running import Finished
    from resqunn.lab.training.config import TrainConfig
    from resqunn.lab.training.run import Callbacks, Epoch, Run

STEPS = 20
"""Lines of a long command whose output is no terminal, besides one every `PATIENCE` seconds."""

PATIENCE = 30.0

Row = TypeVar("Row")


def _bar(*columns: ProgressColumn) -> Progress:
    """A live line: what is done, a bar, a count, its state, the time."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[state]}"),
        TimeElapsedColumn(),
        *columns,
        console=errors,
        transient=True,
    )


def _live(shown: Progress) -> contextlib.AbstractContextManager[object]:
    """Shows it on a terminal; elsewhere it would leave an empty line."""
    return shown if errors.is_terminal else contextlib.nullcontext()


def training(folder: Path, go: Callable[[Callbacks], Run]) -> None:
    """Runs a training with a progress bar or a line an epoch, then shows its report."""
    from resqunn.lab.training.run import Callbacks
    from resqunn.lab.training.scores import read_scores

    shown = _bar(TextColumn("left"), TimeRemainingColumn())
    task = shown.add_task("reading the data", total=None, state="")
    state = {"epoch": 0, "epochs": 0, "validation": ""}

    def on_start(config: TrainConfig, data: Dataset, model: nn.Module, done: int) -> None:
        console.print(_heading(config, data, model))
        batches = config.steps_per_epoch or -(-len(data.train) // config.batch_size)
        state.update(epoch=done, epochs=config.epochs)
        shown.update(
            task,
            total=batches * config.epochs,
            completed=batches * done,
            description="first batch (kernels are compiled at their first use)",
        )

    def on_batch(number: int, batches: int, loss: float, accuracy: float) -> None:
        shown.update(
            task,
            advance=1,
            description=f"epoch {int(state['epoch']) + 1}/{state['epochs']}",
            state=f"loss {loss:.3f}  accuracy {accuracy:.1%}{state['validation']}",
        )

    def on_epoch(epoch: Epoch) -> None:
        state["epoch"] = epoch.epoch
        state["validation"] = f"  validation {epoch.validation_accuracy:.1%}"
        if not console.is_terminal:
            console.print(
                f"epoch {epoch.epoch}/{state['epochs']}  loss {epoch.loss:.4f}  "
                f"train {epoch.train_accuracy:.1%}{state['validation']}"
            )

    try:
        with stoppable(), _live(shown):
            run = go(Callbacks(on_start, on_batch, on_epoch))
    except Stopped as stop:
        if (folder / "config.json").exists():
            of = f" of {state['epochs']}" if state["epochs"] else ""
            stop.args = (
                f"stopped after {state['epoch']}{of} whole epochs; continue with: "
                f"resqunn resume {folder}",
            )
        raise
    tables.report(run, read_scores(run))


def _heading(config: TrainConfig, data: Dataset, model: nn.Module) -> str:
    from resqunn.data.pictures import words
    from resqunn.nn.network import ResQuNN
    from resqunn.nn.noise import circuit_weights

    weights = sum(p.numel() for p in model.parameters() if p.requires_grad)
    network = shown(config.model or "")
    training = f"{weights:,} weights"
    if config.model is None and isinstance(model, ResQuNN):
        quantum = sum(w.numel() for w in circuit_weights(model.layers))
        network = (
            f"{model.wiring}, {len(model.layers)} quanvolutional layers "
            f"({config.ansatz}, depth {' and '.join(map(str, config.depths))}, {quantum} weights"
            f"{'' if config.trainable else ', frozen'}), {config.head} head"
        )
        training += f" with {'true' if config.input_gradients else 'cut'} input derivatives"
    parts = {"training": data.train, "validation": data.validation}
    if data.test is not None and config.test:
        parts["test"] = data.test
    *first, last = (f"{len(part):,} {name}" for name, part in parts.items())
    return (
        f"data     {shown(data.name)}: {', '.join(first)} and {last} images of "
        f"{len(data.train.classes)} classes, "
        f"{words(data.train.images.shape[1:])}\n"
        f"network  {network}\n"
        f"training {training}, {_optimizer(config)}, batch {config.batch_size}, seed {config.seed}"
    )


def _optimizer(config: TrainConfig) -> str:
    """The optimiser with its rates."""
    names = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD"}
    text = f"{names[config.optimizer]} {config.learning_rate:g}"
    if config.quantum_learning_rate is not None:
        text += f" ({config.quantum_learning_rate:g} for circuits)"
    return text if config.schedule == "constant" else f"{text}, {config.schedule} schedule"


def reproducing(
    folder: Path, go: Callable[[Callable[[StudyProgress], None]], Finished]
) -> Finished:
    """Runs the studies with a count of runs done, running and left."""
    shown = _bar()
    task = shown.add_task("reading the data", total=None, state="")
    log = _Log()

    def report(progress: StudyProgress) -> None:
        state = f"{progress.running} running, {progress.left} left"
        if progress.failed:
            state += f", {progress.failed} failed"
        if progress.seconds_left is not None and progress.running:
            state += f", about {_duration(progress.seconds_left)} to go;"
        shown.update(
            task,
            description=progress.stage,
            total=progress.total,
            completed=progress.done,
            state=state,
        )
        if not console.is_terminal and log.due(progress):
            text = f"{progress.stage}: {progress.done} of {progress.total} runs done, {state}"
            console.print(text.rstrip(";"))

    try:
        with stoppable(), _live(shown):
            return go(report)
    except Stopped as stop:
        stop.args = (f"stopped; finished runs are kept in {folder}: repeat the command to go on",)
        raise


class _Log:
    """Which of many reports are worth a line."""

    def __init__(self) -> None:
        self.last: tuple[str, int] | None = None
        self.since = time.monotonic()

    def due(self, progress: StudyProgress) -> bool:
        ended = progress.done + progress.failed
        step = (progress.stage, STEPS * ended // max(1, progress.total))
        if step == self.last and time.monotonic() - self.since < PATIENCE:
            return False
        self.last, self.since = step, time.monotonic()
        return True


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def counted(rows: Iterable[Row], layers: int) -> list[Row]:
    """The rows as a list, with a count of wirings while they are computed."""
    with stoppable(), errors.status("") as status:
        found: list[Row] = []
        for row in rows:
            found.append(row)
            status.update(f"{len(found)} wirings of {layers} layers")
        return found


def waiting(what: str, go: Callable[[], Row]) -> Row:
    """Does something that takes a few seconds, with a sign of life."""
    with stoppable(), errors.status(what):
        return go()
