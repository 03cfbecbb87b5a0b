"""The examples run."""

import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_five_wirings(tmp_path: Path) -> None:
    options = ["--data", "digits", "--seeds", "1", "--epochs", "1", "--out", str(tmp_path)]
    command = [sys.executable, str(EXAMPLES / "five_wirings.py"), *options]
    first = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rows = [line.split("|")[1].strip(" `") for line in first.splitlines()[2:]]
    assert rows == ["none", "X+O1", "O1+O2", "X+O2", "(X+O1)+O2"]
    again = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert again == first
