"""The numbers of docs/mattern.md are those that `resqunn reproduce mattern` found."""

import json
import re
from pathlib import Path

import pytest

from resqunn.papers.mattern import PAPER
from resqunn.papers.mattern.claims import READINGS
from resqunn.papers.mattern.networks import ENCODINGS
from resqunn.papers.mattern.reported import results
from resqunn.papers.mattern.studies import AGAIN, THEIRS

from support import script

ROOT = Path(__file__).parents[1]
tables = script("mattern")
NUMBERS = json.loads(tables.NUMBERS.read_text(encoding="utf-8"))
TEXT = tables.PAGE.read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_they_come_from_whole_runs_on_mnist() -> None:
    options = NUMBERS["options"]
    assert (options["data"], options["epochs"], options["quick"]) == ("mnist", 50, False)
    assert options["seeds"] == list(range(10))
    asked = {claim.id for claim in PAPER.claims}
    assert {claim["id"] for claim in NUMBERS["claims"]} == asked
    for series in NUMBERS["series"]:
        assert series["seeds"] == list(range(10)), series["label"]
    networks = {(series["label"], series["frozen"]) for series in NUMBERS["series"]}
    assert len(networks) == 12 + 2
    assert [series["seeds"] for series in NUMBERS["orders"]] == [list(range(10, 22))] * 3


def test_tables_are_written_from_the_numbers() -> None:
    assert set(re.findall(r"<!-- end of ([\w-]+) -->", TEXT)) == set(tables.TABLES)
    assert tables.filled(TEXT, NUMBERS) == TEXT


def test_the_authors_results_are_theirs() -> None:
    theirs = [series for series in NUMBERS["series"] if series["variant"] == THEIRS]
    assert theirs
    for series in theirs:
        kernel, _, encoding = series["label"].partition(" ")
        for metric, found in series["final"].items():
            expected = [results()[kernel, encoding, not series["frozen"], k][metric]
                        for k in range(10)]  # fmt: skip
            assert found["values"] == expected


def test_what_is_far_from_the_authors_is_told() -> None:
    """Counted here, and not by the script."""
    there = {(s["label"], s["frozen"], s["variant"]): s for s in NUMBERS["series"]}
    told = 0
    for (label, frozen, variant), one in there.items():
        if variant != AGAIN or "pixels" in label:
            continue
        kernel, _, encoding = label.partition(" ")
        most = 0.03 if kernel == "2x2" and encoding != "NEQR" else 0.05
        values = dict(zip(one["seeds"], one["final"]["train_accuracy"]["values"], strict=True))
        near = sum(
            abs(value - results()[kernel, encoding, not frozen, k]["train_accuracy"]) <= most
            for k, value in values.items()
        )
        how = "frozen" if frozen else "trained"
        assert f"| {label} | {how} | {near} of {len(values)} | {100 * most:.0f} |" in TEXT
        told += 1
    assert told == 12


def column(label: str, frozen: bool, variant: str, metric: str = "train_accuracy") -> list[float]:
    (one,) = (s for s in NUMBERS["series"]
              if (s["label"], s["frozen"], s["variant"]) == (label, frozen, variant))  # fmt: skip
    return one["final"][metric]["values"]


