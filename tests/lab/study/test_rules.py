"""The table of verdicts: by cases, at its edges, and by laws that any values must obey."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resqunn.errors import ConfigurationError
from resqunn.lab.study.advice import needed
from resqunn.lab.study.questions import Rule
from resqunn.lab.study.rules import (
    CONTRADICTED,
    DEPENDS,
    DIRECTION,
    NOT_MEASURED,
    SUPPORTED,
    UNDECIDED,
    alone,
    exceptions,
    of_interval,
    over_variants,
    together,
)
from resqunn.lab.study.statistics import counted, interval, rank, stats

BETTER, BY, LEAST = Rule("better"), Rule("better_by"), Rule("at_least")
ALIKE, HARDLY = Rule("equal", margin=0.05), Rule("at_most", margin=0.1)
EVERY = (BETTER, LEAST, BY, ALIKE, HARDLY)
FIGURE = 0.3
VALUES = st.lists(st.integers(-40, 40).map(lambda n: n / 100), min_size=10, max_size=40)
SOME = settings(max_examples=100, deadline=None, database=None)


def figure_of(rule: Rule) -> float | None:
    return FIGURE if rule.kind == "better_by" else None


@pytest.mark.parametrize(
    ("rule", "low", "high", "verdict"),
    [
        (BETTER, 0.001, 0.3, SUPPORTED),
        (BETTER, 0.001, 0.02, SUPPORTED),
        (BETTER, 0.001, 0.019, DIRECTION),
        (BETTER, 0.0, 0.02, UNDECIDED),
        (BETTER, 0.0, 0.019, CONTRADICTED),
        (BETTER, -0.3, -0.1, CONTRADICTED),
        (BETTER, -0.3, 0.3, UNDECIDED),
        (LEAST, 0.02, 0.3, SUPPORTED),
        (LEAST, 0.02, 0.02, SUPPORTED),
        (LEAST, 0.019, 0.3, DIRECTION),
        (LEAST, 0.001, 0.02, DIRECTION),
        (LEAST, 0.001, 0.019, CONTRADICTED),
        (LEAST, 0.0, 0.02, UNDECIDED),
        (LEAST, -0.3, 0.3, UNDECIDED),
        (LEAST, -0.3, 0.019, CONTRADICTED),
        (BY, 0.15, 0.4, SUPPORTED),
        (BY, 0.4, 0.5, SUPPORTED),
        (BY, 0.149, 0.4, DIRECTION),
        (BY, 0.001, 0.01, DIRECTION),
        (BY, 0.0, 0.02, UNDECIDED),
        (BY, 0.0, 0.019, CONTRADICTED),
        (BY, -0.2, 0.4, UNDECIDED),
        (ALIKE, -0.05, 0.05, SUPPORTED),
        (ALIKE, -0.051, 0.05, UNDECIDED),
        (ALIKE, 0.05, 0.2, UNDECIDED),
        (ALIKE, 0.051, 0.2, CONTRADICTED),
        (ALIKE, -0.2, -0.051, CONTRADICTED),
        (ALIKE, -0.2, 0.2, UNDECIDED),
        (HARDLY, -0.2, 0.1, SUPPORTED),
        (HARDLY, 0.1, 0.2, UNDECIDED),
        (HARDLY, 0.101, 0.2, CONTRADICTED),
    ],
)
def test_the_table(rule: Rule, low: float, high: float, verdict: str) -> None:
    assert of_interval(rule, (low, high), figure_of(rule)) == verdict


def test_delta_is_the_rules_own() -> None:
    assert of_interval(Rule("better", delta=0.2), (0.01, 0.1)) == DIRECTION
    assert of_interval(Rule("better", delta=0.2), (-0.1, 0.1)) == CONTRADICTED
    assert of_interval(Rule("better", delta=0.0), (0.01, 0.1)) == SUPPORTED
    assert of_interval(Rule("at_least", delta=0.2), (0.19, 0.3)) == DIRECTION
    assert of_interval(Rule("at_least", delta=0.2), (0.01, 0.1)) == CONTRADICTED


def test_facts() -> None:
    rule = Rule("facts")
    assert alone(rule, None, counted([True] * 3)) == SUPPORTED
    assert alone(rule, None, counted([True, False])) == CONTRADICTED
    both = [counted([True]), counted([False])]
    assert together(rule, [None, None], both) == CONTRADICTED
    assert together(rule, [None], [None]) == NOT_MEASURED


@pytest.mark.parametrize("rule", EVERY, ids=lambda rule: rule.kind)
def test_below_ten_seeds_nothing_is_decided(rule: Rule) -> None:
    for value, count in itertools.product((-0.9, 0.0, 0.01, 0.9), range(1, 10)):
        few = stats([value] * count)
        assert together(rule, [figure_of(rule)], [few]) == UNDECIDED
        assert needed(rule, [figure_of(rule)], [few]) == 10
    assert together(rule, [figure_of(rule)], [stats([0.9] * 10)]) != UNDECIDED


YES, NO, SMALL, OPEN = ([0.3] * 10, [-0.3] * 10, [0.01] * 10, [0.3] * 5 + [-0.3] * 5)
FAR = [-0.3] * 11
"""Of two quantities, one needs eleven seeds to contradict both."""


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ((YES, YES), SUPPORTED),
        ((YES, SMALL), DIRECTION),
        ((SMALL, SMALL), DIRECTION),
        ((YES, OPEN), UNDECIDED),
        ((SMALL, OPEN), UNDECIDED),
        ((YES, NO), UNDECIDED),
        ((YES, FAR), CONTRADICTED),
        ((OPEN, FAR), CONTRADICTED),
        ((FAR, FAR), CONTRADICTED),
        ((YES, None), NOT_MEASURED),
        ((FAR, None), CONTRADICTED),
        ((None, None), NOT_MEASURED),
        ((), NOT_MEASURED),
    ],
)
def test_all_quantities_must_hold(values: tuple, verdict: str) -> None:
    for order in itertools.permutations(values):
        found = [None if each is None else stats(each) for each in order]
        assert together(BETTER, [None] * len(found), found) == verdict


def test_variants_together() -> None:
    assert over_variants({}) == NOT_MEASURED
    assert over_variants({"a": SUPPORTED, "b": NOT_MEASURED}) == SUPPORTED
    assert over_variants({"a": SUPPORTED, "b": SUPPORTED}) == SUPPORTED
    assert over_variants({"a": SUPPORTED, "b": CONTRADICTED}) == DEPENDS
    assert over_variants({"a": SUPPORTED, "b": DIRECTION, "c": UNDECIDED}) == DEPENDS
    assert over_variants({"a": SUPPORTED, "b": UNDECIDED}) == UNDECIDED
    assert over_variants({"a": UNDECIDED, "b": UNDECIDED}) == UNDECIDED


def test_rare_failures_are_told_where_the_mean_sees_them() -> None:
    usual, failing = [0.0] * 17, [0.6] * 3
    assert exceptions(ALIKE, stats(usual + failing)) == 3
    assert exceptions(ALIKE, stats([0.01] * 20)) is None
    assert exceptions(BETTER, stats([0.1] * 17 + [0.9] * 3)) is None  # so in every seed
    assert exceptions(BETTER, stats([0.1] * 17 + [-0.4] * 3)) == 3
    assert exceptions(BETTER, stats([-0.1] * 17 + [0.4] * 3)) == 3
    assert exceptions(HARDLY, stats([0.0] * 15 + [0.5] * 5)) == 5
    assert exceptions(LEAST, stats([0.02] * 17 + [0.4] * 3)) is None  # so in every seed
    assert exceptions(LEAST, stats([0.02] * 17 + [0.01] * 3)) is None  # the mean agrees
    assert exceptions(LEAST, stats([0.02] * 17 + [-0.4] * 2 + [0.02])) == 2
    assert exceptions(LEAST, stats([0.01] * 17 + [0.4] * 3)) == 3
    assert exceptions(HARDLY, stats([0.0] * 5 + [0.5] * 4)) is None  # below ten seeds


@SOME
@given(VALUES, st.sampled_from(EVERY))
def test_adding_a_seed_that_fits_keeps_a_verdict(values: list[float], rule: Rule) -> None:
    figure = figure_of(rule)
    verdict = alone(rule, figure, stats(values))
    fitting = {
        SUPPORTED: 0.0 if rule in (ALIKE, HARDLY) else 0.5,
        CONTRADICTED: {"at_most": 0.5, "equal": None}.get(rule.kind, -0.5),
    }.get(verdict)
    if verdict == CONTRADICTED and rule.kind == "equal":
        ends = interval(values)
        assert ends is not None
        fitting = 0.5 if ends[0] > 0 else -0.5
    if fitting is not None:
        for _ in range(3):
            values = [*values, fitting]
            assert alone(rule, figure, stats(values)) == verdict


@SOME
@given(VALUES, st.sampled_from(EVERY), st.integers(-40, 40).map(lambda n: n / 100))
def test_one_seed_never_turns_supported_into_contradicted(
    values: list[float], rule: Rule, new: float
) -> None:
    figure = figure_of(rule)
    verdicts = {alone(rule, figure, stats(values)), alone(rule, figure, stats([*values, new]))}
    assert verdicts != {SUPPORTED, CONTRADICTED}


@SOME
@given(VALUES)
def test_to_turn_it_takes_as_many_seeds_as_the_other_side_needs(values: list[float]) -> None:
    """Supported after n seeds, contradicted after N: at least rank(N) seeds are then at or below
    zero, of which the first n had fewer than rank(n)."""
    if alone(BETTER, None, stats(values)) == SUPPORTED:
        more, n = list(values), len(values)
        while alone(BETTER, None, stats(more)) != CONTRADICTED:
            more.append(-1.0)
        assert sum(value <= 0 for value in more) >= rank(len(more))
        assert sum(value <= 0 for value in values) < rank(n)
        assert len(more) - n >= rank(len(more)) - rank(n) + 1 > 1


@SOME
@given(VALUES)
def test_equal_is_the_same_from_both_sides(values: list[float]) -> None:
    mirrored = [-value for value in values]
    assert alone(ALIKE, None, stats(values)) == alone(ALIKE, None, stats(mirrored))


@SOME
@given(VALUES, st.sampled_from(EVERY))
def test_advice_is_a_number_at_which_such_values_decide(values: list[float], rule: Rule) -> None:
    figures = [figure_of(rule)]
    if alone(rule, figures[0], stats(values)) != UNDECIDED:
        return
    count = needed(rule, figures, [stats(values)])
    assert count is None or len(values) < count <= 1000
    for times in range(2, 6):
        # Every value so many times: the quantiles are exactly today's.
        decided = alone(rule, figures[0], stats(values * times)) != UNDECIDED
        if decided:
            assert count is not None
            assert count <= times * len(values)


def test_advice_by_hand() -> None:
    mixed = [1.0] * 15 + [-1.0] * 5
    assert alone(BETTER, None, stats(mixed)) == UNDECIDED
    count = needed(BETTER, [None], [stats(mixed)])
    assert count is not None
    # Of N seeds a quarter lies below: the first N whose rank is beyond that quarter.
    assert count == next(n for n in range(21, 1000) if (2 * rank(n) - 1) * 20 // (2 * n) >= 5)
    assert needed(BETTER, [None], [stats([1.0] * 10 + [-1.0] * 10)]) is None
    held_back = [stats(mixed), stats([1.0] * 20)]
    assert needed(BETTER, [None, None], held_back) == count


def test_a_quantity_that_contradicts_alone_is_waited_for() -> None:
    pair = [stats(YES), stats(NO)]
    assert together(BETTER, [None, None], pair) == UNDECIDED
    assert needed(BETTER, [None, None], pair) == 11


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Rule("equal"), "margin must be above 0 for the kind 'equal', got None"),
        (lambda: Rule("at_most", margin=0.0), "margin must be above 0"),
        (lambda: Rule("equal", margin=float("nan")), "margin must be above 0"),
        (lambda: Rule("better", margin=0.1), "margin must be left out for the kind 'better'"),
        (lambda: Rule("better", delta=-0.1), "delta must be 0 or more, got -0.1"),
        (lambda: Rule("better", delta=float("inf")), "delta must be 0 or more, got inf"),
    ],
)
def test_limits_that_make_no_sense(make, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        make()
