"""Networks as ONNX files: onnxruntime computes what torch computes.

An export takes seconds, so that many layers share one: each reads the images, and their values
stand side by side.
"""

import itertools
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jaxtyping
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from resqunn import (
    Circuit,
    ConfigurationError,
    LinearHead,
    MissingExtraError,
    QuantumHead,
    Quanv1d,
    Quanv2d,
    Quanv3d,
    ResQuNN,
    RunError,
    ShapeError,
    WrongTypeError,
    to_onnx,
)
from resqunn.circuits.ansatze import ANSATZE
from resqunn.circuits.encodings import ENCODINGS
from resqunn.circuits.readouts import READOUTS
from resqunn.nn.patches import PADDING_MODES

from reliability.test_expressions import drawn as drawn_expressions
from support import SMALL

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


@pytest.fixture(autouse=True)
def without_annotations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sizes are symbols while torch exports, which annotations do not say."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    torch.manual_seed(0)


class SideBySide(nn.Module):
    """Layers of all ranks, each of the same images."""

    def __init__(self, *layers: Any) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.ranks = [getattr(layer, "rank", 0) for layer in layers]

    def forward(self, images: Tensor) -> Tensor:
        shapes = {0: images, 1: images.flatten(2), 2: images, 3: images.unsqueeze(2)}
        layers = zip(self.layers, self.ranks, strict=True)
        return torch.cat([layer(shapes[rank]).flatten(1) for layer, rank in layers], dim=1)


def run(path: Path, images: Tensor) -> Tensor:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run(["values"], {"images": images.numpy()})[0])


def check(module: nn.Module, shape: tuple[int, ...], folder: Path) -> Path:
    """Exported at one batch size, and run at others."""
    path = folder / "model.onnx"
    to_onnx(module, path, torch.rand(1, *shape))
    for batch in (1, 2, 5):
        images = torch.rand(batch, *shape, generator=torch.Generator().manual_seed(batch))
        images[-1] = 0
        torch.testing.assert_close(run(path, images), module(images), rtol=0, atol=1e-5)
    return path


def of_tables(encoding: str, ansatz: str, readout: str, reupload: bool, **options: Any) -> Quanv2d:
    found = SMALL[encoding]
    again = reupload and not found.prepares_amplitudes
    circuit = Circuit(found, ansatz, readout, inputs=4, depth=1, reupload=again)
    return Quanv2d(1, circuit.num_outputs, 2, circuit=circuit, angle_scale=math.pi, **options)


def entries() -> Iterator[nn.Module]:
    """Layers in which each entry of each table is, and each option; circuits of expressions."""
    tables: list[list[Any]] = [list(SMALL), [*ANSATZE, "random:3"], list(READOUTS)]
    for number in range(max(map(len, tables))):
        names = [table[number % len(table)] for table in tables]
        padded = {"padding": 1, "padding_mode": PADDING_MODES[number % 4]}
        yield of_tables(*names, number % 3 > 0, **(padded if number % 2 else {"stride": 2}))
    summed: dict[str, Any] = {"channel_mode": "sum", "bias": True, "readout": "var_z"}
    yield Quanv1d(1, 4, 2, 3, 1, 2, **summed)
    yield Quanv3d(1, 4, (1, 2, 2), padding="same", dilation=2, **summed)
    yield QuantumHead(2, num_qubits=4, softmax=True)
    circuit = drawn_expressions(3)  # in which inputs and weights meet
    yield Quanv2d(1, circuit.num_outputs, (1, circuit.num_inputs), circuit=circuit)


def test_some_entries_of_the_tables(tmp_path: Path) -> None:
    check(SideBySide(*itertools.islice(entries(), 1, None, 5)), (1, 4, 4), tmp_path)


@pytest.mark.slow
def test_every_entry_of_the_tables(tmp_path: Path) -> None:
    layers = list(entries())
    circuits = [layer.circuit for layer in layers[:-4]]
    assert {circuit.encoding.name for circuit in circuits} >= set(ENCODINGS)
    assert {circuit.ansatz.name for circuit in circuits} >= {*ANSATZE, "random:3"}
    assert {circuit.readout.name for circuit in circuits} >= set(READOUTS)
    check(SideBySide(*layers), (1, 4, 4), tmp_path)


def combinations() -> list[tuple[str, str, str, bool]]:
    tables = itertools.product(SMALL, ANSATZE, READOUTS, (False, True))
    return [each for each in tables if not (each[3] and SMALL[each[0]].prepares_amplitudes)]


