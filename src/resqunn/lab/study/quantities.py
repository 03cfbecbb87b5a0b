"""A quantity seed by seed, from the series of a study in one variant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from resqunn.lab.study.questions import Quantity, Stats, Term
from resqunn.lab.study.results import SeriesResult
from resqunn.lab.study.statistics import difference, stats


@dataclass(frozen=True)
class Values:
    """A quantity by seed: the networks in `plus`, those in `minus`, and their difference."""

    first: tuple[float, ...]
    second: tuple[float, ...]
    stats: Stats


def values_of(quantity: Quantity, series: Sequence[SeriesResult]) -> Values | None:
    """A quantity over the seeds that every network of it has finished; None if there are none, or
    one of the networks has no such metric.

    Seeds are taken in the order in which they were planned. One that some network was to have and
    has not is missing, if a later one is there.
    """
    terms = (*quantity.plus, *quantity.minus)
    rows = [_series(term, series) for term in terms]
    if not rows or any(row is None for row in rows):
        return None
    known = [row for row in rows if row is not None]
    if any(quantity.metric not in row.final for row in known):
        return None
    planned = [seed for seed in _planned(known[0]) if all(seed in _planned(row) for row in known)]
    done = [all(seed in row.seeds for row in known) for seed in planned]
    if not any(done):
        return None
    last = max(i for i, there in enumerate(done) if there)
    seeds = [seed for seed, there in zip(planned, done, strict=True) if there]
    other = quantity.minus_metric or quantity.metric
    metrics = [quantity.metric] * len(quantity.plus) + [other] * len(quantity.minus)
    if any(metric not in row.final for row, metric in zip(known, metrics, strict=True)):
        return None
    columns = [row.by_seed(metric) for row, metric in zip(known, metrics, strict=True)]
    means = [
        tuple(sum(column[seed] for column in part) / len(part) for seed in seeds) if part else ()
        for part in (columns[: len(quantity.plus)], columns[len(quantity.plus) :])
    ]
    first, second = means
    offset = 0.0
    if quantity.kind == "above_chance":
        found = guessing(known[0], quantity.metric)
        if found is None:  # of images in Python that say no classes
            return None
        offset = found
    found = stats(
        (difference(x, (second[i] if second else 0.0) + offset) for i, x in enumerate(first)),
        missing=last + 1 - len(seeds),
    )
    return Values(first, second, found)


def _series(term: Term, series: Sequence[SeriesResult]) -> SeriesResult | None:
    for each in series:
        if (each.label, each.frozen) == (term.label, term.frozen) and each.seeds:
            return each
    return None


def guessing(series: SeriesResult, metric: str) -> float | None:
    """What guessing gives of a metric: by default one divided by the number of classes."""
    classes = series.config["classes"]
    count = classes if isinstance(classes, int) else len(classes)
    return series.chance.get(metric, 1 / count if count else None)


def _planned(series: SeriesResult) -> tuple[int, ...]:
    return series.planned or series.seeds
