"""A question and its answer, as data: the part of the results that claims are judged by.

How a rule judges is defined in `rules.py`, how the numbers are found in `statistics.py`.
Accuracies and other metrics, and all limits, are fractions in [0, 1].
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from resqunn.checks import check_fields
from resqunn.errors import ConfigurationError, unknown_name

Kind = Literal["difference", "above_chance", "count"]
"""Of a quantity: networks minus networks, networks minus guessing, or facts that hold."""

Unit = Literal["points", "items"]
"""Of a quantity: percentage points of a metric, or a count of items out of all."""

RuleKind = Literal["better", "at_least", "better_by", "equal", "at_most", "facts"]
"""Of a question: better than; better by delta at least; better by about a figure; equal within a
margin; at most a margin above guessing; a list of facts."""

Verdict = Literal[
    "supported",
    "in direction",
    "contradicted",
    "undecided",
    "not measured",
    "depends on the interpretation",
]
"""On a question; the last one is of several variants together, and of these alone."""

DELTA = 0.02
"""Smallest difference that matters, unless a rule says otherwise: what 400 images can show."""

WITH_MARGIN = ("equal", "at_most")


@dataclass(frozen=True)
class Rule:
    """How a question is judged: its kind, and its limits, which are chosen before any run.

    Attributes:
        margin: of the kinds "equal" and "at_most".
        delta: the smallest difference that matters.

    Raises:
        ConfigurationError: for limits that do not fit the kind.
    """

    kind: RuleKind
    margin: float | None = None
    delta: float = DELTA

    def __post_init__(self) -> None:
        check_fields(self)
        if self.kind not in get_args(RuleKind):
            raise unknown_name("kind", self.kind, get_args(RuleKind))
        if not 0 <= self.delta < math.inf:
            raise ConfigurationError(f"delta must be 0 or more, got {self.delta}")
        if self.kind in WITH_MARGIN:
            if self.margin is None or not 0 < self.margin < math.inf:
                raise ConfigurationError(
                    f"margin must be above 0 for the kind {self.kind!r}, got {self.margin}"
                )
        elif self.margin is not None:
            raise ConfigurationError(
                f"margin must be left out for the kind {self.kind!r}, got {self.margin}"
            )


@dataclass(frozen=True)
class Term:
    """A series of a study by name."""

    label: str
    frozen: bool = False


@dataclass(frozen=True)
class Quantity:
    """What a claim is judged by: a mean over some networks, minus others or guessing.

    Attributes:
        metric: of the networks, or for a count what is counted, in words.
        plus, minus: series of the study; differences are taken seed by seed.
        figure: the source's own number, as a fraction.
        minus_metric: of the networks in `minus`, if it is another one.
    """

    metric: str
    plus: tuple[Term, ...] = ()
    minus: tuple[Term, ...] = ()
    figure: float | None = None
    kind: Kind = "difference"
    unit: Unit = "points"
    minus_metric: str = ""


@dataclass(frozen=True)
class Stats:
    """What is known of a quantity after n seeds.

    Attributes:
        median: over seeds.
        interval: of the median, valid at any look; None below ten seeds.
        mean, std: with the sample standard deviation; None below ten seeds.
        values: one a seed, in the order of the seeds, or one an item of a count.
        missing: seeds before the last one that have no value. The interval counts each of them
            as if it lay below it and above it.
    """

    median: float
    interval: tuple[float, float] | None
    mean: float | None
    std: float | None
    values: tuple[float, ...]
    missing: int = 0


@dataclass(frozen=True)
class Share:
    """So many of all seeds, with Wilson's 95 % interval of the share."""

    count: int
    of: int
    interval: tuple[float, float]


@dataclass(frozen=True)
class Measurement:
    """A quantity in one variant.

    Attributes:
        verdict: on this quantity alone.
        beyond: the seeds in which it is more than the rule's delta; None below ten.
        superiority: probability that a new seed of the networks in `plus` beats a new seed of
            those in `minus`, ties counted as half; None without them, or below ten seeds.
        exceptions: the seeds in which what is asked is otherwise than at the median, where the
            mean differs from it by more than delta; else None.
    """

    quantity: Quantity
    stats: Stats
    verdict: Verdict
    beyond: Share | None = None
    superiority: float | None = None
    exceptions: int | None = None


@dataclass(frozen=True)
class VariantResult:
    """A claim in one variant: all of its quantities together.

    Attributes:
        seeds: the fewest that a quantity has; None for facts.
        needed: about how many seeds would decide an undecided one; None if no number up to
            1,000 would, and where there is nothing to decide.
        deciding: the measurement that decides, as an index.
    """

    variant: str
    measured: tuple[Measurement, ...]
    verdict: Verdict
    seeds: int | None = None
    needed: int | None = None
    deciding: int | None = None

    def __post_init__(self) -> None:
        if self.deciding is not None and not 0 <= self.deciding < len(self.measured):
            raise ConfigurationError(
                f"deciding must be one of {len(self.measured)} measurements, got {self.deciding}"
            )


@dataclass(frozen=True)
class ClaimResult:
    """A claim, judged.

    Attributes:
        statement: in our own words.
        said: the source's figure, or what it reports.
        figures: of the source that it is about.
        rule: by which it was judged.
        variants: each with a verdict of its own.
        verdict: on all variants together.
    """

    id: str
    source: str
    statement: str
    said: str
    figures: tuple[str, ...]
    rule: Rule
    variants: tuple[VariantResult, ...]
    verdict: Verdict
