"""Finished runs, read back from their folders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from resqunn.errors import RunError
from resqunn.lab.study.evaluations import read_evaluations
from resqunn.lab.study.plan import TRAIN, PlannedRun, Reported
from resqunn.lab.study.results import Measured, built
from resqunn.lab.study.tasks import finished
from resqunn.lab.training.config import TrainConfig
from resqunn.lab.training.metrics import Measures
from resqunn.lab.training.records import Epoch, Run, read_metrics, read_record, read_seconds
from resqunn.lab.training.scores import read_scores

METRICS = ("train_accuracy", "validation_accuracy")


@dataclass(frozen=True)
class FinishedRun:
    """A run that is done: its epochs if it was trained, else what its task measured.

    Attributes:
        scored: all metrics of the reported split and epoch, where one is reported.
        confusion: of that split and epoch.
        averaged: last epochs that the mean of their accuracies is taken over.
    """

    run: PlannedRun
    epochs: tuple[Epoch, ...]
    measured: Measured
    seconds: float
    manifest: dict[str, Any]
    scored: dict[str, float] = field(default_factory=dict)
    confusion: Sequence[Sequence[int]] = ()
    averaged: int = 1

    @property
    def final(self) -> dict[str, float]:
        """Its metrics at the end, fractions in [0, 1]."""
        if not self.epochs:
            return self.measured.final
        last = self.epochs[-self.averaged :]
        of_epochs = {
            metric: sum(getattr(epoch, metric) for epoch in last) / len(last) for metric in METRICS
        }
        return of_epochs | self.scored


def read_run(folder: Path, run: PlannedRun, reported: Reported | None = None) -> FinishedRun | None:
    """A run's results, or None if it is not done.

    Raises:
        RunError: if its files are damaged or altered, or belong to another run.
    """
    if not finished(folder, run):
        return None
    place = folder / "runs" / run.key
    try:
        return _read(place, run, reported)
    except (RunError, ValueError) as error:
        raise RunError(
            f"the run in {place} cannot be used ({error}); delete {place}, and the same "
            "command makes this run again"
        ) from None


def read_runs(
    folder: Path, runs: Sequence[PlannedRun], reported: Reported | None = None
) -> dict[str, FinishedRun]:
    """Those of the runs that are done, by their keys."""
    found = ((run.key, read_run(folder, run, reported)) for run in runs)
    return {key: each for key, each in found if each is not None}


def _read(place: Path, run: PlannedRun, reported: Reported | None) -> FinishedRun:
    config = TrainConfig.from_json(place / "config.json")
    result = read_record(place, "result.json")
    if config.sha256 != run.config.sha256:
        raise RunError(f"{place / 'config.json'} belongs to another run")
    if (result.get("kind"), result.get("config_sha256")) != (run.task, config.sha256):
        raise RunError(f"{place / 'result.json'} belongs to another run")
    if run.task != TRAIN:
        measured = built(result, Measured)
        found = FinishedRun(run, (), measured, read_seconds(place, [0]), {})
        split = reported.split if reported else ""
        own = {name: v for name, v in measured.final.items() if name.startswith(f"{split}_")}
        return replace(found, scored=own, confusion=measured.confusion.get(split, ()))
    count = config.epochs
    if config.patience is not None:
        final = result.get("final")
        count = final.get("epoch") if isinstance(final, dict) else None
        if type(count) is not int or not 1 <= count <= config.epochs:
            raise RunError(f"{place / 'result.json'} does not say which epoch was its last")
    epochs = read_metrics(place, config, count, str(result.get("metrics_sha256")))
    trained = Run(place, config, epochs)
    if not trained.finished:
        raise RunError(f"{place / 'result.json'} names an epoch that is not the run's last")
    seconds = read_seconds(place, [epoch.epoch for epoch in epochs])
    manifest = read_record(place, "manifest.json")
    found = FinishedRun(run, epochs, Measured(), seconds, manifest)
    if reported is None:
        return found
    found = _scored(found, trained, reported)
    more = read_evaluations(trained, run).items()
    return replace(found, scored=found.scored | {reported.under(name): v for name, v in more})


def _scored(found: FinishedRun, run: Run, reported: Reported) -> FinishedRun:
    scores = read_scores(run)
    if scores is None:
        raise RunError(f"{run.folder} holds no scores")
    epoch = scores.best if reported.epoch == "best" else scores.last
    measures = epoch.test if reported.split == "test" else epoch.validation
    if measures is None:
        raise RunError(f"{run.folder} holds no scores of {reported.split} images")
    known = {
        f"{reported.split}_{name}": value for name, value in measures.items() if value is not None
    }
    first = {reported.name: known[reported.name]} if reported.name in known else {}
    if epoch.train is not None:
        known |= _of_training(epoch.train, known.get("test_accuracy"))
    confusion = epoch.confusion.get(reported.split) or ()
    return replace(found, scored=first | known, confusion=confusion, averaged=reported.averaged)


def _of_training(measures: Measures, tested: float | None) -> dict[str, float]:
    """Of a run that scores all training images once, at its end: `trained_accuracy`, and
    `accuracy_gap`, by how much that is above the accuracy on test images."""
    accuracy = measures["accuracy"]
    if accuracy is None:
        return {}
    gap = {} if tested is None else {"accuracy_gap": accuracy - tested}
    return {"trained_accuracy": accuracy} | gap
