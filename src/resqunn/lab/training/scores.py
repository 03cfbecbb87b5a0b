"""What a network scores at the end of its run: `scores.json`, written and read back.

The metrics of the best epoch and of the last one, on validation and test images, and how often
each class was taken for each. Of a run whose epochs do not score all training images, also those
of the last epoch on these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from resqunn.errors import RunError
from resqunn.lab.training.checkpoint import AGAIN
from resqunn.lab.training.config import TrainConfig
from resqunn.lab.training.evaluation import Prepared, evaluated, prepare, seed_samples
from resqunn.lab.training.files import exists, read_sealed, sealed, write_atomically
from resqunn.lab.training.metrics import (
    METRICS,
    Measures,
    confusion,
    gives_probabilities,
    measures,
)
from resqunn.lab.training.models import seeded
from resqunn.lab.training.records import Run, checkpoint_of, metrics_sha256
from resqunn.lab.training.session import Session, restore_weights

NAME = "scores.json"

SPLITS = ("validation", "test")

SCORED = 2
"""Beside a seed and an epoch: of the samples that these scores are made of."""

MOST_CLASSES = 1000
"""For which confusions are kept."""

Counts = list[list[int]]
"""Images of each class (rows) that are taken for each class (columns)."""


@dataclass(frozen=True)
class ScoredEpoch:
    """A network's metrics after an epoch; None for a split that there is not.

    Attributes:
        confusion: of each split; None for more than `MOST_CLASSES` classes too.
        train: on all images that were trained on, where no epoch has scored them.
    """

    epoch: int
    validation: Measures
    test: Measures | None = None
    confusion: dict[str, Counts | None] = field(default_factory=dict)
    train: Measures | None = None

    @property
    def right(self) -> list[int]:
        """Validation images of each class that are taken for it; none without a confusion."""
        return [row[k] for k, row in enumerate(self.confusion.get("validation") or [])]

    @property
    def totals(self) -> list[int]:
        """Validation images of each class; none without a confusion."""
        return list(map(sum, self.confusion.get("validation") or []))


@dataclass(frozen=True)
class FinalScores:
    """What `scores.json` holds: of the best epoch on validation images, and of the last one."""

    best: ScoredEpoch
    last: ScoredEpoch


def splits_of(
    session: Session, test: bool = True, prepared: Mapping[str, Prepared] | None = None
) -> dict[str, Prepared | None]:
    """A session's validation and test images, ready to be scored.

    Args:
        prepared: those that are ready.
    """
    ready = prepared or {}
    images = session.test() if test else None
    return {
        "validation": ready.get("validation") or prepare(session.model, session.validation),
        "test": None if images is None else prepare(session.model, images),
    }


def score(session: Session, epoch: int, splits: Mapping[str, Prepared | None]) -> ScoredEpoch:
    """The metrics of a session's network, as it is after an epoch."""
    model, seed = session.model, session.config.seed
    found: dict[str, Measures | None] = dict.fromkeys(SPLITS)
    counts: dict[str, Counts | None] = dict.fromkeys(SPLITS)
    for number, name in enumerate(SPLITS):
        data = splits[name]
        if data is None or not len(data):
            continue
        with seeded(seed, epoch, SCORED, number):
            seed_samples(model, seed, epoch, SCORED, number)
            of, scores_NK = evaluated(model, data)
        found[name] = measures(scores_NK, data.labels, of.loss, gives_probabilities(model))
        if scores_NK.shape[1] <= MOST_CLASSES:
            counts[name] = confusion(scores_NK, data.labels).tolist()
    assert found["validation"] is not None
    return ScoredEpoch(epoch, found["validation"], found["test"], counts)


def score_run(
    run: Run, session: Session, prepared: Mapping[str, Prepared] | None = None
) -> FinalScores:
    """The metrics of a finished run, whose session has the weights of the last epoch, and keeps
    them.

    Args:
        prepared: the run's training and validation images, if they are ready.
    """
    splits = splits_of(session, run.config.test, prepared)
    model, number = session.model, len(run.epochs)
    plain = score(session, number, splits)
    last = plain
    if run.config.train_scores == "during":
        last = replace(plain, train=_on_train(session, number, prepared))
    if run.best.epoch == number:
        return FinalScores(plain, last)
    kept = {name: value.clone() for name, value in model.state_dict().items()}
    restore_weights(model, run.folder, checkpoint_of(run.folder, "best", run.config))
    best = score(session, run.best.epoch, splits)
    model.load_state_dict(kept)
    return FinalScores(best, last)


