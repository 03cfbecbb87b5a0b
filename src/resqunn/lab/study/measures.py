"""How a claim of the paper is measured: quantities, facts, and what becomes a verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from resqunn.lab.study.evidence import Evidence
from resqunn.lab.study.rules import EXACT, NOT_MEASURED, Rule, over_readings, weakest
from resqunn.lab.study.statistics import Stats, stats

SAYS_FROZEN = ("untrainable",)
"""Labels that say themselves that the layers are not trained."""


@dataclass(frozen=True)
class Quantity:
    """Mean accuracy of some networks, minus that of others or of guessing, seed by seed.

    Attributes:
        plus, minus: labels within the study, each with whether its layers are trained.
        figure: the paper's, or None.
        over_chance: subtract the accuracy of guessing.
    """

    metric: str
    plus: tuple[tuple[str, bool], ...]
    minus: tuple[tuple[str, bool], ...] = ()
    figure: float | None = None
    over_chance: bool = False

    def __str__(self) -> str:
        def names(terms: tuple[tuple[str, bool], ...]) -> str:
            texts = [
                label if trained or label in SAYS_FROZEN else f"{label} frozen"
                for label, trained in terms
            ]
            return texts[0] if len(texts) == 1 else f"mean of {' and '.join(texts)}"

        text = f"{self.metric.replace('_', ' ')}, {names(self.plus)}"
        if self.minus:
            text += f" minus {names(self.minus)}"
        return f"{text} minus guessing" if self.over_chance else text

    def measured(self, evidence: Evidence, study: str, reading: str) -> Stats | None:
        """Its statistics over the seeds that every network of it has finished."""
        terms = [*self.plus, *self.minus]
        found = [evidence.finals.get((study, label, reading, on)) for label, on in terms]
        if any(final is None for final in found):
            return None
        values = [final[self.metric] for final in found if final is not None]
        seeds = sorted(set.intersection(*(set(value) for value in values)))
        if not seeds:
            return None
        plus, minus = values[: len(self.plus)], values[len(self.plus) :]
        offset = evidence.chance[study] if self.over_chance else 0.0
        return stats(
            sum(v[seed] for v in plus) / len(plus)
            - (sum(v[seed] for v in minus) / len(minus) if minus else 0.0)
            - offset
            for seed in seeds
        )


@dataclass(frozen=True)
class Measurement:
    """A quantity under one reading, with its verdict."""

    reading: str
    quantity: str
    stats: Stats
    verdict: str


Measure = Callable[[Evidence, Rule], list[Measurement]]


@dataclass(frozen=True)
class Claim:
    """A claim of the paper.

    Attributes:
        statement: in our own words.
        paper: the paper's figure, or what it reports.
    """

    id: str
    source: str
    statement: str
    paper: str
    rule: Rule
    measure: Measure

    def judged(self, evidence: Evidence) -> dict[str, Any]:
        """The claim with what was measured and the verdict, as JSON-ready values."""
        measured = self.measure(evidence, self.rule)
        readings = list(dict.fromkeys(m.reading for m in measured))
        verdicts = [(r, weakest(m.verdict for m in measured if m.reading == r)) for r in readings]
        verdict, reading = over_readings(verdicts)
        return {
            "id": self.id,
            "source": self.source,
            "statement": self.statement,
            "paper": self.paper,
            "rule": self.rule.words,
            "measured": [
                {
                    "reading": m.reading,
                    "quantity": m.quantity,
                    "stats": m.stats.as_dict(),
                    "verdict": m.verdict,
                }
                for m in measured
            ],
            "verdict": verdict,
            "reading": reading,
            "why": _why(self.rule, measured, verdict),
        }


def _why(rule: Rule, measured: Sequence[Measurement], verdict: str) -> str:
    if not measured:
        return "None of the runs that it needs was made."
    if verdict == NOT_MEASURED:
        return "One seed alone says nothing: run it with more."
    first = measured[0].reading
    # The quantity that decides: the first of the weakest.
    shown = [m for m in measured if m.reading == first]
    deciding = next(m for m in shown if m.verdict == weakest(x.verdict for x in shown))
    return f"{deciding.quantity} ({first}): {_number(deciding.stats, rule is EXACT)}."


def _number(found: Stats, counted: bool) -> str:
    if counted or found.interval is None:
        return f"{sum(found.values):g} of {len(found.values)}"
    low, high = found.interval
    mean, low, high = (f"{100 * x:+.1f}".replace("-", "−") for x in (found.mean, low, high))
    return f"{mean} points, 95 % interval {low} to {high}"


def trained(study: str, *quantities: Quantity) -> Measure:
    """Quantities of a study of trained networks, under each of its readings."""

    def measure(evidence: Evidence, rule: Rule) -> list[Measurement]:
        found = []
        for reading in evidence.readings(study):
            for quantity in quantities:
                measured = quantity.measured(evidence, study, reading)
                if measured is not None:
                    verdict = rule(measured, quantity.figure)
                    found.append(Measurement(reading, str(quantity), measured, verdict))
        return found

    return measure


def checked(check: Callable[[Evidence], list[tuple[str, str, list[bool]]]]) -> Measure:
    """Facts: reading, what is counted, and for each item whether it is as in the paper."""

    def measure(evidence: Evidence, rule: Rule) -> list[Measurement]:
        return [
            Measurement(reading, what, found, rule(found))
            for reading, what, items in check(evidence)
            for found in (stats(map(float, items)),)
        ]

    return measure
