"""Results with every part of the schema, with numbers of the size that was really measured."""

from __future__ import annotations

import dataclasses
import math
import random
from typing import Any

from resqunn.circuits.circuit import Circuit
from resqunn.lab.study.questions import (
    ClaimResult,
    Measurement,
    Quantity,
    Rule,
    Stats,
    Term,
    VariantResult,
    Verdict,
)
from resqunn.lab.study.results import (
    Curve,
    DataRecord,
    Drawing,
    Environment,
    Failure,
    GradientCell,
    GradientRow,
    GradientTable,
    NormsByDepth,
    Results,
    SeriesResult,
    Source,
    StudyResult,
)
from resqunn.lab.study.rules import exceptions
from resqunn.lab.study.statistics import FEWEST, beyond, counted, stats
from resqunn.lab.training.config import PRESETS
from resqunn.nn.wiring import Wiring

EPOCHS = 30
SEEDS = 20
MEANS = {"none": 0.14, "X+O1": 0.57, "O1+O2": 0.83, "X+O2": 0.877, "(X+O1)+O2": 0.872}
FROZEN = {"none": 0.08, "X+O1": 0.53, "O1+O2": 0.53, "X+O2": 0.871, "(X+O1)+O2": 0.877}
SPREAD = {"none": 0.05, "X+O1": 0.22, "O1+O2": 0.08, "X+O2": 0.012, "(X+O1)+O2": 0.02}
METRICS = ("train_accuracy", "validation_accuracy")


def around(mean: float, spread: float, rng: random.Random, seeds: int = SEEDS) -> Stats:
    return stats([min(1.0, max(0.0, rng.gauss(mean, spread))) for _ in range(seeds)])


def curve(end: Stats, rng: random.Random) -> Curve:
    rise = [1 - 0.8 * math.exp(-e / 6) for e in range(1, EPOCHS + 1)]
    middle = [0.1 + (end.median - 0.1) * r + rng.gauss(0, 0.004) for r in rise]
    half = 0.7 * (max(end.values) - min(end.values))
    low = (m - half * r for m, r in zip(middle, rise, strict=True))
    high = (m + half * r for m, r in zip(middle, rise, strict=True))
    return Curve(tuple(middle), tuple(low), tuple(high))


def series(
    label: str,
    variant: str,
    mean: float,
    spread: float,
    rng: random.Random,
    *,
    frozen: bool = False,
    seeds: int = SEEDS,
    **options: Any,
) -> SeriesResult:
    changed = dataclasses.replace(PRESETS["paper"], data="mnist", trainable=not frozen, **options)
    config = dataclasses.asdict(changed) | {"input_gradients": variant == "true gradients"}
    del config["seed"]
    ends = (around(min(0.99, 1.1 * mean), spread, rng, seeds), around(mean, spread, rng, seeds))
    final = dict(zip(METRICS, ends, strict=True))
    loss = tuple(2.3 - 0.02 * epoch for epoch in range(EPOCHS))
    return SeriesResult(
        label=label,
        variant=variant,
        frozen=frozen,
        task="train",
        config=config,
        keys=tuple(f"{rng.getrandbits(48):012x}" for _ in range(seeds)),
        seeds=tuple(range(seeds)),
        final=final,
        curves={m: curve(end, rng) for m, end in final.items()} | {"loss": Curve(loss, loss, loss)},
        gradient_norms={"O1": None, "O2": (0.1,) * EPOCHS, "head": (0.3,) * EPOCHS},
        num_weights=7866,
        seconds=4.2,
        learns={
            metric: share
            for metric, end in final.items()
            if (share := beyond([value - 0.1 for value in end.values], 0.02))
        },
    )


