"""The wheel in fresh environments, with the lowest versions of what it depends on and the newest.

PyTorch is that of constraints.txt in both.
"""

import os
import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from reliability.sources import ROOT

EXTRAS = ("lab", "pennylane", "onnx", "dask")

TRIED = """
import numpy as np
import onnxruntime
import pennylane as qml
import torch

from resqunn import (
    Noise, PennyLaneEngine, Quanv2d, ResQuNN, from_pennylane, to_onnx
)
from resqunn.lab import load_model

images = torch.rand(2, 1, 8, 8)
for options in ({}, {"reupload": True}, {"encoding": "iqp"}, {"noise": Noise(bit_flip=0.1)}):
    ours = Quanv2d(1, 4, 2, 2, **options)
    theirs = Quanv2d(1, 4, 2, 2, **options, engine=PennyLaneEngine("default.mixed"))
    theirs.load_state_dict(ours.state_dict())
    found = []
    for layer in (ours, theirs):
        images.requires_grad_().grad = None
        layer(images).square().sum().backward()
        found.append((layer(images), images.grad, layer.weight.grad))
    for one, other in zip(*found):
        assert torch.allclose(one, other, atol=1e-5)

def function(inputs, weights):
    qml.AngleEmbedding(inputs, wires=range(4))
    qml.StronglyEntanglingLayers(weights, wires=range(4))
    return [qml.expval(qml.Z(q)) for q in range(4)]

layer = Quanv2d(1, 4, 2, 2, circuit=from_pennylane(function, 4, (2, 4, 3)))
layer(images).sum().backward()
model = load_model("run")
assert isinstance(model, ResQuNN)
digits = torch.rand(3, 1, 8, 8)
to_onnx(model, "model.onnx", digits)
session = onnxruntime.InferenceSession("model.onnx")
(name,) = [each.name for each in session.get_inputs()]
(found,) = session.run(None, {name: digits.numpy()})
assert np.allclose(found, model(digits).detach(), atol=1e-4)
"""

COMMANDS = (
    "train --epochs 1 --per-class 10 --out run",
    "evaluate run",
    "report --help",
    "circuit --ansatz rx_ring",
    "reproduce --quick --figures 8 --seeds 2 --epochs 1 --out results",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def lowest() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = project["dependencies"], *map(project["optional-dependencies"].get, EXTRAS)
    requirements = [Requirement(text) for group in named for text in group]
    return [
        f"{each.name}=={specifier.version}"
        for each in requirements
        for specifier in each.specifier
        if specifier.operator == ">=" and each.name != "torch"
    ]


@pytest.mark.slow
@pytest.mark.parametrize("versions", ["lowest", "newest"])
def test_the_wheel_works(versions: str, wheel: Path, tmp_path: Path) -> None:
    torch = re.search(r"^torch==.+$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert torch
    constraints = tmp_path / "constraints.txt"
    lines = [torch[0], *(lowest() if versions == "lowest" else ())]
    constraints.write_text("\n".join(lines), encoding="utf-8")
    venv.create(tmp_path / "venv", with_pip=True)
    tools = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "RESQUNN"))}

    def run(*command: str | Path) -> None:
        done = subprocess.run(
            [str(tools / command[0]), *map(str, command[1:])],
            cwd=tmp_path,
            env=environment | {"RESQUNN_CACHE": str(tmp_path / "cache")},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"

    run("pip", "install", "-q", "-c", constraints, f"{wheel}[{','.join(EXTRAS)}]")
    for command in COMMANDS:
        run("resqunn", *command.split())
    run("python", "-c", TRIED)
