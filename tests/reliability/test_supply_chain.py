"""What the project is made of, what it may not do, and where its downloads come from.

No list of known vulnerabilities is asked: pip-audit needs a network. `SAFE` holds the few
that are certain, and is read again whenever a pin changes.
"""

import ast
import io
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import markupsafe
import pytest
import requests
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from resqunn import load_dataset
from resqunn.data.sources import SOURCES
from resqunn.errors import DataError
from resqunn.report import write_report

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src/resqunn"

# ------------------------------------------------------------------------- versions

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LINES = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
PINS = {canonicalize_name(line.partition("==")[0]): line.partition("==")[2] for line in LINES}
EXTRAS = PROJECT["optional-dependencies"].values()
DEPENDENCIES = [
    requirement
    for text in [*PROJECT["dependencies"], *(text for extra in EXTRAS for text in extra)]
    if (requirement := Requirement(text)).name != PROJECT["name"]
]

SAFE = {
    "torch": ("2.6.0", "CVE-2025-32434"),
    "scikit-learn": ("1.5.0", "CVE-2024-5206"),
    "jinja2": ("3.1.6", "CVE-2025-27516"),
    "pillow": ("11.3.0", "CVE-2025-48379"),
    "requests": ("2.32.4", "CVE-2024-47081"),
    "distributed": ("2021.10.0", "CVE-2021-42343"),
}
"""The first version without a known vulnerability, and its name."""

BROUGHT = {"requests": "pooch", "llvmlite": "numba", "scipy": "scikit-learn"}
"""Imported here, and a dependency of that dependency, which says which versions fit it."""

MODULES = {"sklearn": "scikit-learn"}
"""Modules that are not called as their distributions are."""


@pytest.mark.parametrize("line", LINES)
def test_a_constraint_is_one_exact_version(line: str, tally) -> None:
    assert re.fullmatch(r"[a-z0-9-]+==\d+(\.\d+)+", line)
    assert sum(other.partition("==")[0] == line.partition("==")[0] for other in LINES) == 1
    tally("exact versions", 1)


@pytest.mark.parametrize("requirement", DEPENDENCIES, ids=str)
def test_a_dependency_is_pinned_within_its_range(requirement: Requirement) -> None:
    assert requirement.url is None
    assert requirement.specifier
    assert PINS[canonicalize_name(requirement.name)] in requirement.specifier


@pytest.mark.parametrize("name", PINS)
def test_what_is_installed_is_what_was_pinned(name: str) -> None:
    try:
        found = Version(metadata.version(name))
    except metadata.PackageNotFoundError:
        pytest.skip(f"{name} is not installed")
    assert found.public == PINS[name]


@pytest.mark.parametrize("name", SAFE)
def test_no_known_vulnerability_is_within_the_range(name: str, tally) -> None:
    fixed = Version(SAFE[name][0])
    assert Version(PINS[name]) >= fixed
    for requirement in DEPENDENCIES:
        if canonicalize_name(requirement.name) == name:
            lowest = [s.version for s in requirement.specifier if s.operator == ">="]
            assert lowest
            assert Version(lowest[0]) >= fixed
    tally("known vulnerabilities", 1)


def test_every_import_is_a_pinned_dependency() -> None:
    named = {canonicalize_name(requirement.name) for requirement in DEPENDENCIES}
    for name, parent in BROUGHT.items():
        needs = [canonicalize_name(Requirement(n).name) for n in metadata.requires(parent) or ()]
        assert name in needs
    for path in SOURCE.rglob("*.py"):
        for module in set(imports(ast.parse(path.read_text(encoding="utf-8"))).values()):
            top = module.partition(".")[0]
            if top not in (*sys.stdlib_module_names, "resqunn"):
                distribution = MODULES.get(top, top)
                assert distribution in named | BROUGHT.keys(), (path, top)
                assert distribution in PINS, (path, top)


# ---------------------------------------------------------------------------- code

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


