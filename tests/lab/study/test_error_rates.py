"""How often a verdict is wrong at any of the looks after each seed up to the hundredth."""

from dataclasses import dataclass

import numpy as np
import pytest

from resqunn.lab.study.questions import Rule
from resqunn.lab.study.rules import CONTRADICTED, DIRECTION, SUPPORTED, together
from resqunn.lab.study.statistics import ALPHA, interval, rank, stats

SEEDS = 100
FIGURE = 0.3
BETTER, BY, LEAST = Rule("better"), Rule("better_by"), Rule("at_least")
ALIKE, HARDLY = Rule("equal", margin=0.05), Rule("at_most", margin=0.1)
JUST = 1e-9


@dataclass(frozen=True)
class Shape:
    """Outcomes of seeds around a median: steps with their weights, spread evenly by `spread`."""

    steps: tuple[float, ...]
    weights: tuple[float, ...]
    spread: float = 0.0

    def draw(self, rng: np.random.Generator, studies: int, median: float) -> np.ndarray:
        """Values of so many studies of a hundred seeds."""
        steps = rng.choice(self.steps, (studies, SEEDS), p=self.weights)
        return median + steps * (1 - self.spread * rng.random((studies, SEEDS)))


SHAPES = {
    "even": Shape((-0.3, 0.3), (0.5, 0.5), 1.0),
    "rare gains": Shape((-0.01, 0.01, 0.9), (0.5, 0.4, 0.1), 1.0),
    "rare losses": Shape((-0.9, -0.01, 0.01), (0.1, 0.4, 0.5), 1.0),
    "two clusters": Shape((-0.4, 0.3), (0.5, 0.5), 0.1),
    "steps": Shape((-0.4, -0.0025, 0.0, 0.3), (0.2, 0.25, 0.2, 0.35)),
}
RANKS = np.array([[rank(n, ALPHA / k) for n in range(1, SEEDS + 1)] for k in range(1, 13)])


