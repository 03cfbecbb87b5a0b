"""The numbers of the replication in README and docs are those that `resqunn reproduce` found."""

import json
import re
from pathlib import Path

import pytest

import sample_results
from support import script

ROOT = Path(__file__).parents[1]
tables = script("tables")
NUMBERS = json.loads(tables.NUMBERS.read_text(encoding="utf-8"))


def test_they_come_from_the_default_run_on_mnist() -> None:
    options = NUMBERS["paper"]["options"]
    assert options["data"] == "mnist"
    assert (options["seeds"], options["epochs"]) == (list(range(40)), 30)
    assert not options["quick"]
    assert NUMBERS["interpretations"]["options"] == options | {
        "figures": ["8", "9"],
        "interpretations": "all",
        "seeds": list(range(5)),
    }


@pytest.mark.parametrize("page", tables.PAGES, ids=lambda page: page.name)
def test_tables_are_written_from_the_numbers(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    shown = re.findall(r"<!-- end of ([\w-]+) -->", text)
    assert shown
    assert set(shown) <= set(tables.TABLES)
    assert tables.filled(text, NUMBERS) == text


def test_claims_of_five_seeds_are_undecided_and_facts_are_not() -> None:
    for claim in NUMBERS["interpretations"]["claims"]:
        for variant in claim["variants"]:
            facts = claim["rule"]["kind"] == "facts"
            assert (variant["verdict"] == "undecided") is not facts
            assert variant["seeds"] == (None if facts else 5)
    assert tables.readings(NUMBERS).count("16 undecided: 5 seeds") == 10


def test_verdicts_of_forty_seeds_stand_beside_what_decides_them() -> None:
    text = tables.claims(NUMBERS)
    assert "reproduced" not in text
    assert "5 seeds" not in text
    for claim in NUMBERS["paper"]["claims"]:
        variant = claim["variants"][0]
        assert variant["seeds"] == (None if claim["rule"]["kind"] == "facts" else 40)
        row = variant["measured"][variant["deciding"]]
        assert f"{variant['verdict']}: " in text
        assert (row["held"] is not None) is (claim["rule"]["kind"] == "facts")
        if row["held"] is None:
            low, high = (f"{100 * end:.1f}".replace("-", "\u2212") for end in row["interval"])
            assert f"[{low}, {high}]" in text


def test_numbers_of_enough_seeds_are_medians_with_intervals() -> None:
    results = sample_results.small()
    numbers = json.loads(json.dumps(tables.condensed(results)))
    both = {"paper": numbers, "interpretations": numbers}
    text = tables.claims(both)
    assert "| supported: " in text
    assert "3 in direction" in tables.readings(both)
    assert "5 seeds" not in text
    row = next(row for row in numbers["series"] if not row["frozen"])
    assert re.fullmatch(r"[\d.]+ \[[\d.]+, [\d.]+\]", tables._percent(row["train_accuracy"]))
    measured = numbers["claims"][2]["variants"][0]["measured"][0]
    assert measured["beyond"][1] == measured["seeds"] == 20
    few = json.loads(json.dumps(tables.condensed(sample_results.small(seeds=5))))
    assert "[" not in tables._percent(few["series"][0]["train_accuracy"])


def values(part: object) -> set[str]:
    """Every number of the files, in per cent with one decimal, without its sign."""
    if isinstance(part, dict):
        return set().union(*map(values, part.values()))
    if isinstance(part, list):
        return set().union(*map(values, part))
    return {f"{100 * abs(part):.1f}"} if isinstance(part, float) else set()


def test_numbers_in_the_prose_are_among_them() -> None:
    text = (ROOT / "docs/replication.md").read_text(encoding="utf-8")
    prose = re.sub(r"<!-- ([\w-]+) -->.*?<!-- end of \1 -->", "", text, flags=re.DOTALL)
    prose = re.sub(r"arXiv:[\d.]+|https?://\S+|Sec\. [\d.]+|about [\d.]+ points", "", prose)
    assert "14.1 [6.1, 28.7]" in prose
    found = re.findall(r"(?<![\w.])\d+\.\d+", prose)
    assert len(found) >= 4
    assert [number for number in found if number not in values(NUMBERS)] == []


def test_the_page_tells_a_changed_number(tmp_path: Path) -> None:
    changed = json.loads(json.dumps(NUMBERS))
    for series in changed["paper"]["series"]:
        series["validation_accuracy"]["median"] += 0.01
    for page in tables.PAGES:
        text = page.read_text(encoding="utf-8")
        assert tables.filled(text, changed) != text
