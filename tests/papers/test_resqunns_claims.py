"""Every claim's rule is fed data that fit the claim, contradict it, and straddle."""

from dataclasses import asdict, replace

import pytest

from resqunn.errors import ConfigurationError
from resqunn.lab.study.claims import Claim
from resqunn.lab.study.quantities import values_of
from resqunn.lab.study.questions import ClaimResult, Quantity, Rule, Term
from resqunn.lab.study.results import (
    GradientCell,
    GradientRow,
    GradientTable,
    SeriesResult,
    StudyResult,
)
from resqunn.lab.study.rules import (
    CONTRADICTED,
    DEPENDS,
    NOT_MEASURED,
    SUPPORTED,
    UNDECIDED,
)
from resqunn.lab.study.statistics import stats
from resqunn.papers.resqunns import PAPER as RESQUNNS
from resqunn.papers.resqunns.checklists import REACHED_2
from resqunn.papers.resqunns.claims import CLAIMS
from resqunn.papers.resqunns.studies import gradients_id

BY_ID = {claim.id: claim for claim in CLAIMS}
SEEDS = 20
TIGHT = (-0.01, -0.005, 0.0, 0.005, 0.01)
WIDE = (-2.0, -1.0, 0.0, 1.0, 2.0)

# Mean accuracies of (label, trained) that fit every claim of Fig. 8 and 9, and of Fig. 10.
PAPER = {
    ("none", True): 0.1, ("none", False): 0.1, ("X+O1", True): 0.5, ("X+O1", False): 0.5,
    ("O1+O2", True): 0.92, ("O1+O2", False): 0.27, ("X+O2", True): 0.98, ("X+O2", False): 0.98,
    ("(X+O1)+O2", True): 0.98, ("(X+O1)+O2", False): 0.98,
    ("one layer", True): 0.9, ("one layer", False): 0.5,
}  # fmt: skip
QUANTUM = {"none": 0.26, "X+O1": 0.26, "X+O2": 0.26, "O1+O2": 0.6, "(X+O1)+O2": 0.6}
SUPERIOR = {"none": 0.1, "X+O1": 0.5, "X+O2": 0.6, "O1+O2": 0.9, "(X+O1)+O2": 0.95}
STATISTICAL = [c.id for c in CLAIMS if not c.id.startswith(("gradients", "table"))]


def series(label: str, trained: bool, values: dict[int, float], variant: str, classes: int):
    final = dict.fromkeys(("train_accuracy", "validation_accuracy"), stats(values.values()))
    return SeriesResult(
        label, variant, not trained, "train", {"classes": classes}, (), tuple(values), final,
        {}, {}, None, 0.0,
    )  # fmt: skip


def study(name: str, *parts: SeriesResult) -> dict[str, StudyResult]:
    return {name: StudyResult(name, "", "", "", "", series=parts)}


def evidence(
    claim: Claim,
    means: dict,
    spread: tuple[float, ...],
    variant: str = "as written",
    seeds: int = SEEDS,
) -> dict[str, StudyResult]:
    """Every network scatters on its own, so that differences scatter as well."""
    parts = []
    for number, ((label, trained), mean) in enumerate(means.items()):
        values = {seed: mean + spread[(seed * (number % 4 + 1)) % 5] for seed in range(seeds)}
        classes = 4 if claim.study == "fig10" else 10
        parts.append(series(label, trained, values, variant, classes))
    return study(claim.study, *parts)


def fitting(claim: Claim) -> dict:
    chosen = SUPERIOR if claim.id == "full_flow_is_superior" else QUANTUM
    special = "quantum" in claim.id or claim.id == "full_flow_is_superior"
    return {(label, True): mean for label, mean in chosen.items()} if special else PAPER


def contradicting(claim: Claim) -> dict:
    """Every mean mirrored; and all networks apart from each other."""
    return {
        where: 0.95 - 0.9 * mean + 0.012 * k
        if claim.rule.kind in ("better", "better_by")
        else 0.4 + (0.15 * k) * (1 if where[1] else -1)
        for k, (where, mean) in enumerate(fitting(claim).items())
    }


@pytest.mark.parametrize("name", STATISTICAL)
def test_data_that_fit_contradict_and_straddle(name: str) -> None:
    claim = BY_ID[name]
    assert claim.judged(evidence(claim, fitting(claim), TIGHT)).verdict == SUPPORTED
    against = claim.judged(evidence(claim, contradicting(claim), TIGHT))
    assert against.verdict == CONTRADICTED, against
    straddling = claim.judged(evidence(claim, fitting(claim), WIDE))
    assert straddling.verdict == UNDECIDED, straddling
    assert straddling.variants[0].needed is None
    assert claim.judged({}).verdict == NOT_MEASURED


@pytest.mark.parametrize("name", STATISTICAL)
def test_five_seeds_decide_nothing(name: str) -> None:
    claim = BY_ID[name]
    for means in (fitting(claim), contradicting(claim)):
        judged = claim.judged(evidence(claim, means, TIGHT, seeds=5))
        assert judged.verdict == UNDECIDED
        (variant,) = judged.variants
        assert (variant.seeds, variant.needed) == (5, 10)