def imports(tree: ast.AST) -> dict[str, str]:
    """What each imported name stands for, dotted."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {a.asname or a.name: a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    return names


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


# ---------------------------------------------------------------------------- page

SCRIPT = "'\"><script>"


def poisoned(value: Any) -> Any:
    """Every text with a script at its end."""
    if isinstance(value, dict):
        return {key: poisoned(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [poisoned(inner) for inner in value]
    return value + SCRIPT if isinstance(value, str) else value


def test_the_report_runs_no_script_of_its_data(tmp_path: Path, monkeypatch, tally) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "tests/report"))
    import summaries

    whole = summaries.summary()
    parts = {"studies": whole["studies"][:1], "gradients": [], "depth": None}
    summary = poisoned(whole | parts)
    for part in ("options", "environment"):
        summary[part][f"name {SCRIPT}"] = f"value {SCRIPT}"
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    text = write_report(tmp_path).read_text(encoding="utf-8")
    assert "<script" not in text
    series, failure = summary["studies"][0]["series"][0], summary["failures"][0]
    shown = [series["label"], series["config"]["data"], failure["error"], failure["label"]]
    for needed in (*shown, summary["options"]["data"], f"name {SCRIPT}", f"value {SCRIPT}"):
        assert str(markupsafe.escape(needed)) in text
    tally("texts of a report with a script in them", text.count("&lt;script&gt;"))
    for figure in (tmp_path / "report/figures").glob("*.svg"):
        assert "<script" not in figure.read_text(encoding="utf-8")


# ----------------------------------------------------------------------- downloads


@pytest.mark.parametrize("name", SOURCES)
def test_data_sets_come_over_https_with_a_checksum(name: str, tally) -> None:
    row = SOURCES[name]
    assert not row.files or row.mirror.startswith("https://")
    for file in row.files:
        assert re.fullmatch("[0-9a-f]{64}", file.gz_sha256)
        assert file.sha256 is None or re.fullmatch("[0-9a-f]{64}", file.sha256)
    tally("files of data sets with a SHA-256", len(row.files))


class Web:
    """Answers instead of the network: what it was asked, and where it redirects to."""

    def __init__(self, redirects: dict[str, str]) -> None:
        self.redirects, self.asked = redirects, []

    def send(self, _: object, request: requests.PreparedRequest, **__: object):
        assert request.url
        base = request.url.rpartition("/")[0] + "/"
        self.asked.append(base)
        response = requests.Response()
        response.url, response.request = request.url, request
        response.status_code, response.raw = 200, io.BytesIO(b"not the file")
        if base in self.redirects:
            response.status_code = 302
            response.headers["location"] = self.redirects[base]
        return response


@pytest.fixture
def no_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("RESQUNN_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


GOES_ON = "does not have the expected SHA-256"
REFUSED = "only https:// is safe"


@pytest.mark.usefixtures("no_files")
@pytest.mark.parametrize(
    ("mirror", "redirect", "message", "asked"),
    [
        ("https://a.test/", None, GOES_ON, 1),
        ("https://a.test", "https://b.test/x", GOES_ON, 2),
        ("https://a.test/", "//b.test/x", GOES_ON, 2),
        ("https://a.test/", "/elsewhere/x", GOES_ON, 2),
        ("HTTPS://A.TEST/", None, GOES_ON, 1),
        ("http://localhost:8/", None, GOES_ON, 1),
        ("http://127.0.0.1:8/", None, GOES_ON, 1),
        ("http://[::1]:8/", None, GOES_ON, 1),
        ("http://a.test/", None, REFUSED, 0),
        ("ftp://a.test/", None, REFUSED, 0),
        ("file:///etc/", None, REFUSED, 0),
        ("doi:10.5281/zenodo.1/", None, REFUSED, 0),
        ("a.test/", None, "MissingSchema", 0),
        ("http://localhost.a.test/", None, REFUSED, 0),
        ("http://127.0.0.1@a.test/", None, REFUSED, 0),
        ("http://a.test\\@127.0.0.1/", None, REFUSED, 0),
        ("https://a.test/", "http://a.test/x", REFUSED, 1),
        ("https://a.test/", "HTTP://b.test/x", REFUSED, 1),
        ("https://a.test/", "ftp://b.test/x", REFUSED, 1),
        ("http://localhost/", "http://a.test/x", REFUSED, 1),
        ("http://localhost/", "//a.test/x", REFUSED, 1),
    ],
)
def test_downloads_are_encrypted_at_every_hop(
    monkeypatch: pytest.MonkeyPatch,
    mirror: str,
    redirect: str | None,
    message: str,
    asked: int,
    tally,
) -> None:
    first = (mirror.rstrip("/") + "/").lower()
    web = Web({first: redirect} if redirect else {})
    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", lambda *a, **o: web.send(*a, **o))
    with pytest.raises(DataError, match=message) as caught:
        load_dataset("kmnist", mirror=mirror)
    assert len(web.asked) == asked
    assert "\n" not in str(caught.value)
    tally("addresses to download from", 1)
