"""What the values of an axis do, over networks and over what else is varied."""

from __future__ import annotations

from collections.abc import Sequence

from resqunn.lab.study.questions import Stats
from resqunn.lab.study.results import Axis, Effect, SeriesResult
from resqunn.lab.study.statistics import difference, stats


def axes(names: Sequence[str], series: Sequence[SeriesResult], metric: str) -> tuple[Axis, ...]:
    """Each axis with the effects of its values on a metric."""
    return tuple(_axis(name, series, metric) for name in names)


def _axis(name: str, series: Sequence[SeriesResult], metric: str) -> Axis:
    values = tuple(dict.fromkeys(one.values[name] for one in series if name in one.values))
    found = [
        Effect(value, of)
        for value in values[1:]
        if (of := _effect(name, value, values[0], series, metric))
    ]
    return Axis(name, values, tuple(found))


def _effect(
    name: str, value: str, base: str, series: Sequence[SeriesResult], metric: str
) -> Stats | None:
    """The difference by seed, over pairs of series that differ in this axis alone.

    A control that the axis does not reach is the same runs on both sides, and is left out.
    """
    pairs = [
        (one, other)
        for one in series
        if one.values.get(name) == value
        for other in series
        if other.label == one.label and other.values == one.values | {name: base}
        if one.keys != other.keys
    ]
    columns = [
        (one.by_seed(metric), other.by_seed(metric))
        for one, other in pairs
        if metric in one.final and metric in other.final
    ]
    if not columns:
        return None
    seeds = [seed for seed in columns[0][0] if all(seed in a and seed in b for a, b in columns)]
    if not seeds:
        return None
    count = len(columns)
    return stats(
        difference(sum(a[s] for a, _ in columns) / count, sum(b[s] for _, b in columns) / count)
        for s in seeds
    )
