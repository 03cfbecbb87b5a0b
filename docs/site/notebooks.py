"""The notebooks of docs/notebooks/: run from nothing, and shown with what they print and draw.

    python docs/site/notebooks.py            # runs those that changed, and says the seconds

A notebook is Python in cells: `# %% [markdown]` begins prose in comments, `# %% TITLE` code, and
the title says in words what its picture shows. Jupyter, with jupytext, and editors open such a
file as it is. Each is run by a process of its own, in an empty folder, with warnings as errors.
Pages, pictures and .ipynb files lie in build/notebooks/, with the SHA-256 of what they were made
from: the notebook, this file, and the package.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "docs/notebooks").glob("*.py"))
BUILT = ROOT / "build/notebooks"
SEAL = "made-from"


@dataclass
class Cell:
    """Prose or code, and what came of it: text, HTML, or the name of a picture and its SVG."""

    kind: str
    title: str
    source: str
    outputs: list[tuple[str, str]] = field(default_factory=list)


def cells(text: str) -> list[Cell]:
    """The cells of a notebook, in order."""
    _, *parts = re.split(r"^# %%[ ]*(.*)\n", text, flags=re.MULTILINE)
    found = []
    for title, source in zip(parts[::2], parts[1::2], strict=True):
        prose = title == "[markdown]"
        if prose:
            source = re.sub(r"^# ?", "", source, flags=re.MULTILINE)
        found.append(Cell("markdown" if prose else "code", title, source.strip()))
    return found


def run(found: list[Cell], name: str, folder: Path) -> None:
    """Runs the code of the cells as one program, and keeps what each says."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    pictures = 0
    for number, cell in enumerate(found):
        if cell.kind != "code":
            continue
        body = ast.parse(cell.source).body
        last = ast.Expression(body.pop().value) if isinstance(body[-1], ast.Expr) else None
        place = f"{name}, cell {number}"
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(ast.Module(body, []), place, "exec"), namespace)
            value = eval(compile(last, place, "eval"), namespace) if last else None
        if printed.getvalue():
            cell.outputs.append(("text", printed.getvalue().rstrip()))
        if hasattr(value, "savefig"):
            pictures += 1
            picture = folder / f"{name}-{pictures}.svg"
            value.savefig(picture, metadata={"Date": None})
            cell.outputs.append(("picture", picture.name))
        elif hasattr(value, "_repr_html_"):
            cell.outputs.append(("html", value._repr_html_()))
        elif value is not None:
            cell.outputs.append(("text", repr(value)))


def as_page(found: list[Cell], name: str) -> str:
    """The notebook as Markdown; its links start from docs/notebooks/."""
    parts = []
    for cell in found:
        parts.append(cell.source if cell.kind == "markdown" else f"```python\n{cell.source}\n```")
        for kind, output in cell.outputs:
            if kind == "picture":
                parts.append(f"![{cell.title}]({output})")
            elif kind == "html":
                parts.append(f'<div class="output">{output}</div>')
            else:
                parts.append(f'<pre class="output"><code>{escape(output)}\n</code></pre>')
    title, _, first = parts[0].partition("\n")
    source = f"docs/notebooks/{name}.py"
    link = f"[This page as a notebook]({name}.ipynb) for Jupyter; its text is `{source}`."
    return "\n\n".join([title, link, first.strip(), *parts[1:]]) + "\n"


def as_jupyter(found: list[Cell], folder: Path) -> str:
    """The notebook in Jupyter's format."""
    listed = []
    for number, cell in enumerate(found):
        entry = {"id": f"cell-{number}", "metadata": {}, "source": cell.source}
        entry["cell_type"] = cell.kind
        if cell.kind == "code":
            outputs = [_as_output(kind, output, folder) for kind, output in cell.outputs]
            entry |= {"execution_count": None, "outputs": outputs}
        listed.append(entry)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    whole = {"cells": listed, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1) + "\n"


def _as_output(kind: str, output: str, folder: Path) -> dict[str, Any]:
    if kind == "text":
        return {"name": "stdout", "output_type": "stream", "text": output + "\n"}
    if kind == "html":
        data = {"text/html": output}
    else:
        data = {"image/svg+xml": (folder / output).read_text(encoding="utf-8")}
    return {"data": data, "metadata": {}, "output_type": "display_data"}


def seal(path: Path) -> str:
    """The SHA-256 of all that decides what a notebook shows."""
    package = sorted((ROOT / "src").rglob("*.py"))
    digest = hashlib.sha256()
    for each in (path, Path(__file__), *package):
        digest.update(each.read_bytes())
    return digest.hexdigest()


def built(path: Path, *, stale: bool = False) -> Path:
    """The folder with what was made of a notebook, which is run if that has changed.

    Args:
        stale: whether what an older text made will do.

    Raises:
        RuntimeError: if a cell raises; says what it said.
    """
    folder = BUILT / path.stem
    kept = folder / SEAL
    wanted = seal(path)
    if kept.exists() and (stale or kept.read_text() == wanted):
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    places = [str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
    # One thread: a reader may have one core.
    settings = {"PYTHONPATH": os.pathsep.join(places), "MPLBACKEND": "agg", "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as empty:
        command = [sys.executable, "-W", "error", __file__, str(path), str(folder)]
        done = subprocess.run(
            command, cwd=empty, env=os.environ | settings, capture_output=True, text=True
        )
    if done.returncode:
        raise RuntimeError(f"{path.name}: {done.stderr[-2000:]}")
    kept.write_text(wanted)
    return folder


def all_built(*, stale: bool = False) -> list[Path]:
    """The folders of all notebooks, run two at a time."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda path: built(path, stale=stale), NOTEBOOKS))


def _make(path: Path, folder: Path) -> None:
    import matplotlib

    matplotlib.rcParams["svg.hashsalt"] = "resqunn"
    found = cells(path.read_text(encoding="utf-8"))
    run(found, path.stem, folder)
    (folder / f"{path.stem}.md").write_text(as_page(found, path.stem), encoding="utf-8")
    (folder / f"{path.stem}.ipynb").write_text(as_jupyter(found, folder), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        _make(*map(Path, sys.argv[1:]))
    else:
        for notebook in NOTEBOOKS:
            begun = time.monotonic()
            built(notebook)
            sys.stdout.write(f"{time.monotonic() - begun:6.1f} s  {notebook.name}\n")
