"""Circuits as QNodes: values and derivatives of the reference engine, by PennyLane's own gates."""

import random
import sys
from typing import Any

import numpy as np
import pennylane as qml
import pytest
import torch
from pennylane import numpy as pnp
from torch import Tensor

from resqunn import (
    Circuit,
    ConfigurationError,
    Expression,
    Input,
    MissingExtraError,
    Observable,
    Operation,
    Quanv2d,
    ShapeError,
    Weight,
)
from resqunn.circuits.angles import FUNCTIONS
from resqunn.circuits.ansatze import ANSATZE
from resqunn.circuits.encodings import ENCODINGS
from resqunn.circuits.gate_circuit import GateCircuit, PlainCircuit
from resqunn.circuits.gates import GATES
from resqunn.circuits.readouts import READOUTS, Variance
from resqunn.engines.registry import engine
from resqunn.interop.to_pennylane import to_pennylane

from reliability.test_expressions import AnyAngles
from reliability.test_expressions import drawn as drawn_expressions
from support import AnyProducts, any_circuit, random_arguments


def entries() -> list[Circuit]:
    """A circuit for each entry of each table."""
    found = [Circuit(e, "rx_chain", "z", inputs=3, depth=1) for e in ENCODINGS]
    found += [Circuit("ry", a, "z", inputs=3, depth=2, reupload=True) for a in ANSATZE]
    found += [Circuit("rx", "ry_chain", r, inputs=3, depth=1) for r in READOUTS]
    own = Variance(AnyProducts(3))
    found += [Circuit("ry", AnyAngles(seed), own, inputs=2, depth=1) for seed in range(3)]
    return found


def of_one_gate(name: str) -> GateCircuit:
    """Its angles are an input, a number and a weight, as many as it takes."""
    row = GATES[name]
    given = (Input(0), 0.4, Weight(0))[3 - row.num_angles :] if row.num_angles > 1 else (Input(0),)
    turns = [Operation("RY", (q,), Input(q)) for q in range(3)]
    wires = tuple(range(row.num_qubits))[::-1]
    gate = Operation(name, wires, given if row.num_angles else None)
    words = tuple(Observable(((1.0, ((q, p),)),)) for q in range(3) for p in "XYZ")
    return PlainCircuit(3, 3, (1,), (*turns, gate), words)


def of_one_function(name: str) -> GateCircuit:
    """Of inputs, of an input and a weight, of numbers and inputs."""
    count, _ = FUNCTIONS[name]
    inside = [0.5 + Expression("sigmoid", (Input(q),)) / 4 for q in range(3)]
    given: list[list[Any]] = [inside, [inside[0], Weight(0), 0.3], [0.3, inside[1], Weight(0)]]
    turns = [
        Operation("RX", (q,), Expression(name, tuple(arguments[:count])))
        for q, arguments in enumerate(given)
    ]
    return PlainCircuit(3, 3, (1,), tuple(turns), READOUTS["z"].observables(3))


def of_amplitudes(seed: int) -> GateCircuit:
    """Amplitudes that are computed of inputs."""
    rng = random.Random(seed)
    own = [Expression("exp", (Input(0) * Input(1),)), 0.5 - Input(2), 0.7, Input(1)]
    amplitudes = tuple(own[: rng.choice([3, 4])])
    gates = (Operation("RX", (0,), Weight(0)), Operation("CNOT", (0, 1)))
    observables = READOUTS["xyz"].observables(2)
    return PlainCircuit(2, 3, (2,), gates, observables, True, amplitudes)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


CASES: dict[str, GateCircuit] = {
    **{f"entry {n}": circuit for n, circuit in enumerate(entries())},
    **{name: of_one_gate(name) for name in GATES},
    **{name: of_one_function(name) for name in FUNCTIONS},
    **{f"amplitudes {seed}": of_amplitudes(seed) for seed in range(3)},
}


def rows(values: Any, patches: int) -> Tensor:
    """What a QNode returns, a row a value."""
    if isinstance(values, Tensor):
        return values.reshape(-1, values.shape[-1]).T.expand(-1, patches)
    # Of gates that read neither inputs nor weights they are no tensors.
    tensors = [torch.as_tensor(each, dtype=torch.float64) for each in values]
    return torch.stack([each.expand(patches) for each in tensors])


def check(circuit: GateCircuit, seed: int, patches: int = 3) -> None:
    x, w, cotangent = random_arguments(circuit, seed, 1, 1, patches)
    weights = w[0, 0].reshape(circuit.weight_shape if seed % 2 else (-1,))
    given = x.clone().requires_grad_(), weights.clone().requires_grad_()
    reference = engine("statevector").expectation_values(
        circuit, given[0], given[1].reshape(1, 1, -1)
    )
    expected = gradients(reference, cotangent, given)
    qnode = to_pennylane(circuit)
    other = x[0].T.clone().requires_grad_(), weights.clone().requires_grad_()
    values = rows(qnode(*other), patches)
    by_inputs, by_weights = gradients(values, cotangent[0, 0], other)
    for ours, theirs in (
        (values, reference[0, 0]),
        (by_inputs.T, expected[0][0]),
        (by_weights, expected[1]),
    ):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)
    for n, patch in enumerate(x[0].T):
        alone = rows(qnode(patch, weights), 1)[:, 0]
        torch.testing.assert_close(alone, values[:, n], rtol=0, atol=1e-10)
    qml.draw(qnode)(x[0, :, 0], weights)


