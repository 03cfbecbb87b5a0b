"""What a run leaves in its folder, and reading it back.

config.json       everything that decides the result
manifest.json     versions, seed, threads, checksum of the data: what it was run with
metrics.jsonl     one line an epoch; the same bytes whenever the run is repeated
timings.jsonl     seconds of each epoch; differs from run to run
stretches.jsonl   one line for each time it was resumed: versions, threads, first epoch
checkpoints/      the latest epoch, with the optimiser, and the best epoch
scores.json       metrics of the best and the last epoch, on validation and test images
result.json       written when the last epoch is done, after all others

All JSON objects hold their own SHA-256. Checkpoints and the result also hold those of the
configuration and of the metrics that they belong to, so that no part can be changed, or taken
from another run, unnoticed. Times and stretches alone are not protected.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from resqunn.checks import check_fields
from resqunn.errors import RunError
from resqunn.lab.training.checkpoint import AGAIN, Checkpoint, load_checkpoint
from resqunn.lab.training.config import TrainConfig
from resqunn.lab.training.files import (
    as_line,
    exists,
    open_for_appending,
    parsed,
    read_bounded,
    read_sealed,
    refuse_links,
    sealed,
    write_atomically,
)
from resqunn.lab.training.harmless import one_line, printable
from resqunn.lab.training.html_tables import html_table

PARTS = (
    "config.json",
    "manifest.json",
    "metrics.jsonl",
    "timings.jsonl",
    "stretches.jsonl",
    "checkpoints",
    "scores.json",
    "result.json",
)


def refuse_linked_parts(folder: Path) -> None:
    """
    Raises:
        RunError: if a part of the run in the folder, or of its checkpoints, is a symbolic link.
    """
    refuse_links(folder / name for name in PARTS)
    checkpoints = folder / "checkpoints"
    try:
        entries = sorted(checkpoints.iterdir()) if checkpoints.is_dir() else []
    except OSError as error:
        raise RunError(f"{checkpoints} cannot be looked at ({error.strerror})") from None
    refuse_links(entries)


@dataclass(frozen=True)
class Epoch:
    """One line of `metrics.jsonl`. Accuracies are taken after the epoch's last step; on training
    images within it, where the configuration says so.

    Attributes:
        loss: the mean over batches of what is trained on.
        train_loss, validation_loss: the mean cross entropy, of plain labels and classes.
        validation_metric: the value of the configuration's `metric`; None, and in no file, where
            that is the accuracy.
    """

    epoch: int
    loss: float
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    gradient_norms: dict[str, float | None]
    validation_metric: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """What a file holds of it."""
        values = asdict(self)
        if self.validation_metric is None:
            del values["validation_metric"]
        return values


@dataclass(frozen=True, repr=False)
class Run:
    """A finished or interrupted run."""

    folder: Path
    config: TrainConfig
    epochs: tuple[Epoch, ...]

    def value(self, epoch: Epoch) -> float:
        """What the configuration's `metric` is on validation images after an epoch."""
        found = epoch.validation_metric
        return epoch.validation_accuracy if found is None else found

    @property
    def best(self) -> Epoch:
        """The first epoch with the best metric on validation images, by default the accuracy."""
        sign = -1 if self.config.metric == "loss" else 1
        return max(self.epochs, key=lambda epoch: (sign * self.value(epoch), -epoch.epoch))

    @property
    def finished(self) -> bool:
        """Whether its last epoch is done: of those it may have, or its patience has ended."""
        return len(self.epochs) == self.config.epochs or self.stopped_early

    @property
    def stopped_early(self) -> bool:
        """Whether as many epochs as its patience have passed since the best one."""
        patience = self.config.patience
        if patience is None or not self.epochs:
            return False
        return len(self.epochs) - self.best.epoch >= patience

    def __repr__(self) -> str:
        """
        >>> Run(Path("runs/mine"), TrainConfig(epochs=30), ())
        <Run runs/mine: 0 of 30 epochs>
        """
        text = f"{printable(str(self.folder))}: {self._done}"
        if self.epochs:
            best = self.best
            text += f", best {best.epoch} (validation {self.config.metric} {self.value(best):.4f})"
        return f"<Run {text}>"

    @property
    def _done(self) -> str:
        return f"{len(self.epochs)} of {self.config.epochs} epochs"

    def _repr_html_(self) -> str:
        """What a notebook shows: its epochs, the best one with a star."""
        head = ["epoch", "train loss", "train accuracy", "validation accuracy"]
        chosen = self.config.metric not in ("accuracy", "loss")
        rows = [
            [
                f"{epoch.epoch}{'*' if epoch is self.best else ''}",
                f"{epoch.train_loss:.4f}",
                f"{100 * epoch.train_accuracy:.1f} %",
                f"{100 * epoch.validation_accuracy:.1f} %",
                *([f"{self.value(epoch):.4f}"] if chosen else []),
            ]
            for epoch in self.epochs
        ]
        head += [f"validation {self.config.metric}"] if chosen else []
        return html_table(f"{self.folder}: {self._done}", head, rows)