@pytest.mark.slow
@pytest.mark.parametrize("part", range(40))
def test_every_combination_of_entries(part: int, tmp_path: Path) -> None:
    layers = [of_tables(*each, stride=2) for each in combinations()[part::40]]
    check(SideBySide(*layers), (1, 4, 4), tmp_path)


def network() -> ResQuNN:
    layers = [
        Quanv2d(1, 1, 2, 2, readout="mean_z", reupload=True),
        Quanv2d(1, 3, 2, 1, readout="z0"),
        nn.Conv2d(3, 2, 1),
    ]
    return ResQuNN(layers, "(X+O1)+O2", nn.Sequential(nn.Dropout(0.5), LinearHead(3)))


def test_a_whole_network_in_one_file(tmp_path: Path) -> None:
    model = network()
    model(torch.rand(2, 1, 8, 8))
    model.eval()
    path = check(model, (1, 8, 8), tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    found = onnx.load(path, load_external_data=False)
    onnx.checker.check_model(found, full_check=True)
    assert [each.name for each in found.graph.input] == ["images"]
    assert [each.name for each in found.graph.output] == ["values"]
    content = path.read_bytes()
    for told in (b"resqunn/", b"site-packages", str(Path(__file__).parent).encode()):
        assert told not in content


def test_a_network_in_training_is_exported_as_in_evaluation(tmp_path: Path) -> None:
    model = nn.Sequential(nn.BatchNorm2d(1), network())
    to_onnx(model, tmp_path / "model.onnx", torch.rand(2, 1, 8, 8))
    assert model.training
    images = torch.rand(4, 1, 8, 8)
    found = run(tmp_path / "model.onnx", images)
    torch.testing.assert_close(found, model.eval()(images), rtol=0, atol=1e-5)


def test_double_precision(tmp_path: Path) -> None:
    layer = Quanv2d(1, 4, 2, 2, dtype=torch.float64)
    images = torch.rand(3, 1, 4, 4, dtype=torch.float64)
    to_onnx(layer, tmp_path / "model.onnx", images)
    found = run(tmp_path / "model.onnx", images)
    torch.testing.assert_close(found, layer(images), rtol=0, atol=1e-12)


class Deciding(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images if images.sum() > 0 else -images


def test_what_cannot_be_done_is_told_in_one_line(tmp_path: Path) -> None:
    layer, images = Quanv2d(1, 4, 2, 2), torch.rand(1, 1, 4, 4)
    there = tmp_path / "there.onnx"
    there.write_text("mine")
    (tmp_path / "link.onnx").symlink_to("nothing")
    for module, path, given, error, message in (
        (layer, there, images, ConfigurationError, "^path must be of a file that is not there yet"),
        (layer, tmp_path / "link.onnx", images, ConfigurationError, "^path must be of a file that"),
        (layer, tmp_path / "no" / "x.onnx", images, RunError, "cannot be written .No such file"),
        (layer, tmp_path / "x.onnx", images[:0], ShapeError, "^images must be a batch of one or"),
        (layer, tmp_path / "x.onnx", images[0, 0], ShapeError, "^images must have shape"),
        (Deciding(), tmp_path / "x.onnx", images, ConfigurationError, "^module must be one that"),
    ):
        with pytest.raises(error, match=message) as told:
            to_onnx(module, path, given)
        assert len(str(told.value).splitlines()) == 1
    for wrong in ({"module": "layer"}, {"path": None}, {"path": 3}, {"images": [[0.0]]}):
        with pytest.raises(WrongTypeError, match=f"^{next(iter(wrong))} must be "):
            to_onnx(**({"module": layer, "path": tmp_path / "x.onnx", "images": images} | wrong))
    assert there.read_text() == "mine"
    assert {each.name for each in tmp_path.iterdir()} == {"there.onnx", "link.onnx"}


@pytest.mark.parametrize("package", ["onnx", "onnxscript"])
def test_without_the_extra(package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=r"^to_onnx needs the extra \[onnx\]: pip install"):
        to_onnx(Quanv2d(1, 4, 2, 2), tmp_path / "x.onnx", torch.rand(1, 1, 4, 4))


@pytest.mark.parametrize("dynamo", [False, True])
@pytest.mark.filterwarnings("ignore")
def test_case_31_a_layer_itself_names_its_classical_form(dynamo: bool) -> None:
    layer = Quanv2d(1, 4, 2, 2, reupload=True).eval()
    with pytest.raises(Exception, match=r"classical form for ONNX.*: export resqunn.to_classical"):
        torch.onnx.export(layer, (torch.rand(2, 1, 4, 4),), "", dynamo=dynamo, verbose=False)
