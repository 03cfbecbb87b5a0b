"""What the commands show when they are done."""

import json
import os
import subprocess
import sys

CLAIMS = [
    {"verdict": "depends on the reading", "statement": "word " * 15 + "end.", "source": "Sec. 1"},
    {"verdict": "reproduced", "statement": "Short.", "source": "Sec. 5.1.2, after Fig. 8"},
]
SUMMARY = {"claims": CLAIMS, "options": {"quick": False}, "failures": []}


def verdicts(**environment: str) -> list[str]:
    """The lines of the table of verdicts, in a process whose output is a pipe."""
    code = (
        "import json, sys; from pathlib import Path; from resqunn.cli import tables\n"
        "tables.verdicts(json.load(sys.stdin), Path('summary.json'))"
    )
    inherited = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    done = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps(SUMMARY), text=True, check=True,
        capture_output=True, env=inherited | environment,
    )  # fmt: skip
    table, _, end = done.stdout.partition("\n\n")
    assert end == "summary  summary.json\n"
    return table.splitlines()


def test_a_table_in_a_pipe_has_a_line_a_row() -> None:
    _, *rows = verdicts()
    for row, claim in zip(rows, CLAIMS, strict=True):
        for text in claim.values():
            assert text in row


def test_a_table_is_as_wide_as_the_user_says() -> None:
    lines = verdicts(COLUMNS="70")
    assert len(lines) > 3
    assert max(map(len, lines)) <= 70
