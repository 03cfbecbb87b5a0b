"""The documentation's Python runs, its numbers are those of its files, and what it names exists."""

import io
import json
import re
import runpy
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import jaxtyping
import matplotlib
import pytest
from matplotlib.backends.backend_svg import FigureCanvasSVG

from resqunn import Circuit, circuit_report
from resqunn.analysis.gradient_flow import survey
from resqunn.circuits.ansatze import ANSATZE
from resqunn.circuits.encodings import ENCODINGS
from resqunn.lab import Inquiry, Question
from resqunn.lab.study.asked import KINDS, METRICS
from resqunn.lab.training.controls import CONTROLS

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src/resqunn"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
EACH_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)

EXAMPLES = [
    (page.name, number, code)
    for page in PAGES
    if page.name != "recipes.md"  # tests/recipes runs those
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
def test_blocks_that_are_not_run_say_so(page: Path) -> None:
    before, *blocks = re.split(r"^```py\n", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for block in blocks:
        assert "*Not run here*" in before.rpartition("\n## ")[2]
        before = block


@EACH_PAGE
def test_code_fits_beside_the_site_s_menus(page: Path) -> None:
    """What is no language is output, as wide as the command makes it."""
    blocks = re.findall(r"```\w+\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    long = [line for block in blocks for line in block.splitlines() if len(line) > 80]
    assert long == []


def test_code_of_pages_is_formatted() -> None:
    command = [sys.executable, "-m", "ruff", "format", "--check", "--no-cache", "--line-length"]
    pages = [str(page) for page in PAGES]
    done = subprocess.run(
        [*command, "80", *pages], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(pages)} files" in done.stdout  # none was passed over


@EACH_PAGE
def test_files_that_pages_name_exist(page: Path) -> None:
    text = page.read_text()
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)#]+)", prose):
        assert "://" in link or (page.parent / link).exists(), link
    for link in re.findall(r'(?:src|srcset)="([^"]+)"', prose):
        assert (page.parent / link).exists(), link
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


@pytest.mark.parametrize("name", ["overview", "overview-narrow"])
def test_the_picture_of_the_readme_shows_measured_times_and_true_gradients(name: str) -> None:
    text = (ROOT / f"docs/figures/{name}.svg").read_text(encoding="utf-8")
    data = json.loads((ROOT / "docs/benchmarks.json").read_text(encoding="utf-8"))
    cases = {case["case"]: case["milliseconds"] for case in data["cases"]}
    times = [
        f"{cases[f'2x2 (4 qubits), {kind}, depth 4, 16 images'][library]:,.2f}"
        for kind in ("once", "re-upload")
        for library in ("resqunn", "nn.Conv2d", "PennyLane, broadcast")
    ]
    assert re.findall(r"<!-- ([\d,.]+) ms -->", text) == times
    flows = [layer for _, cut, true in survey(2) for layer in (*cut.layers, *true.layers)]
    shown = [layer.status if layer.norm is None else f"{layer.norm:.1e}" for layer in flows]
    _, *found = re.findall(r"<!-- (none|\d\.\de-\d+) -->", text)  # the first is a wiring's name
    assert found == shown


def test_pictures_of_the_page_are_what_its_code_draws() -> None:
    script = runpy.run_path(str(ROOT / "docs/overview.py"))
    drawn = 0
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        for file, figure in script["of_the_page"]():
            text = io.StringIO()
            FigureCanvasSVG(figure).print_svg(text)
            kept = (ROOT / "docs" / file).read_text(encoding="utf-8")
            words = [re.findall("<!-- (.*?) -->", svg) for svg in (text.getvalue(), kept)]
            assert words[0] == words[1], f"{file}: run `python docs/overview.py`"
            drawn += 1
    page = (ROOT / "docs/pictures.md").read_text(encoding="utf-8")
    assert drawn == len(re.findall(r"^!\[", page, re.MULTILINE)) > 0


def test_studies_lists_every_key_and_control() -> None:
    text = (ROOT / "docs/studies.md").read_text()
    rows = set(re.findall(r"^\| `(\w+)` \|", text, re.M))
    keys = {each.name for kind in (Inquiry, Question) for each in fields(kind)} - {"folder"}
    assert rows == keys | {"frozen", "logistic_regression", *CONTROLS}
    for name in (*KINDS, *METRICS):
        assert f"`{name}`" in text, name


def test_studies_shows_its_example_whole() -> None:
    text = (ROOT / "docs/studies.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    assert (ROOT / "examples/tiles.toml").read_text(encoding="utf-8") in blocks


def test_the_page_of_circuits_is_what_was_measured() -> None:
    script = runpy.run_path(str(ROOT / "docs/circuits.py"))
    rows = json.loads((ROOT / "docs/circuits.json").read_text(encoding="utf-8"))
    assert script["page"](rows) == (ROOT / "docs/circuits.md").read_text(encoding="utf-8")
    assert {row["encoding"] for row in rows} == set(ENCODINGS)
    assert {row["ansatz"] for row in rows} == set(ANSATZE)
    kept = next(row for row in rows if (row["ansatz"], row["layers"]) == ("two_local", 2))
    circuit = Circuit(kept["encoding"], "two_local", "z", inputs=4, depth=2)
    report = circuit_report(circuit, pairs=script["PAIRS"], samples=script["SAMPLES"])
    again = script["_row"](circuit, report)
    for name in ("weights", "dead", "expressibility", "entangling", "variance", "monomials"):
        assert again[name] == pytest.approx(kept[name]), name
    # Of RX(w) RY(x) and a chain of CNOTs: products of the cosines of the first inputs.
    chain = [r for r in rows if (r["encoding"], r["ansatz"], r["layers"]) == ("ry", "rx_chain", 1)]
    assert [row["monomials"] for row in chain] == [4]
    # 1, a cosine or a sine of each of four inputs.
    assert 81 >= max(row["monomials"] for row in rows if row["encoding"] == "ry") > 70
