"""What the commands show when they are done."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from resqunn.cli import tables
from resqunn.lab.study.questions import (
    ClaimResult,
    Measurement,
    Quantity,
    Rule,
    Term,
    VariantResult,
)
from resqunn.lab.study.results import Environment, Results, Source
from resqunn.lab.study.statistics import stats

CLAIMS = [
    ("word " * 15 + "end.", "Sec. 1", "depends on the interpretation"),
    ("Short.", "Sec. 5.1.2, after Fig. 8", "supported"),
    ("Few.", "Fig. 9", "undecided"),
]
SHOW = f"""
from pathlib import Path
from resqunn.cli import tables
from resqunn.lab.study.questions import (
    ClaimResult, Measurement, Quantity, Rule, Term, VariantResult,
)
from resqunn.lab.study.results import Environment, Results, Source
from resqunn.lab.study.statistics import stats

few = Measurement(Quantity("f1", (Term("a"),), (Term("b"),)), stats([0.1] * 5), "undecided")
claims = tuple(
    ClaimResult("id", source, statement, "so", (), Rule("better"),
                (VariantResult("", (few,), verdict, 5, 10, 0),), verdict)
    for statement, source, verdict in {CLAIMS!r}
)
empty = Environment()
results = Results("1.0", Source("a", "A"), {{}}, "", empty, 0.0, "", claims=claims)
tables.verdicts(results, Path("[bold]/summary.json"))
"""


def verdicts(**environment: str) -> list[str]:
    """The lines of the table of verdicts, in a process whose output is a pipe."""
    inherited = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    done = subprocess.run(
        [sys.executable, "-c", SHOW], text=True, check=True,
        capture_output=True, env=inherited | environment,
    )  # fmt: skip
    table, _, end = done.stdout.partition("\n\n")
    assert end == "summary  [bold]/summary.json\n"
    return table.splitlines()


def test_a_table_in_a_pipe_has_a_line_a_row() -> None:
    _, *rows = verdicts()
    for row, claim in zip(rows, CLAIMS, strict=True):
        for text in claim:
            assert text in row
    assert rows[2].startswith("undecided: 5 seeds ")


def test_a_table_is_as_wide_as_the_user_says() -> None:
    lines = verdicts(COLUMNS="70")
    assert len(lines) > 3
    assert max(map(len, lines)) <= 70


A, B, C = map(Term, "abc")


def measured(values: list[float], minus: Term = B) -> Measurement:
    return Measurement(Quantity("test_accuracy", (A,), (minus,)), stats(values), "undecided")


def claim(statement: str, verdict: str, *variants: VariantResult) -> ClaimResult:
    return ClaimResult("id", "", statement, "", (), Rule("better"), variants, verdict)  # pyright: ignore[reportArgumentType]


GAIN, CLOSE, OPEN = [0.031] * 5 + [0.052] * 6, [-0.004] * 5 + [0.0198] * 5, [-0.1, 0.3] * 6


def test_of_a_question_the_numbers_are_shown_beside_the_verdict(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    several = (measured(OPEN), measured(GAIN, C))
    one = VariantResult("", (measured(GAIN),), "supported", 11, None, 0)
    claims = (
        claim("word " * 10 + "end.", "supported", one),
        claim("A beats b.", "contradicted",
              replace(one, measured=(measured(CLOSE),), verdict="contradicted")),
        claim("A beats both.", "undecided",
              VariantResult("", several, "undecided", 11, 1234, 0)),
        claim("It depends.", "depends on the interpretation",
              replace(one, variant="depths = 1"),
              VariantResult("depths = 2", several * 3, "undecided", 11, None, 1)),
    )  # fmt: skip
    results = Results("1.0", Source("a", "A"), {}, "", Environment(), 0.0, "", claims=claims)
    tables.verdicts(results, Path("summary.json"))
    shown = capsys.readouterr().out
    lines = [line.rstrip() for line in shown.splitlines()]
    assert max(map(len, lines)) <= 100
    words = [tuple(re.split(" {2,}", line)) for line in lines[1:] if line]
    assert words[0][:2] == ("supported", "+5.2 points [+3.1, +5.2]")
    assert words[1][-1].endswith("end.")
    assert words[2] == ("contradicted", "+0.8 points [\u22120.4, +1.98]", "A beats b.")
    assert [tuple(filter(None, row)) for row in words[3:10]] == [
        ("undecided", "1,234", "A beats both."),
        ("+10.0 points [\u221210.0, +30.0]", "minus b"),
        ("+5.2 points [+3.1, +5.2]", "minus c"),
        ("depends on what is varied", "It depends."),
        ("supported", "+5.2 points [+3.1, +5.2]", "depths = 1"),
        ("undecided", "+5.2 points [+3.1, +5.2]", "> 1,000", "depths = 2, minus c"),
        ("seeds: about how many would decide, were they like these",),
    ]