def gradients(values: Tensor, cotangent: Tensor, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    if not values.requires_grad:
        return tuple(map(torch.zeros_like, given))
    product = (values * cotangent).sum()
    return torch.autograd.grad(product, given, allow_unused=True, materialize_grads=True)


@pytest.mark.parametrize("name", CASES)
def test_entries_of_the_tables(name: str) -> None:
    check(CASES[name], len(name))


@pytest.mark.parametrize("seeds", [range(25), pytest.param(range(25, 500), marks=pytest.mark.slow)])
def test_any_circuits(seeds: range) -> None:
    for seed in seeds:
        check(any_circuit(seed, max_qubits=4, max_depth=3), seed)
        check(drawn_expressions(seed), seed)


@pytest.mark.filterwarnings("ignore:Casting complex values")  # of autograd, in PennyLane
@pytest.mark.parametrize(
    "name", ["entry 0", "entry 3", "CRot", "maximum", "arctan2", "where", "amplitudes 1"]
)
def test_autograd_gives_what_torch_gives(name: str) -> None:
    circuit = CASES[name]
    x, w, _ = random_arguments(circuit, 1, 1, 1, 3)
    qnode = to_pennylane(circuit)

    def total(inputs: Any, weights: Any) -> Any:
        found = qnode(inputs, weights)
        return sum((n + 1) * qml.math.sum(each) for n, each in enumerate(found))

    of_torch = x[0].T.clone().requires_grad_(), w[0, 0].clone().requires_grad_()
    of_autograd = [pnp.array(each.numpy(), requires_grad=True) for each in (x[0].T, w[0, 0])]
    expected = torch.autograd.grad(total(*of_torch), of_torch, materialize_grads=True)
    for ours, theirs in zip(qml.grad(total)(*of_autograd), expected, strict=True):
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=0, atol=1e-10)


def test_amplitudes_of_no_norm_and_of_norm_one() -> None:
    circuit = Circuit("amplitude", "rx_chain", "z", inputs=3, depth=1)
    qnode, weights = to_pennylane(circuit), torch.tensor([0.3, 0.4], dtype=torch.float64)
    unit = torch.tensor([[0.6, 0.0, 0.8], [0.0, 0.0, 0.0], [3e-200, 4e-200, 0.0]]).double()
    x = unit.clone().requires_grad_()
    values = torch.stack(qnode(x, weights))
    others = unit.clone().requires_grad_()
    expected = engine("statevector").expectation_values(
        circuit, others.T.unsqueeze(0), weights.reshape(1, 1, -1)
    )[0, 0]
    torch.testing.assert_close(values, expected, rtol=0, atol=1e-12)
    values[:, :2].sum().backward()
    expected[:, :2].sum().backward()
    torch.testing.assert_close(x.grad, others.grad, rtol=0, atol=1e-12)
    assert not x.grad[1].any()


def test_a_torch_layer_and_wires_of_a_device() -> None:
    layer = Quanv2d(1, 8, 2, 2, ansatz="rx_chain", readout="xyz"[:1], dtype=torch.float64)
    image = torch.rand(1, 1, 4, 4, dtype=torch.float64)
    patches = layer.operation.inputs(image)[0].T
    qnode = to_pennylane(layer.circuit, qml.device("default.qubit", wires=["a", "b", "c", "d", 5]))
    shapes = {"weights": layer.circuit.weight_shape}
    theirs = qml.qnn.TorchLayer(qnode, shapes).double()
    theirs.load_state_dict({"weights": layer.weight[1]})
    found = theirs(patches).T.reshape(4, 2, 2)
    torch.testing.assert_close(found, layer(image)[0, 4:], rtol=0, atol=1e-10)
    assert qml.draw(qnode)(patches[0], layer.weight[1]).splitlines()[1].startswith("b: ")


def test_all_probabilities_are_one_measurement() -> None:
    qnode = to_pennylane(Circuit("ry", "rx_chain", "probs", inputs=2, depth=0))
    assert qnode(torch.rand(5, 2)).shape == (5, 4)
    others = to_pennylane(Circuit("ry", "rx_chain", "zz", inputs=2, depth=0))
    assert len(others([0.1, 0.2])) == 1


def test_shots_come_near() -> None:
    circuit = Circuit("ry", "rx_chain", "xyz", inputs=2, depth=1)
    device = qml.device("default.qubit", wires=2, seed=3)
    given = torch.tensor([[0.3, 1.0], [0.5, 2.0]]), torch.tensor([0.7, 0.2])
    exact = torch.stack(to_pennylane(circuit)(*given))
    found = torch.stack(to_pennylane(circuit, device, shots=10_000)(*given))
    # Five standard errors of a value between -1 and 1.
    assert 0 < (found - exact).abs().max() < 0.05


def test_what_does_not_fit_is_told_in_one_line() -> None:
    circuit = Circuit("ry", "rx_chain", "z", inputs=2, depth=1)
    qnode = to_pennylane(circuit)
    for make, message in (
        (
            lambda: qnode(torch.rand(3), torch.rand(2)),
            r"inputs must be of shape \(2,\) or \(P, 2\)",
        ),
        (lambda: qnode(torch.rand(1, 3, 2), torch.rand(2)), "inputs must be of shape"),
        (lambda: qnode(torch.rand(2), torch.rand(2, 1)), r"weights must be of shape \(1, 2\) or"),
        (lambda: qnode(torch.rand(2)), r"weights must be of shape .*, got \(0,\)"),
    ):
        with pytest.raises(ShapeError, match=f"^{message}"):
            make()
    for device, message in (
        ("nothing.here", "device must be one that PennyLane has here, got 'nothing.here'"),
        (qml.device("default.qubit", wires=1), "device must have 2 wires or more"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            to_pennylane(circuit, device)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pennylane", None)
    with pytest.raises(MissingExtraError, match=r"^to_pennylane needs the extra \[pennylane\]"):
        to_pennylane(Circuit("ry", "rx_chain", "z", inputs=2, depth=1))
