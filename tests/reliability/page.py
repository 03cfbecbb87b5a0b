"""Writes what the reliability tests have tried into docs/reliability.md.

    RESQUNN_TALLY=tallies pytest -n auto tests/reliability
    RESQUNN_TALLY=tallies pytest -n auto -m slow
    PYTHONPATH=tests python -m reliability.page tallies

The counts of tests that run in several cases (parameters, workers) are added up.
"""

import json
import platform
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/reliability.md"
COUNTS = ROOT / "docs/reliability.json"
VERSIONS = ("torch", "numpy", "numba", "pennylane", "hypothesis")
BEGIN, END = "<!-- counts -->", "<!-- end of counts -->"


def collected(folder: Path) -> list[dict]:
    """The sums over all files of a folder of tallies, in a stable order."""
    sums: dict[tuple[str, str], dict[str, int]] = {}
    for file in sorted(folder.glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            forms = sums.setdefault((entry["test"], entry["what"]), {"short": 0, "long": 0})
            forms[entry["form"]] += entry["cases"]
    return [{"test": test, "what": what} | forms for (test, what), forms in sorted(sums.items())]


def counted() -> str:
    """When, and with what."""
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in VERSIONS)
    date, system = time.strftime("%Y-%m-%d"), f"{platform.system()} {platform.machine()}"
    return f"{date}, {system}, Python {platform.python_version()}, {versions}"


def table(found: dict[str, Any]) -> str:
    """The counts as a table."""
    lines = ["| what | on every commit | long form | test |", "| --- | --: | --: | --- |"]
    for row in found["counts"]:
        numbers = " | ".join(f"{row[form]:,}" if row[form] else "" for form in ("short", "long"))
        lines.append(f"| {row['what']} | {numbers} | `{row['test']}` |")
    return "\n".join([*lines, "", f"Counted on {found['counted']}."])


def written(page: str, found: dict[str, Any]) -> str:
    """The page with its table replaced."""
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n{table(found)}\n{END}{rest.split(END)[1]}"


def main() -> None:
    found = {"counted": counted(), "counts": collected(Path(sys.argv[1]))}
    COUNTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), found), encoding="utf-8")


if __name__ == "__main__":
    main()
