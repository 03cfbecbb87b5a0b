"""Notebooks are run from nothing, and their pages show what cells print, give and draw."""

import importlib
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "docs/notebooks").glob("*.py"))

SMALL = """# %% [markdown]
# # A title
#
# Prose with a [link](../usage.md).

# %%
a = 6
print("printed <b>")
7 * a

# %% A line that rises
from matplotlib.figure import Figure

figure = Figure()
figure.subplots().plot([a, 7])
figure

# %%
class Shown:
    def _repr_html_(self):
        return "<i>html</i>"


Shown()
"""


@pytest.fixture
def notebooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The runner, with folders of its own."""
    monkeypatch.syspath_prepend(str(ROOT / "docs/site"))
    module = importlib.import_module("notebooks")
    monkeypatch.setattr(module, "BUILT", tmp_path / "built")
    return module


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_page_shows_what_cells_print_give_and_draw(notebooks: ModuleType, tmp_path: Path) -> None:
    folder = notebooks.built(written(tmp_path / "small.py", SMALL))
    page = (folder / "small.md").read_text(encoding="utf-8")
    title, link, first, code, *_ = page.split("\n\n")
    assert title == "# A title"
    assert "(small.ipynb)" in link
    assert first == "Prose with a [link](../usage.md)."
    assert code.startswith("```python\na = 6\n")
    assert '<pre class="output"><code>printed &lt;b&gt;\n</code></pre>' in page
    assert '<pre class="output"><code>42\n</code></pre>' in page
    assert "![A line that rises](small-1.svg)" in page
    assert '<div class="output"><i>html</i></div>' in page
    assert "<svg" in (folder / "small-1.svg").read_text(encoding="utf-8")


def test_the_notebook_for_jupyter_holds_cells_and_outputs(
    notebooks: ModuleType, tmp_path: Path
) -> None:
    folder = notebooks.built(written(tmp_path / "small.py", SMALL))
    held = json.loads((folder / "small.ipynb").read_text(encoding="utf-8"))
    assert (held["nbformat"], held["nbformat_minor"]) == (4, 5)
    assert [cell["cell_type"] for cell in held["cells"]] == ["markdown", *["code"] * 3]
    assert len({cell["id"] for cell in held["cells"]}) == 4
    kinds = [
        [out.get("text") or [*out["data"]] for out in cell["outputs"]] for cell in held["cells"][1:]
    ]
    assert kinds == [["printed <b>\n", "42\n"], [["image/svg+xml"]], [["text/html"]]]


def test_it_is_run_again_when_its_text_changes_and_not_otherwise(
    notebooks: ModuleType, tmp_path: Path
) -> None:
    path = written(tmp_path / "own.py", "# %%\nimport time\n\nprint(time.time_ns())\n")
    first = (notebooks.built(path) / "own.md").read_text(encoding="utf-8")
    assert (notebooks.built(path) / "own.md").read_text(encoding="utf-8") == first
    written(path, path.read_text(encoding="utf-8") + "\n# %%\nprint('more')\n")
    assert (notebooks.built(path, stale=True) / "own.md").read_text(encoding="utf-8") == first
    assert "more" in (notebooks.built(path) / "own.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("code", ["1 / 0", "import warnings\n\nwarnings.warn('old')"])
def test_an_error_or_a_warning_ends_the_build(
    notebooks: ModuleType, tmp_path: Path, code: str
) -> None:
    path = written(tmp_path / "bad.py", f"# %%\nprint('before')\n\n# %%\n{code}\n")
    with pytest.raises(RuntimeError, match=r"(?s)bad\.py: .*(ZeroDivisionError|UserWarning)"):
        notebooks.built(path)
    assert not (tmp_path / "built/bad/bad.md").exists()


def test_code_of_notebooks_fits_beside_the_site_s_menus(notebooks: ModuleType) -> None:
    for path in FILES:
        for cell in notebooks.cells(path.read_text(encoding="utf-8")):
            if cell.kind == "code":
                assert [line for line in cell.source.splitlines() if len(line) > 80] == [], path


def test_notebooks_are_pages_of_the_site_with_a_title_each() -> None:
    stems = [path.stem for path in FILES]
    overview = (ROOT / "docs/notebooks/index.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"\]\((\w+)\.py\)", overview)) == stems
    listed = re.findall(r"notebooks/(\w+)\.md", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert sorted(listed) == sorted([*stems, "index"])
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        assert re.match(r"# %% \[markdown\]\n# # \w", text), path.name
        assert re.search(r"^# %% \w", text, re.MULTILINE), f"{path.name} has no picture"
