"""Which versions of what the project is made of.

No list of known vulnerabilities is asked: pip-audit needs a network. `SAFE` holds the few
that are certain, and is read again whenever a pin changes.
"""

import ast
import re
import sys
import tomllib
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import resqunn
from resqunn.errors import LABORATORY

from reliability.sources import ROOT, SOURCE, imports

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

MODULES = {"sklearn": "scikit-learn", "PIL": "pillow"}
"""Modules that are not called as their distributions are."""


@pytest.mark.parametrize("line", LINES)
def test_a_constraint_is_one_exact_version(line: str) -> None:
    assert re.fullmatch(r"[a-z0-9-]+==\d+(\.\d+)+", line)
    assert sum(other.partition("==")[0] == line.partition("==")[0] for other in LINES) == 1


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
def test_no_known_vulnerability_is_within_the_range(name: str) -> None:
    fixed = Version(SAFE[name][0])
    assert Version(PINS[name]) >= fixed
    for requirement in DEPENDENCIES:
        if canonicalize_name(requirement.name) == name:
            lowest = [s.version for s in requirement.specifier if s.operator in (">=", "==")]
            assert lowest
            assert Version(lowest[0]) >= fixed


def names(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(text).name) for text in requirements}


def test_the_library_needs_five_packages_and_the_laboratory_its_extra() -> None:
    assert names(PROJECT["dependencies"]) == {"torch", "numpy", "numba", "llvmlite", "jaxtyping"}
    extra = names(PROJECT["optional-dependencies"]["lab"])
    assert extra == {MODULES.get(package, package) for package in LABORATORY}


def test_there_is_one_version_number() -> None:
    assert "version" in PROJECT["dynamic"]
    assert PROJECT.get("version") is None
    cited = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"version: {resqunn.__version__}\n" in cited
    page = (ROOT / "docs/citing.md").read_text(encoding="utf-8")
    assert f"version = {{{resqunn.__version__}}}" in page


def test_every_import_is_a_pinned_dependency() -> None:
    named = {canonicalize_name(requirement.name) for requirement in DEPENDENCIES}
    for path in SOURCE.rglob("*.py"):
        for module in set(imports(ast.parse(path.read_text(encoding="utf-8"))).values()):
            top = module.partition(".")[0]
            if top not in (*sys.stdlib_module_names, "resqunn"):
                distribution = MODULES.get(top, top)
                assert distribution in named, (path, top)
                assert distribution in PINS, (path, top)
