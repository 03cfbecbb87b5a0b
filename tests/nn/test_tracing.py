"""Layers as graphs: whatever torch makes of a layer computes anew from other images.

Every encoding and readout of the tables, and layers of every rank, each against the same layer
on the reference engine, run as it is.
"""

import io
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator

import jaxtyping
import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils.flop_counter import FlopCounterMode

from resqunn import Quanv1d, Quanv2d, Quanv3d
from resqunn.circuits.circuit import Circuit
from resqunn.circuits.readouts import READOUTS
from resqunn.engines.registry import engine

from support import REPEATED, SMALL, evaluates

Make = Callable[..., nn.Module]

# How a layer of so many channels is made, the shape of its images, and another one.
RANKS: dict[str, tuple[Make, tuple[int, ...], tuple[int, ...]]] = {
    "Quanv1d": (lambda k, **o: Quanv1d(1, k, 4, 2, padding=1, **o), (3, 1, 8), (2, 1, 13)),
    "Quanv2d": (lambda k, **o: Quanv2d(1, k, 2, 2, **o), (3, 1, 4, 4), (2, 1, 7, 4)),
    "Quanv2d, reflected": (
        lambda k, **o: Quanv2d(1, k, 2, padding="same", padding_mode="reflect", **o),
        (3, 1, 3, 4),
        (2, 1, 5, 3),
    ),
    "Quanv2d, sum": (
        lambda k, **o: Quanv2d(2, k, 2, 2, bias=True, channel_mode="sum", **o),
        (3, 2, 5, 4),
        (2, 2, 4, 6),
    ),
    "Quanv3d": (
        lambda k, **o: Quanv3d(1, k, (1, 2, 2), 1, **o),
        (3, 1, 2, 3, 3),
        (2, 1, 3, 2, 4),
    ),
}
VALUES = 4
"""Of a patch of each of them."""


def _cases() -> Iterator[object]:
    """Every encoding for each rank, with readouts and engines in turn; those that are not slow
    hold every rank."""
    engines, readouts = ("fourier", "fused", "auto", "statevector"), list(READOUTS)
    for place, rank in enumerate(RANKS):
        for turn, (encoding, entry) in enumerate(SMALL.items()):
            readout = readouts[(turn + 3 * place) % len(readouts)]
            name = engines[(turn + place) % 4]
            circuit = Circuit(entry, "rx_chain", readout, inputs=VALUES, depth=1)
            if not evaluates(engine(name), circuit):
                name = "auto"
            again = encoding in REPEATED and name != "fourier" and (turn + place) % 2 == 1
            marks = [] if turn == place % 4 else [pytest.mark.slow]
            case = (rank, encoding, readout, name, again)
            yield pytest.param(*case, marks=marks, id="-".join(map(str, case)))


CASES = pytest.mark.parametrize(("rank", "encoding", "readout", "engine", "again"), list(_cases()))


@pytest.fixture(autouse=True)
def without_annotations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sizes are tensors or symbols while torch traces, which annotations do not say."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


pytestmark = [
    pytest.mark.filterwarnings("ignore:.*torch.jit"),
    pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning"),
]


def layers(rank: str, encoding: str, readout: str, engine: str, again: bool) -> tuple[Quanv2d, ...]:
    """A layer, and the same on the reference engine."""
    options = {
        "encoding": SMALL[encoding],
        "readout": readout,
        "reupload": again,
        "depth": 2 if again else 1,
    }
    make = RANKS[rank][0]
    channels = Circuit(ansatz="rx_chain", inputs=VALUES, **options).num_outputs
    found = make(channels, ansatz="rx_chain", engine=engine, **options)
    reference = make(channels, ansatz="rx_chain", engine="statevector", **options)
    reference.load_state_dict(found.state_dict())
    return found, reference


def images(rank: str, seed: int, batch: int = 3) -> Tensor:
    shape = (batch, *RANKS[rank][1][1:])
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def check(found: Callable[[Tensor], Tensor], reference: nn.Module, given: Tensor) -> None:
    """The same values, and the same gradient by the images."""
    given = given.clone().requires_grad_()
    values, expected = found(given), reference(given)
    torch.testing.assert_close(values, expected, rtol=0, atol=1e-5)
    gradients = (torch.autograd.grad(of.sin().sum(), given)[0] for of in (values, expected))
    torch.testing.assert_close(*gradients, rtol=2e-6, atol=1e-5)


def saved_and_loaded(module: torch.jit.ScriptModule) -> torch.jit.ScriptModule:
    file = io.BytesIO()
    torch.jit.save(module, file)
    file.seek(0)
    return torch.jit.load(file)