def open_run(folder: str | Path) -> Run:
    """Reads a run's configuration and the epochs of its latest checkpoint.

    Raises:
        RunError: if a part is missing, damaged, or belongs to another run.
    """
    folder = Path(folder)
    config = TrainConfig.from_json(folder / "config.json")
    path = folder / "metrics.jsonl"
    # A run that was stopped in its first epoch has no checkpoint, and at most one line.
    started = exists(path) and len(_lines(path)) > 1
    if not started and not exists(folder / "checkpoints" / "latest.json"):
        return Run(folder, config, ())
    saved = checkpoint_of(folder, "latest", config)
    return Run(folder, config, read_metrics(folder, config, saved.epoch, saved.metrics_sha256))


def checkpoint_of(folder: Path, name: str, config: TrainConfig) -> Checkpoint:
    """A checkpoint of the run in a folder.

    Raises:
        RunError: if it is missing, damaged, or belongs to another configuration.
    """
    saved = load_checkpoint(folder / "checkpoints", name)
    if saved.config_sha256 != config.sha256:
        raise RunError(
            f"{folder / 'checkpoints' / name}.json belongs to another configuration than "
            f"{folder / 'config.json'}: {AGAIN}"
        )
    return saved


def metrics_sha256(epochs: Iterable[Epoch]) -> str:
    """The SHA-256 of the lines of `metrics.jsonl` of some epochs."""
    return hashlib.sha256(b"".join(as_line(epoch.as_dict()) for epoch in epochs)).hexdigest()


def part_names(layers: int) -> tuple[str, ...]:
    """The names of a network's parts: its layers and its head."""
    return (*(f"O{k}" for k in range(1, layers + 1)), "head")


def _fitting_parts(config: TrainConfig, names: Sequence[str]) -> tuple[str, ...]:
    """The parts that a network of the configuration has, given those that a file names.

    How many layers a network of the caller's has, if it has some, is not in its configuration.
    """
    if config.model is None:
        return part_names(len(config.depths))
    return part_names(len(names) - 1) if len(names) > 1 else ("model",)


def read_metrics(folder: Path, config: TrainConfig, count: int, sha256: str) -> tuple[Epoch, ...]:
    """The first `count` epochs of `metrics.jsonl`.

    Raises:
        RunError: if they are not those that have this SHA-256, or not of this configuration.
    """
    path = folder / "metrics.jsonl"
    lines = _lines(path)[:count]
    if hashlib.sha256(b"".join(lines)).hexdigest() != sha256:
        raise RunError(
            f"{path} fails its checksum: it is damaged or altered, or does not hold the {count} "
            f"epochs that are done; {AGAIN}"
        )
    try:
        return tuple(_epoch(line, number, config) for number, line in enumerate(lines, 1))
    except (ValueError, TypeError) as error:
        raise RunError(f"{path} cannot be read: {one_line(error):.500}") from None