def _on_train(session: Session, epoch: int, prepared: Mapping[str, Prepared] | None) -> Measures:
    model, seed = session.model, session.config.seed
    data = (prepared or {}).get("train") or prepare(model, session.train)
    with seeded(seed, epoch, SCORED, len(SPLITS)):
        seed_samples(model, seed, epoch, SCORED, len(SPLITS))
        of, scores_NK = evaluated(model, data)
    return measures(scores_NK, data.labels, of.loss, gives_probabilities(model))


def write_scores(run: Run, scores: FinalScores) -> None:
    """Writes `scores.json`."""
    each = {"best": scores.best, "last": scores.last}
    value = {
        "config_sha256": run.config.sha256,
        "metrics_sha256": metrics_sha256(run.epochs),
        **{
            name: {"epoch": of.epoch, "validation": of.validation, "test": of.test}
            | ({} if of.train is None else {"train": of.train})
            for name, of in each.items()
        },
        "confusion": {name: of.confusion for name, of in each.items()},
    }
    write_atomically(run.folder / NAME, sealed(NAME, value))


def read_scores(run: Run) -> FinalScores | None:
    """A run's `scores.json`, or None if there is none, as in runs of earlier versions.

    Raises:
        RunError: if it is damaged, altered, or of another run.
    """
    path = run.folder / NAME
    if not exists(path):
        return None
    remedy = f"`resqunn resume {run.folder}` writes it anew"
    value = read_sealed(path, RunError, remedy)
    sums = {"config_sha256": run.config.sha256, "metrics_sha256": metrics_sha256(run.epochs)}
    if not run.finished or any(value.get(name) != sum_ for name, sum_ in sums.items()):
        raise RunError(f"{path} belongs to another run: {AGAIN}")
    try:
        if set(value) != {*sums, "best", "last", "confusion"}:
            raise ValueError("its entries are others")
        best, last = (_scored(value, name, run.config) for name in ("best", "last"))
    except (ValueError, TypeError, KeyError) as error:
        raise RunError(f"{path} cannot be read ({error}): {remedy}") from None
    if (best.epoch, last.epoch) != (run.best.epoch, len(run.epochs)):
        raise RunError(f"{path} is of other epochs than the run's best and last: {remedy}")
    return FinalScores(best, last)


def _scored(value: Mapping[str, Any], name: str, config: TrainConfig) -> ScoredEpoch:
    entry, counts = value[name], value["confusion"][name]
    train = {"train"} if name == "last" and config.train_scores == "during" else set()
    if set(entry) != {"epoch", *SPLITS, *train} or set(counts) != set(SPLITS):
        raise ValueError(f"{name} must hold an epoch, {' and '.join(SPLITS)}")
    if type(entry["epoch"]) is not int:
        raise ValueError(f"the epoch of {name} must be a whole number")
    for split in SPLITS:
        if split == "test" and entry[split] is None and counts[split] is None:
            continue
        _require_measures(entry[split], f"{name} {split}")
        if counts[split] is not None:
            _require_counts(counts[split], config.num_classes, f"{name} {split}")
    if train:
        _require_measures(entry["train"], f"{name} train")
    return ScoredEpoch(
        entry["epoch"], entry["validation"], entry["test"], dict(counts), entry.get("train")
    )


def _require_measures(found: Any, where: str) -> None:
    if not isinstance(found, dict) or set(found) != set(METRICS):
        raise ValueError(f"{where} must hold {', '.join(METRICS)}")
    for name, number in found.items():
        if number is not None and (isinstance(number, bool) or not isinstance(number, int | float)):
            raise ValueError(f"{name} of {where} must be a number or null")


def _require_counts(rows: Any, classes: int | None, where: str) -> None:
    size = len(rows) if isinstance(rows, list) else 0
    if not 1 <= size <= MOST_CLASSES or classes not in (None, size):
        raise ValueError(f"the confusion of {where} must have a row for each class")
    for row in rows:
        if not isinstance(row, list) or len(row) != size:
            raise ValueError(f"the confusion of {where} must be square")
        if not all(type(count) is int and count >= 0 for count in row):
            raise ValueError(f"the confusion of {where} must hold counts of images")
