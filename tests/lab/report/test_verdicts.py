"""Verdicts, rules and what they rest on, in words and as strips."""

import itertools
import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest

from resqunn.lab.report import strips, verdicts
from resqunn.lab.study.questions import Measurement, Quantity, Rule, Term, VariantResult
from resqunn.lab.study.statistics import beyond, counted, share, stats

import sample_results

DEPENDS, DIRECTION, AGAINST, FACTS, OPEN, MISSING = sample_results.small().claims
FEW = sample_results.small(seeds=5).claims
A, B = Term("A"), Term("B")


def test_a_verdict_of_few_seeds_says_how_many() -> None:
    assert [verdicts.verdict(claim) for claim in FEW] == [
        *["undecided: 5 seeds"] * 3,
        "supported",
        "undecided: 5 seeds",
        "not measured",
    ]
    assert verdicts.verdict(OPEN) == "undecided"
    few, enough = FEW[0].variants[0], OPEN.variants[0]
    assert verdicts.verdict(few) == "undecided: 5 seeds"
    assert verdicts.verdict(replace(FEW[0], variants=(few, enough))) == "undecided"
    agreed = replace(enough, verdict="supported")
    assert verdicts.verdict(replace(FEW[0], variants=(few, agreed))) == "undecided: 5 seeds"


def test_why_a_claim_has_its_verdict() -> None:
    assert verdicts.why(MISSING) == ["None of the runs that it needs were made."]
    assert verdicts.why(DEPENDS) == verdicts.why(FACTS) == []
    assert verdicts.why(AGAINST) == ["The whole interval lies below zero: it is a loss."]
    assert verdicts.why(DIRECTION) == [
        "Held back by training accuracy, O1+O2 minus X+O1.",
        "Smaller than the source says.",
    ]
    assert verdicts.why(OPEN) == [
        "Held back by validation accuracy, X+O2 minus X+O2 frozen.",
        "About 35 seeds would decide it, were they like these.",
    ]
    never = replace(OPEN.variants[0], needed=None)
    assert verdicts.advice(never).startswith("No number of seeds up to 1,000 would decide it")
    assert verdicts.why(FEW[0]) == ["Verdicts are given from 10 seeds on."]
    second = replace(OPEN.variants[0], variant="true gradients")
    both = replace(OPEN, variants=(replace(second, variant="", verdict="supported"), second))
    assert verdicts.why(both)[0].endswith("X+O2 minus X+O2 frozen (true gradients).")
    against = replace(
        OPEN, verdict="contradicted", variants=(replace(second, verdict="contradicted"),)
    )
    assert verdicts.why(against) == ["Contradicted by validation accuracy, X+O2 minus X+O2 frozen."]


def test_verdicts_by_variant() -> None:
    assert verdicts.by_verdict(DEPENDS) == "Supported: as written; contradicted: true gradients"
    assert verdicts.by_verdict(FACTS) == verdicts.by_verdict(DIRECTION) == ""
    written, true = DEPENDS.variants
    more = [replace(true, variant=f"true gradients, {name}") for name in ("once", "logits")]
    many = replace(DEPENDS, variants=(written, true, *more))
    assert verdicts.by_verdict(many) == "1 supported, 3 contradicted"


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Rule("better"), "reaches +2\u00a0points"),
        (Rule("better", delta=0.005), "reaches +0.5\u00a0points"),
        (Rule("at_least"), "begins at +2\u00a0points or above"),
        (Rule("better_by"), "above half of the source's figure"),
        (Rule("equal", margin=0.05), "within 5\u00a0points on either side of zero"),
        (Rule("at_most", margin=0.1), "ends 10\u00a0points above guessing or below"),
        (Rule("facts"), "every single item"),
    ],
)
def test_rules_say_their_limits(rule: Rule, words: str) -> None:
    assert words in verdicts.rule(rule)
    assert ("Else undecided." in verdicts.rule(rule)) is (rule.kind != "facts")


