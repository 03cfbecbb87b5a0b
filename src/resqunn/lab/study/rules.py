"""How a question is judged: by limits that were written down before anything was measured.

A rule looks at the interval, over seeds, of a quantity's median: from L to U. Where a quantity is
a difference of two networks, it is taken seed by seed: both see the same images and draw from the
same generator. With F the source's figure, m the rule's margin and delta its smallest difference
that matters:

| kind | supported | in direction | contradicted |
| --- | --- | --- | --- |
| better | L > 0 and U >= delta | L > 0 and U < delta | L <= 0 and U < delta |
| at_least | L >= delta | 0 < L < delta <= U | U < delta |
| better_by | L > 0 and L >= F / 2 | 0 < L < F / 2 | L <= 0 and U < delta |
| equal | -m <= L and U <= m | | L > m or U < -m |
| at_most | U <= m | | L > m |
| facts | all hold | | one does not |

"Contradicted" is tested first, then "supported", then "in direction"; whatever fits none is
undecided, and so is whatever has no interval. Of several quantities, all of which must hold, no
correction is needed for "supported" (an intersection-union test; R. L. Berger, Technometrics 24,
1982); to contradict them, one of k must do so with an interval of alpha = 0.025 / k. Each variant
has a verdict of its own; there is no correction across variants or claims.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from resqunn.lab.study.questions import WITH_MARGIN, Rule, Stats, Verdict
from resqunn.lab.study.statistics import ALPHA, interval

SUPPORTED: Verdict = "supported"
DIRECTION: Verdict = "in direction"
CONTRADICTED: Verdict = "contradicted"
UNDECIDED: Verdict = "undecided"
NOT_MEASURED: Verdict = "not measured"
DEPENDS: Verdict = "depends on the interpretation"

RULES = 2
"""Version of these rules: results of other ones are not read, nor are their folders continued.
Version 1 looked at Student's interval of the mean."""

Interval = tuple[float, float] | None
Figures = Sequence[float | None]

_Test = Callable[[float, float, Rule, float], bool]


def _below(low: float, high: float, rule: Rule, _: float) -> bool:
    return low <= 0 and high < rule.delta


def _margin(rule: Rule) -> float:
    assert rule.margin is not None
    return rule.margin


_TESTS: dict[str, tuple[tuple[Verdict, _Test], ...]] = {
    "better": (
        (CONTRADICTED, _below),
        (SUPPORTED, lambda low, high, rule, _: low > 0 and high >= rule.delta),
        (DIRECTION, lambda low, high, rule, _: low > 0 and high < rule.delta),
    ),
    "at_least": (
        (CONTRADICTED, lambda low, high, rule, _: high < rule.delta),
        (SUPPORTED, lambda low, high, rule, _: low >= rule.delta),
        (DIRECTION, lambda low, high, rule, _: 0 < low < rule.delta),
    ),
    "better_by": (
        (CONTRADICTED, _below),
        (SUPPORTED, lambda low, high, rule, figure: low > 0 and low >= figure / 2),
        (DIRECTION, lambda low, high, rule, figure: 0 < low < figure / 2),
    ),
    "equal": (
        (CONTRADICTED, lambda low, high, rule, _: low > _margin(rule) or high < -_margin(rule)),
        (SUPPORTED, lambda low, high, rule, _: -_margin(rule) <= low and high <= _margin(rule)),
    ),
    "at_most": (
        (CONTRADICTED, lambda low, high, rule, _: low > _margin(rule)),
        (SUPPORTED, lambda low, high, rule, _: high <= _margin(rule)),
    ),
}
"""Of each kind, the verdicts in the order in which they are tested."""


def of_interval(rule: Rule, ends: Interval, figure: float | None = None) -> Verdict:
    """The verdict on one quantity, from its interval.

    >>> of_interval(Rule("better"), (0.01, 0.3))
    'supported'
    """
    if ends is None:
        return UNDECIDED
    for verdict, test in _TESTS[rule.kind]:
        if test(*ends, rule, figure or 0.0):
            return verdict
    return UNDECIDED


def of_intervals(
    rule: Rule, figures: Figures, ends: Sequence[Interval], strict: Sequence[Interval]
) -> Verdict:
    """The verdict on k quantities, all of which must hold.

    Args:
        ends: of each quantity.
        strict: the same with alpha / k.
    """
    corrected = [of_interval(rule, *each) for each in zip(strict, figures, strict=True)]
    if CONTRADICTED in corrected:
        return CONTRADICTED
    single = {of_interval(rule, *each) for each in zip(ends, figures, strict=True)}
    if single == {SUPPORTED}:
        return SUPPORTED
    return DIRECTION if single and single <= {SUPPORTED, DIRECTION} else UNDECIDED


def alone(rule: Rule, figure: float | None, stats: Stats, k: int = 1) -> Verdict:
    """The verdict on one quantity alone, with an interval of alpha / k."""
    if rule.kind == "facts":
        return SUPPORTED if min(stats.values) == 1 else CONTRADICTED
    return of_interval(rule, interval(stats.values, ALPHA / k, stats.missing), figure)


def together(rule: Rule, figures: Figures, found: Sequence[Stats | None]) -> Verdict:
    """The verdict on quantities, all of which must hold; one that was not measured is None."""
    known = [(figure, stats) for figure, stats in zip(figures, found, strict=True) if stats]
    if rule.kind == "facts":
        verdicts = {alone(rule, *each) for each in known}
        verdict = CONTRADICTED if CONTRADICTED in verdicts else SUPPORTED
    else:
        verdict = of_intervals(
            rule,
            [figure for figure, _ in known],
            [stats.interval for _, stats in known],
            [interval(stats.values, ALPHA / len(found), stats.missing) for _, stats in known],
        )
    complete = bool(known) and len(known) == len(found)
    return verdict if complete or (known and verdict == CONTRADICTED) else NOT_MEASURED


def limits(rule: Rule, figure: float | None = None) -> tuple[float, ...]:
    """The values at which a verdict on one quantity turns.

    >>> limits(Rule("better_by"), 0.3)
    (0.0, 0.02, 0.15)
    """
    if rule.kind in WITH_MARGIN:
        return (_margin(rule),) if rule.kind == "at_most" else (-_margin(rule), _margin(rule))
    return (0.0, rule.delta) if figure is None else (0.0, rule.delta, figure / 2)


def holds(rule: Rule, value: float) -> bool:
    """Whether what is asked is so of a single value; of "better by a figure", whether better."""
    if rule.kind == "equal":
        return abs(value) <= _margin(rule)
    if rule.kind == "at_most":
        return value <= _margin(rule)
    return value >= rule.delta if rule.kind == "at_least" else value > 0


def exceptions(rule: Rule, stats: Stats) -> int | None:
    """The seeds in which what is asked is otherwise than at the median, which does not see them.

    None where there are no such seeds, or mean and median agree: they differ by delta or less.
    """
    if stats.mean is None or abs(stats.mean - stats.median) <= rule.delta:
        return None
    usual = holds(rule, stats.median)
    return sum(holds(rule, value) != usual for value in stats.values) or None


def over_variants(verdicts: Mapping[str, Verdict]) -> Verdict:
    """The verdict on all variants together; those that were not measured are left out.

    Variants differ if two of them have verdicts that differ, undecided ones aside. Where some
    are undecided and the others agree, the whole is undecided.
    """
    known = set(verdicts.values()) - {NOT_MEASURED}
    if not known:
        return NOT_MEASURED
    if len(known - {UNDECIDED}) > 1:
        return DEPENDS
    return known.pop() if len(known) == 1 else UNDECIDED
