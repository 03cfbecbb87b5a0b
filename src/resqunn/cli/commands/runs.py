"""Runs: started, continued, evaluated."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from resqunn.cli import progress, tables
from resqunn.cli.console import print_json
from resqunn.errors import ConfigurationError
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

    model: Annotated[
        str | None,
        tyro.conf.arg(metavar="PACKAGE.MODULE:FACTORY", help_behavior_hint="(default: none)"),
    ] = None
    """Factory that made the run's network; its code is run."""

    def run(self) -> None:
        from resqunn.lab.training.run import resume

        progress.training(
            self.folder, lambda callbacks: resume(self.folder, callbacks, model=self.model)
        )


@dataclass(frozen=True)
class Evaluate:
    """Score a run's network on its validation and test images, or under noise and shots.

    Example: resqunn evaluate runs/demo --noise none depolarizing=0.05 --shots exact 1024
    """

    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FOLDER")]
    """Folder of the run."""

    checkpoint: Literal["best", "latest"] = "best"
    """Weights to score: those of the epoch that was best on validation images, or the latest."""

    model: Annotated[
        str | None,
        tyro.conf.arg(metavar="PACKAGE.MODULE:FACTORY", help_behavior_hint="(default: none)"),
    ] = None
    """Factory that made the run's network; its code is run."""

    noise: Annotated[
        tuple[str, ...],
        tyro.conf.arg(metavar="NAME=STRENGTH,...", help_behavior_hint="(default: as trained)"),
    ] = ()
    """Noise of the circuits, one or several: none, or as in depolarizing=0.05,readout=0.02, with
    the names that `resqunn train --noise` takes."""

    shots: Annotated[
        tuple[str, ...],
        tyro.conf.arg(metavar="INT|exact", help_behavior_hint="(default: as trained)"),
    ] = ()
    """Measurements that each expectation value is the mean of, one number or several; exact
    for none."""

    data: Annotated[
        str | None, tyro.conf.arg(metavar="PATH", help_behavior_hint="(default: the run's)")
    ] = None
    """Images to score in place of the run's: their test split, or all if they have none: digits,
    mnist, fashion_mnist, kmnist, cifar10, eurosat, or of MedMNIST pathmnist, dermamnist, octmnist,
    pneumoniamnist, retinamnist, breastmnist, bloodmnist, tissuemnist, organamnist, organcmnist or
    organsmnist; or the path of an .npz file, or of a folder that holds a folder of PNG or JPEG
    files for each class."""

    seed: int = 0
    """Number that fixes the samples of --shots."""

    figure: Annotated[
        Path | None,
        tyro.conf.arg(metavar="FILE", help_behavior_hint="(default: no figure)"),
    ] = None
    """File .svg or .png for the accuracy under each of --noise."""

    json: bool = False
    """Print JSON instead of a table."""

    def run(self) -> None:
        from resqunn.lab.training.run import measure_run

        if self.noise or self.shots or self.figure or self.data:
            self._under_noise()
            return
        found, classes = measure_run(self.folder, self.checkpoint, model=self.model)
        if self.json:
            value = {"checkpoint": self.checkpoint, "epoch": found.epoch}
            value |= {name: found.validation[name] for name in ("loss", "accuracy")}
            value |= {"right": found.right, "total": found.totals, "classes": classes}
            value |= {"validation": found.validation, "test": found.test}
            print_json(value | {"confusion": found.confusion})
        else:
            tables.scores(self.folder, self.checkpoint, found, classes)

    def _under_noise(self) -> None:
        from resqunn.lab.report import circuit_figures, noise_figures
        from resqunn.lab.training.noisy_evaluation import evaluate_under_noise

        if not 0 <= self.seed < 2**63:
            raise ConfigurationError(f"seed must be 0 or more and below 2**63, got {self.seed}")
        if self.figure is not None:
            circuit_figures.require_drawable(self.figure, 1)
        epoch, found = progress.waiting(
            "evaluating",
            lambda: evaluate_under_noise(
                self.folder,
                self.noise,
                self.shots,
                self.checkpoint,
                self.seed,
                others=self.data,
                model=self.model,
            ),
        )
        if self.figure is not None:
            circuit_figures.write(noise_figures.accuracy_under_noise(found), self.figure)
        if self.json:
            rows = [
                {
                    "noise": str(each.noise),
                    "shots": each.shots,
                    "loss": each.scores.loss,
                    "accuracy": each.scores.accuracy,
                    "right": each.scores.right,
                    "total": each.scores.total,
                }
                for each in found
            ]
            print_json({"checkpoint": self.checkpoint, "epoch": epoch, "rows": rows})
        else:
            images = "validation images" if self.data is None else f"images of {self.data}"
            tables.noisy_scores(self.folder, self.checkpoint, epoch, found, images)
