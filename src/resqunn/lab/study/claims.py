"""A claim as data, how it is measured in the results of studies, and its verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from resqunn.checks import check_fields
from resqunn.errors import ConfigurationError
from resqunn.lab.study.results import (
    ClaimResult,
    Measurement,
    Quantity,
    SeriesResult,
    StudyResult,
    Term,
)
from resqunn.lab.study.rules import NOT_MEASURED, Rule, over_variants, weakest
from resqunn.lab.study.statistics import Stats, stats

Facts = Sequence[tuple[str, str, Sequence[bool]]]
"""For each variant: its name, what is counted, and whether each item holds."""


@dataclass(frozen=True)
class Claim:
    """A claim that is judged by the quantities of a study, or by a list of facts.

    Attributes:
        statement: in our own words.
        said: the source's figure, or what it reports.
        figures: of the source that it is about, by their numbers there.
        study: the id of the study that holds the quantities' series.
        quantities: all of which must hold.
        facts: in place of quantities: from the studies' results to what is counted.
    """

    id: str
    source: str
    statement: str
    said: str
    rule: Rule
    figures: tuple[str, ...] = ()
    study: str = ""
    quantities: tuple[Quantity, ...] = ()
    facts: Callable[[Mapping[str, StudyResult]], Facts] | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        if bool(self.quantities) == (self.facts is not None):
            raise ConfigurationError(f"claim {self.id!r} must have either quantities or facts")

    def judged(self, studies: Mapping[str, StudyResult]) -> ClaimResult:
        """The claim with what was measured and its verdict."""
        measured = tuple(self._measured(studies))
        variants = list(dict.fromkeys(m.variant for m in measured))
        found = {v: weakest(m.verdict for m in measured if m.variant == v) for v in variants}
        verdict, verdicts = over_variants(found)
        deciding = None
        if measured and verdict != NOT_MEASURED:
            # Of the first variant, the first of the weakest.
            first = variants[0]
            deciding = next(
                i
                for i, m in enumerate(measured)
                if m.variant == first and m.verdict == found[first]
            )
        return ClaimResult(
            self.id,
            self.source,
            self.statement,
            self.said,
            self.figures,
            self.rule.words,
            measured,
            verdict,
            verdicts,
            deciding,
        )

    def _measured(self, studies: Mapping[str, StudyResult]) -> list[Measurement]:
        if self.facts is not None:
            return [
                Measurement(variant, Quantity(what, kind="count", unit="items"), s, self.rule(s))
                for variant, what, items in self.facts(studies)
                for s in (stats(map(float, items)),)
            ]
        if self.study not in studies:
            return []
        series = studies[self.study].series
        return [
            Measurement(variant, quantity, found, self.rule(found, quantity.figure))
            for variant in dict.fromkeys(each.variant for each in series)
            for quantity in self.quantities
            if (found := measured(quantity, [s for s in series if s.variant == variant]))
        ]


def measured(quantity: Quantity, series: Sequence[SeriesResult]) -> Stats | None:
    """The statistics of a quantity over the seeds that every network of it has finished."""
    plus, minus = ([_values(term, quantity.metric, series) for term in terms]
                   for terms in (quantity.plus, quantity.minus))  # fmt: skip
    if any(values is None for values in (*plus, *minus)):
        return None
    known = [values for values in (*plus, *minus) if values is not None]
    seeds = sorted(set.intersection(*(set(values) for values in known)))
    if not seeds:
        return None
    first, second = known[: len(plus)], known[len(plus) :]
    offset = 0.0
    if quantity.kind == "above_chance":
        classes = next((each.config["classes"] for each in series if each.config["classes"]), None)
        if classes is None:
            return None
        offset = 1 / (classes if isinstance(classes, int) else len(classes))
    return stats(
        sum(v[seed] for v in first) / len(first)
        - (sum(v[seed] for v in second) / len(second) if second else 0.0)
        - offset
        for seed in seeds
    )


def _values(term: Term, metric: str, series: Sequence[SeriesResult]) -> dict[int, float] | None:
    """A metric of a series by seed; None if the series was not run."""
    for each in series:
        if (each.label, each.frozen) == (term.label, term.frozen) and each.seeds:
            return dict(zip(each.seeds, each.final[metric].values, strict=True))
    return None
