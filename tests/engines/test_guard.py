"""What engines do with tensors and modes of torch that compiled code cannot work with.

Each is compared with the same layer on the state-vector engine, which is torch alone.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import jaxtyping
import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd import forward_ad
from torch.fx.experimental.proxy_tensor import make_fx

from resqunn import Quanv2d
from resqunn.circuits.ansatze import Ansatz, RotationChain
from resqunn.circuits.circuit import Circuit
from resqunn.circuits.operations import Input, Operation
from resqunn.engines.registry import ENGINES, engine
from resqunn.errors import CircuitError, ShapeError

COMPILED = pytest.mark.parametrize("name", ["auto", "fourier", "fused"])
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit")


def layers(name: str, **options) -> tuple[Quanv2d, Quanv2d]:
    """A layer on that engine, and the same on the reference engine."""
    options = {"ansatz": "rx_chain"} | options
    found = Quanv2d(1, 4, 2, 2, engine=name, **options)
    reference = Quanv2d(1, 4, 2, 2, engine="statevector", **options)
    reference.load_state_dict(found.state_dict())
    return found, reference


def images(seed: int = 0) -> Tensor:
    return torch.rand(2, 1, 4, 4, generator=torch.Generator().manual_seed(seed))


def assert_close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@COMPILED
def test_case_3_a_traced_layer_computes_anew(name: str) -> None:
    layer, reference = layers(name)
    assert_close(make_fx(layer)(images(0))(images(1)), reference(images(1)))


@COMPILED
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore::DeprecationWarning")
def test_case_27_a_layer_traced_by_jit_computes_anew(name: str, monkeypatch) -> None:
    # Sizes are tensors while jit traces, which annotations do not say.
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    layer, reference = layers(name)
    assert_close(torch.jit.trace(layer, images(0))(images(1)), reference(images(1)))


@COMPILED
def test_case_3_fake_tensors_stay_fake_and_leave_nothing_behind(name: str) -> None:
    # A depth that no other test has, so that everything is made among fake tensors.
    with FakeTensorMode() as mode:
        made = Quanv2d(1, 4, 2, 2, engine=name, ansatz="rx_chain", depth=5)
        assert "depth=5" in repr(made)
        assert made(mode.from_tensor(images())).shape == (2, 4, 2, 2)
    layer, reference = layers(name, depth=5)
    assert_close(layer(images()), reference(images()))


@COMPILED
def test_meta_tensors(name: str) -> None:
    made = Quanv2d(1, 4, 2, 2, engine=name, ansatz="rx_chain", device="meta")
    values = made(images().to("meta"))
    assert values.is_meta
    assert values.shape == (2, 4, 2, 2)


def many_cotangents(layer: Quanv2d) -> Tensor:
    x = images().requires_grad_()
    y = layer(x)
    vs = torch.stack([torch.ones_like(y), y.detach().sin()])
    return torch.vmap(lambda v: torch.autograd.grad(y, x, v, retain_graph=True)[0])(vs)


def forward_derivative(layer: Quanv2d) -> Tensor:
    return torch.func.jvp(layer, (images(),), (images(1),))[1]


def derivative_of_a_vjp(layer: Quanv2d) -> Tensor:
    y, pulled_back = torch.func.vjp(layer, images())
    return torch.func.grad(lambda v: pulled_back(v)[0].sin().sum())(torch.ones_like(y))


def dual_cotangents(layer: Quanv2d) -> Tensor:
    x = images().requires_grad_()
    y = layer(x)
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(torch.ones_like(y), y.detach().cos())
        (gradient,) = torch.autograd.grad(y, x, dual)
        return forward_ad.unpack_dual(gradient).tangent


def gradient_among_dispatch_modes(layer: Quanv2d) -> Tensor:
    x = images().requires_grad_()
    y = layer(x)

    def gradient(v: Tensor) -> Tensor:
        return torch.autograd.grad(y, x, v, retain_graph=True)[0]

    return make_fx(gradient)(torch.ones_like(y))(y.detach().sin())


@COMPILED
@pytest.mark.parametrize("encoding", ["ry", "amplitude"])
@pytest.mark.parametrize(
    "transform",
    [
        many_cotangents,
        forward_derivative,
        derivative_of_a_vjp,
        dual_cotangents,
        gradient_among_dispatch_modes,
    ],
)
def test_case_5_derivatives_of_derivatives(
    name: str, encoding: str, transform: Callable[[Quanv2d], Tensor]
) -> None:
    if name == "fourier" and encoding == "amplitude":
        pytest.skip("not its circuits")
    layer, reference = layers(name, encoding=encoding)
    assert_close(transform(layer), transform(reference))


@COMPILED
def test_derivatives_by_what_turns_no_gate(name: str) -> None:
    made = Quanv2d(1, 4, 2, 2, engine=name, depth=0, input_gradients=False)
    (first,) = torch.autograd.grad(made(images()).sum(), made.weight, create_graph=True)
    assert first.shape == (1, 0, 4)

    def run(weight: Tensor) -> Tensor:
        return torch.func.functional_call(made, {"weight": weight}, (images(),))

    weight = made.weight.detach()
    _, tangent = torch.autograd.functional.jvp(run, weight, weight)
    assert torch.equal(tangent, torch.zeros_like(made(images())))


class Marked(Tensor):
    """A subclass that must not be lost."""


@COMPILED
def test_subclasses_of_tensors_stay_what_they_are(name: str) -> None:
    layer, reference = layers(name)
    values = layer(images().as_subclass(Marked))
    assert type(values) is Marked
    assert_close(values.as_subclass(Tensor), reference(images()))


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize(
    ("inputs", "weights", "message"),
    [
        ((1, 4, 5), (1, 1, 3), r"weights must be of shape \(1, F, 8\), got \(1, 1, 3\)"),
        ((1, 2, 5), (1, 1, 8), r"inputs must be of shape \(G, 4, P\), got \(1, 2, 5\)"),
        ((2, 4, 5), (1, 1, 8), r"weights must be of shape \(2, F, 8\)"),
        ((4, 5), (1, 1, 8), r"inputs must be of shape \(G, 4, P\), got \(4, 5\)"),
        ((1, 4, 5), (1, 8), r"weights must be of shape"),
        ((1, 4, 5), (1, 1, 0), r"weights must be of shape"),
    ],
)
def test_case_1_tensors_that_do_not_fit_the_circuit(name, inputs, weights, message) -> None:
    circuit = Circuit("ry", "rx_chain", "z", inputs=4, depth=2)
    with pytest.raises(ShapeError, match=message):
        engine(name).expectation_values(circuit, torch.rand(inputs), torch.rand(weights))


@pytest.mark.parametrize("name", ENGINES)
def test_other_kinds_of_tensors_are_refused(name: str) -> None:
    circuit = Circuit("ry", "rx_chain", "z", inputs=4, depth=2)
    x, w = torch.rand(1, 4, 5), torch.rand(1, 1, 8)
    for inputs, weights, message in (
        (x.to_sparse(), w, "must be dense, got torch.sparse_coo"),
        (x.half(), w.half(), "one number type, float32 or float64, got torch.float16"),
        (x, w.double(), "one number type"),
        (x, w.to("meta"), "on one device, got cpu and meta"),
    ):
        with pytest.raises(ShapeError, match=message):
            engine(name).expectation_values(circuit, inputs, weights)


@pytest.mark.parametrize("name", ["auto", "fourier", "fused", "statevector"])
def test_case_9_freed_memory_is_an_error_and_no_crash(name: str) -> None:
    # In a process of its own, which a crash would end.
    program = f"""