def test_the_limits_are_these() -> None:
    """Written down before the runs: who changes one changes what is asked."""
    found = {c.id: (c.rule.kind, c.rule.margin, c.rule.delta) for c in CLAIMS if c.quantities}
    assert found == {
        "trainable_over_untrainable": ("better_by", None, 0.02),
        "none_does_not_train": ("at_most", 0.1, 0.02),
        "residuals_help": ("better", None, 0.02),
        "o1o2_over_xo1": ("better_by", None, 0.02),
        "input_to_head_is_best": ("better", None, 0.02),
        "input_to_head_is_alike": ("equal", 0.05, 0.02),
        "full_flow_is_superior": ("better", None, 0.02),
        "none_as_frozen": ("equal", 0.05, 0.02),
        "xo1_mainly_head": ("equal", 0.1, 0.02),
        "o1o2_over_frozen": ("better_by", None, 0.02),
        "input_to_head_as_frozen": ("equal", 0.05, 0.02),
        "quantum_head_partial": ("at_most", 0.1, 0.02),
        "quantum_head_full": ("better", None, 0.02),
    }
    figures = {c.id: c.limits["figures"] for c in CLAIMS if c.rule.kind == "better_by"}
    assert figures == {
        "trainable_over_untrainable": [0.36, 0.36],
        "o1o2_over_xo1": [0.31, 0.45],
        "o1o2_over_frozen": [0.66, 0.64],
    }


def deciding(judged: ClaimResult):
    variant = judged.variants[0]
    assert variant.deciding is not None
    return variant.measured[variant.deciding]


def test_a_claim_may_depend_on_the_interpretation() -> None:
    claim = BY_ID["o1o2_over_frozen"]
    one = evidence(claim, PAPER, TIGHT)["fig9"].series
    other = evidence(claim, contradicting(claim), TIGHT, "true gradients")["fig9"].series
    judged = claim.judged(study("fig9", *one, *other))
    assert judged.verdict == DEPENDS
    assert [(v.variant, v.verdict) for v in judged.variants] == [
        ("as written", SUPPORTED),
        ("true gradients", CONTRADICTED),
    ]
    found = deciding(judged)
    assert found.quantity.metric == "train_accuracy"
    assert found.quantity.minus == (Term("O1+O2", frozen=True),)
    assert found.stats.mean == pytest.approx(0.65)
    assert found.superiority == 1.0
    assert found.beyond is not None
    assert (found.beyond.count, found.beyond.of) == (20, 20)
    against = deciding(claim.judged(study("fig9", *other)))
    assert against.stats.median < 0
    assert against.superiority == 0.0


def test_a_variant_that_is_undecided_leaves_the_whole_undecided() -> None:
    claim = BY_ID["o1o2_over_frozen"]
    parts = [
        part
        for variant, seeds in (("as written", 20), ("true gradients", 9))
        for part in evidence(claim, PAPER, TIGHT, variant, seeds)["fig9"].series
    ]
    judged = claim.judged(study("fig9", *parts))
    assert [v.verdict for v in judged.variants] == [SUPPORTED, UNDECIDED]
    assert judged.verdict == UNDECIDED


def test_one_contradicted_quantity_of_several_decides() -> None:
    claim = BY_ID["full_flow_is_superior"]
    means = fitting(claim) | {("X+O2", True): 0.99}
    judged = claim.judged(evidence(claim, means, TIGHT))
    assert judged.verdict == CONTRADICTED
    assert deciding(judged).quantity.minus == (Term("X+O2"),)
    assert {m.verdict for m in judged.variants[0].measured} == {SUPPORTED, CONTRADICTED}
    # One of twelve needs sixteen seeds.
    fewer = claim.judged(evidence(claim, means, TIGHT, seeds=15)).variants[0]
    assert (fewer.verdict, fewer.needed) == (UNDECIDED, 16)


def test_a_network_that_is_missing_leaves_a_claim_open() -> None:
    claim = BY_ID["residuals_help"]
    means = {where: mean for where, mean in PAPER.items() if where[0] != "X+O1"}
    assert claim.judged(evidence(claim, means, TIGHT)).verdict == NOT_MEASURED
    against = claim.judged(evidence(claim, means | {("X+O2", True): 0.05}, TIGHT))
    assert against.verdict == CONTRADICTED


def test_differences_are_taken_seed_by_seed_over_common_seeds() -> None:
    parts = [
        series("a", True, {0: 0.5, 1: 0.7, 2: 0.9}, "", 10),
        series("b", True, {2: 0.8, 1: 0.6}, "", 10),
    ]
    found = values_of(Quantity("train_accuracy", (Term("a"),), (Term("b"),)), parts)
    assert found is not None
    assert found.stats.values == pytest.approx((0.1, 0.1))
    assert found.stats.missing == 0
    assert found.first == pytest.approx((0.7, 0.9))
    assert found.second == pytest.approx((0.6, 0.8))
    assert values_of(Quantity("train_accuracy", (Term("c"),)), parts) is None
    over = values_of(Quantity("train_accuracy", (Term("b"),), kind="above_chance"), parts)
    assert over is not None
    assert over.stats.values == pytest.approx((0.7, 0.5))
    both = values_of(Quantity("train_accuracy", (Term("a"), Term("b"))), parts)
    assert both is not None
    assert both.stats.values == pytest.approx((0.65, 0.85))


