"""Nothing that is read or shown is executed: no unpickling, no eval, no shell, no script."""

import ast
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import markupsafe
import pytest

from resqunn.lab.report import write_report
from resqunn.lab.study.results import Results, as_builtins, built, write_results

import sample_results
from reliability.sources import SOURCE, imports

UNSAFE_MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "yaml"}
UNSAFE_MODULES |= {"multiprocessing", "distributed", "ctypes", "socket", "urllib.request"}
UNSAFE_CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen"}
UNSAFE_CALLS |= {"torch.load", "torch.save", "torch.jit.load", "numpy.save", "pandas.read_pickle"}

EXCEPTIONS = {
    ("studies/pool.py", "multiprocessing"),
    ("studies/dask_cluster.py", "distributed"),
    ("engines/native/machine.py", "ctypes"),
}
"""The first two pickle runs and outcomes of this library between its own processes, never a file
or what somebody else has sent. The last calls what this library has compiled, from the user's own
cache after its checksum."""


def findings(text: str) -> Iterator[str]:
    """What a file does that no file may do."""
    tree = ast.parse(text)
    names = imports(tree)
    for node in ast.walk(tree):
        modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            modules = [node.module, *(f"{node.module}.{a.name}" for a in node.names)]
        for module in modules:
            if module in UNSAFE_MODULES or module.partition(".")[0] in UNSAFE_MODULES:
                yield module
        if isinstance(node, ast.Call):
            first, dot, rest = ast.unparse(node.func).partition(".")
            called = names.get(first, first) + dot + rest
            options = {k.arg for k in node.keywords if ast.unparse(k.value) != "False"}
            if called in UNSAFE_CALLS or options & {"shell", "allow_pickle"}:
                yield called


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda p: p.stem)
def test_no_file_runs_or_unpickles_what_it_reads(path: Path, tally) -> None:
    name = path.relative_to(SOURCE).as_posix()
    for what in findings(path.read_text(encoding="utf-8")):
        assert (name, what.partition(".")[0]) in EXCEPTIONS, what
    tally("source files without unpickling, eval or a shell", 1)


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from pickle import loads",
        "import marshal as m",
        "from multiprocessing import shared_memory",
        "def f(x): return eval(x)",
        "exec('1')",
        "import os; os.system('ls')",
        "from os import system as s; s('ls')",
        "import subprocess; subprocess.run('ls', shell=True)",
        "import yaml; yaml.load(x)",
        "import torch; torch.load(x)",
        "import torch as t; t.load(x, weights_only=True)",
        "from torch import load; load(x)",
        "import numpy as np; np.load(x, allow_pickle=True)",
    ],
)
def test_what_no_file_may_do_is_found(code: str) -> None:
    assert list(findings(code))
    assert not list(findings("model.eval(); np.load(x, allow_pickle=False); run(c, shell=False)"))


SCRIPT = "'\"><script>"


CHOSEN = ("state", "kind", "unit", "task")
"""Fields whose texts are chosen from a list, or decide what is shown."""


def poisoned(value: Any) -> Any:
    """Every text with a script at its end."""
    if isinstance(value, dict):
        return {k: v if k in CHOSEN else poisoned(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [poisoned(inner) for inner in value]
    return value + SCRIPT if isinstance(value, str) else value


def test_the_report_runs_no_script_of_its_data(tmp_path: Path, tally) -> None:
    whole = sample_results.results()
    whole = replace(whole, studies=whole.studies[:1], options={"data": "mnist"})
    summary = poisoned(as_builtins(whole))
    summary["options"][f"name {SCRIPT}"] = f"value {SCRIPT}"
    write_results(tmp_path, built(summary, Results))
    text = write_report(tmp_path).read_text(encoding="utf-8")
    assert "<script" not in text
    series, failure = summary["studies"][0]["series"][0], summary["failures"][0]
    shown = [series["label"], series["config"]["data"], failure["error"], failure["label"]]
    for needed in (*shown, summary["options"]["data"], f"name {SCRIPT}", f"value {SCRIPT}"):
        assert str(markupsafe.escape(needed)) in text
    tally("texts of a report with a script in them", text.count("&lt;script&gt;"))
    for figure in (tmp_path / "report/figures").glob("*.svg"):
        assert "<script" not in figure.read_text(encoding="utf-8")
