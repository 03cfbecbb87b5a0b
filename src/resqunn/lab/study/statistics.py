r"""Mean, standard deviation and confidence interval over seeds."""

from __future__ import annotations

import math
from collections.abc import Iterable

from resqunn.lab.study.results import Stats

LEVEL = 0.95
"""Confidence of the intervals."""


def stats(values: Iterable[float]) -> Stats:
    """The statistics of one value a seed.

    >>> stats([0.8, 0.9, 1.0]).mean
    0.9
    >>> [round(bound, 3) for bound in stats([0.8, 0.9, 1.0]).interval]
    [0.652, 1.148]
    """
    found = tuple(float(value) for value in values)
    count = len(found)
    mean = math.fsum(found) / count
    if count == 1:
        return Stats(mean, None, None, found)
    std = math.sqrt(math.fsum((value - mean) ** 2 for value in found) / (count - 1))
    half = _quantile(count - 1) * std / math.sqrt(count)
    return Stats(mean, std, (mean - half, mean + half), found)


def _quantile(freedom: int) -> float:
    from scipy.stats import t  # pyright: ignore[reportMissingTypeStubs]

    return float(t.ppf(0.5 + LEVEL / 2, freedom))
