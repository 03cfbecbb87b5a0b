"""Quantities, numbers and configurations in words."""

import dataclasses
import json
import shlex
from typing import Any

import pytest
import tyro

from resqunn.lab.report import formatting
from resqunn.lab.report.series import pairs_of
from resqunn.lab.study.results import Quantity, Stats, Term
from resqunn.lab.training.config import PRESETS, TrainConfig

import sample_results

A, B, FROZEN = Term("A"), Term("B"), Term("A", frozen=True)


@pytest.mark.parametrize(
    ("quantity", "words"),
    [
        (Quantity("train_accuracy", (A,), (B,)), "training accuracy, A minus B"),
        (Quantity("test_accuracy", (A,), (FROZEN,)), "test accuracy, A minus A frozen"),
        (Quantity("f1", (A, B), (FROZEN,)), "f1, mean of A and B minus A frozen"),
        (
            Quantity("validation_accuracy", (A,), kind="above_chance"),
            "validation accuracy, A minus guessing",
        ),
        (Quantity("layers reached", kind="count", unit="items"), "layers reached"),
    ],
)
def test_quantities_in_words(quantity: Quantity, words: str) -> None:
    assert formatting.quantity(quantity) == words


FIVE = Stats(-0.012, 0.07, (-0.1, 0.076), (0.0,) * 5)
COUNTS = Stats(0.4, 0.5, (0.0, 1.0), (1.0, 0.0, 1.0, 0.0, 0.0))
TWO = Stats(0.173, 0.2, (-2.024, 2.370), (0.1, 0.246))


@pytest.mark.parametrize(
    ("quantity", "stats", "words"),
    [
        (Quantity("f1", (A,), (B,)), FIVE, "\u22121.2\u00a0points [\u221210.0, +7.6]"),
        (Quantity("f1", (A,), (B,)), TWO, "+17.3\u00a0points (2 seeds)"),
        (Quantity("f1", (A,)), TWO, "17.3\u00a0% (2 seeds)"),
        (Quantity("f1", (A,), kind="above_chance"), Stats(0.5, None, None, (0.5,)),
         "+50.0\u00a0points (1 seed)"),
        (Quantity("x", kind="count", unit="items"), COUNTS,
         "2 of 5"),
    ],
)  # fmt: skip
def test_measurements_in_words(quantity: Quantity, stats: Stats, words: str) -> None:
    assert formatting.measured(quantity, stats) == words


def test_metrics_with_and_without_an_interval() -> None:
    assert formatting.accuracy(TWO) == "17.3\u00a0%"
    assert formatting.accuracy(dataclasses.replace(FIVE, interval=(0.0, 0.5), mean=0.25)) == (
        "25.0\u00a0% [0.0, 50.0]"
    )
    assert formatting.percent(float("inf")) == "\u2013"


def test_why_a_claim_has_its_verdict() -> None:
    depends, _, _, counted, missing = sample_results.small().claims
    assert formatting.why(depends).startswith("Validation accuracy, none minus guessing (as wri")
    assert formatting.why(counted) == "Networks that reach every layer (as written): 5 of 5."
    assert formatting.why(missing) == "None of the runs that it needs were made."
    few = dataclasses.replace(depends, deciding=None, verdict="not measured")
    assert formatting.why(few) == "Too few seeds to judge it."
    assert formatting.by_verdict(counted.verdicts) == ""
    assert formatting.by_verdict({"yes": ("a", "b"), "no": ("c",)}) == "Yes: a and b; no: c"


def test_durations_and_values() -> None:
    assert formatting.duration(724.3) == "12\u00a0min 4\u00a0s"
    assert formatting.duration(3725) == "1\u00a0h 2\u00a0min"
    assert formatting.duration(4.25) == "4.2\u00a0s"
    shown = [formatting.value(found) for found in (None, True, 1, [1, "a"], 0.5)]
    assert shown == ["\u2013", "yes", "1", "1, a", "0.5"]


@pytest.mark.parametrize(
    ("preset", "changes"),
    [
        ("paper", {"wiring": "(X+O1)+O2", "data": "mnist"}),
        ("paper", {"input_gradients": True, "trainable": False, "softmax": False}),
        ("paper", {"head": "quantum", "measured": (6, 7, 8, 9), "classes": 4}),
        ("resqunn", {"depths": (1, 2, 3), "per_class": "all", "angle_scale": 0.5}),
        ("resqunn", {"data": "my tiles/x", "classes": ("cat", 0), "size": 9}),
    ],
)
def test_command_line_gives_the_configuration_back(preset: str, changes: dict[str, Any]) -> None:
    config = dataclasses.replace(PRESETS[preset], **changes)
    stored = json.loads(json.dumps(dataclasses.asdict(config)))
    words = shlex.split(formatting.command(stored, seed=3))
    assert words[:2] == ["resqunn", "train"]
    options = words[2:]
    if "--preset" in options:
        assert options[:2] == ["--preset", preset]
    read = tyro.cli(TrainConfig, args=options, default=PRESETS[preset])
    assert read == dataclasses.replace(config, seed=3)


def test_trained_and_frozen_series_find_each_other() -> None:
    one, _, frozen, *_ = sample_results.results().studies
    renamed = (one.series[0], dataclasses.replace(one.series[1], label="untrained"))
    assert [(a.label, b.label) for a, b in pairs_of(renamed)] == [("one layer", "untrained")]
    assert len(pairs_of(frozen.series)) == 10
    assert all(b.frozen and not a.frozen for a, b in pairs_of(frozen.series))
    assert all(a.variant == b.variant for a, b in pairs_of(frozen.series))
