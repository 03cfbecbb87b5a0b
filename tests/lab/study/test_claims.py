"""Every claim's rule is fed data that fit the claim, contradict it, and straddle."""

import pytest

from resqunn.lab.study.evidence import Evidence
from resqunn.lab.study.measures import Claim, Quantity
from resqunn.lab.study.plan import Options
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
    over_readings,
    weakest,
)
from resqunn.lab.study.statistics import stats
from resqunn.papers.resqunns.catalogue import plan
from resqunn.papers.resqunns.checklists import REACHED_2
from resqunn.papers.resqunns.claims import CLAIMS

BY_ID = {claim.id: claim for claim in CLAIMS}
TIGHT = (-0.01, -0.005, 0.0, 0.005, 0.01)
WIDE = (-2.0, -1.0, 0.0, 1.0, 2.0)

# Mean accuracies of (label, trained) that fit every claim of Fig. 8 and 9, and of Fig. 10.
PAPER = {
    ("none", True): 0.1, ("none", False): 0.1, ("X+O1", True): 0.5, ("X+O1", False): 0.5,
    ("O1+O2", True): 0.92, ("O1+O2", False): 0.27, ("X+O2", True): 0.98, ("X+O2", False): 0.98,
    ("(X+O1)+O2", True): 0.98, ("(X+O1)+O2", False): 0.98,
    ("trainable", True): 0.9, ("untrainable", False): 0.5,
}  # fmt: skip
QUANTUM = {"none": 0.26, "X+O1": 0.26, "X+O2": 0.26, "O1+O2": 0.6, "(X+O1)+O2": 0.6}
SUPERIOR = {"none": 0.1, "X+O1": 0.5, "X+O2": 0.6, "O1+O2": 0.9, "(X+O1)+O2": 0.95}
STATISTICAL = [c.id for c in CLAIMS if not c.id.startswith(("gradients", "table"))]


def study_of(claim: Claim) -> str:
    if "quantum" in claim.id:
        return "fig10"
    if claim.id == "trainable_over_untrainable":
        return "fig2"
    return "fig9" if "Fig. 9" in claim.source else "fig8"


def evidence(claim: Claim, means: dict, spread: tuple[float, ...], reading="paper") -> Evidence:
    """Every network scatters on its own, so that differences scatter as well."""
    study = study_of(claim)
    finals = {}
    for number, ((label, trained), mean) in enumerate(means.items()):
        shifted = [spread[(seed * (number % 4 + 1)) % 5] for seed in range(5)]
        values = {seed: mean + shifted[seed] for seed in range(5)}
        where = (study, label, reading, trained)
        finals[where] = {"train_accuracy": values, "validation_accuracy": values}
    return Evidence(finals, {study: 0.25 if study == "fig10" else 0.1})


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
    assert claim.judged(evidence(claim, fitting(claim), TIGHT))["verdict"] == REPRODUCED
    against = claim.judged(evidence(claim, contradicting(claim), TIGHT))
    assert against["verdict"] == NOT_REPRODUCED, against
    straddling = claim.judged(evidence(claim, fitting(claim), WIDE))
    assert straddling["verdict"] in (DIRECTION, NOT_REPRODUCED), straddling
    assert claim.judged(Evidence())["verdict"] == NOT_MEASURED
    for judged in (against, straddling):
        assert judged["why"]
        assert all(m["verdict"] in VERDICTS for m in judged["measured"])


def test_a_claim_may_depend_on_the_reading() -> None:
    claim = BY_ID["o1o2_over_frozen"]
    one = evidence(claim, PAPER, TIGHT)
    other = evidence(claim, contradicting(claim), TIGHT, "true gradients")
    judged = claim.judged(Evidence({**one.finals, **other.finals}, one.chance))
    assert judged["verdict"] == DEPENDS
    assert judged["reading"] == "reproduced: paper | not reproduced: true gradients"
    deciding = "train accuracy, O1+O2 minus O1+O2 frozen (paper): +65.0 points"
    assert judged["why"].startswith(deciding)
    assert "(true gradients): −" in claim.judged(other)["why"]


