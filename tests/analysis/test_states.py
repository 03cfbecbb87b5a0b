"""States and unitaries of circuits against PennyLane's, up to a global phase."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pennylane as qml
import pytest
import torch

from resqunn import (
    Circuit,
    Encoding,
    Expression,
    GateList,
    Input,
    Operation,
    Weight,
    state,
    unitary,
)
from resqunn.circuits.angles import value
from resqunn.circuits.gate_circuit import GateCircuit, PlainCircuit
from resqunn.circuits.gates import GATES
from resqunn.errors import CircuitError, ResqunnError, ShapeError

from support import AnyGates, random_circuit


def apply(circuit: GateCircuit, inputs: np.ndarray, weights: np.ndarray) -> None:
    """The circuit's gates, queued with PennyLane."""
    for operation in circuit.operations:
        angles = [value(angle, inputs.tolist(), weights.tolist()) for angle in operation.angles]
        getattr(qml, operation.gate.pennylane)(*angles, wires=operation.qubits)


def pennylane_state(circuit: GateCircuit, inputs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    wires = range(circuit.num_qubits)

    @qml.qnode(qml.device("default.qubit", wires=wires))
    def run() -> Any:
        if circuit.prepares_amplitudes:
            found = circuit.amplitudes or [Input(k) for k in range(len(inputs))]
            amplitudes = [value(each, inputs.tolist(), ()) for each in found]
            qml.AmplitudeEmbedding(np.array(amplitudes), wires=wires, pad_with=0.0, normalize=True)
        apply(circuit, inputs, weights)
        return qml.state()

    return np.asarray(run())


def drawn(circuit: GateCircuit, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=circuit.num_inputs), rng.normal(size=circuit.num_weights)


def agree(found: np.ndarray, expected: np.ndarray) -> None:
    """The same but for one phase."""
    phase = np.vdot(expected, found)
    assert np.allclose(found, expected * phase / abs(phase), rtol=0, atol=1e-12)


@dataclass(frozen=True)
class Computed(Encoding):
    """Angles that are computed, of several angles a gate too."""

    name: str = "computed"

    def num_qubits(self, values: int) -> int:
        return values

    def operations(self, values: int) -> tuple[Operation, ...]:
        x, w = Input(0), Weight(0)
        return (
            Operation("RY", (0,), Expression("arctan", (x,)) + 0.5),
            Operation("Rot", (1,), (x * w, math.pi / 2, 2 * w)),
            Operation("CPhase", (2, 0), (x - Input(1)) / 3),
            Operation("RX", (2,), 0.25),
        )


@pytest.mark.parametrize("seed", range(26))
def test_states_are_pennylanes(seed: int) -> None:
    circuit = random_circuit(seed, max_inputs=4, max_depth=2)
    inputs, weights = drawn(circuit, seed)
    agree(state(circuit, inputs, weights).numpy(), pennylane_state(circuit, inputs, weights))


@pytest.mark.parametrize("seed", range(6))
def test_unitaries_are_pennylanes(seed: int) -> None:
    circuit = Circuit("rz", AnyGates(seed), "z", inputs=3, depth=2, reupload=True)
    inputs, weights = drawn(circuit, seed)
    expected = qml.matrix(apply, wire_order=range(3))(circuit, inputs, weights)
    agree(unitary(circuit, inputs, weights).numpy(), expected)


def test_every_gate_is_pennylanes() -> None:
    for name, row in GATES.items():
        angles = tuple(Weight(k) for k in range(row.num_angles)) or None
        ansatz = GateList([Operation(name, tuple(range(row.num_qubits))[::-1], angles)])
        circuit = Circuit("ry", ansatz, "z", inputs=3, depth=1)
        inputs, weights = drawn(circuit)
        expected = qml.matrix(apply, wire_order=range(3))(circuit, inputs, weights)
        agree(unitary(circuit, inputs, weights).numpy(), expected)


def test_computed_angles() -> None:
    ansatz = GateList([Operation("CRX", (0, 2), Weight(1))])
    circuit = Circuit(Computed(), ansatz, "z", inputs=3, depth=1)
    inputs, weights = drawn(circuit)
    agree(state(circuit, inputs, weights).numpy(), pennylane_state(circuit, inputs, weights))


def test_computed_amplitudes_and_zero_vectors() -> None:
    amplitudes = (Input(0) * Input(1), Expression("sin", (Input(1),)), 0.5)
    gates = (Operation("CNOT", (0, 1)), Operation("H", (1,)))
    circuit = PlainCircuit(2, 2, (0,), gates, (), True, amplitudes)
    vector = np.array([0.3 * -2.0, math.sin(-2.0), 0.5, 0])
    expected = qml.matrix(apply, wire_order=range(2))(circuit, vector, vector) @ vector
    found = state(circuit, [0.3, -2.0]).numpy()
    agree(found, expected / np.linalg.norm(vector))
    plain = Circuit("amplitude", "ry_chain", "z", inputs=3, depth=0)
    zero, tiny = state(plain, [[0, 0, 0], [0, 1e-200, 1e-200]]).numpy()
    assert np.allclose(zero, [1, 0, 0, 0], rtol=0, atol=0)
    assert np.allclose(tiny, np.array([0, 1, 1, 0]) / math.sqrt(2), rtol=0, atol=1e-15)


def test_axes_are_broadcast_and_weights_flat_or_nested() -> None:
    circuit = Circuit("rx", "strongly_entangling", "z", inputs=3, depth=2)
    rng = np.random.default_rng(0)
    inputs, weights = rng.normal(size=(4, 1, 3)), rng.normal(size=(5, 2, 3, 3))
    found = state(circuit, inputs, weights)
    assert found.shape == (4, 5, 8)
    assert found.dtype == torch.complex128
    for i, x in enumerate(inputs[:, 0]):
        for j, w in enumerate(weights):
            alone = state(circuit, x.tolist(), torch.from_numpy(w.reshape(-1)))
            assert torch.allclose(found[i, j], alone, rtol=0, atol=1e-14)
    one = unitary(circuit, inputs[0, 0], weights[0])
    assert torch.allclose(one[:, 0], found[0, 0], rtol=0, atol=1e-14)


def test_what_nothing_reads_may_be_left_out() -> None:
    ghz = PlainCircuit(2, 1, (0,), (Operation("H", (0,)), Operation("CNOT", (0, 1))), ())
    half = math.sqrt(0.5)
    assert np.allclose(state(ghz), [half, 0, 0, half])
    assert np.allclose(unitary(ghz)[:, 1], [0, half, half, 0])


def test_states_have_derivatives() -> None:
    circuit = Circuit("ry", AnyGates(3), "z", inputs=2, depth=1)
    weights = torch.rand(circuit.num_weights, dtype=torch.float64, requires_grad=True)
    inputs = torch.rand(2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda x, w: torch.view_as_real(state(circuit, x, w)), (inputs, weights)
    )


CIRCUIT = Circuit("ry", "rx_chain", "z", inputs=2, depth=1)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: state(CIRCUIT), CircuitError, "inputs must be given, as gates read them"),
        (lambda: unitary(CIRCUIT, [1, 2]), CircuitError, "weights must be given, as gates read"),
        (lambda: state(CIRCUIT, "ab"), CircuitError, "inputs must be real numbers, got 'ab'"),
        (lambda: state(CIRCUIT, [1j, 0]), CircuitError, "inputs must be real numbers, got [1j, 0]"),
        (
            lambda: state(CIRCUIT, torch.tensor([1j, 0])),
            CircuitError,
            "inputs must be finite real numbers, got a torch.complex64 array of shape (2,)",
        ),
        (lambda: state(CIRCUIT, [1, np.nan]), CircuitError, "inputs must be finite real numbers"),
        (lambda: state(CIRCUIT, [1, 2, 3]), ShapeError, "inputs must be of shape (..., 2), got (3"),
        (
            lambda: state(CIRCUIT, [1, 2], [1, 2, 3]),
            ShapeError,
            "weights must be of shape (..., 1, 2), got (3,)",
        ),
        (
            lambda: state(CIRCUIT, np.ones((2, 2)), np.ones((3, 2))),
            ShapeError,
            "inputs and weights must have axes before the last that can be broadcast, got (2,) and",
        ),
        (
            lambda: unitary(CIRCUIT, np.ones((2, 2)), [1, 2]),
            ShapeError,
            "inputs and weights must be those of one point for a unitary, got (2, 2) and (2,)",
        ),
        (
            lambda: state(Circuit("ry", "rx_chain", "z", inputs=27, depth=0), np.ones(27)),
            CircuitError,
            "states must have 67,108,864 amplitudes or fewer together, got 1 of 27 qubits",
        ),
        (
            lambda: unitary(Circuit("ry", "rx_chain", "z", inputs=13, depth=0), np.ones(13)),
            CircuitError,
            "a unitary must be of 12 qubits or fewer, got 13",
        ),
    ],
)
def test_mistakes_get_one_line(
    make: Callable[[], Any], error: type[ResqunnError], message: str
) -> None:
    with pytest.raises(error) as raised:
        make()
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)
