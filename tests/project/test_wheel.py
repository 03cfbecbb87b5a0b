"""The wheel holds all that the code reads, and what a licence or a type checker asks for."""

import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from importlib.util import find_spec
from pathlib import Path

import pytest

import resqunn

from reliability.sources import ROOT, SOURCE


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def test_the_wheel_holds_every_file_of_the_package(wheel: zipfile.ZipFile) -> None:
    found = {name for name in wheel.namelist() if name.startswith("resqunn/")}
    files = (path for path in SOURCE.rglob("*") if path.is_file())
    expected = {f"resqunn/{path.relative_to(SOURCE).as_posix()}" for path in files}
    assert found == {name for name in expected if "__pycache__" not in name}
    for name in (
        "py.typed",
        "data/digits.npz",
        "data/digits.txt",
        "papers/mattern/reported.json",
        "lab/report/template.html",
    ):
        assert f"resqunn/{name}" in found


def test_the_digits_name_their_source_and_licence(wheel: zipfile.ZipFile) -> None:
    text = wheel.read("resqunn/data/digits.txt").decode()
    for words in ("Alpaydin", "Kaynak", "UCI", "Attribution 4.0", "creativecommons.org"):
        assert words in text


def test_the_wheel_says_what_the_package_says(wheel: zipfile.ZipFile) -> None:
    name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    told = Parser().parsestr(wheel.read(name).decode())
    assert told["Version"] == resqunn.__version__
    needs = [line for line in told.get_all("Requires-Dist") or () if "extra ==" not in line]
    assert len(needs) == 5
    scripts = wheel.read(name.replace("METADATA", "entry_points.txt")).decode()
    assert "resqunn = resqunn.cli:main" in scripts


def test_the_tests_are_not_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    assert {Path(name).parts[0].partition("-")[0] for name in wheel.namelist()} == {"resqunn"}


RELEASE = ("build", "twine", "check_wheel_contents")
NEEDED = [name for name in RELEASE if not find_spec(name)]


@pytest.mark.slow
@pytest.mark.skipif(bool(NEEDED), reason="needs the extra [release]: " + ", ".join(NEEDED))
def test_what_is_released_passes_the_checks_of_others(tmp_path: Path) -> None:
    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("build", "--no-isolation", "--outdir", str(tmp_path))
    built = sorted(path.name for path in tmp_path.iterdir())
    version = resqunn.__version__
    assert built == [f"resqunn-{version}-py3-none-any.whl", f"resqunn-{version}.tar.gz"]
    files = [str(tmp_path / name) for name in built]
    assert run("twine", "check", "--strict", *files).count("PASSED") == 2
    assert "OK" in run("check_wheel_contents", files[0])
    with tarfile.open(files[1]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"README.md", "LICENSE", "pyproject.toml", "src/resqunn/data/digits.npz"} <= names


@pytest.mark.slow
@pytest.mark.skipif(not find_spec("check_jsonschema"), reason="needs the extra [release]")
@pytest.mark.parametrize(
    ("schema", "pattern"),
    [
        ("github-workflows", ".github/workflows/*.yml"),
        ("github-issue-forms", ".github/ISSUE_TEMPLATE/*_*.yml"),
        ("citation-file-format", "CITATION.cff"),
    ],
)
def test_files_for_others_are_of_their_schemas(schema: str, pattern: str) -> None:
    files = sorted(map(str, ROOT.glob(pattern)))
    assert files
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}"]
    done = subprocess.run([*command, *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
