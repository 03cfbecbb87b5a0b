"""Readouts of words, probabilities and matrices, against PennyLane's, and mistakes in them."""

from typing import Any

import numpy as np
import pennylane as qml
import pytest
import torch

from resqunn import Circuit, Hermitian, Observable, Pauli, Quanv2d, Variance
from resqunn.circuits.readouts import READOUTS, Readout
from resqunn.engines.registry import engine
from resqunn.errors import CircuitError

from support import random_arguments

LETTERS = {"X": qml.X, "Y": qml.Y, "Z": qml.Z}


def hermitian(qubits: int) -> np.ndarray:
    rng = np.random.default_rng(qubits)
    matrix = rng.normal(size=(2**qubits, 2**qubits)) + 1j * rng.normal(size=(2**qubits, 2**qubits))
    return matrix + matrix.conj().T


def of_three_qubits(readout: str | Readout) -> tuple[np.ndarray, np.ndarray]:
    """Values by the reference engine, and the state by PennyLane."""
    circuit = Circuit("rx", "strongly_entangling", readout, inputs=3, depth=2)
    x, w, _ = random_arguments(circuit, 0, 1, 1, 1)
    values = engine("statevector").expectation_values(circuit, x, w)[0, 0, :, 0]

    @qml.qnode(qml.device("default.qubit", wires=3))
    def state() -> object:
        qml.AngleEmbedding(x[0, :, 0], wires=range(3), rotation="X")
        qml.StronglyEntanglingLayers(w.reshape(2, 3, 3), wires=range(3))
        return qml.state()

    return values.numpy(), np.asarray(state())


def value(matrix: Any, state: np.ndarray) -> float:
    return float(np.vdot(state, matrix @ state).real)


def test_words_of_the_table() -> None:
    expected = {
        "x": [qml.X(q) for q in range(3)],
        "y": [qml.Y(q) for q in range(3)],
        "z": [qml.Z(q) for q in range(3)],
        "xyz": [letter(q) for letter in (qml.X, qml.Y, qml.Z) for q in range(3)],
        "xx": [qml.X(0) @ qml.X(1), qml.X(1) @ qml.X(2)],
        "zz": [qml.Z(0) @ qml.Z(1), qml.Z(1) @ qml.Z(2)],
    }
    assert set(expected) | {"z0", "mean_z", "probs", "var_z"} == set(READOUTS)
    for name, operators in expected.items():
        values, state = of_three_qubits(name)
        found = [value(qml.matrix(each, wire_order=range(3)), state) for each in operators]
        assert np.allclose(values, found, rtol=0, atol=1e-12), name


def test_words_as_strings() -> None:
    values, state = of_three_qubits(Pauli("XX", "ZIY", "I", "IIZ"))
    operators = qml.X(0) @ qml.X(1), qml.Z(0) @ qml.Y(2), qml.Identity(0), qml.Z(2)
    found = [value(qml.matrix(each, wire_order=range(3)), state) for each in operators]
    assert np.allclose(values, found, rtol=0, atol=1e-12)


def test_probabilities() -> None:
    values, state = of_three_qubits("probs")
    assert np.allclose(values, np.abs(state) ** 2, rtol=0, atol=1e-12)


def test_variances() -> None:
    matrix = hermitian(2)
    readouts = {
        "var_z": [qml.Z(q) for q in range(3)],
        Variance(Pauli("XX", "IYZ")): [qml.X(0) @ qml.X(1), qml.Y(1) @ qml.Z(2)],
        Variance(Hermitian(matrix)): [qml.Hermitian(matrix, wires=[0, 1])],
        Variance(READOUTS["mean_z"]): [(qml.Z(0) + qml.Z(1) + qml.Z(2)) / 3],
    }
    for readout, operators in readouts.items():
        values, state = of_three_qubits(readout)
        matrices = [qml.matrix(each, wire_order=range(3)) for each in operators]
        found = [value(m @ m, state) - value(m, state) ** 2 for m in matrices]
        assert np.allclose(values, found, rtol=0, atol=1e-10), readout


