"""Trained networks of a study under noises and with shots that they may not have been trained with.

evaluations.json, in a run's folder, holds the reported metric under each of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from resqunn.errors import RunError
from resqunn.lab.study.plan import TRAIN, Evaluation, PlannedRun, Reported
from resqunn.lab.training.checkpoint import AGAIN
from resqunn.lab.training.files import exists, read_sealed, sealed, write_atomically
from resqunn.lab.training.noisy_evaluation import measures_under_noise
from resqunn.lab.training.records import Run, metrics_sha256, open_run

NAME = "evaluations.json"


def wanted(run: PlannedRun) -> tuple[Evaluation, ...]:
    """The evaluations of a run: none of what has no circuits, or is not the options' network."""
    config = run.config
    ours = run.task == TRAIN and config.control is None and config.model is None
    return run.evaluations if ours and run.reported is not None else ()


def evaluated(place: Path, run: PlannedRun) -> bool:
    """Whether all evaluations of a run are there."""
    return not wanted(run) or exists(place / NAME)


def evaluate(place: Path, run: PlannedRun) -> None:
    """Makes the evaluations of a trained run, unless they are there."""
    if evaluated(place, run):
        return
    assert run.reported is not None
    checkpoint = "best" if run.reported.epoch == "best" else "latest"
    conditions = [(each.noise, each.shots) for each in run.evaluations]
    found = measures_under_noise(place, conditions, run.reported.split, checkpoint)
    values = {
        each.name: measures[run.reported.metric]
        for each, measures in zip(run.evaluations, found, strict=True)
    }
    of = _of(open_run(place), run.reported)
    write_atomically(place / NAME, sealed(NAME, {**of, "values": values}))


def read_evaluations(found: Run, run: PlannedRun) -> dict[str, float]:
    """The reported metric of a run under each evaluation, by its name.

    Raises:
        RunError: if the file is damaged, or of another run or study.
    """
    asked: Sequence[Evaluation] = wanted(run)
    if not asked:
        return {}
    assert run.reported is not None
    path = found.folder / NAME
    value = read_sealed(path, RunError, AGAIN)
    values, of = value.get("values"), _of(found, run.reported)
    if not isinstance(values, dict) or any(value.get(name) != of[name] for name in of):
        raise RunError(f"{path} belongs to another run or study")
    for each in asked:
        number = values.get(each.name)
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise RunError(f"{path} holds no number for {each.name}")
    return {each.name: float(values[each.name]) for each in asked}


def _of(run: Run, reported: Reported) -> dict[str, Any]:
    """What the values belong to."""
    return {
        "config_sha256": run.config.sha256,
        "metrics_sha256": metrics_sha256(run.epochs),
        "split": reported.split,
        "epoch": reported.epoch,
        "metric": reported.metric,
    }