def test_no_seed_is_dropped() -> None:
    """A run that failed counts on either side of the interval; later seeds that are not there
    were not looked at yet."""
    values = {seed: 0.5 + 0.01 * seed for seed in range(20)}
    other = {seed: 0.4 for seed in range(18) if seed not in (3, 7)}
    parts = [
        series("a", True, values, "", 10),
        replace(series("b", True, other, "", 10), planned=tuple(range(20))),
    ]
    found = values_of(Quantity("train_accuracy", (Term("a"),), (Term("b"),)), parts)
    assert found is not None
    assert (len(found.stats.values), found.stats.missing) == (16, 2)
    assert found.stats.interval is not None
    # rank(18) is 4: the second smallest and the second largest of what is there.
    assert found.stats.interval == pytest.approx((0.11, 0.26))


def gradients(
    layers: int, depth: int, reached: dict[str, tuple[bool, ...]]
) -> dict[str, StudyResult]:
    def cells(flags: tuple[bool, ...]) -> tuple[GradientCell, ...]:
        return tuple(GradientCell("", "flows" if f else "none", None) for f in flags)

    rows = tuple(
        GradientRow(w, {"cut": cells(f), "true": cells((True,) * len(f))})
        for w, f in reached.items()
    )
    name = gradients_id(layers, depth)
    table = GradientTable(layers, {"cut": "", "true": ""}, rows)
    return {name: StudyResult(name, "", "", "", "", gradients=table)}


def test_gradient_claims() -> None:
    fits, against = REACHED_2, REACHED_2 | {"none": (True, True)}
    judged = BY_ID["gradients_two_layers"].judged(gradients(2, 1, fits))
    assert judged.verdict == DEPENDS
    assert [v.verdict for v in judged.variants] == [SUPPORTED, CONTRADICTED]
    judged = BY_ID["gradients_two_layers"].judged(gradients(2, 1, against))
    assert judged.verdict == CONTRADICTED
    assert deciding(judged).quantity.unit == "items"
    claim = BY_ID["gradients_any_depth"]
    same = gradients(2, 1, fits) | gradients(2, 4, fits)
    assert claim.judged(same).verdict == SUPPORTED
    assert claim.judged(gradients(2, 1, fits)).verdict == NOT_MEASURED
    other = gradients(2, 1, fits) | gradients(2, 4, against)
    assert claim.judged(other).variants[0].verdict == CONTRADICTED
    claim = BY_ID["gradients_three_layers"]
    three = gradients(3, 1, {"none": (False, False, True), "(O1+O2)+O3": (True,) * 3})
    assert claim.judged(three).verdict == DEPENDS
    assert claim.judged(gradients(3, 1, {"none": (True,) * 3})).verdict == CONTRADICTED


def test_tables() -> None:
    assert BY_ID["table_2"].judged({}).verdict == SUPPORTED
    for epochs, verdict in ((30, SUPPORTED), (29, CONTRADICTED)):
        plan = RESQUNNS.plan(replace(RESQUNNS.defaults, epochs=epochs))
        found = {
            s.id: StudyResult(
                s.id, "", "", "", "",
                series=tuple(
                    SeriesResult(
                        e.label, e.variant, e.frozen, e.task, asdict(e.config), (), (), {}, {}, {},
                        None, 0.0,
                    )
                    for e in s.series
                ),
            )
            for s in plan.studies
        }  # fmt: skip
        assert BY_ID["table_3"].judged(found).verdict == verdict


QUANTITY = Quantity("f1", (Term("a"),), (Term("b"),))
OVER = replace(QUANTITY, minus=(), kind="above_chance")


@pytest.mark.parametrize(
    ("rule", "more", "message"),
    [
        (Rule("better"), {}, "must have either quantities or facts"),
        (Rule("facts"), {"quantities": (QUANTITY,)}, "must fit what it has, quantities, got 'fac"),
        (Rule("better"), {"facts": lambda _: []}, "must fit what it has, facts, got 'better'"),
        (Rule("better"), {"quantities": (OVER,)}, "kind 'difference' for the rule 'better'"),
        (Rule("at_most", 0.1), {"quantities": (QUANTITY,)}, "kind 'above_chance' for the rule"),
        (Rule("better_by"), {"quantities": (QUANTITY,)}, "figure must be above 0 .*, got None"),
        (
            Rule("better_by"),
            {"quantities": (replace(QUANTITY, figure=-0.1),)},
            "figure must be above 0 .*, got -0.1",
        ),
        (
            Rule("better"),
            {"quantities": (replace(QUANTITY, figure=0.3),)},
            "figure must be left out for the rule 'better'",
        ),
    ],
)
def test_claims_that_make_no_sense(rule: Rule, more: dict, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Claim("id", "", "", "", rule, **more)
