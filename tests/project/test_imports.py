"""The floors of the house: each contract breaks on a planted import, and files form no circle."""

import ast
import graphlib
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator

import grimp
import pytest

from reliability.sources import ROOT, SOURCE

CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
    "contracts"
]

PLANTED = {
    "imports run downhill": [
        ("errors", "resqunn.checks"),
        ("checks", "resqunn.circuits.gates"),
        ("circuits.gates", "resqunn.engines.base"),
        ("engines.base", "resqunn.nn.wiring"),
        ("nn.wiring", "resqunn.data.idx"),
        ("analysis.gradient_flow", "resqunn.data.idx"),
        ("data.idx", "resqunn.analysis.gradient_flow"),
        ("interop.stages", "resqunn.data.idx"),
        ("lab.training.files", "resqunn.lab.study.rules"),
        ("lab.study.rules", "resqunn.lab.report.formatting"),
        ("lab.report.formatting", "resqunn.papers.resqunns"),
        ("papers.resqunns.claims", "resqunn.cli.console"),
    ],
    "the library does without the laboratory": [
        ("nn.heads", "resqunn.lab.training.files"),
        ("data.sources", "resqunn.papers"),
        ("engines.registry", "resqunn.cli.signals"),
        ("interop.classical", "resqunn.lab.training.files"),
    ],
    "the library needs no package of an extra": [
        ("data.datasets", "sklearn"),
        ("nn.patches", "safetensors"),
        ("analysis.gradient_flow", "scipy"),
        ("engines.auto", "pennylane"),
        ("interop.classical", "onnx"),
    ],
    "circuits are data: no torch, no simulation": [
        ("circuits.ansatze.table", "torch"),
        ("circuits.readouts", "numba"),
        ("circuits.encodings.table", "llvmlite"),
    ],
    "no circles": [("circuits.gates", "resqunn.circuits.circuit")],
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What lint-imports says of each contract, all imports planted at once: it takes seconds."""
    root = tmp_path_factory.mktemp("planted")
    shutil.copytree(SOURCE, root / "resqunn", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", root)
    for module, imported in (pair for pairs in PLANTED.values() for pair in pairs):
        path = root / "resqunn" / (module.replace(".", "/") + ".py")
        path.write_text(path.read_text() + f"\nimport {imported}\n")
    code = "import sys; from importlinter.cli import lint_imports_command; lint_imports_command()"
    run = subprocess.run(
        [sys.executable, "-c", code, "--no-cache", "--no-logo"],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1, run.stdout + run.stderr
    broken = run.stdout.split("Broken contracts\n")[-1]
    starts = {name: broken.find(f"\n{name}\n-") for name in PLANTED}
    ends = sorted([*starts.values(), len(broken)])
    return {name: broken[at : ends[ends.index(at) + 1]] for name, at in starts.items() if at >= 0}


def test_every_contract_has_a_planted_import() -> None:
    assert {contract["name"] for contract in CONTRACTS} == set(PLANTED)


def test_a_circle_is_found(told: dict[str, str]) -> None:
    _, _, circuits = told["no circles"].partition("in resqunn.circuits.")
    assert ".gates -> .circuit " in circuits


@pytest.mark.parametrize("name", sorted(PLANTED.keys() - {"no circles"}))
def test_a_contract_breaks_on_a_planted_import(name: str, told: dict[str, str]) -> None:
    for module, imported in PLANTED[name]:
        importer = f"resqunn.{module}"
        assert f"{importer} -> {imported} " in told[name], told[name]


def test_files_import_in_no_circle_not_even_for_types() -> None:
    graph = grimp.build_graph("resqunn", exclude_type_checking_imports=False, cache_dir=None)
    imported = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    graphlib.TopologicalSorter(imported).prepare()


def at_import(tree: ast.AST) -> Iterator[str]:
    """The packages that are imported with a module: not in functions, nor for types alone."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
        yield from at_import(node)


def test_what_is_imported_with_a_module_is_told_from_what_a_function_imports() -> None:
    source = "import a.b\nif x:\n    from c import d\ndef f():\n    import e\n"
    source += "if TYPE_CHECKING:\n    import g\nclass K:\n    import h\n    def m(self): import i\n"
    assert list(at_import(ast.parse(source))) == ["a", "c", "h"]


@pytest.mark.parametrize(
    "floor", ["checks", "errors", "circuits", "engines", "nn", "analysis", "data", "interop"]
)
def test_the_library_imports_its_five_packages_with_its_modules(floor: str) -> None:
    five = {"torch", "numpy", "numba", "llvmlite", "jaxtyping"}
    allowed = {*sys.stdlib_module_names, "resqunn", *five}
    for path in [*SOURCE.glob(f"{floor}.py"), *SOURCE.glob(f"{floor}/**/*.py")]:
        assert set(at_import(ast.parse(path.read_text()))) <= allowed, path
