r"""The gate table: one row a gate.

A rotation is $U(t) = \exp(-i t G) = \cos(t/2)\,1 - 2i \sin(t/2)\,G$ with a Hermitian
generator $G$ whose square is $1/4$ (a Pauli matrix over two); $t$ is in radians. A fixed
gate is its matrix. In a matrix of two qubits the first qubit of the operation (the
control) is the more significant bit.

Engines rely on it that every matrix is unitary, every rotation acts on one qubit, and every
two-qubit gate is monomial (it permutes basis states, up to phases). `Gate` checks that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Int

from resqunn.errors import CircuitError, unknown_name

_X = np.array([[0, 1], [1, 0]], dtype=complex)
_Y = np.array([[0, -1j], [1j, 0]], dtype=complex)
_Z = np.array([[1, 0], [0, -1]], dtype=complex)
_H = np.array([[1, 1], [1, -1]], dtype=complex) / math.sqrt(2)
_CNOT = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]], dtype=complex)
_CZ = np.diag([1, 1, 1, -1]).astype(complex)


@dataclass(frozen=True, eq=False)
class Gate:
    """One row of the table.

    Exactly one of `generator` and `fixed` is given. `pennylane` and `qasm` are the gate's
    names there; `symbols` are what a drawing shows on each of the gate's wires.
    """

    name: str
    qubits: int
    pennylane: str
    qasm: str
    symbols: tuple[str, ...]
    generator: Complex[np.ndarray, "A A"] | None = None
    fixed: Complex[np.ndarray, "A A"] | None = None

    def __post_init__(self) -> None:
        if (self.generator is None) == (self.fixed is None):
            raise CircuitError(f"gate {self.name}: give either a generator or a fixed matrix")
        matrix = 2 * self.generator if self.generator is not None else self.fixed
        assert matrix is not None
        monomial = self.fixed is not None and bool((np.count_nonzero(matrix, axis=1) == 1).all())
        if self.qubits != 1 and not monomial:
            raise CircuitError(
                f"gate {self.name}: a rotation acts on one qubit, and a gate on several "
                "permutes basis states up to phases"
            )
        one = np.eye(2**self.qubits)
        if matrix.shape != one.shape or not np.allclose(matrix @ matrix.conj().T, one, atol=1e-12):
            raise CircuitError(
                f"gate {self.name}: a fixed matrix is unitary, and so is twice a generator"
            )
        if self.generator is not None and not np.allclose(matrix, matrix.conj().T, atol=1e-12):
            raise CircuitError(f"gate {self.name}: a generator is Hermitian")

    @property
    def is_rotation(self) -> bool:
        """Whether the gate takes an angle."""
        return self.generator is not None

    @property
    def turn(self) -> Complex[np.ndarray, "2 2"]:
        """-2i G: the matrix that sin(t/2) multiplies in the rotation U(t)."""
        if self.generator is None:
            raise CircuitError(f"{self.name} is no rotation and has no generator")
        return -2j * self.generator

    @property
    def is_real(self) -> bool:
        """Whether the matrix is real at every angle."""
        return bool(np.isreal(self.matrix(1.0)).all())

    def matrix(self, angle: float | None = None) -> Complex[np.ndarray, "A A"]:
        """The unitary matrix, at `angle` radians for a rotation (fixed gates ignore it).

        >>> gate("RX").matrix(np.pi).round(12)
        array([[0.+0.j, 0.-1.j],
               [0.-1.j, 0.+0.j]])
        """
        if self.fixed is not None:
            return self.fixed
        if angle is None:
            raise CircuitError(f"{self.name} is a rotation: its matrix needs an angle in radians")
        return math.cos(angle / 2) * np.eye(2) + math.sin(angle / 2) * self.turn


def on_states(
    monomial: Complex[np.ndarray, "A A"], wires: tuple[int, ...], qubits: int
) -> tuple[Int[np.ndarray, " S"], Complex[np.ndarray, " S"]]:
    """What a monomial matrix on some wires does to a state vector of so many qubits.

    Returns:
        For each basis state s its source and its factor: new[s] = factor[s] * old[source[s]].

    >>> on_states(gate("CNOT").matrix(), (1, 0), qubits=2)[0]
    array([0, 3, 2, 1])
    """
    states = np.arange(2**qubits)
    shifts = [qubits - 1 - wire for wire in wires]
    size = len(shifts)
    row = sum(((states >> shift) & 1) << (size - 1 - k) for k, shift in enumerate(shifts))
    column = np.argmax(monomial != 0, axis=1)[row]
    source = states
    for k, shift in enumerate(shifts):
        bit = (column >> (size - 1 - k)) & 1
        source = (source & ~(1 << shift)) | (bit << shift)
    return source, monomial[row, column]


GATES: dict[str, Gate] = {
    row.name: row
    for row in (
        Gate("RX", 1, "RX", "rx", ("RX",), generator=_X / 2),
        Gate("RY", 1, "RY", "ry", ("RY",), generator=_Y / 2),
        Gate("RZ", 1, "RZ", "rz", ("RZ",), generator=_Z / 2),
        Gate("H", 1, "Hadamard", "h", ("H",), fixed=_H),
        Gate("X", 1, "PauliX", "x", ("X",), fixed=_X),
        Gate("Y", 1, "PauliY", "y", ("Y",), fixed=_Y),
        Gate("Z", 1, "PauliZ", "z", ("Z",), fixed=_Z),
        Gate("CNOT", 2, "CNOT", "cx", ("●", "⊕"), fixed=_CNOT),
        Gate("CZ", 2, "CZ", "cz", ("●", "●"), fixed=_CZ),
    )
}


def gate(name: str) -> Gate:
    """The row of that name.

    Raises:
        ConfigurationError: if the table has none.
    """
    if name not in GATES:
        raise unknown_name("gate", name, GATES)
    return GATES[name]