import torch
from resqunn.circuits.circuit import Circuit
from resqunn.engines.registry import engine
circuit = Circuit("ry", "rx_chain", "z", inputs=4, depth=2)
def arguments():
    inputs, weights = torch.rand(1, 4, 9), torch.rand(1, 1, 8)
    if which == "strided":
        inputs = torch.rand(3, 9, 4).mT[2:]
    return inputs.requires_grad_(), weights.requires_grad_()
def free(inputs, weights):
    tensor = weights if which == "weights" else inputs
    tensor.untyped_storage().resize_(64 if which == "shrunk" else 0)
def refused(call):
    try:
        call()
    except RuntimeError as error:
        assert isinstance(error, ValueError), error
        assert "has been freed" in str(error), error
    else:
        raise AssertionError(f"{{which}}: nothing was said")
run = engine({name!r}).expectation_values
for which in ("inputs", "weights", "shrunk", "strided"):
    both = arguments()
    free(*both)
    refused(lambda: run(circuit, *both))
    if {name!r} != "statevector":  # torch itself looks after what it keeps
        both = arguments()
        values = run(circuit, *both)
        free(*both)
        refused(lambda: torch.autograd.grad(values.sum(), both))
        both = arguments()
        values = run(circuit, *both)
        cotangents = torch.ones_like(values)
        free(cotangents, cotangents)
        refused(lambda: torch.autograd.grad(values, both, cotangents))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_repeated_values_need_no_memory_of_their_own() -> None:
    circuit = Circuit("ry", "rx_chain", "z", inputs=4, depth=2)
    x, w = torch.rand(1, 4, 1), torch.rand(1, 1, 8)
    for name in ("fourier", "fused", "statevector"):
        found = engine(name).expectation_values(circuit, x.expand(1, 4, 50), w.expand(1, 3, 8))
        assert torch.equal(found, found[:, :1, :, :1].expand_as(found))


class Twice(RotationChain):
    """Equal to its parent, as its author has not said otherwise; its layers are others."""

    def layer(self, index: int, num_qubits: int) -> tuple[Operation, ...]:
        return super().layer(index, num_qubits)[::-1]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RotationChain) and self.name == other.name

    __hash__ = RotationChain.__hash__


@COMPILED
def test_case_4_ansaetze_that_call_themselves_equal(name: str) -> None:
    first, second = RotationChain("own", "RX"), Twice("own", "RX")
    assert second == first
    found = []
    for ansatz in (first, second):
        layer, reference = layers(name, ansatz=ansatz)
        with torch.no_grad():
            layer.weight.copy_(torch.arange(8.0).reshape(layer.weight.shape))
            reference.weight.copy_(layer.weight)
        found.append(layer(images()))
        oracle = Quanv2d(1, 4, 2, 2, engine="pennylane", ansatz=ansatz)
        oracle.load_state_dict(layer.state_dict())
        for other in (reference, oracle):
            assert_close(found[-1], other(images()))
    assert not torch.allclose(*found)


class Angles(Ansatz):
    """Rotations by the inputs again, which the encoding may have made amplitudes of."""

    name = "angles"

    def layer_shape(self, num_qubits: int) -> tuple[int, ...]:
        return (0,)

    def layer(self, index: int, num_qubits: int) -> tuple[Operation, ...]:
        return (Operation("RY", (0,), Input(3)),)


def test_inputs_that_are_amplitudes_and_angles_at_once() -> None:
    circuit = Circuit("amplitude", Angles(), "z", inputs=4, depth=1)
    inputs, weights = 3 * torch.rand(1, 4, 5), torch.rand(1, 1, 0)
    found = engine("auto").expectation_values(circuit, inputs, weights)
    assert_close(found, engine("pennylane").expectation_values(circuit, inputs, weights))
    with pytest.raises(CircuitError, match="amplitudes and angles at once"):
        engine("fused").expectation_values(circuit, inputs, weights)
