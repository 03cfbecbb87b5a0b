r"""What is known after n seeds: a median with its interval, shares, and who beats whom.

The interval is of the **median over seeds**. Start with capital 1 and bet half of it, at even
odds, that the next seed lies above the true median: it becomes 3/2 or 1/2 of what it was, and its
expectation does not grow, whatever the seeds' distribution. By Ville's inequality (J. Ville,
Étude critique de la notion de collectif, 1939) it ever reaches $1/\alpha$ with probability at
most $\alpha$. After n seeds, r - 1 of which lie below, it is $1.5^n / 3^{r-1}$; so the r-th
smallest value with

$$ r = 1 + \lfloor (n \ln 1.5 - \ln(1/\alpha)) / \ln 3 \rfloor $$

is below or at the median at every n at once, with probability $1 - \alpha$. It is valid however
often one looks and adds seeds, as long as seeds are used in order and none is dropped.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from statistics import NormalDist, median

from resqunn.lab.study.questions import Share, Stats

ALPHA = 0.025
"""Probability that an interval ever lies on one side of the median; as much on the other."""

DECIMALS = 12
"""Of a difference: more than a metric of fewer than a million images needs."""

FEWEST = 10
"""Seeds that an interval takes: fewer have rank 0."""

_Z = NormalDist().inv_cdf(0.975)


def rank(count: int, alpha: float = ALPHA) -> int:
    """Which of `count` sorted values is the interval's lower end, from 1; 0 for no interval.

    >>> [rank(n) for n in (9, 10, 15, 20, 30, 50)]
    [0, 1, 3, 5, 8, 16]
    """
    room = count * math.log(1.5) - math.log(1 / alpha)
    return 0 if room < 0 else 1 + math.floor(room / math.log(3))


def interval(
    values: Sequence[float], alpha: float = ALPHA, missing: int = 0
) -> tuple[float, float] | None:
    """Of the median, at any number of seeds at once; None if there are too few.

    Seeds without a value count as if each lay below the interval and above it, so that it
    stays valid whatever made them fail.

    >>> interval([0.1, 0.5, 0.2, 0.4, 0.3, 0.1, 0.9, 0.2, 0.4, 0.3])
    (0.1, 0.9)
    """
    place = rank(len(values) + missing, alpha) - missing
    if place < 1:
        return None
    found = sorted(values)
    return found[place - 1], found[len(found) - place]


def difference(value: float, other: float) -> float:
    """To so many decimals that one which is exactly a limit is not taken for more.

    >>> 0.88 - 0.86 > 0.02, difference(0.88, 0.86) > 0.02
    (True, False)
    """
    return round(value - other, DECIMALS)


def stats(values: Iterable[float], missing: int = 0) -> Stats:
    """The statistics of one value a seed.

    >>> stats([0.9, 0.8, 1.0]).median
    0.9
    """
    found = tuple(float(value) for value in values)
    mean = std = None
    if len(found) >= FEWEST:
        mean = math.fsum(found) / len(found)
        std = math.sqrt(math.fsum((value - mean) ** 2 for value in found) / (len(found) - 1))
    ends = interval(found, missing=missing)
    return Stats(float(median(found)), ends, mean, std, found, missing)


def counted(facts: Iterable[bool]) -> Stats:
    """Facts that hold (1) or do not (0), which have no scatter."""
    found = tuple(map(float, facts))
    return Stats(float(median(found)), None, None, None, found)


def share(count: int, of: int) -> Share:
    r"""A share of seeds with Wilson's 95 % interval (E. B. Wilson, JASA 22, 1927), z = 1.96:

    $$ \frac{\hat p + z^2 / 2n \pm z \sqrt{\hat p (1 - \hat p) / n + z^2 / 4n^2}}{1 + z^2 / n} $$

    >>> [round(end, 3) for end in share(36, 41).interval]
    [0.745, 0.947]
    """
    p, square = count / of, _Z**2 / of
    half = _Z * math.sqrt(p * (1 - p) / of + square / (4 * of))
    low, high = (((p + square / 2) + sign * half) / (1 + square) for sign in (-1, 1))
    return Share(count, of, (low if count else 0.0, high if count < of else 1.0))


def beyond(values: Sequence[float], delta: float) -> Share | None:
    """The seeds whose value is more than `delta`; None below ten seeds."""
    if len(values) < FEWEST:
        return None
    return share(sum(value > delta for value in values), len(values))


def superiority(first: Sequence[float], second: Sequence[float]) -> float | None:
    """P(X > Y) + P(X = Y) / 2 of a new seed of each, from all pairs; None below ten seeds.

    Mann and Whitney's U, divided by the number of pairs.

    >>> superiority([3.0] * 10, [3.0] * 5 + [1.0] * 5)
    0.75
    """
    if min(len(first), len(second)) < FEWEST:
        return None
    other = sorted(second)
    twice = sum(bisect_left(other, x) + bisect_right(other, x) for x in first)
    return twice / (2 * len(first) * len(second))
