"""Every claim's rule is fed data that fit the claim, contradict it, and straddle."""

from dataclasses import asdict, replace

import pytest

from resqunn.lab.study.claims import Claim, measured
from resqunn.lab.study.results import (
    ClaimResult,
    GradientCell,
    GradientRow,
    GradientTable,
    Quantity,
    SeriesResult,
    Stats,
    StudyResult,
    Term,
)
from resqunn.lab.study.rules import (
    ABOVE,
    DEPENDS,
    DIRECTION,
    GAIN,
    NOT_MEASURED,
    NOT_REPRODUCED,
    REPRODUCED,
    VERDICTS,
    alike,
    at_most,
    over_variants,
    weakest,
)
from resqunn.lab.study.statistics import stats
from resqunn.papers.resqunns import PAPER as RESQUNNS
from resqunn.papers.resqunns.checklists import REACHED_2
from resqunn.papers.resqunns.claims import CLAIMS
from resqunn.papers.resqunns.studies import gradients_id

BY_ID = {claim.id: claim for claim in CLAIMS}
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
    claim: Claim, means: dict, spread: tuple[float, ...], variant: str = "as written"
) -> dict[str, StudyResult]:
    """Every network scatters on its own, so that differences scatter as well."""
    parts = []
    for number, ((label, trained), mean) in enumerate(means.items()):
        values = {seed: mean + spread[(seed * (number % 4 + 1)) % 5] for seed in range(5)}
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
        if claim.rule in (GAIN, ABOVE)
        else 0.4 + (0.15 * k) * (1 if where[1] else -1)
        for k, (where, mean) in enumerate(fitting(claim).items())
    }


@pytest.mark.parametrize("name", STATISTICAL)
def test_data_that_fit_contradict_and_straddle(name: str) -> None:
    claim = BY_ID[name]
    assert claim.judged(evidence(claim, fitting(claim), TIGHT)).verdict == REPRODUCED
    against = claim.judged(evidence(claim, contradicting(claim), TIGHT))
    assert against.verdict == NOT_REPRODUCED, against
    straddling = claim.judged(evidence(claim, fitting(claim), WIDE))
    assert straddling.verdict in (DIRECTION, NOT_REPRODUCED), straddling
    assert claim.judged({}).verdict == NOT_MEASURED
    for judged in (against, straddling):
        assert judged.deciding is not None
        assert all(m.verdict in VERDICTS for m in judged.measured)


def deciding(judged: ClaimResult):
    assert judged.deciding is not None
    return judged.measured[judged.deciding]


def test_a_claim_may_depend_on_the_interpretation() -> None:
    claim = BY_ID["o1o2_over_frozen"]
    one = evidence(claim, PAPER, TIGHT)["fig9"].series
    other = evidence(claim, contradicting(claim), TIGHT, "true gradients")["fig9"].series
    judged = claim.judged(study("fig9", *one, *other))
    assert judged.verdict == DEPENDS
    assert judged.verdicts == {
        REPRODUCED: ("as written",),
        NOT_REPRODUCED: ("true gradients",),
    }
    found = deciding(judged)
    assert (found.variant, found.quantity.metric) == ("as written", "train_accuracy")
    assert found.quantity.minus == (Term("O1+O2", frozen=True),)
    assert found.stats.mean == pytest.approx(0.65)
    against = deciding(claim.judged(study("fig9", *other)))
    assert against.variant == "true gradients"
    assert against.stats.mean < 0


def test_a_single_seed_is_never_judged() -> None:
    claim = BY_ID["o1o2_over_xo1"]
    one = [series(label, trained, {0: mean}, "", 10) for (label, trained), mean in PAPER.items()]
    assert claim.judged(study("fig8", *one)).verdict == NOT_MEASURED


