"""About how many seeds would decide a question that is undecided today."""

from __future__ import annotations

from collections.abc import Sequence

from resqunn.lab.study.questions import Rule, Stats
from resqunn.lab.study.rules import UNDECIDED, Figures, Interval, of_intervals
from resqunn.lab.study.statistics import ALPHA, FEWEST, rank

MOST = 1000
"""Seeds that are looked up to."""


def needed(rule: Rule, figures: Figures, found: Sequence[Stats]) -> int | None:
    """The smallest number of seeds at which today's values would lead to a verdict.

    The interval that so many seeds have is taken on today's sorted values, as their quantiles.
    Below ten seeds these say too little, and the answer is ten.

    Returns:
        None if no number of seeds up to 1,000 would do.
    """
    if any(stats.interval is None for stats in found):
        return FEWEST
    have = [(len(stats.values) + stats.missing, stats.missing) for stats in found]
    ordered = [sorted(stats.values) for stats in found]
    seen = None
    for count in range(max(seeds for seeds, _ in have) + 1, MOST + 1):
        places = [
            tuple(_place(seeds, missing, count, alpha) for seeds, missing in have)
            for alpha in (ALPHA, ALPHA / len(found))
        ]
        if places == seen:
            continue
        seen = places
        ends, strict = ([_ends(*each) for each in zip(ordered, row, strict=True)] for row in places)
        if of_intervals(rule, figures, ends, strict) != UNDECIDED:
            return count
    return None


def _place(seeds: int, missing: int, count: int, alpha: float) -> int | None:
    """Where in today's sorted values the lower end for `count` seeds would lie, from 0."""
    place = rank(count, alpha) - missing
    if place < 1:
        return None
    # The middle of the place-th of count - missing equal parts; today's own place for today's.
    return (2 * place - 1) * (seeds - missing) // (2 * (count - missing))


def _ends(values: Sequence[float], place: int | None) -> Interval:
    return None if place is None else (values[place], values[len(values) - 1 - place])
