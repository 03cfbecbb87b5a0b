"""The circuits of Sim et al., arXiv:1905.10876: their gates in Fig. 2, and how many there are."""

from collections.abc import Callable

import numpy as np
import pytest

from resqunn import Circuit, Operation, Weight, state
from resqunn.circuits.ansatze import SIM
from resqunn.engines.registry import engine
from resqunn.errors import ConfigurationError

from support import random_arguments

FIGURE: dict[str, str] = {
    "sim_1": "RX RZ",
    "sim_2": "RX RZ CNOT 32 21 10",
    "sim_3": "RX RZ CRZ 32 21 10",
    "sim_4": "RX RZ CRX 32 21 10",
    "sim_5": "RX RZ CRZ 32 31 30 23 21 20 13 12 10 03 02 01 RX RZ",
    "sim_6": "RX RZ CRX 32 31 30 23 21 20 13 12 10 03 02 01 RX RZ",
    "sim_7": "RX RZ CRZ 10 32 RX RZ CRZ 21",
    "sim_8": "RX RZ CRX 10 32 RX RZ CRX 21",
    "sim_9": "H CZ 32 21 10 RX",
    "sim_10": "RY CZ 30 23 12 01 RY",
    "sim_11": "RY RZ CNOT 10 32 RY 1 2 RZ 1 2 CNOT 21",
    "sim_12": "RY RZ CZ 10 32 RY 1 2 RZ 1 2 CZ 21",
    "sim_13": "RY CRZ 30 23 12 01 RY CRZ 32 03 10 21",
    "sim_14": "RY CRX 30 23 12 01 RY CRX 32 03 10 21",
    "sim_15": "RY CNOT 30 23 12 01 RY CNOT 32 03 10 21",
    "sim_16": "RX RZ CRZ 10 32 21",
    "sim_17": "RX RZ CRX 10 32 21",
    "sim_18": "RX RZ CRZ 30 23 12 01",
    "sim_19": "RX RZ CRX 30 23 12 01",
}
"""A layer on four qubits, gate by gate: qubits, control first, after the gate's name; all qubits
where none are named."""


def of_figure(text: str) -> list[Operation]:
    """The gates, their weights numbered in order."""
    found: list[Operation] = []
    words = text.split()
    for place, name in enumerate(words):
        if name.isdecimal():
            continue
        rest = words[place + 1 :]
        end = next((n for n, word in enumerate(rest) if not word.isdecimal()), len(rest))
        for wires in rest[:end] or "0123":
            weights = sum(operation.angle is not None for operation in found)
            angle = Weight(weights) if "R" in name else None
            found.append(Operation(name, tuple(map(int, wires)), angle))
    return found


def of(name: str, qubits: int, depth: int = 1) -> Circuit:
    return Circuit("amplitude", name, "z", inputs=2**qubits, depth=depth)


@pytest.mark.parametrize("name", SIM)
def test_the_gates_are_those_of_the_figure(name: str) -> None:
    assert list(of(name, 4).operations) == of_figure(FIGURE[name])


COUNTS: dict[str, tuple[Callable[[int, int], int], Callable[[int, int], int]]] = {
    "sim_1": (lambda n, L: 2 * n * L, lambda n, L: 0),
    "sim_2": (lambda n, L: 2 * n * L, lambda n, L: (n - 1) * L),
    "sim_3": (lambda n, L: (3 * n - 1) * L, lambda n, L: (n - 1) * L),
    "sim_4": (lambda n, L: (3 * n - 1) * L, lambda n, L: (n - 1) * L),
    "sim_5": (lambda n, L: (n * n + 3 * n) * L, lambda n, L: (n * n - n) * L),
    "sim_6": (lambda n, L: (n * n + 3 * n) * L, lambda n, L: (n * n - n) * L),
    "sim_7": (lambda n, L: (5 * n - 1) * L, lambda n, L: (n - 1) * L),
    "sim_8": (lambda n, L: (5 * n - 1) * L, lambda n, L: (n - 1) * L),
    "sim_9": (lambda n, L: n * L, lambda n, L: (n - 1) * L),
    "sim_10": (lambda n, L: n * (L + 1), lambda n, L: n * L),
    "sim_11": (lambda n, L: (4 * n - 4) * L, lambda n, L: (n - 1) * L),
    "sim_12": (lambda n, L: (4 * n - 4) * L, lambda n, L: (n - 1) * L),
    "sim_13": (lambda n, L: 4 * n * L, lambda n, L: 2 * n * L),
    "sim_14": (lambda n, L: 4 * n * L, lambda n, L: 2 * n * L),
    "sim_15": (lambda n, L: 2 * n * L, lambda n, L: 2 * n * L),
    "sim_16": (lambda n, L: (3 * n - 1) * L, lambda n, L: (n - 1) * L),
    "sim_17": (lambda n, L: (3 * n - 1) * L, lambda n, L: (n - 1) * L),
    "sim_18": (lambda n, L: 3 * n * L, lambda n, L: n * L),
    "sim_19": (lambda n, L: 3 * n * L, lambda n, L: n * L),
}
"""Weights and two-qubit gates of n qubits and L layers."""


@pytest.mark.parametrize("name", SIM)
def test_there_are_as_many_weights_and_two_qubit_gates_as_published(name: str) -> None:
    for qubits, depth in ((4, 1), (4, 3), (3, 2), (5, 1), (7, 2)):
        circuit = of(name, qubits, depth)
        entangling = sum(len(operation.qubits) == 2 for operation in circuit.operations)
        weights, two_qubit_gates = COUNTS[name]
        assert circuit.num_weights == weights(qubits, depth)
        assert entangling == two_qubit_gates(qubits, depth)
        read = [a.index for operation in circuit.operations for a in operation.angles]
        assert sorted(read) == list(range(circuit.num_weights)), "each weight turns one gate"


def test_circuit_10_turns_qubits_before_its_first_layer_and_not_before_others() -> None:
    names = [operation.name for operation in of("sim_10", 3, depth=2).operations]
    assert names == ["RY"] * 3 + (["CZ"] * 3 + ["RY"] * 3) * 2
    assert of("sim_10", 3, depth=2).weight_shape == (3, 3)
    assert of("sim_10", 3, depth=0).weight_shape == (1, 3)


@pytest.mark.parametrize("name", SIM)
def test_few_qubits(name: str) -> None:
    assert {len(op.qubits) for op in Circuit("ry", name, "z", inputs=1, depth=2).operations} == {1}
    circuit = of(name, 2, depth=2)
    state(circuit, np.ones(4), np.ones(circuit.num_weights))
    if "CZ:ring" in SIM[name]:  # a second CZ on the same qubits would undo the first
        assert sum(operation.name == "CZ" for operation in circuit.operations) == 2


@pytest.mark.parametrize("name", SIM)
def test_engines_give_the_values_of_the_state(name: str) -> None:
    circuit = Circuit("ry", name, "z", inputs=3, depth=2, reupload=True)
    inputs, weights, _ = random_arguments(circuit, 0, 1, 1, 2)
    probabilities = state(circuit, inputs[0].T, weights[0]).abs().square().numpy()
    expected = circuit.diagonals() @ probabilities.T
    for one in ("auto", "statevector"):
        found = engine(one).expectation_values(circuit, inputs, weights)[0, 0]
        assert np.allclose(found, expected, rtol=0, atol=1e-12)


def test_there_is_no_twentieth() -> None:
    with pytest.raises(ConfigurationError, match=r"unknown ansatz 'sim_20'.*sim_1 to sim_19"):
        Circuit("ry", "sim_20", "z", inputs=2, depth=1)
