"""Runs: started, continued, evaluated."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import tyro

from resqunn.cli import progress, tables
from resqunn.cli.console import print_json
from resqunn.lab.training.config import TrainConfig


@dataclass(frozen=True)
class Train:
    """Train a network, in a folder of its own.

    Example: resqunn train --preset paper --wiring "(X+O1)+O2" --data mnist --out runs/demo
    """

    config: TrainConfig = field(default_factory=TrainConfig)

    out: Path | None = None
    """Folder of the run; it must not hold one already. Default: runs/ and the time."""

    def run(self) -> None:
        from resqunn.lab.training.run import train

        folder = self.out or Path("runs") / time.strftime("%Y%m%d-%H%M%S")
        progress.training(folder, lambda callbacks: train(self.config, folder, callbacks))


@dataclass(frozen=True)
class Resume:
    """Continue an interrupted run, to the same result as if it had never stopped.

    Example: resqunn resume runs/demo
    """

    folder: tyro.conf.Positional[Path]
    """Folder of the run."""

    def run(self) -> None:
        from resqunn.lab.training.run import resume

        progress.training(self.folder, lambda callbacks: resume(self.folder, callbacks))


@dataclass(frozen=True)
class Evaluate:
    """Score a run's network on its validation images.

    Example: resqunn evaluate runs/demo --checkpoint latest
    """

    folder: tyro.conf.Positional[Path]
    """Folder of the run."""

    checkpoint: Literal["best", "latest"] = "best"
    """The epoch with the best validation accuracy, or the latest."""

    json: bool = False
    """Print JSON instead of a table."""

    def run(self) -> None:
        from resqunn.lab.training.run import evaluate_run

        epoch, scores = evaluate_run(self.folder, self.checkpoint)
        if self.json:
            value = {"checkpoint": self.checkpoint, "epoch": epoch, "loss": scores.loss}
            value |= {"accuracy": scores.accuracy, "right": scores.right, "total": scores.total}
            print_json(value)
        else:
            tables.scores(self.folder, self.checkpoint, epoch, scores)