def studies(rng: random.Random, variants: tuple[str, ...], seeds: int) -> list[StudyResult]:
    first = variants[0]

    def five(means: dict[str, float], frozen: bool = False, **options: Any):
        return tuple(
            series(w, v, means[w] if v == first or w != "none" else 0.54, SPREAD[w], rng,
                   wiring=w, frozen=frozen, seeds=seeds, **options)
            for v in variants
            for w in means
        )  # fmt: skip

    one = tuple(
        series("one layer", first, mean, 0.02, rng, frozen=f, seeds=seeds, depths=(2,))
        for f, mean in ((False, 0.83), (True, 0.79))
    )
    trained = five(MEANS)
    quantum = five({w: 0.25 + 0.3 * mean * ("O1+O2" in w) for w, mean in MEANS.items()},
                   head="quantum")  # fmt: skip
    deeper = tuple(
        series(str(w), first, 0.3 + 0.6 * rng.random(), 0.07, rng, wiring=str(w), seeds=seeds,
               depths=(4, 1, 1))
        for w in Wiring.all(3)
    )  # fmt: skip
    best = (series("X+O2", first, 0.92, 0.01, rng, seeds=1, wiring="X+O2", per_class="all"),)
    return [
        StudyResult("one", "One trainable layer against a frozen one", "Sec. 1.1, Fig. 2",
                    "Training the layer adds about 36 points of accuracy.", "trained", ("2",),
                    series=one),
        StudyResult("five", "Five networks of two layers", "Sec. 5.1.2, Fig. 8",
                    "Without residuals the network does not learn; O1+O2 is far better than X+O1.",
                    "trained", ("8",), series=trained),
        StudyResult("frozen", "Each network against itself untrained", "Sec. 5.1.2, Fig. 9",
                    "O1+O2 gains about 65 points by training its layers; X+O2 gains nothing.",
                    "trained", ("9",), series=trained + five(FROZEN, frozen=True)),
        StudyResult("quantum", "Five networks, quantum head", "Sec. 5.1.3, Fig. 10",
                    "Only O1+O2 and (X+O1)+O2 learn anything to speak of.", "trained", ("10",),
                    series=quantum),
        gradients(2),
        gradients(3),
        StudyResult("controls", "Classical models on the same images", "", "", "controls",
                    beside="five", series=controls(rng, seeds)),
        StudyResult("deep", "All fifteen networks of three layers", "beyond", "Not done.",
                    "beyond", series=deeper),
        StudyResult("full", "The best network on all of MNIST", "beyond", "", "beyond",
                    series=best),
        StudyResult("by_depth", "Gradient norm by depth", "", "", "beyond", norms=norms()),
    ]  # fmt: skip


def controls(rng: random.Random, seeds: int) -> tuple[SeriesResult, ...]:
    weights = {"logistic regression on pixels": 7850, "Conv2d with as many weights": 7866,
               "linear model on the circuits' own monomials": 39220,
               "most frequent class <&\"'>": None}  # fmt: skip
    return tuple(
        dataclasses.replace(
            series(label, "", 0.83, 0.01, rng, seeds=seeds),
            task="module:function",
            curves={},
            gradient_norms={},
            num_weights=count,
            note="the same images, the same number of epochs",
        )
        for label, count in weights.items()
    )


def gradients(layers: int) -> StudyResult:
    rows = []
    for wiring in Wiring.all(layers):
        reached = wiring.reached(False)
        cut = [
            GradientCell(f"O{k}", "flows" if r else "none", 0.12 / k if r else None)
            for k, r in enumerate(reached, 1)
        ]
        true = [
            GradientCell(f"O{k}", "flows" if r or k >= layers - 1 else "vanishing",
                         0.1 if r else 0.1 / 40 ** (layers - k))
            for k, r in enumerate(reached, 1)
        ]  # fmt: skip
        if str(wiring) == "none":
            true[0] = GradientCell("O1", "zero", 0.0)
        rows.append(GradientRow(str(wiring), {"cut": tuple(cut), "true": tuple(true)}))
    settings = {"cut": "cut input derivatives", "true": "true derivatives"}
    table = GradientTable(layers, settings, tuple(rows))
    figures = ("3", "7") if layers == 2 else ("11",)
    return StudyResult(f"layers{layers}", f"Every network of {layers} layers", "Sec. 5.1.1",
                       "Only two let a gradient reach every layer.", "gradients", figures,
                       gradients=table)  # fmt: skip


def norms() -> tuple[NormsByDepth, ...]:
    rows = []
    for ansatz, loss in (("RX chain", 60.0), ("RY chain", 3.0)):
        for scale, name in ((1.0, "1"), (math.pi, "\u03c0")):
            for label in ("no residuals", "all residuals"):
                for n in range(1, 7):
                    rate = (loss / scale) if label == "no residuals" else 1.1
                    found = tuple(0.3 / rate ** (n - k) for k in range(1, n + 1))
                    rows.append(NormsByDepth(f"{ansatz}, pixels to {name}", label, n, found))
    return tuple(rows)


def claim(
    name: str,
    statement: str,
    said: str,
    rule: Rule,
    verdict: Verdict,
    *variants: VariantResult,
    source: str = "Sec. 5.1.2, Fig. 8",
    figures: tuple[str, ...] = ("8",),
) -> ClaimResult:
    return ClaimResult(name, source, statement, said, figures, rule, variants, verdict)


