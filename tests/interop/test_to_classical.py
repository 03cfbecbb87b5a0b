"""Layers, heads and networks in their classical form: the values of the reference engine."""

import copy
import functools
import itertools
import pickle
import subprocess
import sys
import warnings
from typing import Any

import jaxtyping
import pytest
import torch
from torch import Tensor, nn
from torch.fx.experimental.proxy_tensor import make_fx

from resqunn import (
    Circuit,
    CircuitError,
    ConfigurationError,
    Expression,
    Input,
    LinearHead,
    Operation,
    Pauli,
    QuantumHead,
    Quanv1d,
    Quanv2d,
    Quanv3d,
    ResQuNN,
    ShapeError,
    Weight,
    to_classical,
)
from resqunn.circuits.ansatze import ANSATZE
from resqunn.circuits.gate_circuit import GateCircuit, PlainCircuit
from resqunn.circuits.readouts import READOUTS, Variance
from resqunn.engines.registry import engine
from resqunn.interop import classical
from resqunn.interop.classical import ClassicalCircuit
from resqunn.interop.stages import stages
from resqunn.nn.patches import PADDING_MODES

from reliability.test_expressions import drawn as drawn_expressions
from support import SMALL, any_circuit, random_arguments

DOUBLE: dict[str, Any] = {"dtype": torch.float64}
LAYERS: dict[int, Any] = {1: Quanv1d, 2: Quanv2d, 3: Quanv3d}


def circuits() -> dict[str, GateCircuit]:
    """Random ones, and those of gates at expressions, joint slots among them."""
    found: dict[str, GateCircuit] = {}
    for seed in range(20):
        found[f"any {seed}"] = any_circuit(seed, max_qubits=5, max_depth=4)
        found[f"expressions {seed}"] = drawn_expressions(seed)
    words = Variance(Pauli("XZ", "ZZ"))
    found["variance"] = Circuit("ry", "strongly_entangling", words, inputs=2, depth=1)
    turned = [Operation("RX", (q,), Weight(q)) for q in range(2)]
    read = READOUTS["xyz"].observables(2)
    found["no inputs"] = PlainCircuit(2, 3, (2,), tuple(turned), read)
    computed = (Expression("exp", (Input(0),)), Input(1) * Input(2), 0.5)
    found["amplitudes"] = PlainCircuit(2, 3, (2,), tuple(turned), read, True, computed)
    both = (Operation("RZ", (0,), Input(0)), *turned, Operation("RY", (1,), Input(2)))
    found["amplitudes and angles"] = PlainCircuit(2, 3, (2,), both, read, True)
    return found


CIRCUITS = circuits()


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def check(form: nn.Module, reference: nn.Module, images: Tensor, atol: float = 1e-10) -> None:
    """The same values and derivatives by the images."""
    found = []
    for one in (form, reference):
        given = images.clone().requires_grad_()
        values = one(given)
        gradient = torch.zeros_like(given)
        if values.requires_grad:
            (gradient,) = torch.autograd.grad(
                values.sin().sum(), given, allow_unused=True, materialize_grads=True
            )
        found.append((values.detach(), gradient))
        assert values.dtype == images.dtype
        if images.ndim == 4 and len(images):  # strides of nothing, and of one channel, tell nothing
            layout = torch.channels_last if images.stride(1) == 1 else torch.contiguous_format
            assert images.shape[1] == 1 or values.is_contiguous(memory_format=layout)
    (ours, its), (theirs, of_theirs) = found
    torch.testing.assert_close(ours, theirs, rtol=0, atol=atol)
    # A derivative is a sum over all channels.
    torch.testing.assert_close(its, of_theirs, rtol=10 * atol, atol=10 * atol)


def by_reference(module: nn.Module) -> nn.Module:
    found = copy.deepcopy(module)
    for part in found.modules():
        if hasattr(part, "engine"):
            part.engine = engine("statevector")
    return found