def measurement(values: list[float], rule: Rule, **more) -> Measurement:
    found = stats(values)
    return Measurement(
        Quantity("accuracy", (A,), (B,)), found, "undecided", beyond(values, rule.delta), **more
    )


def test_what_else_is_known() -> None:
    rule = Rule("better")
    row = measurement([0.1] * 17 + [-0.4] * 3, rule, superiority=0.831, exceptions=3)
    assert verdicts.details(row, rule) == [
        "ahead by more than 2\u00a0points in 17 of 20 seeds (85\u00a0%\u00a0[64,\u00a095])",
        "a new seed beats one of the other with probability 0.83",
        "mean\u00a0+2.5\u00a0\u00b1\u00a018.3",
        "not so in 3 of 20 seeds",
    ]
    row = measurement([-0.1] * 17 + [0.4] * 3, rule, exceptions=3)
    assert verdicts.details(row, rule)[-1] == "but so in 3 of 20 seeds"
    above = replace(row, quantity=Quantity("accuracy", (A,), kind="above_chance"))
    assert "points above guessing in 3 of 20 seeds" in verdicts.details(above, rule)[0]
    missing = replace(row, stats=replace(row.stats, missing=2))
    assert verdicts.details(missing, rule)[-1] == "2 seeds missing, counted on either side"
    assert verdicts.details(measurement([0.1] * 5, rule), rule) == []
    assert "36 of 41 seeds (88\u00a0%" in verdicts.seeds_of(share(36, 41))


def test_counts() -> None:
    assert verdicts.counts([]) == ""
    assert verdicts.counts([AGAINST]) == "Of one claim, 1 is contradicted."
    assert verdicts.counts(FEW) == (
        "Of 6 claims, 1 is supported, 4 are undecided, 1 was not measured."
    )


def test_a_figure_is_named_and_is_the_sources_only_if_there_is_one() -> None:
    words = verdicts.rule_of(DIRECTION)
    assert "lies above +15.5\u00a0points, half of the source's figure +31\u00a0points;" in words
    own = replace(DIRECTION, said="", source="")
    words = verdicts.rule_of(own)
    assert "lies above +15.5\u00a0points, half of the figure +31\u00a0points;" in words
    assert verdicts.why(own)[-1] == "Smaller than the figure."
    (variant, *_) = own.variants
    other = replace(variant.measured[0], quantity=Quantity("f1", (A,), (B,), 0.1))
    two = replace(own, variants=(replace(variant, measured=(*variant.measured, other)),))
    assert "lies above half of the figure;" in verdicts.rule_of(two)


@pytest.mark.parametrize(
    ("kind", "values", "words"),
    [
        ("better", [-0.004] * 5 + [0.019] * 5, "A gain of 2\u00a0points is ruled out; a smaller"),
        ("better_by", [-0.004] * 5 + [0.01] * 5, "A gain of 2\u00a0points is ruled out; a smaller"),
        ("better", [-0.004] * 10, "The whole interval lies below zero: it is a loss."),
        ("better", [-0.004] * 5 + [0.0] * 5, "The whole interval lies at zero or below: no gain."),
        ("at_least", [0.001] * 10, "There is a gain, of less than 2\u00a0points."),
        ("at_least", [0.0] * 5 + [0.001] * 5, "A gain of 2\u00a0points is ruled out; a smaller"),
    ],
)
def test_what_a_contradicted_gain_leaves_open(kind: Any, values: list[float], words: str) -> None:
    rule = Rule(kind)
    row = replace(measurement(values, rule), verdict="contradicted")
    lone = VariantResult("", (row,), "contradicted", 10, None, 0)
    claim = replace(AGAINST, rule=rule, variants=(lone,))
    (said,) = verdicts.why(claim)
    assert said.startswith(words)


