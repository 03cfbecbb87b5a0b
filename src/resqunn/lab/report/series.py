"""What of a study is drawn and listed together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from resqunn.lab.study.results import SeriesResult

Series = Sequence[SeriesResult]
Pair = tuple[SeriesResult, SeriesResult]


def variants_of(series: Iterable[SeriesResult]) -> list[str]:
    """The variants, in order of first appearance."""
    return list(dict.fromkeys(one.variant for one in series))


def of_variant(series: Iterable[SeriesResult], variant: str) -> list[SeriesResult]:
    return [one for one in series if one.variant == variant]


def first_variant(series: Series) -> list[SeriesResult]:
    """Those of the first variant."""
    return of_variant(series, series[0].variant) if series else []


def metrics_of(series: Iterable[SeriesResult]) -> list[str]:
    """The metrics after training, in order of first appearance."""
    return list(dict.fromkeys(metric for one in series for metric in one.final))


def focused(series: Iterable[SeriesResult], metrics: Sequence[str]) -> list[SeriesResult]:
    """These series with some metrics after training alone."""
    return [
        replace(one, final={name: one.final[name] for name in metrics if name in one.final})
        for one in series
    ]


def drawn_metrics(series: Series) -> list[str]:
    """The metrics that learning curves show: those that are metrics at the end too."""
    with_curve = {m for one in series for m, curve in one.curves.items() if curve.median}
    return [metric for metric in metrics_of(series) if metric in with_curve]


def class_names(series: Series) -> dict[int, tuple[str, ...]]:
    """The names of the classes that some series says, by how many there are, for those that do
    not say: where sets of as many classes differ, none."""
    found: dict[int, tuple[str, ...]] = {}
    for names in dict.fromkeys(one.classes for one in series if one.classes):
        found[len(names)] = () if len(names) in found else names
    return found


def pairs_of(series: Series) -> list[Pair]:
    """(trained, frozen) in the same variant: of the same label, or else of the same options.

    Frozen layers have no use for input gradients, so those may differ.
    """

    def options(one: SeriesResult) -> dict[str, object]:
        free = ("trainable", "seed", "input_gradients")
        return {name: value for name, value in one.config.items() if name not in free}

    pairs = []
    for trained in series:
        others = [one for one in of_variant(series, trained.variant) if one.frozen]
        alike = [one for one in others if one.label == trained.label]
        alike += [one for one in others if options(one) == options(trained)]
        if not trained.frozen and alike:
            pairs.append((trained, alike[0]))
    return pairs