@pytest.mark.parametrize("name", CIRCUITS)
def test_circuits(name: str) -> None:
    circuit = CIRCUITS[name]
    x, w, cotangent = random_arguments(circuit, len(name))
    form = ClassicalCircuit(circuit, w)
    found = []
    for values_of in (form, lambda x: engine("statevector").expectation_values(circuit, x, w)):
        given = x.clone().requires_grad_()
        values = values_of(given)
        product = (values * cotangent).sum()
        gradient = torch.zeros_like(given)
        if product.requires_grad:
            (gradient,) = torch.autograd.grad(product, given, materialize_grads=True)
        found.append((values.detach(), gradient))
    torch.testing.assert_close(*found, rtol=0, atol=1e-10)
    assert not any(buffer.is_complex() for buffer in form.buffers())


Case = tuple[Any, tuple[int, ...]]
"""A layer, given where it is and its number type, and the shape of its images."""


def layers() -> dict[str, Case]:
    """Of each rank, with each option, and with each entry of each table."""
    found: dict[str, Case] = {}

    def add(rank: int, shape: tuple[int, ...], channels: int = 1, **options: Any) -> None:
        kernel = options.pop("kernel", (2, 2, 1)[:rank])
        make = functools.partial(LAYERS[rank], channels, options.pop("out", 8), kernel, **options)
        found[f"{rank} {options}"] = make, (2, channels, *shape)

    for encoding in SMALL.values():
        add(2, (4, 5), encoding=encoding, readout="mean_z", bias=True)
    for ansatz in (*ANSATZE, "random:3"):
        add(2, (4, 4), ansatz=ansatz, reupload=True, depth=3)
    for readout in READOUTS:
        add(2, (3, 4), readout=readout, encoding="rx", out=48)
    for rank, mode in itertools.product(LAYERS, PADDING_MODES):
        add(rank, (3,) * rank, padding=1, padding_mode=mode, readout="x")
    once: dict[str, Any] = {"readout": "mean_z", "encoding": "rz", "reupload": True, "out": 4}
    for rank in LAYERS:
        add(rank, (5,) * rank, 2, **once, stride=2, dilation=2, groups=2)
        add(rank, (4,) * rank, 2, **once, channel_mode="sum", bias=True)
        add(rank, (4,) * rank, **once, padding="same", angle_scale=0.3)
    add(1, (5,), 4, channel_mode="sum", groups=2, readout="var_z")
    add(2, (4, 4), input_gradients=False)
    circuit = CIRCUITS["expressions 3"]  # whose inputs and weights meet
    add(2, (5, 5), circuit=circuit, kernel=(1, circuit.num_inputs), out=2 * circuit.num_outputs)
    return found


CASES = layers()


DTYPES = {torch.float64: 1e-10, torch.float32: 1e-5}


@pytest.mark.parametrize(
    ("name", "dtype"),
    [(name, dtype) for n, name in enumerate(CASES) for dtype in list(DTYPES)[: 1 + (n % 3 == 0)]],
)
def test_layers(name: str, dtype: torch.dtype) -> None:
    make, shape = CASES[name]
    draw = torch.Generator().manual_seed(7)
    layer = make(dtype=dtype, generator=draw)
    if layer.bias is not None:
        nn.init.uniform_(layer.bias, generator=draw)
    images = torch.rand(shape, dtype=dtype, generator=draw)
    images[-1] = 0
    form, reference = to_classical(layer), by_reference(layer)
    for given in (images, images[0], images[:0]):
        check(form, reference, given, DTYPES[dtype])
    if images.ndim == 4:
        check(form, reference, images.to(memory_format=torch.channels_last), DTYPES[dtype])


def test_large_angles_in_single_precision() -> None:
    draw = torch.Generator().manual_seed(1)
    layer = Quanv2d(1, 4, 2, 2, reupload=True, angle_scale=1.0, generator=draw)
    images = 1e4 * torch.rand(4, 1, 6, 6, generator=draw)
    exact = by_reference(layer).double()(images.double())
    torch.testing.assert_close(to_classical(layer)(images).double(), exact, rtol=0, atol=1e-4)


def head(**options: Any) -> QuantumHead:
    return QuantumHead(3, num_qubits=4, generator=torch.Generator().manual_seed(2), **options)


