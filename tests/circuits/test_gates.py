"""Each row of the gate table; `reliability/test_simulator.py` compares it with other sources."""

import jaxtyping
import numpy as np
import pennylane as qml
import pytest
from scipy.linalg import expm

from resqunn.circuits.gates import GATES, PAULIS, Gate, gate
from resqunn.errors import CircuitError, ConfigurationError

ROWS = pytest.mark.parametrize("row", GATES.values(), ids=GATES)


@ROWS
def test_rotations_are_exponentials_of_pauli_matrices(row: Gate) -> None:
    if row.axis is None:
        with pytest.raises(CircuitError, match="must be a rotation"):
            _ = row.turn
        return
    pauli = qml.matrix(getattr(qml, f"Pauli{row.axis}")(0))
    assert np.array_equal(PAULIS[row.axis], pauli)
    assert np.allclose(expm(-0.35j * pauli), row.matrix(0.7), atol=1e-14)
    assert np.array_equal(-1j * pauli, row.turn)
    with pytest.raises(CircuitError, match=r"must be given 1 angle\(s\)"):
        row.matrix()


def test_real_gates() -> None:
    assert {name for name, row in GATES.items() if row.is_real and not row.parts} == {
        "RY", "H", "X", "Z", "CNOT", "CZ", "SWAP",
    }  # fmt: skip


def test_unknown_gate_names_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match=r"'CNT'.*did you mean|there are: RX, RY"):
        gate("CNT")


def test_case_12_rows_that_engines_could_not_run_are_refused(monkeypatch) -> None:
    swap_root = np.array([[1, 0, 0, 0], [0, 1, 1, 0], [0, 1, -1, 0], [0, 0, 0, 1]], dtype=complex)
    swap_root[1:3, 1:3] /= np.sqrt(2)
    with pytest.raises(CircuitError, match="must permute basis states"):
        Gate("ROOT", 2, "-", "-", ("a", "b"), fixed=swap_root)
    swap_one = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]], dtype=complex)
    for matrix in (swap_one, np.eye(2, dtype=complex)):
        with pytest.raises(CircuitError, match="must have a unitary matrix of shape"):
            Gate("TWO INTO ONE", 2, "-", "-", ("a", "b"), fixed=matrix)
    with pytest.raises(CircuitError, match="must act on one qubit"):
        Gate("BOTH", 2, "-", "-", ("a", "b"), axis="X")
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # as users have it
    with pytest.raises(ConfigurationError, match="unknown axis 'W'"):
        Gate("SLANTED", 1, "-", "-", ("a",), axis="W")
    for both in ({}, {"axis": "X", "fixed": np.eye(2, dtype=complex)}):
        with pytest.raises(
            CircuitError, match="an axis, a fixed matrix or parts, and one of these, got"
        ):
            Gate("NOTHING", 1, "-", "-", ("a",), **both)
