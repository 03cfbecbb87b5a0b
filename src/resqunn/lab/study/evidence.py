"""What the runs of a results folder have found, read back from their folders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from resqunn.errors import RunError
from resqunn.lab.study.jobs import finished
from resqunn.lab.study.plan import Plan, PlannedRun, Series
from resqunn.lab.training.config import TrainConfig
from resqunn.lab.training.records import Epoch, read_metrics, read_record, read_seconds

METRICS = ("train_accuracy", "validation_accuracy")

Finals = Mapping[str, Mapping[int, float]]
"""For each metric the value of each seed, after the last epoch."""


@dataclass(frozen=True)
class RunResult:
    """A finished run."""

    run: PlannedRun
    epochs: tuple[Epoch, ...]
    seconds: float
    result: dict[str, Any]
    manifest: dict[str, Any]


@dataclass(frozen=True)
class Evidence:
    """What claims are judged by.

    Attributes:
        finals: by study, label, reading and whether the quanvolutional layers are trained.
        chance: by study, the accuracy of guessing.
        gradients: rows of every wiring by number of layers and depth of the circuits, as in
            the result of a survey.
        configs: of every series of a study.
    """

    finals: Mapping[tuple[str, str, str, bool], Finals] = field(default_factory=dict)
    chance: Mapping[str, float] = field(default_factory=dict)
    gradients: Mapping[tuple[int, int], Sequence[dict[str, Any]]] = field(default_factory=dict)
    series: Sequence[Series] = ()

    def readings(self, study: str) -> list[str]:
        """The readings under which a study was run, in order."""
        return list(dict.fromkeys(reading for s, _, reading, _ in self.finals if s == study))


def read_run(folder: Path, run: PlannedRun) -> RunResult | None:
    """A run's results, or None if it is not done.

    Raises:
        RunError: if its files are damaged or altered, or belong to another run.
    """
    if not finished(folder, run.key):
        return None
    place = folder / "runs" / run.key
    try:
        return _read(place, run)
    except RunError as error:
        raise RunError(
            f"the run in {place} cannot be used ({error}); once {place} is deleted, the same "
            "command makes this run alone anew"
        ) from None


def _read(place: Path, run: PlannedRun) -> RunResult:
    config = TrainConfig.from_json(place / "config.json")
    result = read_record(place, "result.json")
    if config.sha256 != run.config.sha256:
        raise RunError(f"{place / 'config.json'} belongs to another run")
    if (result["kind"], result["config_sha256"]) != (run.kind, config.sha256):
        raise RunError(f"{place / 'result.json'} belongs to another run")
    if run.kind != "train":
        return RunResult(run, (), read_seconds(place, [0]), result, {})
    epochs = read_metrics(place, config.epochs, result["metrics_sha256"])
    seconds = read_seconds(place, [epoch.epoch for epoch in epochs])
    return RunResult(run, epochs, seconds, result, read_record(place, "manifest.json"))


def final(result: RunResult, metric: str) -> float:
    """An accuracy in [0, 1] at the end of a run or of a control."""
    return getattr(result.epochs[-1], metric) if result.epochs else result.result[metric]


def finals(results: Sequence[RunResult]) -> dict[str, dict[int, float]]:
    """The accuracies of a series' finished runs."""
    return {m: {r.run.seed: final(r, m) for r in results} for m in METRICS}


def collect(plan: Plan, results: Mapping[str, RunResult]) -> Evidence:
    """The evidence in the finished runs of a plan."""
    found: dict[tuple[str, str, str, bool], Finals] = {}
    chance = {}
    for study in plan.studies:
        for series in study.series:
            chance[study.id] = 1 / series.config.classes
            done = [results[run.key] for run in series.runs if run.key in results]
            if done:
                where = (study.id, series.label, series.reading, series.trainable)
                found[where] = finals(done)
    gradients = {
        (len(series.config.depths), series.config.depths[0]): results[run.key].result["rows"]
        for study in plan.surveys
        for series in study.series
        for run in series.runs
        if run.key in results
    }
    every = [series for study in plan.studies for series in study.series]
    return Evidence(found, chance, gradients, every)
