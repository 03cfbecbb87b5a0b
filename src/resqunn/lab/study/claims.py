"""A claim as data, how it is measured in the results of studies, and its verdict."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from resqunn.checks import check_fields
from resqunn.errors import ConfigurationError
from resqunn.lab.study.advice import needed
from resqunn.lab.study.quantities import values_of
from resqunn.lab.study.questions import (
    ClaimResult,
    Kind,
    Measurement,
    Quantity,
    Rule,
    Stats,
    VariantResult,
    Verdict,
)
from resqunn.lab.study.results import SeriesResult, StudyResult, as_builtins
from resqunn.lab.study.rules import (
    CONTRADICTED,
    NOT_MEASURED,
    UNDECIDED,
    alone,
    exceptions,
    over_variants,
    together,
)
from resqunn.lab.study.statistics import beyond, counted, superiority

Facts = Sequence[tuple[str, str, Sequence[bool]]]
"""For each variant: its name, what is counted, and whether each item holds."""

KINDS: dict[str, Kind] = {
    "better": "difference",
    "at_least": "difference",
    "better_by": "difference",
    "equal": "difference",
    "at_most": "above_chance",
}
"""Of a rule's quantities, by the rule's kind."""


@dataclass(frozen=True)
class Claim:
    """A claim that is judged by the quantities of a study, or by a list of facts.

    Attributes:
        statement: in our own words.
        said: the source's figure, or what it reports.
        rule: the kind of question, with its limits.
        figures: of the source that it is about, by their numbers there.
        study: the id of the study that holds the quantities' series.
        quantities: all of which must hold.
        facts: in place of quantities, for a rule of that kind: from the studies' results to what
            is counted.

    Raises:
        ConfigurationError: for quantities that do not fit the rule.
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
        kind = self.rule.kind
        if (kind == "facts") != (self.facts is not None):
            raise ConfigurationError(
                f"the rule of claim {self.id!r} must fit what it has, "
                f"{'facts' if self.facts else 'quantities'}, got {kind!r}"
            )
        for quantity in self.quantities:
            if quantity.kind != KINDS[kind]:
                raise ConfigurationError(
                    f"quantities of claim {self.id!r} must be of the kind {KINDS[kind]!r} for the "
                    f"rule {kind!r}, got {quantity.kind!r}"
                )
            figure = quantity.figure
            if kind == "better_by" and (figure is None or not figure > 0):
                raise ConfigurationError(
                    f"figure must be above 0 for the rule 'better_by' of claim {self.id!r}, got "
                    f"{figure}"
                )
            if kind != "better_by" and figure is not None:
                raise ConfigurationError(
                    f"figure must be left out for the rule {kind!r} of claim {self.id!r}, got "
                    f"{figure}"
                )

    @property
    def limits(self) -> dict[str, Any]:
        """What it is judged by, as JSON values."""
        return {
            "kind": self.rule.kind,
            "margin": self.rule.margin,
            "delta": self.rule.delta,
            "figures": [quantity.figure for quantity in self.quantities],
            "quantities": [_plain(quantity) for quantity in self.quantities],
        }

    def judged(self, studies: Mapping[str, StudyResult]) -> ClaimResult:
        """The claim with what was measured and its verdict."""
        variants = self._counted(studies) if self.facts else self._measured(studies)
        return ClaimResult(
            self.id,
            self.source,
            self.statement,
            self.said,
            self.figures,
            self.rule,
            tuple(variants),
            over_variants({each.variant: each.verdict for each in variants}),
        )

    def _counted(self, studies: Mapping[str, StudyResult]) -> list[VariantResult]:
        assert self.facts is not None
        facts = list(self.facts(studies))
        found = []
        for variant in dict.fromkeys(name for name, _, _ in facts):
            rows = [(what, counted(items)) for name, what, items in facts if name == variant]
            measured = tuple(
                Measurement(Quantity(what, kind="count", unit="items"), row, self._alone(None, row))
                for what, row in rows
            )
            verdict = together(self.rule, [None] * len(rows), [row for _, row in rows])
            found.append(VariantResult(variant, measured, verdict, deciding=_first(measured)))
        return found

    def _measured(self, studies: Mapping[str, StudyResult]) -> list[VariantResult]:
        series = studies[self.study].series if self.study in studies else ()
        variants = dict.fromkeys(each.variant for each in series)
        found = [self._variant(v, [one for one in series if one.variant == v]) for v in variants]
        return [each for each in found if each.measured]

    def _variant(self, variant: str, series: Sequence[SeriesResult]) -> VariantResult:
        rows = [values_of(quantity, series) for quantity in self.quantities]
        found = [None if row is None else row.stats for row in rows]
        measured = tuple(
            Measurement(
                quantity,
                row.stats,
                self._alone(quantity.figure, row.stats),
                beyond(row.stats.values, self.rule.delta),
                superiority(row.first, row.second) if row.second else None,
                exceptions(self.rule, row.stats),
            )
            for quantity, row in zip(self.quantities, rows, strict=True)
            if row is not None
        )
        figures = [quantity.figure for quantity in self.quantities]
        verdict = together(self.rule, figures, found)
        known = [each for each in found if each is not None]
        return VariantResult(
            variant,
            measured,
            verdict,
            min((len(each.values) for each in known), default=None),
            needed(self.rule, figures, known) if verdict == UNDECIDED else None,
            self._deciding(verdict, measured),
        )

    def _alone(self, figure: float | None, found: Stats, k: int = 1) -> Verdict:
        return alone(self.rule, figure, found, k)

    def _deciding(self, verdict: Verdict, measured: Sequence[Measurement]) -> int | None:
        """What contradicts it, or else the first of those that hold it back most."""
        if verdict == NOT_MEASURED:
            return None
        if verdict == CONTRADICTED:
            k = len(self.quantities)
            return next(
                i
                for i, m in enumerate(measured)
                if self._alone(m.quantity.figure, m.stats, k) == CONTRADICTED
            )
        return _first(measured)


def _plain(quantity: Quantity) -> dict[str, Any]:
    """As JSON values; a second metric only where there is one, as older folders have none."""
    found = json.loads(json.dumps(as_builtins(quantity)))  # whose tuples are lists
    if not quantity.minus_metric:
        del found["minus_metric"]
    return found


_WEAKNESS: tuple[Verdict, ...] = (CONTRADICTED, UNDECIDED, "in direction", "supported")


def _first(measured: Sequence[Measurement]) -> int | None:
    """The first of the weakest verdicts."""
    return min(
        range(len(measured)), key=lambda i: _WEAKNESS.index(measured[i].verdict), default=None
    )