@pytest.mark.parametrize("softmax", [False, True])
@pytest.mark.parametrize("shape", [(3, 16), (2, 1, 3, 3), (0, 9)])
def test_quantum_heads(softmax: bool, shape: tuple[int, ...]) -> None:
    module = head(softmax=softmax, **DOUBLE)
    check(to_classical(module), by_reference(module), torch.randn(shape, **DOUBLE))


def network(dtype: torch.dtype = torch.float64) -> ResQuNN:
    draw = torch.Generator().manual_seed(3)
    options: dict[str, Any] = {"generator": draw, "dtype": dtype}
    layers = [
        Quanv2d(1, 1, 2, 2, readout="mean_z", reupload=True, **options),
        Quanv2d(1, 3, 2, 1, readout="z0", **options),
        nn.Conv2d(3, 2, 1, dtype=dtype),
    ]
    return ResQuNN(layers, "(X+O1)+O2", LinearHead(3, **options))


def test_a_network_stays_as_it_is_and_its_form_has_no_circuits() -> None:
    model = network().eval()
    images = torch.rand(3, 1, 8, 8, **DOUBLE)
    expected = model(images)
    form = to_classical(model)
    check(form, by_reference(model), images)
    assert not any(part.training for part in form.modules())
    assert [type(part).__name__ for part in form.layers] == ["ClassicalQuanv"] * 2 + ["Conv2d"]
    assert isinstance(model.layers[0], Quanv2d)
    with torch.no_grad():
        model.layers[0].weight.zero_()
        model.layers[2].weight.zero_()
    torch.testing.assert_close(form(images), expected, rtol=0, atol=1e-10)
    assert {name for name, _ in form.named_parameters()} == {
        "layers.2.weight", "layers.2.bias", "head.weight", "head.bias",
    }  # fmt: skip


def test_a_part_in_two_places_stays_one() -> None:
    part = Quanv2d(1, 1, 2, readout="z0", **DOUBLE)
    form = to_classical(nn.Sequential(part, nn.Sequential(nn.ReLU(), part)))
    assert form[0] is form[1][1]
    images = torch.rand(2, 1, 5, 5, **DOUBLE)
    torch.testing.assert_close(form(images), part(part(images).relu()), rtol=0, atol=1e-10)


def test_weights_that_are_computed() -> None:
    class Doubled(nn.Module):
        def forward(self, weight: Tensor) -> Tensor:
            return 2 * weight

    layer = Quanv2d(1, 4, 2, **DOUBLE)
    nn.utils.parametrize.register_parametrization(layer, "weight", Doubled())
    images = torch.rand(2, 1, 3, 3, **DOUBLE)
    torch.testing.assert_close(to_classical(layer)(images), layer(images), rtol=0, atol=1e-10)


def test_copies_state_and_number_types() -> None:
    form, images = to_classical(network(torch.float32)), torch.rand(2, 1, 8, 8)
    form(images)  # the linear head takes its number of features
    expected = form(images)
    for other in (copy.deepcopy(form), pickle.loads(pickle.dumps(form))):
        assert torch.equal(other(images), expected)
    other = to_classical(network(torch.float32))
    other(images)
    other.load_state_dict({name: torch.zeros_like(v) for name, v in form.state_dict().items()})
    assert not torch.allclose(other(images), expected)
    other.load_state_dict(form.state_dict())
    assert torch.equal(other(images), expected)
    torch.testing.assert_close(form.double()(images.double()).float(), expected, rtol=0, atol=1e-5)


def test_autocast_rounds_no_circuit() -> None:
    layer = Quanv2d(1, 4, 2, reupload=True)
    form, images = to_classical(layer), torch.rand(2, 1, 4, 4)
    with torch.autocast("cpu", torch.bfloat16):
        found = form(images)
    torch.testing.assert_close(found, form(images), rtol=0, atol=0)


@pytest.fixture
def without_annotations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sizes are symbols while torch traces, which annotations do not say."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.mark.usefixtures("without_annotations")
@pytest.mark.parametrize("make", [lambda: Quanv2d(1, 12, 2, 2, readout="xyz", reupload=True), head])
def test_real_numbers_alone(make: Any) -> None:
    form, images = to_classical(make()), torch.rand(3, 1, 4, 4)
    graph = make_fx(form, tracing_mode="symbolic", _allow_non_fake_inputs=True)(images)
    for node in graph.graph.nodes:
        value = node.meta.get("val")
        assert not (isinstance(value, Tensor) and value.is_complex()), node
    more = torch.rand(5, 1, 4, 4)
    torch.testing.assert_close(graph(more), form(more), rtol=0, atol=1e-6)