def test_what_the_page_says_in_words() -> None:
    gains, below = {}, 0
    labels = [f"{kernel} {name}" for kernel in ("2x2", "4x4") for name in ENCODINGS]
    for label in labels:
        large = label.startswith("4x4")
        for variant in (AGAIN, THEIRS):
            pairs = zip(column(label, False, variant), column(label, True, variant), strict=True)
            gains[label, variant] = [trained - frozen for trained, frozen in pairs]
        both = zip(gains[label, AGAIN], gains[label, THEIRS], strict=True)
        assert max(abs(ours - theirs) for ours, theirs in both) < (0.028 if large else 0.016)
        for frozen in (True, False):
            assert max(column(label, frozen, AGAIN)) < min(column("pixels", False, AGAIN))
            pairs = zip(column(label, frozen, AGAIN), column(label, frozen, THEIRS), strict=True)
            differences = [ours - theirs for ours, theirs in pairs]
            assert max(map(abs, differences)) < (0.034 if large else 0.03)
            below += sum(difference < 0 for difference in differences)
            if large:
                for metric in ("trained_accuracy", "test_accuracy"):
                    pixels = column("pixels", False, AGAIN, metric)
                    pairs = zip(pixels, column(label, frozen, AGAIN, metric), strict=True)
                    assert all(one > other for one, other in pairs)
            gaps = column(label, frozen, AGAIN, "accuracy_gap")
            assert abs(sum(gaps)) / 10 < 0.011
            assert max(map(abs, gaps)) < 0.0275
    assert below == 117
    for variant in (AGAIN, THEIRS):
        assert sum(gain > 0.02 for gain in gains["2x2 FRQI", variant]) == 5
        assert sum(gain > 0.02 for gain in gains["4x4 FRQI", variant]) == 6
        assert max(map(abs, gains["2x2 NEQR", variant])) < 0.011
        frqi, neqr, threshold = (column(f"4x4 {name}", True, variant) for name in ENCODINGS)
        assert sum(a > b for a, b in zip(threshold, frqi, strict=True)) == 9
        assert sum(a > b for a, b in zip(threshold, neqr, strict=True)) == 10
        means = [sum(column(f"4x4 {name}", False, variant)) for name in ENCODINGS]
        assert min(means) == means[0]
    frqi, neqr, threshold = (column(label, False, AGAIN) for label in labels[:3])
    assert all(one > other for one, other in zip(frqi, neqr, strict=True))
    assert sum(a > max(b, c) for a, b, c in zip(frqi, neqr, threshold, strict=True)) == 7
    best = max(column("2x2 threshold", True, AGAIN))
    assert best > max(column("thresholded pixels", True, AGAIN))
    judged = {
        (claim["id"], variant["variant"]): variant["verdict"]
        for claim in NUMBERS["claims"]
        for variant in claim["variants"]
    }
    for claim in ("none-best", "2x2-best", "4x4-best"):
        assert judged[f"{claim}-train_accuracy", AGAIN] == "undecided"
        assert judged[f"{claim}-train_accuracy", THEIRS] == "undecided"
    for variant in (AGAIN, THEIRS):
        assert judged["2x2-NEQR-training-train_accuracy", variant] == "contradicted"
        assert judged["4x4-threshold-training-train_accuracy", variant] == "contradicted"
    assert judged["2x2-leak", AGAIN] == "undecided"
    assert judged["4x4-leak", AGAIN] == "supported"
    for metric in READINGS:
        assert judged[f"4x4-pixels-{metric}", AGAIN] == "supported"


def differences(label: str, frozen: bool, metric: str) -> list[float]:
    """In points, ours minus theirs."""
    pairs = zip(*(column(label, frozen, v, metric) for v in (AGAIN, THEIRS)), strict=True)
    return [100 * (ours - theirs) for ours, theirs in pairs]


def test_what_the_page_says_of_averages_and_extremes() -> None:
    networks = [
        (f"{kernel} {name}", frozen)
        for kernel in ("2x2", "4x4")
        for name in ENCODINGS
        for frozen in (True, False)
    ]
    found = {}
    for metric in ("train_accuracy", "validation_accuracy", "trained_accuracy"):
        of = [differences(*each, metric) for each in networks]
        every = [each for one in of for each in one]
        means = [sum(each) / 10 for each in of]
        found[metric] = (sum(every) / 120, min(means), max(means), min(every), max(every))
    assert found["train_accuracy"][0] == pytest.approx(-1.4, abs=0.05)
    largest = max(map(abs, found["train_accuracy"]))
    assert f"come out again within {largest:.1f} points" in README
    average, *rest = found["validation_accuracy"]
    assert abs(average) < 0.1
    assert rest == pytest.approx([-0.7, 1.2, -5.6, 6.5], abs=0.06)
    average, lowest, highest, *_ = found["trained_accuracy"]
    assert (average, lowest, highest) == pytest.approx((1.9, -2.5, 5.1), abs=0.05)
    assert max(map(abs, found["trained_accuracy"])) == pytest.approx(18.4, abs=0.05)
    for metric in READINGS:
        thresholded = sum(column("thresholded pixels", True, AGAIN, metric))
        for kernel in ("2x2", "4x4"):
            for frozen in (True, False):
                assert thresholded < sum(column(f"{kernel} threshold", frozen, AGAIN, metric))
    for label in ("2x2 FRQI", "4x4 FRQI"):
        gaining = []
        for variant in (AGAIN, THEIRS):
            pairs = zip(column(label, False, variant), column(label, True, variant), strict=True)
            gaining.append([k for k, (a, b) in enumerate(pairs) if a - b > 0.02])
        assert gaining[0] == gaining[1]


def test_the_page_tells_a_changed_number() -> None:
    changed = json.loads(json.dumps(NUMBERS))
    changed["series"][0]["final"]["train_accuracy"]["values"][0] += 0.01
    assert tables.filled(TEXT, changed) != TEXT


@pytest.mark.parametrize("words", ["977", "scikit-learn", "frqi_mattern", "random_layers_2021"])
def test_the_page_says_how_it_was_read(words: str) -> None:
    assert words in TEXT
