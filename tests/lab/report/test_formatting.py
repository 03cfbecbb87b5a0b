"""Quantities, numbers and configurations in words."""

import dataclasses
import json
import shlex
from typing import Any

import pytest
import tyro

from resqunn.lab.report import formatting
from resqunn.lab.report.series import pairs_of
from resqunn.lab.study.questions import Quantity, Stats, Term
from resqunn.lab.study.statistics import counted, stats
from resqunn.lab.training.config import PRESETS, TrainConfig

import sample_results

A, B, FROZEN = Term("A"), Term("B"), Term("A", frozen=True)


@pytest.mark.parametrize(
    ("quantity", "words"),
    [
        (Quantity("train_accuracy", (A,), (B,)), "training accuracy, A minus B"),
        (Quantity("test_accuracy", (A,), (FROZEN,)), "test accuracy, A minus A frozen"),
        (Quantity("f1", (A, B), (FROZEN,)), "F1, mean of A and B minus A frozen"),
        (
            Quantity("validation_accuracy", (A,), kind="above_chance"),
            "validation accuracy, A minus guessing",
        ),
        (Quantity("layers reached", kind="count", unit="items"), "layers reached"),
    ],
)
def test_quantities_in_words(quantity: Quantity, words: str) -> None:
    assert formatting.quantity(quantity) == words


MANY = Stats(-0.012, (-0.1, 0.076), 0.03, 0.14, (0.0,) * 10)
TWO = stats([0.1, 0.246])


@pytest.mark.parametrize(
    ("quantity", "found", "words"),
    [
        (Quantity("f1", (A,), (B,)), MANY, "\u22121.2\u00a0points [\u221210.0, +7.6]"),
        (Quantity("f1", (A,), (B,)), TWO, "+17.3\u00a0points (2 seeds)"),
        (Quantity("f1", (A,)), TWO, "17.3\u00a0% (2 seeds)"),
        (Quantity("f1", (A,), kind="above_chance"), stats([0.5]), "+50.0\u00a0points (1 seed)"),
        (Quantity("x", kind="count", unit="items"), counted([True, False] * 2 + [False]), "2 of 5"),
    ],
)
def test_measurements_in_words(quantity: Quantity, found: Stats, words: str) -> None:
    assert formatting.measured(quantity, found) == words


def test_metrics_with_and_without_an_interval() -> None:
    assert formatting.accuracy(TWO) == "17.3\u00a0%"
    assert formatting.mean(TWO) == ""
    assert formatting.mean(MANY) == "mean\u00a03.0\u00a0\u00b1\u00a014.0"
    assert formatting.mean(MANY, signed=True) == "mean\u00a0+3.0\u00a0\u00b1\u00a014.0"
    assert formatting.accuracy(dataclasses.replace(MANY, interval=(0.0, 0.5), median=0.25)) == (
        "25.0\u00a0% [0.0, 50.0]"
    )
    assert formatting.percent(float("inf")) == "\u2013"
    assert [formatting.percent(x, signed=True, unit=False) for x in (-1e-5, 0.0, 1e-5)] == [
        "0.0"
    ] * 3


def test_points() -> None:
    found = [formatting.points(value) for value in (0.02, -0.155, 0.01, None)]
    assert found == ["+2\u00a0points", "\u221215.5\u00a0points", "+1\u00a0point", "\u2013"]
    assert formatting.points(0.05, signed=False) == "5\u00a0points"


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


def test_live_weights_are_told_where_not_all_are() -> None:
    (series, *_) = sample_results.small().studies[0].series

    def words(count: int | None, live: int | None) -> str:
        return formatting.weights(
            dataclasses.replace(series, num_weights=count, num_live_weights=live)
        )

    assert words(None, None) == ""
    assert words(7866, None) == words(7866, 7866) == "7,866"
    assert words(7866, 7860) == "7,866 (7,860 live)"