@pytest.mark.usefixtures("without_annotations")
def test_exported_with_a_batch_of_any_size() -> None:
    form, images = to_classical(network(torch.float32)), torch.rand(3, 1, 4, 4)
    form(images)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch's own
        dynamic = ({0: torch.export.Dim("batch", min=2, max=64)},)
        exported = torch.export.export(form, (images,), dynamic_shapes=dynamic).module()
    for given in (images, torch.rand(5, 1, 4, 4)):
        torch.testing.assert_close(exported(given), form(given), rtol=0, atol=1e-6)


PROGRAM = """
import sys, warnings
import torch
from resqunn import LinearHead, Quanv1d, Quanv2d, ResQuNN, to_classical
warnings.simplefilter("ignore")
torch.set_num_threads(1)
torch.manual_seed(0)
layers = [Quanv2d(1, 1, 2, 1, padding=1, readout="mean_z", reupload=True), Quanv2d(1, 2, 2, 2,
          encoding="amplitude")]
module = ResQuNN(layers, "X+O2", LinearHead(3, 32))
form = to_classical(module)
found = torch.compile(form, fullgraph=True, backend=sys.argv[1])
for batch in (2, 3, 5):
    images = torch.rand(batch, 1, 4, 4, requires_grad=True)
    both = [one(images) for one in (found, module)]
    gradients = [torch.autograd.grad(values.sin().sum(), images)[0] for values in both]
    torch.testing.assert_close(*both, rtol=0, atol=1e-5)
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-4)
"""


@pytest.mark.parametrize("backend", ["eager", pytest.param("inductor", marks=pytest.mark.slow)])
def test_compiled_without_a_break(backend: str) -> None:
    command = [sys.executable, "-c", PROGRAM, backend]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_rotations_that_follow_each_other_are_one_phase() -> None:
    circuit = Circuit("ry", "rx_chain", "z", inputs=4, depth=3, reupload=True)
    found = stages(circuit.operations, 4, 4)
    assert (len(found.phases), len(found.blocks)) == (3, 4)
    twice = [Operation("RZ", (0,), Input(0)), Operation("RZ", (0,), Input(1))]
    assert stages(twice, 1, 2).phases[0].tolist() == [[1, 1], [-1, -1]]


class OwnForward(Quanv2d):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


def test_what_cannot_be_done_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    wide = nn.Sequential(nn.ReLU(), Quanv1d(1, 11, 11))
    for module, error, message in (
        (wide, CircuitError, "^1: circuit must have 10 qubits or fewer .*, got 11$"),
        (QuantumHead(3, num_qubits=11), CircuitError, "^module: circuit must have 10 qubits"),
        (nn.Sequential(OwnForward(1, 4, 2)), ConfigurationError, "^0 must have the library's own"),
    ):
        with pytest.raises(error, match=message):
            to_classical(module)
    layer = Quanv2d(1, 4, 2, 2, reupload=True, depth=4)
    monkeypatch.setattr(classical, "MAX_NUMBERS", 5000)
    with pytest.raises(CircuitError, match="numbers or fewer, got about 5,120: use fewer"):
        to_classical(layer)
    monkeypatch.undo()
    form = to_classical(layer)
    for images in (torch.rand(2, 2, 4, 4), torch.rand(4), torch.rand(1, 4, 1).double()):
        with pytest.raises(ShapeError) as theirs:
            layer(images)
        with pytest.raises(ShapeError) as ours:
            form(images)
        assert str(ours.value) == str(theirs.value)
    with pytest.raises(ShapeError, match="features must be 16 or fewer"):
        to_classical(head())(torch.rand(1, 17))
    with pytest.raises(ShapeError, match=r"features must have shape \(B, ...\), got \(16,\)"):
        to_classical(head())(torch.rand(16))