@pytest.mark.parametrize("qubits", [1, 2, 3])
def test_hermitian_matrices(qubits: int) -> None:
    matrix = hermitian(qubits)
    values, state = of_three_qubits(Hermitian(matrix))
    assert np.allclose(values, value(np.kron(matrix, np.eye(2 ** (3 - qubits))), state), atol=1e-11)


def test_channels_are_values_in_order() -> None:
    layer = Quanv2d(1, 24, 2, readout="xyz", dtype=torch.float64)  # two filters of twelve values
    images = torch.rand(1, 1, 3, 3, dtype=torch.float64)
    for k, name in enumerate("xyz"):
        alone = Quanv2d(1, 8, 2, readout=name, dtype=torch.float64)
        alone.load_state_dict(layer.state_dict())
        for filter in range(2):
            first = 12 * filter + 4 * k
            found = layer(images)[:, first : first + 4]
            expected = alone(images)[:, 4 * filter : 4 * filter + 4]
            assert torch.allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Pauli(), "Pauli must be given words, such as 'XX' and 'ZIZ'"),
        (lambda: Pauli("AB").observables(2), "a word must be letters I, X, Y and Z, got 'AB'"),
        (lambda: Pauli("XXX").observables(2), "a word must have 2 letter(s) or fewer, one a qubit"),
        (lambda: Quanv2d(1, 1, 2, readout=Pauli("ZZZZZ")), "a word must have 4 letter(s) or fewer"),
        (lambda: Hermitian([[0, 1], [0, 0]]), "matrix must be Hermitian, got [[0, 1], [0, 0]]"),
        (lambda: Hermitian(np.eye(3)), "matrix must be square, of 2, 4, 8 or 16 rows and columns"),
        (lambda: Hermitian(np.eye(32)), "matrix must be square, of 2, 4, 8 or 16 rows and columns"),
        (lambda: Hermitian("x"), "matrix must be square, of 2, 4, 8 or 16 rows and columns"),
        (lambda: READOUTS["probs"].observables(9), "'probs' must have 8 qubits or fewer, got 9"),
        (lambda: READOUTS["zz"].observables(1), "'zz' must have two qubits or more, got 1"),
        (lambda: Observable(((1.0, ((0, "Q"),)),)), "a word must have letters X, Y and Z, got 'Q'"),
        (lambda: Observable(((1.0, (0, (0, "X"))),)), "a word must name each qubit once"),
        (lambda: Quanv2d(1, 4, 2, readout=Words()), "qubit must be below 4"),
    ],
)
def test_mistakes_get_one_line(make, message: str) -> None:
    with pytest.raises(CircuitError) as raised:
        make()
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


class Words(Readout):
    name = "words"

    def observables(self, num_qubits: int) -> tuple[Observable, ...]:
        return (Observable(((1.0, ((num_qubits, "X"),)),)),)


class NothingAndX(Readout):
    name = "nothing_and_x"

    def observables(self, num_qubits: int) -> tuple[Observable, ...]:
        return Observable(()), Observable(((1.0, ((0, "X"),)), (0.5, ()))), Observable(())


def test_observables_without_words_are_zero() -> None:
    values, state = of_three_qubits(NothingAndX())
    expected = value(qml.matrix(qml.X(0), wire_order=range(3)), state) + 0.5
    assert np.allclose(values, [0, expected, 0], rtol=0, atol=1e-12)


def test_one_basis_is_one_run() -> None:
    def runs(readout: str | Readout) -> int:
        return len(Circuit("ry", "ry_chain", readout, inputs=3, depth=1).runs)

    assert [runs(name) for name in ("z", "x", "probs", "xyz")] == [1, 1, 1, 3]
    assert runs(Pauli("XIZ", "IYI", "XYZ")) == 1
    plain = Circuit("ry", "ry_chain", "z", inputs=3, depth=1)
    assert plain.runs[0].circuit is plain
