"""Derivatives through PennyLane: right in double precision, or refused in one line."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pennylane as qml
import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.fx.experimental.proxy_tensor import make_fx

from resqunn import ConfigurationError, PennyLaneEngine, Quanv2d
from resqunn.circuits.circuit import Circuit
from resqunn.engines.registry import engine

from support import any_circuit, random_arguments, values_and_gradients

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit")

BY_TORCH = [
    {},
    {"diff_method": "backprop"},
    {"device": "default.mixed"},
    {"device": "default.mixed", "diff_method": "backprop"},
]
BY_PENNYLANE = [
    {"device": "lightning.qubit"},
    {"device": "lightning.qubit", "diff_method": "adjoint"},
    {"device": "lightning.qubit", "diff_method": "parameter-shift"},
    {"device": "lightning.qubit", "diff_method": "hadamard"},
    {"device": "reference.qubit"},
    {"device": "default.mixed", "diff_method": "parameter-shift"},
    {"device": "default.mixed", "diff_method": "hadamard"},
    {"diff_method": "parameter-shift"},
    {"diff_method": "adjoint"},
    {"diff_method": "hadamard"},
]
ESTIMATES = [
    {"diff_method": "finite-diff"},
    {"device": "lightning.qubit", "diff_method": "finite-diff"},
    {"diff_method": "spsa"},
    {"shots": 10},
    {"shots": 10, "diff_method": "parameter-shift"},
]
ONCE = pytest.mark.parametrize("options", BY_PENNYLANE + ESTIMATES, ids=str)


def a_circuit(encoding: str = "rz", reupload: bool = True) -> Circuit:
    return Circuit(encoding, "rx_chain", "mean_z", inputs=2, depth=2, reupload=reupload)


def assert_close(found: tuple[Tensor, ...], expected: tuple[Tensor, ...], atol: float) -> None:
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=atol)


@pytest.mark.parametrize("options", BY_TORCH + BY_PENNYLANE, ids=str)
@pytest.mark.parametrize("seed", [2, 11])
def test_case_7_double_precision(options: dict[str, Any], seed: int) -> None:
    circuit = a_circuit() if seed == 2 else any_circuit(seed, max_qubits=2, max_depth=2)
    assert not circuit.encoding.prepares_amplitudes
    arguments = random_arguments(circuit, seed, groups=1, filters=1, patches=2)
    found = values_and_gradients(PennyLaneEngine(**options), circuit, *arguments)
    expected = values_and_gradients(engine("statevector"), circuit, *arguments)
    assert_close(found, expected, 1e-14)
    with torch.no_grad():
        values = PennyLaneEngine(**options).expectation_values(circuit, *arguments[:2])
    assert_close((values,), expected[:1], 1e-14)
    assert torch.get_default_dtype() == torch.float32


@pytest.mark.parametrize("options", ESTIMATES[:2], ids=str)
def test_case_7_finite_differences_are_as_good_as_their_step(options: dict[str, Any]) -> None:
    arguments = random_arguments(a_circuit(), 0, patches=2)
    found = values_and_gradients(PennyLaneEngine(**options), a_circuit(), *arguments)
    expected = values_and_gradients(engine("statevector"), a_circuit(), *arguments)
    assert_close(found[:1], expected[:1], 1e-14)
    assert_close(found[1:], expected[1:], 1e-6)


def penalty(run: PennyLaneEngine, circuit: Circuit) -> tuple[Tensor, ...]:
    """The derivatives of squared derivatives by inputs and weights, by both, and once more."""
    inputs, weights, cotangent = random_arguments(circuit, 0, groups=1, filters=2, patches=2)
    both = inputs.requires_grad_(), weights.requires_grad_()
    values = run.expectation_values(circuit, *both)
    first = torch.autograd.grad((values * cotangent).sum(), both, create_graph=True)
    second = torch.autograd.grad(sum(g.square().sum() for g in first), both, create_graph=True)
    return *second, *torch.autograd.grad(sum(g.cos().sum() for g in second), both)


@pytest.mark.parametrize("options", BY_TORCH, ids=str)
@pytest.mark.parametrize("encoding", ["rz", "amplitude"])
def test_case_6_derivatives_of_derivatives_by_torch(options: dict, encoding: str) -> None:
    circuit = a_circuit(encoding, reupload=encoding == "rz")
    found, expected = (
        penalty(run, circuit) for run in (PennyLaneEngine(**options), engine("statevector"))
    )
    assert_close(found, expected, 1e-11)


@pytest.mark.parametrize("options", [{}, {"device": "default.mixed"}], ids=str)
def test_case_6_by_finite_differences(options: dict) -> None:
    noise = {} if not options else {"noise_model": damped()}
    circuit = Circuit("rz", "ry_chain", "mean_z", inputs=1, depth=2, reupload=True)
    inputs, weights, _ = random_arguments(circuit, 0, groups=1, filters=1, patches=2)

    def run(x: Tensor, w: Tensor) -> Tensor:
        return PennyLaneEngine(**options, **noise).expectation_values(circuit, x, w)

    both = inputs.requires_grad_(), weights.requires_grad_()
    assert torch.autograd.gradcheck(run, both)
    assert torch.autograd.gradgradcheck(run, both)


def damped() -> qml.NoiseModel:
    return qml.NoiseModel(
        {qml.noise.op_in([qml.RY]): qml.noise.partial_wires(qml.DepolarizingChannel, 0.3)}
    )


@ONCE
@pytest.mark.parametrize("of", ["inputs", "weights", "penalty"])
def test_case_6_derivatives_of_derivatives_elsewhere(options: dict[str, Any], of: str) -> None:
    circuit = a_circuit()
    inputs, weights, _ = random_arguments(circuit, 0, groups=1, filters=1, patches=1)
    run = PennyLaneEngine(**options).expectation_values
    chosen = weights if of == "weights" else inputs
    chosen.requires_grad_()
    values = run(circuit, inputs, weights)
    # Of a constant cotangent, where torch would take the derivative for a constant.
    (first,) = torch.autograd.grad(values.sum(), chosen, create_graph=True)
    assert first.requires_grad
    loss = values.sum() + first.square().sum() if of == "penalty" else first.sum()
    with pytest.raises(ConfigurationError, match=r"for derivatives of derivatives, got 'pennyl"):
        torch.autograd.grad(loss, chosen)
    # A first derivative is still one, as often as it is asked for.
    values = run(circuit, inputs, weights)
    one, two = (torch.autograd.grad(values.sum(), chosen, retain_graph=True) for _ in range(2))
    assert one[0].shape == two[0].shape
    assert not one[0].requires_grad


@pytest.mark.parametrize("options", [*BY_PENNYLANE[:2], BY_PENNYLANE[7], ESTIMATES[0]], ids=str)
@pytest.mark.parametrize("zeros", ["none", "a patch", "a value", "padding"])
def test_derivatives_by_amplitudes(options: dict[str, Any], zeros: str) -> None:
    values = 3 if zeros == "padding" else 4
    circuit = Circuit("amplitude", "rx_chain", "mean_z", inputs=values, depth=1)
    inputs, weights, cotangent = random_arguments(circuit, 0, groups=1, filters=1, patches=2)
    if zeros == "a patch":
        inputs[:, :, 0] = 0
    elif zeros == "a value":
        inputs[:, 1, 0] = 0
    expected = values_and_gradients(engine("statevector"), circuit, inputs, weights, cotangent)
    run = PennyLaneEngine(**options).expectation_values
    found = run(circuit, inputs.requires_grad_(), weights.requires_grad_())
    (by_weights,) = torch.autograd.grad(found, weights, cotangent, retain_graph=True)
    assert_close((found, by_weights), (expected[0], expected[2]), 1e-6)
    if zeros in ("none", "a patch"):
        (by_inputs,) = torch.autograd.grad(found, inputs, cotangent)
        assert_close((by_inputs,), expected[1:2], 1e-6)
    else:
        with pytest.raises(ConfigurationError, match="for derivatives by amplitudes of which some"):
            torch.autograd.grad(found, inputs, cotangent)


@pytest.mark.parametrize("options", [*BY_TORCH, *BY_PENNYLANE[:2]], ids=str)
def test_derivatives_by_amplitudes_of_norm_one(options: dict[str, Any]) -> None:
    """PennyLane does not divide by such norms, nor take derivatives of them."""
    circuit = Circuit("amplitude", "rx_chain", "mean_z", inputs=4, depth=1)
    inputs, *others = random_arguments(circuit, 0, groups=1, filters=1, patches=2)
    inputs /= inputs.norm(dim=1, keepdim=True)
    expected = values_and_gradients(engine("statevector"), circuit, inputs, *others)
    found = values_and_gradients(PennyLaneEngine(**options), circuit, inputs, *others)
    assert_close(found, expected, 1e-6)


def layer_of(**options: Any) -> Quanv2d:
    return Quanv2d(
        1, 1, (1, 2), (1, 2), ansatz="rx_chain", readout="mean_z", depth=1,
        engine=PennyLaneEngine(**options), generator=torch.Generator().manual_seed(0),
    )  # fmt: skip


def images(seed: int = 0) -> Tensor:
    return torch.rand(1, 1, 1, 4, generator=torch.Generator().manual_seed(seed))


def cotangents(layer: Quanv2d) -> Tensor:
    x = images().requires_grad_()
    y = layer(x)
    vs = torch.stack([torch.ones_like(y), y.detach().sin()])
    return torch.vmap(lambda v: torch.autograd.grad(y, x, v, retain_graph=True)[0])(vs)


def dual(layer: Quanv2d) -> Tensor:
    x = images().requires_grad_()
    y = layer(x)
    with forward_ad.dual_level():
        (g,) = torch.autograd.grad(y, x, forward_ad.make_dual(torch.ones_like(y), y.detach()))
        return forward_ad.unpack_dual(g).tangent


TRANSFORMS: list[Callable[[Quanv2d], Tensor]] = [
    lambda layer: torch.func.grad(lambda x: layer(x).sum())(images()),
    lambda layer: torch.func.jvp(layer, (images(),), (images(1),))[1],
    lambda layer: torch.func.hessian(lambda x: layer(x).sum())(images()),
    lambda layer: make_fx(layer)(images(1))(images()),
    cotangents,
    dual,
]


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_case_6_transforms_of_torch(transform: Callable[[Quanv2d], Tensor]) -> None:
    reference = layer_of()
    reference.engine = engine("statevector")
    torch.testing.assert_close(transform(layer_of()), transform(reference), rtol=0, atol=1e-5)
    for options in ({"device": "lightning.qubit"}, {"diff_method": "adjoint"}, {"shots": 5}):
        with pytest.raises(ConfigurationError, match="for transforms and tracing of torch, got"):
            transform(layer_of(**options))


def test_what_is_around_the_circuits_is_compiled() -> None:
    # In a process of its own: checks of annotations cannot be compiled.
    program = """
import torch
from resqunn import Quanv2d
x = torch.rand(1, 1, 2, 2)
for name in ("pennylane", "pennylane:lightning.qubit"):
    layer = Quanv2d(1, 4, 2, 2, depth=1, engine=name)
    found = torch.compile(layer, backend="eager")(x)
    assert torch.allclose(found, layer(x), rtol=0, atol=1e-6)
    found.sum().backward()
    assert layer.weight.grad is not None
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_case_34_hadamard_needs_one_more_wire() -> None:
    arguments = random_arguments(a_circuit(), 0)
    expected = values_and_gradients(engine("statevector"), a_circuit(), *arguments)
    for device in (qml.device("default.qubit", wires=3), qml.device("lightning.qubit", wires=4)):
        found = PennyLaneEngine(device, diff_method="hadamard")
        assert_close(values_and_gradients(found, a_circuit(), *arguments), expected, 1e-14)
    small = PennyLaneEngine(qml.device("default.qubit", wires=2), diff_method="hadamard")
    with pytest.raises(ConfigurationError, match=r"a wire more than the circuit's 2 .*, got 2"):
        small.expectation_values(a_circuit(), *arguments[:2])