def _epoch(line: bytes, number: int, config: TrainConfig) -> Epoch:
    epoch = Epoch(**parsed(line))
    check_fields(epoch)
    if epoch.epoch != number:
        raise ValueError(f"its line {number} is of epoch {epoch.epoch}")
    parts = _fitting_parts(config, list(epoch.gradient_norms))
    if set(epoch.gradient_norms) != set(parts):
        raise ValueError(f"it must hold gradient norms of {', '.join(parts)}")
    if (epoch.validation_metric is None) != (config.metric == "accuracy"):
        raise ValueError(f"it must hold the metric {config.metric}, once")
    for name, norm in epoch.gradient_norms.items():
        if not isinstance(norm, int | float | None):
            raise ValueError(f"the gradient norm of {name!r} is no number")
    return epoch


def _lines(path: Path) -> list[bytes]:
    try:
        return read_bounded(path).splitlines(keepends=True)
    except OSError as error:
        raise RunError(f"{path} cannot be read ({error.strerror}): {AGAIN}") from None
    except ValueError as error:
        raise RunError(f"{path} cannot be read ({error}): {AGAIN}") from None


def read_record(folder: Path, name: str) -> dict[str, Any]:
    """Reads `manifest.json` or `result.json`.

    Raises:
        RunError: if it is missing, damaged or altered.
    """
    return read_sealed(folder / name, RunError, AGAIN)


def last_stretch(folder: Path) -> dict[str, Any]:
    """With what a run went on last: the last line of `stretches.jsonl`, or its manifest."""
    path = folder / "stretches.jsonl"
    lines = _lines(path) if exists(path) else []
    try:
        return parsed(lines[-1]) if lines else read_record(folder, "manifest.json")
    except ValueError as error:
        raise RunError(f"{path} cannot be read ({error}): {AGAIN}") from None


def read_seconds(folder: Path, epochs: Sequence[int]) -> float:
    """The time that these epochs took together, from `timings.jsonl`.

    Raises:
        RunError: if it does not hold a time for each of them, in order.
    """
    path = folder / "timings.jsonl"
    try:
        entries = [parsed(line) for line in _lines(path)]
        found = {entry["epoch"]: float(entry["seconds"]) for entry in entries}
    except (ValueError, TypeError, KeyError):
        found = {}
    if list(found) != list(epochs) or not all(0 <= s < math.inf for s in found.values()):
        raise RunError(f"{path} is damaged: it does not hold the time of each epoch; {AGAIN}")
    return sum(found.values())


def has_result(run: Run) -> bool:
    """Whether `result.json` is there, and as it should be."""
    with contextlib.suppress(OSError, ValueError):
        return read_bounded(run.folder / "result.json") == _result(run)
    return False


def write_result(run: Run) -> None:
    """Writes `result.json`, unless it is there as it should be."""
    if not has_result(run):
        write_atomically(run.folder / "result.json", _result(run))


def _result(run: Run) -> bytes:
    result = {
        "kind": "train",
        "config_sha256": run.config.sha256,
        "metrics_sha256": metrics_sha256(run.epochs),
        "final": run.epochs[-1].as_dict(),
        "best": run.best.as_dict(),
    }
    return sealed("result.json", result)


def keep_lines(path: Path, count: int) -> None:
    """Keeps the first `count` JSON lines: later ones are of epochs without a checkpoint."""
    lines = _lines(path) if exists(path) else []
    write_atomically(path, b"".join(lines[:count]))


def add_stretch(folder: Path, stretch: Mapping[str, Any]) -> None:
    """Adds a line to `stretches.jsonl`, as a new file: the one that was there may have a second
    name, outside the folder."""
    path = folder / "stretches.jsonl"
    lines = _lines(path) if exists(path) else []
    write_atomically(path, b"".join([*lines, as_line(stretch)]))


def append(path: Path, value: Any) -> None:
    """Adds a line to a file of JSON lines that `keep_lines` has made."""
    with os.fdopen(open_for_appending(path), "ab") as file:
        file.write(as_line(value))
        file.flush()
        os.fsync(file.fileno())
