"""The numbers of the replication in README and docs are those that `resqunn reproduce` found."""

import json
import re
from collections import Counter
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
        "seeds": list(range(20)),
    }


@pytest.mark.parametrize("page", tables.PAGES, ids=lambda page: page.name)
def test_tables_are_written_from_the_numbers(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    shown = re.findall(r"<!-- end of ([\w-]+) -->", text)
    assert shown
    assert set(shown) <= set(tables.TABLES)
    assert tables.filled(text, NUMBERS) == text


def verdicts(numbers: tables.Numbers) -> dict[str, dict[str, str]]:
    """Of each claim on Fig. 8 and 9, by interpretation."""
    claims = numbers["interpretations"]["claims"]
    read = [claim for claim in claims if len(claim["variants"]) > 2]
    return {claim["id"]: {v["variant"]: v["verdict"] for v in claim["variants"]} for claim in read}


def test_every_reading_has_a_verdict_of_twenty_seeds() -> None:
    for claim in NUMBERS["interpretations"]["claims"]:
        for variant in claim["variants"]:
            assert variant["seeds"] == (None if claim["rule"]["kind"] == "facts" else 20)
    found = verdicts(NUMBERS)
    assert [len(each) for each in found.values()] == [16] * 10
    rows = [line.split(" | ")[1:] for line in tables.readings(NUMBERS).splitlines()[2:]]
    for row, of_claim in zip(rows, found.values(), strict=True):
        assert [sum(map(int, re.findall(r"\d+", cell))) for cell in row] == [6, 6, 4]
        counted = Counter(of_claim.values())
        for word in counted:
            shown = re.findall(rf"(\d+) {word}", " ".join(row))
            assert sum(map(int, shown)) == counted[word]


def test_what_the_page_says_of_all_readings() -> None:
    found = verdicts(NUMBERS)
    assert [name for name, each in found.items() if set(each.values()) == {"supported"}] == []
    everywhere = [name for name, each in found.items() if set(each.values()) == {"contradicted"}]
    assert everywhere == ["full_flow_is_superior"]
    twelve = [
        v for v in found["full_flow_is_superior"] if "readout per qubit" not in v or "logits" in v
    ]
    assert {found["input_to_head_is_alike"][v] for v in twelve} == {"supported"}
    assert {found["o1o2_over_frozen"][v] for v in twelve} == {"in direction"}
    decided = {
        name: [{each[v] for v in among} - {"undecided"} for among in (each, twelve)]
        for name, each in found.items()
    }
    assert sum(len(all_readings) > 1 for all_readings, _ in decided.values()) == 7
    assert [name for name, (_, of_twelve) in decided.items() if len(of_twelve) > 1] == [
        "none_does_not_train",
        "input_to_head_is_best",
    ]
    differing = {
        (claim["id"], variant["variant"])
        for claim in NUMBERS["paper"]["claims"]
        for variant in claim["variants"]
        if claim["id"] in found and found[claim["id"]][variant["variant"]] != variant["verdict"]
    }
    assert differing == {
        ("none_as_frozen", "as written"),
        ("input_to_head_as_frozen", "as written"),
        ("input_to_head_as_frozen", "true gradients"),
    }


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
