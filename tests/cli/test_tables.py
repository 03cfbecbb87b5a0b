"""What the commands show when they are done."""

import os
import subprocess
import sys

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
