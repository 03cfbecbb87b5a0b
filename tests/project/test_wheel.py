"""The wheel holds all that the code reads, and what a licence or a type checker asks for."""

import subprocess
import sys
import zipfile
from email.parser import Parser
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
