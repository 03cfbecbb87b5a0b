"""Runs: started, continued, evaluated."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from resqunn.cli import progress, tables
from resqunn.cli.console import print_json
from resqunn.lab.training.config import TrainConfig


@dataclass(frozen=True)
class Train:
    """Train a network and keep the run in a folder.

    Example: resqunn train --preset paper --wiring "(X+O1)+O2" --data mnist --out runs/demo
    """

    config: TrainConfig = field(default_factory=TrainConfig)

    out: Annotated[
        Path | None,
        tyro.conf.arg(metavar="FOLDER", help_behavior_hint="(default: runs/DATE-TIME)"),
    ] = None
    """Folder of the run, empty or not there yet."""

    def run(self) -> None:
        from resqunn.lab.training.run import train

        folder = self.out or Path("runs") / time.strftime("%Y%m%d-%H%M%S")
        progress.training(folder, lambda callbacks: train(self.config, folder, callbacks))


@dataclass(frozen=True)
class Resume:
    """Continue an interrupted run; the result is the same as without the interruption.

    Example: resqunn resume runs/demo
    """

    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FOLDER")]
    """Folder of the run."""

    def run(self) -> None:
        from resqunn.lab.training.run import resume

        progress.training(self.folder, lambda callbacks: resume(self.folder, callbacks))


@dataclass(frozen=True)
class Evaluate:
    """Score a run's network on its validation images.

    Example: resqunn evaluate runs/demo --checkpoint latest
    """

    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FOLDER")]
    """Folder of the run."""

    checkpoint: Literal["best", "latest"] = "best"
    """Weights to score: those of the epoch with the best validation accuracy, or the latest."""

    json: bool = False
    """Print JSON instead of a table."""

    def run(self) -> None:
        from resqunn.lab.training.run import evaluate_run

        epoch, scores = evaluate_run(self.folder, self.checkpoint)
        if self.json:
            value = {"checkpoint": self.checkpoint, "epoch": epoch, "loss": scores.loss}
            value |= {"accuracy": scores.accuracy, "right": scores.right, "total": scores.total}
            value |= {"classes": scores.classes}
            print_json(value)
        else:
            tables.scores(self.folder, self.checkpoint, epoch, scores)