def test_differences_are_taken_seed_by_seed_over_common_seeds() -> None:
    parts = [
        series("a", True, {0: 0.5, 1: 0.7, 2: 0.9}, "", 10),
        series("b", True, {2: 0.8, 1: 0.6}, "", 10),
    ]
    found = measured(Quantity("train_accuracy", (Term("a"),), (Term("b"),)), parts)
    assert found is not None
    assert found.values == pytest.approx((0.1, 0.1))
    assert measured(Quantity("train_accuracy", (Term("c"),)), parts) is None
    over = measured(Quantity("train_accuracy", (Term("b"),), kind="above_chance"), parts)
    assert over is not None
    assert over.values == pytest.approx((0.5, 0.7))


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
    assert judged.verdicts[REPRODUCED] == ("as written",)
    judged = BY_ID["gradients_two_layers"].judged(gradients(2, 1, against))
    assert judged.verdict == NOT_REPRODUCED
    assert deciding(judged).quantity.unit == "items"
    claim = BY_ID["gradients_any_depth"]
    same = gradients(2, 1, fits) | gradients(2, 4, fits)
    assert claim.judged(same).verdict == REPRODUCED
    assert claim.judged(gradients(2, 1, fits)).verdict == NOT_MEASURED
    other = gradients(2, 1, fits) | gradients(2, 4, against)
    assert claim.judged(other).measured[0].verdict == NOT_REPRODUCED
    claim = BY_ID["gradients_three_layers"]
    three = gradients(3, 1, {"none": (False, False, True), "(O1+O2)+O3": (True,) * 3})
    assert claim.judged(three).verdict == DEPENDS
    assert claim.judged(gradients(3, 1, {"none": (True,) * 3})).verdict == NOT_REPRODUCED


def test_tables() -> None:
    assert BY_ID["table_2"].judged({}).verdict == REPRODUCED
    for epochs, verdict in ((30, REPRODUCED), (29, NOT_REPRODUCED)):
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


@pytest.mark.parametrize(
    ("rule", "values", "figure", "verdict"),
    [
        (GAIN, (0.30, 0.32, 0.31), 0.31, REPRODUCED),
        (GAIN, (0.20, 0.22, 0.21), 0.31, REPRODUCED),  # more than half
        (GAIN, (0.05, 0.06, 0.055), 0.31, DIRECTION),  # above zero, less than half
        (GAIN, (0.0, 0.3, 0.6), 0.31, DIRECTION),  # contains zero and the figure
        (GAIN, (-0.01, 0.01, 0.02), 0.31, NOT_REPRODUCED),
        (GAIN, (-0.3, -0.31, -0.32), 0.31, NOT_REPRODUCED),
        (ABOVE, (0.01, 0.02, 0.03, 0.02), None, REPRODUCED),
        (ABOVE, (-0.1, 0.2), None, DIRECTION),
        (ABOVE, (-0.1, 0.05), None, NOT_REPRODUCED),
        (alike(0.05), (-0.01, 0.01, 0.0), None, REPRODUCED),
        (alike(0.05), (-0.2, 0.2, 0.0), None, DIRECTION),
        (alike(0.05), (0.2, 0.2, 0.21), None, NOT_REPRODUCED),
        (at_most(0.1), (0.01, 0.02, 0.0), None, REPRODUCED),
        (at_most(0.1), (-0.1, 0.2, 0.0), None, DIRECTION),
        (at_most(0.1), (0.5, 0.6), None, NOT_REPRODUCED),
        (ABOVE, (0.5,), None, NOT_MEASURED),
    ],
)
def test_rules(rule, values, figure, verdict) -> None:
    assert rule(stats(values), figure) == verdict
    assert rule.words


def test_verdicts_together() -> None:
    assert weakest([REPRODUCED, DIRECTION]) == DIRECTION
    assert weakest([]) == NOT_MEASURED
    found = over_variants({"a": REPRODUCED, "b": NOT_MEASURED})
    assert found == (REPRODUCED, {REPRODUCED: ("a",)})
    assert over_variants({}) == (NOT_MEASURED, {})


def test_statistics_are_those_of_scipy() -> None:
    from scipy import stats as reference

    values = [0.91, 0.87, 0.95, 0.62, 0.9]
    found = stats(values)
    interval = reference.ttest_1samp(values, 0).confidence_interval(0.95)
    assert found.interval == pytest.approx((interval.low, interval.high))
    assert found.std == pytest.approx(reference.tstd(values))
    assert stats([0.5]) == Stats(0.5, None, None, (0.5,))
