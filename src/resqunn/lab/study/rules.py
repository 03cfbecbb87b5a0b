"""How a claim is judged: rules that were written down before anything was measured.

A rule looks at the 95 % interval, over seeds, of a quantity's mean. Where a quantity is a
difference of two networks, it is taken seed by seed: both see the same images and draw from
the same generator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from resqunn.lab.study.statistics import Stats

REPRODUCED = "reproduced"
DIRECTION = "direction only"
NOT_REPRODUCED = "not reproduced"
DEPENDS = "depends on the interpretation"
NOT_MEASURED = "not measured"

VERDICTS = (REPRODUCED, DIRECTION, NOT_REPRODUCED, DEPENDS, NOT_MEASURED)

_WEAKNESS = (REPRODUCED, DIRECTION, NOT_REPRODUCED, NOT_MEASURED)

ALIKE = 0.05
"""Margin of claims that two networks perform alike: 5 percentage points of accuracy."""

MAINLY = 0.10
"""Margin of claims that the head does most of the work, or that hardly anything is learned."""


@dataclass(frozen=True)
class Rule:
    """A rule in words and as code.

    Attributes:
        judge: from the statistics of a quantity and the paper's figure (None if it gives
            none) to a verdict. Statistics of a single seed are never judged.
    """

    words: str
    judge: Callable[[Stats, float | None], str]

    def __call__(self, stats: Stats, figure: float | None = None) -> str:
        return NOT_MEASURED if stats.interval is None else self.judge(stats, figure)


def _gain(stats: Stats, figure: float | None) -> str:
    assert stats.interval is not None
    low, high = stats.interval
    figure = 0.0 if figure is None else figure
    large = low <= figure <= high or stats.mean >= figure / 2
    if low > 0:
        return REPRODUCED if large else DIRECTION
    return DIRECTION if stats.mean > 0 and low <= figure <= high else NOT_REPRODUCED


GAIN = Rule(
    "Reproduced if the 95 % interval lies above zero and contains the paper's figure, or the "
    "mean is at least half of it. Direction only if the interval lies above zero but the effect "
    "is smaller, or if the mean is positive and the interval contains both zero and the figure. "
    "Otherwise not reproduced. Several quantities: the weakest verdict counts.",
    _gain,
)
"""For a difference that the paper gives a figure of."""


def _above(stats: Stats, _: float | None) -> str:
    assert stats.interval is not None
    if stats.interval[0] > 0:
        return REPRODUCED
    return DIRECTION if stats.mean > 0 else NOT_REPRODUCED


ABOVE = Rule(
    "Reproduced if the 95 % interval of the difference lies above zero. Direction only if its "
    "mean is positive but the interval contains zero. Otherwise not reproduced. Several "
    "quantities: the weakest verdict counts.",
    _above,
)
"""For "better than", without a figure."""


def alike(margin: float) -> Rule:
    """For "equal to": within a margin on both sides."""

    def judge(stats: Stats, _: float | None) -> str:
        assert stats.interval is not None
        low, high = stats.interval
        if -margin <= low and high <= margin:
            return REPRODUCED
        return DIRECTION if abs(stats.mean) <= margin else NOT_REPRODUCED

    return Rule(
        f"Reproduced if the 95 % interval of the difference lies within {margin:.0%} of accuracy "
        f"on either side of zero. Direction only if its mean does but the interval does not. "
        "Otherwise not reproduced. Several quantities: the weakest verdict counts.",
        judge,
    )


def at_most(margin: float) -> Rule:
    """For "hardly any": no more than a margin above zero."""

    def judge(stats: Stats, _: float | None) -> str:
        assert stats.interval is not None
        if stats.interval[1] <= margin:
            return REPRODUCED
        return DIRECTION if stats.mean <= margin else NOT_REPRODUCED

    return Rule(
        f"Reproduced if the 95 % interval of the accuracy above that of guessing ends below "
        f"{margin:.0%}. Direction only if its mean does but the interval does not. Otherwise not "
        "reproduced. Several quantities: the weakest verdict counts.",
        judge,
    )


def _exact(stats: Stats, _: float | None) -> str:
    return REPRODUCED if min(stats.values) == 1 else NOT_REPRODUCED


@dataclass(frozen=True)
class ExactRule(Rule):
    """For what has no scatter: a single value may be judged."""

    def __call__(self, stats: Stats, figure: float | None = None) -> str:
        return self.judge(stats, figure)


EXACT = ExactRule("Reproduced if every single item is as the paper has it, else not.", _exact)
"""For lists of facts: each value is 1 (as in the paper) or 0."""


def weakest(verdicts: Iterable[str]) -> str:
    """The verdict on several quantities together."""
    return max(verdicts, key=_WEAKNESS.index, default=NOT_MEASURED)


def over_variants(verdicts: Mapping[str, str]) -> tuple[str, dict[str, tuple[str, ...]]]:
    """The verdict over all variants, and the variants by their verdict, the strongest first."""
    known = {variant: verdict for variant, verdict in verdicts.items() if verdict != NOT_MEASURED}
    kinds = sorted(set(known.values()), key=_WEAKNESS.index)
    by_verdict = {kind: tuple(v for v, found in known.items() if found == kind) for kind in kinds}
    if not kinds:
        return NOT_MEASURED, {}
    return kinds[0] if len(kinds) == 1 else DEPENDS, by_verdict