def test_an_end_that_would_be_rounded_onto_a_limit_has_more_decimals() -> None:
    def shown(values: list[float], rule: Rule, figure: float | None = None) -> str:
        row = measurement(values, rule)
        row = replace(row, quantity=Quantity("accuracy", (A,), (B,), figure))
        return verdicts.measured(row, rule).partition("[")[2]

    assert shown([-0.004] * 5 + [0.0198] * 5, Rule("better")) == "\u22120.4, +1.98]"
    assert shown([-0.004] * 5 + [0.019998] * 5, Rule("better")) == "\u22120.4, +1.9998]"
    assert shown([0.0001] * 5 + [0.02] * 5, Rule("better")) == "+0.01, +2.0]"
    assert shown([0.1498] * 5 + [0.4] * 5, Rule("better_by"), 0.3) == "+14.98, +40.0]"
    assert shown([-0.0501] * 5 + [0.0499] * 5, Rule("equal", margin=0.05)) == "\u22125.01, +4.99]"
    assert shown([-0.051] * 5 + [0.05] * 5, Rule("equal", margin=0.05)) == "\u22125.1, +5.0]"


RULES = (
    Rule("better"),
    Rule("at_least"),
    Rule("better_by"),
    Rule("equal", margin=0.05),
    Rule("at_most", margin=0.1),
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.kind)
@pytest.mark.parametrize(
    "values",
    [[0.0], [0.3] * 5, [0.001 * n for n in range(-50, 50)], [-1e100, 1e100], [0.0] * 1000],
    ids=["one", "equal", "many", "far", "a thousand"],
)
def test_a_strip_has_every_seed_within_its_box(values: list[float], rule: Rule) -> None:
    figure = 0.3 if rule.kind == "better_by" else None
    row = replace(measurement(values, rule), quantity=Quantity("f1", (A,), (B,), figure))
    text = strips.strip(row, rule)
    root = ElementTree.fromstring(text)
    drawn = {each.get("class"): each.get("d", "") for each in root}
    assert drawn["seed"].count("M") == len(values)
    for x, y in re.findall(r"M(-?[\d.]+) (-?[\d.]+)", drawn["seed"]):
        assert 0 <= float(x) <= strips.WIDTH
        assert strips.TOP <= float(y) <= strips.BASE
    assert ("interval" in drawn) is (len(values) >= 10)
    assert ("zone" in drawn) is (rule.margin is not None)
    assert len(root.findall("text")) >= 1
    assert root.get("aria-label", "").startswith(f"{len(values):,} seed")


def test_labels_of_a_strip_do_not_touch() -> None:
    row = measurement([0.01 * n for n in range(-50, 50)], Rule("better"))
    root = ElementTree.fromstring(strips.strip(row, Rule("better")))
    places = sorted(float(each.get("x", "")) for each in root.findall("text"))
    assert len(places) == 3  # the limit and both ends: zero is too close
    assert min(b - a for a, b in itertools.pairwise(places)) > 20


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Rule("better"), ["+2"]),
        (Rule("at_least", delta=0.01), ["+1"]),
        (Rule("equal", margin=0.02), ["\u00b12"]),
        (Rule("equal", margin=0.0004), ["\u00b10.04"]),
        (Rule("better", delta=0.0), ["0"]),
        (Rule("equal", margin=0.4), ["\u221240", "+40"]),
        (Rule("at_most", margin=0.03), ["+3"]),
    ],
)
def test_a_limit_has_its_number_whatever_is_near(rule: Rule, words: list[str]) -> None:
    row = measurement([0.01 * n for n in range(-50, 50)], rule)
    root = ElementTree.fromstring(strips.strip(row, rule))
    assert set(words) <= {each.text for each in root.findall("text")}


def test_counts_have_no_strip() -> None:
    fact = Measurement(
        Quantity("x", kind="count", unit="items"), counted([True, False]), "contradicted"
    )
    assert strips.strip(fact, Rule("facts")) == ""
    lone = VariantResult("", (fact,), "contradicted")
    assert verdicts.why(replace(FACTS, variants=(lone,))) == []


def test_a_question_of_ones_own_depends_on_what_is_varied() -> None:
    assert DEPENDS.said
    assert verdicts.verdict(DEPENDS) == "depends on the interpretation"
    assert verdicts.verdict(replace(DEPENDS, said="")) == "depends on what is varied"
