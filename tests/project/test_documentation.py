"""The documentation's Python runs, its numbers are those of its files, and what it names exists."""

import json
import re
from pathlib import Path

import jaxtyping
import pytest

from resqunn.circuits.ansatze import ANSATZE
from resqunn.circuits.encodings import ENCODINGS

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src/resqunn"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
EACH_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)

EXAMPLES = [
    (page.name, number, code)
    for page in PAGES
    for number, code in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL))
]


@pytest.mark.parametrize(("page", "number", "code"), EXAMPLES, ids=lambda v: str(v)[:12])
def test_python_examples_run(
    page: str, number: int, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As users have it: sizes are symbols while torch exports, which annotations do not say.
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    exec(compile(code, f"{page}, example {number}", "exec"), {})


@EACH_PAGE
def test_files_that_pages_name_exist(page: Path) -> None:
    text = page.read_text()
    for link in re.findall(r"\]\(([^)#]+)", text):
        assert "://" in link or (page.parent / link).exists(), link
    for path in re.findall(r"`((?:src|tests|docs|examples|benchmarks)/[\w./]+)`", text):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_files_and_tables_of_the_code_that_pages_name_exist(page: str) -> None:
    text = (ROOT / page).read_text()
    files = [
        path
        for name in ("src", "tests", "benchmarks", "docs")
        for path in (ROOT / name).rglob("*.*")
    ]
    names = {path.name for path in files} | {path.name for path in ROOT.rglob("examples/*.py")}
    for name in re.findall(r"`(?:[\w/]+/)?(\w+\.(?:py|html))`", text):
        assert name in names, name
    code = "\n".join(path.read_text() for path in files if path.suffix == ".py")
    for name in re.findall(r"`([A-Z][A-Z_]{3,})`", text):
        assert re.search(rf"^{name}\b", code, re.MULTILINE), name


def test_the_floors_hold_what_the_architecture_says() -> None:
    rows = re.findall(
        r"^\| \d+ \| `([\w./]+)` \| (.*) \|$", (ROOT / "docs/architecture.md").read_text(), re.M
    )
    assert {f"{row[0].partition('/')[0]}/" for row in rows} >= {
        f"{path.parent.name}/" for path in SOURCE.glob("*/*.py")
    }
    for folder, text in rows:
        assert (SOURCE / folder).exists(), folder
        for name in re.findall(r"`([\w/]+(?:\.py|\.html|/))`", text):
            assert (SOURCE / folder / name).exists(), f"{folder}: {name}"


def test_usage_lists_every_encoding_and_ansatz_with_a_source() -> None:
    text = (ROOT / "docs/usage.md").read_text()
    for title, table in (("Encodings", ENCODINGS), ("Ansaetze", ANSATZE)):
        _, _, section = text.partition(f"### {title}\n")
        rows = re.findall(
            r"^\| (`.+?) \| .+ \| .+ \| (.+) \|$", section.partition("\n### ")[0], re.M
        )
        names = [name.partition(":")[0] for row, _ in rows for name in re.findall(r"`(.+?)`", row)]
        assert sorted(names) == sorted(table)
        assert all(source.strip() for _, source in rows)


def test_the_picture_shows_what_the_benchmarks_wrote() -> None:
    data = json.loads((ROOT / "docs/benchmarks.json").read_text())
    shown = re.findall(r"<!-- ([\d,.]+) ms -->", (ROOT / "docs/benchmarks.svg").read_text())
    wanted = ["once, depth 4, 16 images", "re-upload, depth 4, 16 images"]
    found = [
        f"{value:,.2f}"
        for case in data["cases"]
        if case["case"].removeprefix("2x2 (4 qubits), ") in wanted
        for value in case["milliseconds"].values()
    ]
    assert sorted(shown) == sorted(found)