def missed(values: np.ndarray, median: float, k: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """After which seeds of each study the interval lies above the median, and below it."""
    low, high = (
        (counts.cumsum(axis=1) < RANKS[k - 1]) for counts in (values <= median, values >= median)
    )
    return low, high


@pytest.mark.parametrize("name", SHAPES)
def test_many_studies_at_once_have_the_intervals_of_each(name: str) -> None:
    values = SHAPES[name].draw(np.random.default_rng(0), 50, 0.1)
    for k in (1, 4):
        low, high = missed(values, 0.1, k)
        for study, n in np.ndindex(values.shape):
            ends = interval(values[study, : n + 1].tolist(), ALPHA / k)
            expected = (False, False) if ends is None else (ends[0] > 0.1, ends[1] < 0.1)
            assert (low[study, n], high[study, n]) == expected


def test_the_exact_rate_for_values_without_steps() -> None:
    """The walk of the seeds above the median, followed exactly: 2.06 % a side."""
    waiting, stopped = {0: 1.0}, 0.0
    for n in range(1, SEEDS + 1):
        following: dict[int, float] = {}
        for below, weight in waiting.items():
            for step in (0, 1):
                following[below + step] = following.get(below + step, 0.0) + weight / 2
        reached = [below for below in following if below < rank(n)]
        stopped += sum(following.pop(below) for below in reached)
        waiting = following
    assert stopped == pytest.approx(0.0206, abs=0.0001)
    assert stopped < ALPHA


@pytest.mark.parametrize("studies", [4000, pytest.param(400_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", SHAPES)
def test_intervals_miss_the_median_rarely_at_any_look(name: str, studies: int) -> None:
    rng, rates = np.random.default_rng(16), []
    for _ in range(0, studies, 4000):
        sides = missed(SHAPES[name].draw(rng, 4000, 0.0), 0.0)
        rates.append([side.any(axis=1).mean() for side in sides])
    for rate in np.mean(rates, axis=0):
        assert rate <= ALPHA
        assert name == "steps" or rate > 0.014


def wrong_at(rule: Rule, figure: float | None, drawn: list[np.ndarray], wrong: set[str]):
    """Whether these seeds of one study, in order, lead to a wrong verdict at one of the looks."""

    def at(looks: np.ndarray) -> bool:
        figures = [figure] * len(drawn)
        return any(
            together(rule, figures, [stats(row[: n + 1].tolist()) for row in drawn]) in wrong
            for n in looks
        )

    return at


GAIN, AGAINST = {SUPPORTED, DIRECTION}, {CONTRADICTED}
CASES = {
    "better, and is not": (BETTER, None, 0.0, GAIN),
    "not better, and is": (BETTER, None, BETTER.delta, AGAINST),
    "by delta at least, and is less": (LEAST, None, LEAST.delta - JUST, {SUPPORTED}),
    "by delta at least, and is not better": (LEAST, None, 0.0, GAIN),
    "not by delta, and is": (LEAST, None, LEAST.delta, AGAINST),
    "half the figure, and is less": (BY, FIGURE, FIGURE / 2 - JUST, {SUPPORTED}),
    "better at all, and is not": (BY, FIGURE, 0.0, GAIN),
    "not better at all, and is": (BY, FIGURE, BY.delta, AGAINST),
    "alike, and is above": (ALIKE, None, 0.05 + JUST, {SUPPORTED}),
    "alike, and is below": (ALIKE, None, -0.05 - JUST, {SUPPORTED}),
    "not alike, and is": (ALIKE, None, 0.05, AGAINST),
    "hardly learns, and does": (HARDLY, None, 0.1 + JUST, {SUPPORTED}),
    "learns, and hardly does": (HARDLY, None, 0.1, AGAINST),
}
"""What is said, and what is so: rule, figure, median, verdicts that would be wrong."""


@pytest.mark.parametrize("studies", [3000, pytest.param(60_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("case", CASES)
def test_wrong_verdicts_are_rare_at_any_look(case: str, name: str, studies: int) -> None:
    rule, figure, median, wrong = CASES[case]
    rate = rate_of(rule, figure, [(SHAPES[name], median)], wrong, studies)
    sides = 2 if case == "not alike, and is" else 1  # by lying above or below
    assert rate <= sides * ALPHA


EVEN, SURE = SHAPES["even"], Shape((-0.1, 0.1), (0.5, 0.5), 1.0)
SEVERAL = {
    "one of four is no gain": ([(SURE, 0.4)] * 3 + [(EVEN, 0.0)], GAIN),
    "none of four is a gain": ([(EVEN, 0.0)] * 4, GAIN),
    "all of four are gains": ([(EVEN, 0.02)] * 4, AGAINST),
    "all of twelve are gains": ([(EVEN, 0.02)] * 12, AGAINST),
}


@pytest.mark.parametrize("studies", [2000, pytest.param(40_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("case", SEVERAL)
def test_so_they_are_of_several_quantities(case: str, studies: int) -> None:
    shapes, wrong = SEVERAL[case]
    assert rate_of(BETTER, None, shapes, wrong, studies) <= ALPHA


def rate_of(
    rule: Rule,
    figure: float | None,
    shapes: list[tuple[Shape, float]],
    wrong: set[str],
    studies: int,
) -> float:
    """In which part of the studies some look leads to a wrong verdict.

    Only looks at which some interval misses its median are tried, to contradict one of k
    quantities with alpha / k: at others no verdict is wrong, as a few of them show.
    """
    rng, found, k = np.random.default_rng(5), [], len(shapes)
    for start in range(0, studies, 1000):
        drawn = [shape.draw(rng, 1000, median) for shape, median in shapes]
        looks = np.zeros((1000, SEEDS), bool)
        for values, (_, median) in zip(drawn, shapes, strict=True):
            part = k if wrong == AGAINST else 1
            looks |= np.logical_or(*missed(values, median, part))
        for study in range(1000):
            at = wrong_at(rule, figure, [values[study] for values in drawn], wrong)
            found.append(at(np.flatnonzero(looks[study])))
            if start == 0 and study < 3:
                assert not at(np.flatnonzero(~looks[study]))
    return float(np.mean(found))


@pytest.mark.slow
def test_other_intervals_are_wrong_more_often() -> None:
    """What the rank is for: ranks that hold at one look alone, and Student's interval."""
    from scipy.stats import binom, t

    shape = SHAPES["rare gains"]
    values = shape.draw(np.random.default_rng(16), 4000, 0.0)
    mean = float(np.mean(shape.draw(np.random.default_rng(17), 100_000, 0.0)))
    fixed, student = np.zeros(len(values), bool), np.zeros(len(values), bool)
    for n in range(10, SEEDS + 1):
        part = np.sort(values[:, :n], axis=1)
        fixed |= part[:, int(binom.ppf(ALPHA, n, 0.5)) - 1] > 0
        half = t.ppf(1 - ALPHA, n - 1) * part.std(axis=1, ddof=1) / n**0.5
        student |= part.mean(axis=1) + half < mean
    assert fixed.mean() > 3 * ALPHA
    assert student.mean() > 6 * ALPHA