def test_a_single_seed_is_never_judged() -> None:
    claim = BY_ID["o1o2_over_xo1"]
    full = evidence(claim, PAPER, TIGHT)
    one = {w: {m: {0: v[0]} for m, v in f.items()} for w, f in full.finals.items()}
    assert claim.judged(Evidence(one, full.chance))["verdict"] == NOT_MEASURED


def test_differences_are_taken_seed_by_seed_over_common_seeds() -> None:
    finals = {
        ("fig8", "a", "paper", True): {"train_accuracy": {0: 0.5, 1: 0.7, 2: 0.9}},
        ("fig8", "b", "paper", True): {"train_accuracy": {2: 0.8, 1: 0.6}},
    }
    quantity = Quantity("train_accuracy", (("a", True),), (("b", True),))
    found = quantity.measured(Evidence(finals), "fig8", "paper")
    assert found is not None
    assert found.values == pytest.approx((0.1, 0.1))
    assert str(quantity) == "train accuracy, a minus b"
    words = str(Quantity("train_accuracy", (("trainable", True),), (("untrainable", False),)))
    assert words == "train accuracy, trainable minus untrainable"


def rows(reached: dict[str, tuple[bool, ...]]) -> list[dict]:
    def layers(flags: tuple[bool, ...]) -> list[dict]:
        return [{"status": "flows" if f else "none"} for f in flags]

    return [{"wiring": w, "cut": layers(f), "true": layers((True,) * len(f))}
            for w, f in reached.items()]  # fmt: skip


def test_gradient_claims() -> None:
    fits = rows(REACHED_2)
    judged = BY_ID["gradients_two_layers"].judged(Evidence(gradients={(2, 1): fits}))
    assert judged["verdict"] == DEPENDS
    assert judged["reading"] == "reproduced: paper | not reproduced: true gradients"
    against = rows(REACHED_2 | {"none": (True, True)})
    judged = BY_ID["gradients_two_layers"].judged(Evidence(gradients={(2, 1): against}))
    assert judged["verdict"] == NOT_REPRODUCED
    claim = BY_ID["gradients_any_depth"]
    same = Evidence(gradients={(2, 1): fits, (2, 4): fits})
    assert claim.judged(same)["verdict"] == REPRODUCED
    assert claim.judged(Evidence(gradients={(2, 1): fits}))["verdict"] == NOT_MEASURED
    other = Evidence(gradients={(2, 1): fits, (2, 4): against})
    assert claim.judged(other)["measured"][0]["verdict"] == NOT_REPRODUCED
    claim = BY_ID["gradients_three_layers"]
    three = rows({"none": (False, False, True), "(O1+O2)+O3": (True,) * 3})
    assert claim.judged(Evidence(gradients={(3, 1): three}))["verdict"] == DEPENDS
    three = rows({"none": (True,) * 3})
    assert claim.judged(Evidence(gradients={(3, 1): three}))["verdict"] == NOT_REPRODUCED


def test_tables() -> None:
    assert BY_ID["table_2"].judged(Evidence())["verdict"] == REPRODUCED
    for options, verdict in ((Options(), REPRODUCED), (Options(epochs=29), NOT_REPRODUCED)):
        series = [s for study in plan(options).studies for s in study.series]
        assert BY_ID["table_3"].judged(Evidence(series=series))["verdict"] == verdict


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
    assert over_readings([("a", REPRODUCED), ("b", NOT_MEASURED)]) == (REPRODUCED, None)
    assert over_readings([]) == (NOT_MEASURED, None)


def test_statistics_are_those_of_scipy() -> None:
    from scipy import stats as reference

    values = [0.91, 0.87, 0.95, 0.62, 0.9]
    found = stats(values)
    interval = reference.ttest_1samp(values, 0).confidence_interval(0.95)
    assert found.interval == pytest.approx((interval.low, interval.high))
    assert found.std == pytest.approx(reference.tstd(values))
    assert stats([0.5]).as_dict() == {"mean": 0.5, "std": None, "interval": None, "values": [0.5]}
