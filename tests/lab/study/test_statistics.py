"""Medians, intervals, shares and probabilities, against tables, scipy, numpy and brute force."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as reference

from resqunn.lab.study.questions import Stats
from resqunn.lab.study.statistics import (
    ALPHA,
    FEWEST,
    beyond,
    counted,
    difference,
    interval,
    rank,
    share,
    stats,
    superiority,
)

VALUES = st.lists(st.integers(-50, 50).map(lambda n: n / 100), min_size=1, max_size=60)
FEW = settings(max_examples=60, deadline=None, database=None)


@pytest.mark.parametrize(("seeds", "side"), [(10, 10), (15, 13), (20, 16), (30, 23), (50, 35)])
def test_so_many_seeds_on_one_side_decide(seeds: int, side: int) -> None:
    for above, decided in ((side, True), (side - 1, False)):
        values = [1.0] * above + [-1.0] * (seeds - above)
        ends = interval(values)
        assert ends is not None
        assert (ends[0] > 0) is decided
        mirrored = interval([-value for value in values])
        assert mirrored == (-ends[1], -ends[0])


def test_ranks_are_where_the_capital_is_reached() -> None:
    """With r - 1 seeds below, the capital is 1.5 ** (n - r + 1) * 0.5 ** (r - 1) or more."""
    for alpha in (ALPHA, ALPHA / 4, ALPHA / 12):
        for n in range(1, 400):
            r = rank(n, alpha)
            capital = [1.5 ** (n - below) * 0.5**below for below in range(n + 1)]
            assert r == sum(each >= 1 / alpha for each in capital)
            assert 2 * r <= n


def test_fewer_than_ten_seeds_have_no_interval() -> None:
    assert [n for n in range(20) if rank(n)] == list(range(FEWEST, 20))
    values = [0.1 * n for n in range(FEWEST)]
    assert interval(values) == (0.0, 0.9)
    assert interval(values[1:]) is None
    few, enough = stats(values[1:]), stats(values)
    assert (few.interval, few.mean, few.std) == (None, None, None)
    assert None not in (enough.interval, enough.mean, enough.std)
    assert beyond(values[1:], 0.0) is None
    assert superiority(values[1:], values) is None


def test_a_correction_takes_more_seeds() -> None:
    assert [next(n for n in range(50) if rank(n, ALPHA / k)) for k in (1, 2, 4, 12)] == [
        10, 11, 13, 16,
    ]  # fmt: skip


@FEW
@given(VALUES)
def test_medians_means_and_deviations_are_numpys(values: list[float]) -> None:
    found = stats(values)
    assert found.median == pytest.approx(np.median(values))
    assert found.values == tuple(values)
    if len(values) >= FEWEST:
        assert found.mean == pytest.approx(np.mean(values))
        assert found.std == pytest.approx(np.std(values, ddof=1))
        assert found.interval is not None
        assert found.interval[0] <= found.median <= found.interval[1]
        assert set(found.interval) <= set(values)


def test_a_single_seed_has_a_median_and_nothing_else() -> None:
    assert stats([0.5]) == Stats(0.5, None, None, None, (0.5,))
    assert counted([True, True, False]) == Stats(1.0, None, None, None, (1.0, 1.0, 0.0))


@FEW
@given(VALUES, st.integers(0, 5))
def test_seeds_without_a_value_count_on_either_side(values: list[float], missing: int) -> None:
    infinite = math.inf
    low = interval([*values, *[-infinite] * missing])
    high = interval([*values, *[infinite] * missing])
    ends = interval(values, missing=missing)
    if low is None or high is None or math.isinf(low[0]):
        assert ends is None
    else:
        assert ends == (low[0], high[1])


@pytest.mark.parametrize("of", [1, 2, 10, 17, 41, 100])
def test_wilsons_interval_is_scipys(of: int) -> None:
    for count in range(of + 1):
        expected = reference.binomtest(count, of).proportion_ci(0.95, method="wilson")
        found = share(count, of)
        assert (found.count, found.of) == (count, of)
        assert found.interval == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_a_share_counts_the_seeds_beyond_delta() -> None:
    found = beyond([0.02] * 4 + [0.03] * 6, 0.02)
    assert found == share(6, 10)


@FEW
@given(
    st.lists(st.integers(0, 9).map(float), min_size=10, max_size=30),
    st.lists(st.integers(0, 9).map(float), min_size=10, max_size=30),
)
def test_the_probability_to_win_is_mann_and_whitneys(x: list[float], y: list[float]) -> None:
    pairs = [(a > b) + 0.5 * (a == b) for a in x for b in y]
    found = superiority(x, y)
    assert found == pytest.approx(sum(pairs) / len(pairs))
    statistic = reference.mannwhitneyu(x, y).statistic
    assert found == pytest.approx(statistic / (len(x) * len(y)))


def test_a_difference_that_is_a_limit_is_not_more() -> None:
    """0.88 - 0.86 is 0.020000000000000018 as it is computed."""
    share = beyond([difference(0.88, 0.86)] * 12, 0.02)
    assert share is not None
    assert share.count == 0
