"""What a run leaves in its folder, and reading it back.

config.json       everything that decides the result
manifest.json     versions, seed, threads, checksum of the data: what it was run with
metrics.jsonl     one line an epoch; the same bytes whenever the run is repeated
timings.jsonl     seconds of each epoch; differs from run to run
checkpoints/      the latest epoch, with the optimiser, and the best epoch
result.json       written when the last epoch is done
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from resqunn.errors import RunError
from resqunn.training.checkpoint import load_checkpoint, write_atomically
from resqunn.training.config import TrainConfig


@dataclass(frozen=True)
class Epoch:
    """One line of `metrics.jsonl`. Accuracies are taken after the epoch's last step."""

    epoch: int
    loss: float
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    gradient_norms: dict[str, float | None]


@dataclass(frozen=True)
class Run:
    """A finished or interrupted run."""

    folder: Path
    config: TrainConfig
    epochs: tuple[Epoch, ...]

    @property
    def best(self) -> Epoch:
        """The first epoch with the highest validation accuracy."""
        return max(self.epochs, key=lambda e: (e.validation_accuracy, -e.epoch))

    @property
    def finished(self) -> bool:
        return len(self.epochs) == self.config.epochs


def open_run(folder: str | Path) -> Run:
    """Reads a run's configuration and the epochs of its latest checkpoint."""
    folder = Path(folder)
    config = TrainConfig.from_json(folder / "config.json")
    path = folder / "metrics.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    # A run that was stopped in its first epoch has no checkpoint, and at most one line.
    started = len(lines) > 1 or (folder / "checkpoints" / "latest.json").exists()
    done = load_checkpoint(folder / "checkpoints", "latest").epoch if started else 0
    try:
        epochs = tuple(Epoch(**json.loads(line)) for line in lines[:done])
    except (ValueError, TypeError) as error:
        raise RunError(f"{path} cannot be read: {error}") from None
    if [epoch.epoch for epoch in epochs] != list(range(1, done + 1)):
        raise RunError(f"{path} does not hold the {done} epochs of the latest checkpoint")
    return Run(folder, config, epochs)


def write_result(run: Run) -> None:
    """Writes `result.json`."""
    result = {"final": asdict(run.epochs[-1]), "best": asdict(run.best)}
    write_atomically(run.folder / "result.json", as_json(result))


def write_metrics(run: Run) -> None:
    """Writes `metrics.jsonl` anew, without lines of epochs that have no checkpoint."""
    lines = b"".join(_line(asdict(epoch)) for epoch in run.epochs)
    write_atomically(run.folder / "metrics.jsonl", lines)


def as_json(value: Any) -> bytes:
    """A JSON file's bytes."""
    return (json.dumps(value, indent=2) + "\n").encode()


def _line(value: Any) -> bytes:
    return (json.dumps(value) + "\n").encode()


def append(path: Path, value: Any) -> None:
    """Adds a line to a file of JSON lines."""
    with path.open("ab") as file:
        file.write(_line(value))
        file.flush()
        os.fsync(file.fileno())


def read_json(path: Path) -> dict[str, Any]:
    """Reads a JSON object.

    Raises:
        RunError: if the file is missing, damaged, or holds something else.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read: {error}") from None
    if not isinstance(value, dict):
        raise RunError(f"{path} cannot be read: it holds no JSON object")
    return value
