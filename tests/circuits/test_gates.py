"""Each row of the gate table, checked against itself and against PennyLane."""

import numpy as np
import pennylane as qml
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import expm

from resqunn.circuits.gates import GATES, Gate, gate
from resqunn.errors import CircuitError, ConfigurationError

ANGLES = st.floats(-20, 20)
ROWS = pytest.mark.parametrize("row", GATES.values(), ids=GATES)


@ROWS
@given(angle=ANGLES)
def test_matrix_is_unitary_and_pennylanes(row: Gate, angle: float) -> None:
    matrix = row.matrix(angle)
    assert np.allclose(matrix @ matrix.conj().T, np.eye(2**row.num_qubits), atol=1e-14)
    parameters = (angle,) if row.is_rotation else ()
    theirs = getattr(qml, row.pennylane)(*parameters, wires=range(row.num_qubits))
    assert np.allclose(matrix, qml.matrix(theirs), atol=1e-12)


@ROWS
def test_generator_exponentiates_to_the_matrix(row: Gate) -> None:
    if row.generator is None:
        with pytest.raises(CircuitError, match="no generator"):
            _ = row.turn
        return
    assert np.allclose(row.generator @ row.generator, np.eye(2) / 4)
    assert np.allclose(expm(-0.7j * row.generator), row.matrix(0.7), atol=1e-14)
    assert np.allclose(-2j * row.generator, row.turn)
    with pytest.raises(CircuitError, match="needs an angle"):
        row.matrix()


def test_real_gates() -> None:
    assert {name for name, row in GATES.items() if row.is_real} == {
        "RY", "H", "X", "Z", "CNOT", "CZ",
    }  # fmt: skip


def test_unknown_gate_names_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match=r"'CNT'.*did you mean|there are: RX, RY"):
        gate("CNT")


def test_rows_that_engines_could_not_run_are_refused() -> None:
    swap_root = np.array([[1, 0, 0, 0], [0, 1, 1, 0], [0, 1, -1, 0], [0, 0, 0, 1]], dtype=complex)
    with pytest.raises(CircuitError, match="permutes basis states"):
        Gate("ROOT", 2, "-", "-", ("a", "b"), fixed=swap_root)
    swap_one = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]], dtype=complex)
    with pytest.raises(CircuitError, match="a fixed matrix is unitary"):
        Gate("TWO INTO ONE", 2, "-", "-", ("a", "b"), fixed=swap_one)
    with pytest.raises(CircuitError, match="twice a generator"):
        Gate("TWICE", 1, "-", "-", ("a",), generator=np.eye(2, dtype=complex))
    with pytest.raises(CircuitError, match="a generator is Hermitian"):
        Gate("SHEAR", 1, "-", "-", ("a",), generator=np.array([[0, 1], [-1, 0]], dtype=complex) / 2)
    with pytest.raises(CircuitError, match="either a generator or a fixed"):
        Gate("NOTHING", 1, "-", "-", ("a",))
