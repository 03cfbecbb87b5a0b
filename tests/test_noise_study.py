"""The page of the noise study shows what its question found, by the limits of its file."""

import json
from pathlib import Path

from resqunn.lab import Inquiry

from support import script

ROOT = Path(__file__).parents[1]
study = script("noise_study")
NUMBERS = json.loads(study.NUMBERS.read_text(encoding="utf-8"))


def test_the_numbers_are_of_the_question_in_the_file() -> None:
    asked = Inquiry.read(ROOT / "examples/noise.toml")
    assert NUMBERS["options"] == asked.as_json()
    assert [claim["statement"] for claim in NUMBERS["claims"]] == [q.claim for q in asked.question]
    seeds = {row["seeds"] for of in NUMBERS["final"].values() for row in of.values()}
    assert seeds == {len(asked.numbers)}


def test_tables_are_written_from_the_numbers() -> None:
    text = study.PAGE.read_text(encoding="utf-8")
    assert study.filled(text, NUMBERS) == text
    changed = json.loads(json.dumps(NUMBERS))
    for of in changed["final"].values():
        for row in of.values():
            row["median"] += 0.01
    assert study.filled(text, changed) != text