@CASES
def test_case_27_traced_by_jit_saved_and_loaded(rank, encoding, readout, engine, again) -> None:
    layer, reference = layers(rank, encoding, readout, engine, again)
    traced = torch.jit.trace(layer, images(rank, 0))
    for module in (traced, saved_and_loaded(traced)):
        check(module, reference, images(rank, 1))
        check(module, reference, images(rank, 2, batch=5))
        check(module, reference, torch.rand(RANKS[rank][2]))
        assert module(images(rank, 1)).shape == layer(images(rank, 1)).shape
    traced(images(rank, 3)).sin().sum().backward()
    reference(images(rank, 3)).sin().sum().backward()
    for ours, theirs in zip(layer.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=0, atol=1e-4)


def test_case_27_loaded_by_a_process_without_the_library(tmp_path) -> None:
    layer, reference = layers("Quanv2d", "ry", "z", "auto", True)
    torch.jit.save(torch.jit.trace(layer, images("Quanv2d", 0)), tmp_path / "layer.pt")
    torch.save((images("Quanv2d", 1), reference(images("Quanv2d", 1)).detach()), tmp_path / "x.pt")
    program = """
import sys, torch
layer = torch.jit.load(sys.argv[1] + "/layer.pt")
images, expected = torch.load(sys.argv[1] + "/x.pt")
torch.testing.assert_close(layer(images), expected, rtol=0, atol=1e-5)
assert not any(name.startswith("resqunn") for name in sys.modules)
"""
    command = [sys.executable, "-W", "ignore", "-c", program, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_case_27_traced_in_a_model_as_add_graph_does() -> None:
    layer, reference = layers("Quanv2d", "ry", "z", "auto", False)
    model, same = nn.Sequential(layer, nn.ReLU()), nn.Sequential(reference, nn.ReLU())
    # As torch.utils.tensorboard traces a model for its picture.
    traced = torch.jit.trace(model.eval(), images("Quanv2d", 0), strict=False)
    torch._C._jit_pass_inline(traced.graph)
    kinds = {node.kind() for node in traced.graph.nodes()}
    assert "aten::cos" in kinds
    check(traced, same, images("Quanv2d", 1))


@CASES
def test_case_27_floating_point_operations_are_counted(
    rank, encoding, readout, engine, again
) -> None:
    layer, reference = layers(rank, encoding, readout, engine, again)
    with FlopCounterMode(display=False) as one:
        values = layer(images(rank, 0))
        values.sin().sum().backward()
    expected = reference(images(rank, 0))
    expected.sin().sum().backward()
    torch.testing.assert_close(values, expected, rtol=0, atol=1e-5)
    for ours, theirs in zip(layer.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=0, atol=1e-4)
    with FlopCounterMode(display=False) as two:
        layer(images(rank, 0).repeat(8, *[1] * (len(RANKS[rank][1]) - 1)))
    assert 0 < one.get_total_flops() < two.get_total_flops()


@CASES
@pytest.mark.parametrize("tracing", ["real", "fake", "symbolic"])
def test_case_3_graphs_of_make_fx(tracing, rank, encoding, readout, engine, again) -> None:
    layer, reference = layers(rank, encoding, readout, engine, again)
    graph = make_fx(layer, tracing_mode=tracing, _allow_non_fake_inputs=True)(images(rank, 0))
    check(graph, reference, images(rank, 1))
    if tracing == "symbolic":
        check(graph, reference, images(rank, 2, batch=5))


@CASES
def test_case_3_fake_tensors(rank, encoding, readout, engine, again) -> None:
    layer, reference = layers(rank, encoding, readout, engine, again)
    expected = reference(images(rank, 0))
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        inside = layers(rank, encoding, readout, engine, again)[0]
        for one in (layer, inside):
            values = one(mode.from_tensor(images(rank, 0)))
            assert type(values).__name__ == "FakeTensor"
            assert (values.shape, values.dtype) == (expected.shape, expected.dtype)
            values.sum().backward()
    layer.zero_grad()  # which fake gradients were given
    check(layer, reference, images(rank, 0))


@CASES
def test_case_5_many_cotangents_of_a_vjp(rank, encoding, readout, engine, again) -> None:
    layer, reference = layers(rank, encoding, readout, engine, again)
    found = []
    for one in (layer, reference):
        values, pulled_back = torch.func.vjp(one, images(rank, 0))
        cotangents = torch.stack([values.sin(), values.cos()])
        found.append(torch.func.vmap(pulled_back)(cotangents)[0])
    torch.testing.assert_close(*found, rtol=0, atol=1e-5)


@CASES
@pytest.mark.parametrize("dynamic", [False, True])
def test_exported_layers(dynamic, rank, encoding, readout, engine, again) -> None:
    layer, reference = layers(rank, encoding, readout, engine, again)
    shapes = ({0: torch.export.Dim("batch", min=2, max=64)},) if dynamic else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch's own
        exported = torch.export.export(
            layer, (images(rank, 0),), dynamic_shapes=shapes, strict=False
        )
    check(exported.module(), reference, images(rank, 1))
    if dynamic:
        check(exported.module(), reference, images(rank, 2, batch=5))
