"""Writes what the reliability tests have tried into docs/reliability.md.

    RESQUNN_TALLY=tallies pytest -n auto tests/reliability
    RESQUNN_TALLY=tallies pytest -n auto -m slow
    PYTHONPATH=tests python -m reliability.page tallies

The counts of tests that run in several cases (parameters, workers) are added up.
"""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/reliability.md"
COUNTS = ROOT / "docs/reliability.json"
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


def table(counts: list[dict]) -> str:
    """The counts as a table."""
    lines = ["| what | on every commit | long form | test |", "| --- | --: | --: | --- |"]
    for row in counts:
        numbers = " | ".join(f"{row[form]:,}" if row[form] else "" for form in ("short", "long"))
        lines.append(f"| {row['what']} | {numbers} | `{row['test']}` |")
    return "\n".join(lines)


def written(page: str, counts: list[dict]) -> str:
    """The page with its table replaced."""
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n{table(counts)}\n{END}{rest.split(END)[1]}"


def main() -> None:
    counts = collected(Path(sys.argv[1]))
    COUNTS.write_text(json.dumps(counts, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), counts), encoding="utf-8")


if __name__ == "__main__":
    main()
