"""The paper's claims, one entry a claim, and how each is measured.

The rules are in `rules.py`, the facts that are checked one by one in `facts.py`. To add a
claim, add an entry to `CLAIMS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from resqunn.studies import facts
from resqunn.studies.evidence import METRICS, Evidence
from resqunn.studies.rules import (
    ABOVE,
    ALIKE,
    EXACT,
    GAIN,
    MAINLY,
    NOT_MEASURED,
    Rule,
    alike,
    at_most,
    over_readings,
    weakest,
)
from resqunn.studies.statistics import Stats, stats

PARTIAL = ("none", "X+O1", "X+O2")
"""Wirings that, as written, reach the last layer alone."""

FULL = ("O1+O2", "(X+O1)+O2")
"""Wirings that, as written, reach both layers."""


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
            texts = [label if trained else f"{label} frozen" for label, trained in terms]
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
    return f"{100 * found.mean:+.1f} points, 95 % interval {100 * low:+.1f} to {100 * high:+.1f}"


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


def _both(
    *pairs: tuple[tuple[str, ...], tuple[str, ...]],
    figures: tuple[float | None, float | None] = (None, None),
) -> tuple[Quantity, ...]:
    """Training and validation accuracy of trained networks minus trained networks."""
    return tuple(
        Quantity(metric, tuple((p, True) for p in plus), tuple((m, True) for m in minus), figure)
        for plus, minus in pairs
        for metric, figure in zip(METRICS, figures, strict=True)
    )


def _frozen(
    *labels: str, figures: tuple[float | None, float | None] = (None, None)
) -> tuple[Quantity, ...]:
    """Each network minus its benchmark with frozen layers."""
    return tuple(
        Quantity(metric, ((label, True),), ((label, False),), figure)
        for label in labels
        for metric, figure in zip(METRICS, figures, strict=True)
    )


def _over_chance(*labels: str) -> tuple[Quantity, ...]:
    return tuple(
        Quantity(metric, ((label, True),), over_chance=True)
        for label in labels
        for metric in METRICS
    )


CLAIMS: tuple[Claim, ...] = (
    Claim(
        "trainable_over_untrainable",
        "Sec. 1.1, Fig. 2",
        "Training the quanvolutional layer of a one-layer network raises its accuracy.",
        "about +36 %",
        GAIN,
        trained(
            "fig2",
            *(
                Quantity(metric, (("trainable", True),), (("untrainable", False),), 0.36)
                for metric in METRICS
            ),
        ),
    ),
    Claim(
        "gradients_two_layers",
        "Sec. 1.1 and 5.1.1, Fig. 3 and 7",
        "Of two layers the first gets a gradient with O1+O2 and (X+O1)+O2 alone.",
        "both layers with O1+O2 and (X+O1)+O2; the last alone with none, X+O1, X+O2",
        EXACT,
        checked(facts.two_layers),
    ),
    Claim(
        "gradients_any_depth",
        "Fig. 7 (caption)",
        "The depth of the circuits does not change which layers get a gradient.",
        "gradients are shown for depth 1 and said to hold for any",
        EXACT,
        checked(facts.any_depth),
    ),
    Claim(
        "gradients_three_layers",
        "Sec. 5.2, Fig. 11",
        "Of 15 wirings of three layers two give every layer a gradient.",
        "(O1+O2)+O3 and ((X+O1)+O2)+O3",
        EXACT,
        checked(facts.three_layers),
    ),
    Claim(
        "none_does_not_train",
        "Sec. 5.1.2, Fig. 8",
        "Without residual connections two layers do not learn.",
        "no training",
        at_most(MAINLY),
        trained("fig8", *_over_chance("none")),
    ),
    Claim(
        "residuals_help",
        "Sec. 5.1.2, Fig. 8",
        "Every residual wiring trains better than none.",
        "consistently better",
        ABOVE,
        trained("fig8", *_both(*(((w,), ("none",)) for w in ("X+O1", "X+O2", *FULL)))),
    ),
    Claim(
        "o1o2_over_xo1",
        "Sec. 5.1.2, Fig. 8",
        "O1+O2, which reaches both layers, is far better than X+O1, which reaches one.",
        "+31 % training, +45 % validation",
        GAIN,
        trained("fig8", *_both((("O1+O2",), ("X+O1",)), figures=(0.31, 0.45))),
    ),
    Claim(
        "input_to_head_is_best",
        "Sec. 5.1.2, Fig. 8",
        "The two wirings that lead the input to the head are better than the other three.",
        "X+O2 and (X+O1)+O2 outperform the rest",
        ABOVE,
        trained(
            "fig8",
            *_both(*((("X+O2", "(X+O1)+O2"), (other,)) for other in ("O1+O2", "X+O1", "none"))),
        ),
    ),
    Claim(
        "input_to_head_is_alike",
        "Sec. 5.1.2, Fig. 8",
        "X+O2 and (X+O1)+O2 perform alike.",
        "very similar",
        alike(ALIKE),
        trained("fig8", *_both((("X+O2",), ("(X+O1)+O2",)))),
    ),
    Claim(
        "full_flow_is_superior",
        "Sec. 5.1.2, after Fig. 8",
        "Wirings that reach both layers are superior to every wiring that reaches one.",
        "argued to be so inherently",
        ABOVE,
        trained("fig8", *_both(*(((f,), (p,)) for f in FULL for p in PARTIAL))),
    ),
    Claim(
        "none_as_frozen",
        "Sec. 5.1.2, Fig. 9",
        "Without residuals, training the quanvolutional layers makes no difference.",
        "very similar, minimal or no training in both",
        alike(ALIKE),
        trained("fig9", *_frozen("none")),
    ),
    Claim(
        "xo1_mainly_head",
        "Sec. 5.1.2, Fig. 9",
        "With X+O1 the classical head does most of the work.",
        "predominantly influenced by the classical layer",
        alike(MAINLY),
        trained("fig9", *_frozen("X+O1")),
    ),
    Claim(
        "o1o2_over_frozen",
        "Sec. 5.1.2, Fig. 9",
        "With O1+O2 the quanvolutional layers drive the learning.",
        "+66 % training, +64 % validation over frozen layers",
        GAIN,
        trained("fig9", *_frozen("O1+O2", figures=(0.66, 0.64))),
    ),
    Claim(
        "input_to_head_as_frozen",
        "Sec. 5.1.2, Fig. 9",
        "With X+O2 and (X+O1)+O2 frozen layers do as well as trained ones.",
        "a close approximation",
        alike(ALIKE),
        trained("fig9", *_frozen("X+O2", "(X+O1)+O2")),
    ),
    Claim(
        "quantum_head_partial",
        "Sec. 5.1.2, Fig. 10",
        "With a quantum head, wirings that reach one layer hardly learn.",
        "no to negligible training with none, X+O1, X+O2",
        at_most(MAINLY),
        trained("fig10", *_over_chance(*PARTIAL)),
    ),
    Claim(
        "quantum_head_full",
        "Sec. 5.1.2, Fig. 10",
        "With a quantum head, wirings that reach both layers are better than all others.",
        "O1+O2 and (X+O1)+O2 clearly better (the text says X+O2, which must be O1+O2)",
        ABOVE,
        trained("fig10", *_both(*(((f,), (p,)) for f in FULL for p in PARTIAL))),
    ),
    Claim(
        "table_2",
        "Table 2",
        "Zero padding gives the heads 49, 196, 196, 784 and 784 features.",
        "7x7, 14x14, 14x14, 28x28, 28x28 for the five wirings, images of 28x28",
        EXACT,
        checked(facts.feature_sizes),
    ),
    Claim(
        "table_3",
        "Table 3",
        "The runs use the paper's data sizes and hyperparameters.",
        "10 x 200 or 4 x 200 images split 80/20, batch 16, Adam at 0.01, 2x2 kernels on 4 qubits, "
        "30 epochs",
        EXACT,
        checked(facts.hyperparameters),
    ),
)  # fmt: skip


def judge(evidence: Evidence) -> list[dict[str, Any]]:
    """Every claim, judged."""
    return [claim.judged(evidence) for claim in CLAIMS]