def claims(rng: random.Random, seeds: int) -> list[ClaimResult]:
    """One of each verdict; below ten seeds all that is no list of facts is undecided."""
    few = seeds < FEWEST

    def on(rule: Rule, verdict: Verdict, variant: str, *rows: tuple[Quantity, float, float]):
        verdict = "undecided" if few else verdict
        measured = []
        for quantity, mean, spread in rows:
            found = stats([rng.gauss(mean, spread) for _ in range(seeds)])
            beats = None if few or not quantity.minus else 0.5 + min(0.5, abs(mean))
            measured.append(
                Measurement(quantity, found, verdict, beyond(found.values, rule.delta), beats,
                            exceptions(rule, found))
            )  # fmt: skip
        needed = (10 if few else 35) if verdict == "undecided" else None
        return VariantResult(variant, tuple(measured), verdict, seeds, needed, 0)

    none = Quantity("validation_accuracy", (Term("none"),), kind="above_chance")
    gap = [Quantity(m, (Term("O1+O2"),), (Term("X+O1"),), 0.31) for m in METRICS]
    layer = Quantity(METRICS[0], (Term("one layer"),), (Term("one layer", frozen=True),))
    frozen = Quantity(METRICS[1], (Term("X+O2"),), (Term("X+O2", frozen=True),))
    count = Quantity("networks that reach every layer", kind="count", unit="items")
    true = "true gradients"
    hardly, by, better = Rule("at_most", margin=0.1), Rule("better_by"), Rule("better")
    alike, facts = Rule("equal", margin=0.05), Rule("facts")
    all_hold = Measurement(count, counted([True] * 5), "supported")
    return [
        claim("none_untrained", "A network of two layers without residuals does not learn",
              "no training at all", hardly,
              "undecided" if few else "depends on the interpretation",
              on(hardly, "supported", "as written", (none, 0.04, 0.05)),
              on(hardly, "contradicted", true, (none, 0.44, 0.1))),
        claim("o1o2_over_xo1", "O1+O2 is clearly better than X+O1", "+31 % train, +45 % validation",
              by, "undecided" if few else "in direction",
              *(on(by, "in direction", v, *((q, 0.12 + 0.1 * i, 0.1) for i, q in enumerate(gap)))
                for v in ("as written", true, "encoded once"))),
        claim("one_gain", "Training one layer raises its accuracy", "higher",
              better, "undecided" if few else "contradicted",
              on(better, "contradicted", "as written", (layer, -0.04, 0.02)),
              source="Sec. 1.1, Fig. 2", figures=("2",)),
        claim("two_reach_all", "Exactly two of the five networks reach both layers", "2 of 5",
              facts, "supported", VariantResult("as written", (all_hold,), "supported", deciding=0),
              source="Sec. 5.1.1, Fig. 3, 7 and 11", figures=("3", "7", "11")),
        claim("frozen_alike", "With X+O2 frozen layers do as well", "close", alike, "undecided",
              on(alike, "undecided", "as written", *[(frozen, 0.04, 0.05)] * 12)),
        claim("quantum_head", "With the quantum head only <two> networks learn & \"score\"",
              "negligible for 'none'", better, "not measured", source="Fig. 10", figures=("10",)),
    ]  # fmt: skip


def results(seeds: int = SEEDS, warning: str = "") -> Results:
    """The whole of it."""
    rng = random.Random(7)
    circuits = {
        "layer 1 (re-upload, depth 4)": Circuit(
            "ry", "rx_chain", "mean_z", inputs=4, depth=4, reupload=True
        ),
        "layer 2 (depth 1)": Circuit("ry", "rx_chain", "mean_z", inputs=4, depth=1),
    }
    return Results(
        resqunn="0.1.0",
        source=Source(
            name="sample",
            title="Residual quanvolutional networks: run again",
            citation="A. Author and B. Author, Residuals",
            address="https://example.org/paper",
            sections={"trained": "Trained networks", "gradients": "Which layers get a gradient",
                      "controls": "Controls", "beyond": "Beyond the source"},
            warning=warning,
        ),
        options={"data": "mnist", "seeds": list(range(seeds)), "epochs": EPOCHS, "quick": False,
                 "limit": None},
        command=f"resqunn reproduce --data mnist --seeds {seeds}",
        environment=Environment(
            versions={"python": "3.11.9", "torch": "2.13.0", "numpy": "2.4.6"},
            platform="Linux x86_64",
            data=(DataRecord("mnist", 10, 200, 0, "ab" * 32),),
        ),
        seconds=724.3,
        created="2026-01-31T12:00:00Z",
        studies=tuple(studies(rng, ("as written", "true gradients"), seeds)),
        claims=tuple(claims(rng, seeds)),
        circuits=tuple(Drawing(title, c.draw()) for title, c in circuits.items()),
        failures=(Failure("0badc0de", "quantum", "X+O1", 3,
                          "RunError: the loss became <NaN> & \"infinite\""),),
    )  # fmt: skip


def small(seeds: int = SEEDS) -> Results:
    """Results that are quick to draw: the first study and all claims."""
    whole = results(seeds)
    return dataclasses.replace(whole, studies=whole.studies[:1], failures=())
