"""Without the extra [lab] the library works, and the rest says in one line what to install."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from resqunn.errors import LABORATORY, MissingExtraError, require_laboratory

from reliability.sources import ROOT
from support import own_images, write_folder

INSTALL = (
    "needs the extra [lab]: pip install 'resqunn[lab]', or in a clone "
    "pip install -c constraints.txt '.[lab]'"
)


def without_the_extra(
    code: str, *arguments: str, **environment: str
) -> subprocess.CompletedProcess:
    """Runs code in a process that finds no package of an extra."""
    extras = (*LABORATORY, "pennylane", "onnx", "onnxscript", "onnxruntime")
    hidden = f"import sys; sys.modules.update(dict.fromkeys({extras!r}))\n"
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", hidden + code, *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_layer_trains() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    example = readme.split("```python\n")[1].split("```")[0]
    run = without_the_extra(example)
    assert run.returncode == 0, run.stderr
    assert "8 of 8" in run.stdout


def test_every_module_of_the_library_can_be_imported() -> None:
    run = without_the_extra(
        "import importlib, pkgutil, resqunn\n"
        "floors = ('lab', 'papers', 'cli', '__main__')\n"
        "for floor in pkgutil.iter_modules(resqunn.__path__):\n"
        "    if floor.name not in floors:\n"
        "        module = importlib.import_module(f'resqunn.{floor.name}')\n"
        "        for part in pkgutil.walk_packages(getattr(module, '__path__', ()),\n"
        "                                          f'{module.__name__}.'):\n"
        "            importlib.import_module(part.name)\n"
        "for name in resqunn.__all__:\n"
        "    getattr(resqunn, name)\n"
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("arguments", [[], ["--help"], ["train", "--epochs", "1"], ["--version"]])
def test_the_command_says_what_to_install(arguments: list[str]) -> None:
    run = without_the_extra("from resqunn.cli import main; main()", *arguments)
    assert run.stderr == f"resqunn: error: the command {INSTALL}\n"
    assert run.returncode == 2
    assert run.stdout == ""


@pytest.mark.parametrize(
    "line",
    [
        "from resqunn.lab import train",
        "from resqunn.lab.training.run import train",
        "import resqunn.lab.report.page",
    ],
)
def test_the_laboratory_says_what_to_install(line: str) -> None:
    run = without_the_extra(line)
    assert run.stderr.splitlines()[-1] == f"resqunn.errors.MissingExtraError: resqunn.lab {INSTALL}"


def test_a_download_says_what_to_install_and_a_folder_does_not_need_it(tmp_path: Path) -> None:
    code = "import sys, resqunn; resqunn.load_dataset('mnist', root=sys.argv[1])"
    none = without_the_extra(code, str(tmp_path), RESQUNN_DATA="")
    last = none.stderr.splitlines()[-1]
    assert last == f"resqunn.errors.MissingExtraError: downloading mnist {INSTALL}"
    if root := os.environ.get("RESQUNN_DATA"):
        assert without_the_extra(code, root, RESQUNN_DATA="").returncode == 0


def test_arrays_need_no_extra_and_pictures_say_what_to_install(tmp_path: Path) -> None:
    write_folder(tmp_path / "tiles", own_images({"train": 5}))
    images, labels = own_images({"train": 5})["train"]
    np.savez(tmp_path / "tiles.npz", images=images, labels=labels)
    code = "import sys, resqunn; resqunn.load_dataset(sys.argv[1], {})"
    found = without_the_extra(code.format(""), str(tmp_path / "tiles.npz"))
    assert found.returncode == 0, found.stderr
    for arguments, options in ((["tiles"], ""), (["tiles.npz"], "size=4")):
        found = without_the_extra(code.format(options), str(tmp_path / arguments[0]))
        last = found.stderr.splitlines()[-1]
        assert last.endswith(f"MissingExtraError: reading and resizing pictures {INSTALL}")


@pytest.mark.parametrize("package", LABORATORY)
def test_one_missing_package_is_enough(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    require_laboratory("this")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=r"^this needs the extra \[lab\]: pip install"):
        require_laboratory("this")
