r"""The gate table: one row a gate.

A rotation is $U(t) = \exp(-i t P / 2) = \cos(t/2)\,1 - i \sin(t/2)\,P$ about the axis of the
Pauli matrix $P$; $t$ is in radians. A fixed gate is its matrix. In a matrix of two qubits the
first qubit of the operation (the control) is the more significant bit.

Engines rely on it that every matrix is unitary, every rotation acts on one qubit, and every
fixed gate of several qubits is monomial (it permutes basis states, up to phases). `Gate` checks
that. A gate made of others is written out before engines see it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from jaxtyping import Complex, Int

from resqunn.checks import shown
from resqunn.circuits.angles import Weight, leaves, value
from resqunn.circuits.parts import (
    ANGLE,
    CRY,
    CRZ,
    EIGHTH,
    EULER,
    ISING_ZZ,
    ISWAP,
    TOFFOLI,
    TURN_SECOND,
    Part,
    at_angles,
    on_both,
)
from resqunn.errors import CircuitError, unknown_name

Axis = Literal["X", "Y", "Z"]

PAULIS: dict[str, Complex[np.ndarray, "2 2"]] = {
    "X": np.array([[0, 1], [1, 0]], dtype=complex),
    "Y": np.array([[0, -1j], [1j, 0]], dtype=complex),
    "Z": np.array([[1, 0], [0, -1]], dtype=complex),
}
"""The Pauli matrices."""

_H = np.array([[1, 1], [1, -1]], dtype=complex) / math.sqrt(2)
_SX = np.array([[1 + 1j, 1 - 1j], [1 - 1j, 1 + 1j]]) / 2
_CNOT = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]], dtype=complex)
_CZ = np.diag([1, 1, 1, -1]).astype(complex)
_SWAP = np.array([[1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1]], dtype=complex)


@dataclass(frozen=True, eq=False)
class Gate:
    """One row of the table.

    Exactly one of `axis`, `fixed` and `parts` is given. `pennylane` and `qasm` are the gate's
    names there; `symbols` are what a drawing shows on each of the gate's wires. `parts` are gates
    that make up this one, up to a global phase: name, wires counted from 0, and angle, in which
    `Weight(k)` is this gate's own k-th angle.

    Raises:
        ConfigurationError: for an axis that is not X, Y or Z.
        CircuitError: for a row that engines could not run.
    """

    name: str
    num_qubits: int
    pennylane: str
    qasm: str
    symbols: tuple[str, ...]
    axis: Axis | None = None
    fixed: Complex[np.ndarray, "A A"] | None = None
    parts: tuple[Part, ...] = ()

    def __post_init__(self) -> None:
        given = [self.axis is not None, self.fixed is not None, bool(self.parts)]
        if sum(given) != 1:
            raise CircuitError(
                f"gate {self.name} must have an axis, a fixed matrix or parts, and one of these, "
                f"got {sum(given)}"
            )
        if self.parts:
            return
        if self.fixed is None:
            if self.axis not in PAULIS:
                raise unknown_name("axis", self.axis, PAULIS)
            if self.num_qubits != 1:
                raise CircuitError(
                    f"gate {self.name} must act on one qubit, as it is a rotation, "
                    f"got {self.num_qubits}"
                )
            return
        one = np.eye(2**self.num_qubits)
        product = self.fixed @ self.fixed.conj().T if self.fixed.shape == one.shape else 0 * one
        if not np.allclose(product, one, atol=1e-12):
            raise CircuitError(
                f"gate {self.name} must have a unitary matrix of shape {one.shape}, "
                f"got {shown(self.fixed)}"
            )
        if self.num_qubits > 1 and not (np.count_nonzero(self.fixed, axis=1) == 1).all():
            raise CircuitError(
                f"gate {self.name} must permute basis states up to phases, as it acts on several "
                f"qubits, got {shown(self.fixed)}"
            )

    @property
    def is_rotation(self) -> bool:
        """Whether the gate is a rotation about an axis."""
        return self.axis is not None

    @cached_property
    def num_angles(self) -> int:
        """How many angles the gate takes."""
        read = [leaf.index for *_, angle in self.parts for leaf in leaves(angle or 0.0)]
        return max(read, default=-1) + 1 if self.parts else int(self.is_rotation)

    @property
    def turn(self) -> Complex[np.ndarray, "2 2"]:
        """-i P: the matrix that sin(t/2) multiplies in the rotation U(t)."""
        if self.axis is None:
            raise CircuitError(f"{self.name} must be a rotation to have an axis")
        return -1j * PAULIS[self.axis]

    @property
    def is_real(self) -> bool:
        """Whether the matrix is real at every angle."""
        return bool(np.isreal(self.matrix(*[1.0] * self.num_angles)).all())

    def matrix(self, *angles: float) -> Complex[np.ndarray, "A A"]:
        """The unitary matrix at the gate's angles in radians; of parts, up to a global phase.

        >>> gate("RX").matrix(np.pi).round(12)
        array([[0.+0.j, 0.-1.j],
               [0.-1.j, 0.+0.j]])
        """
        if len(angles) != self.num_angles:
            raise CircuitError(f"{self.name} must be given {self.num_angles} angle(s)")
        if self.fixed is not None:
            return self.fixed
        if self.parts:
            product = np.eye(2**self.num_qubits, dtype=complex)
            for name, wires, of in self.parts:
                at = () if of is None else (value(of, (), angles),)
                product = _on_wires(gate(name).matrix(*at), wires, self.num_qubits) @ product
            return product
        (angle,) = angles
        return math.cos(angle / 2) * np.eye(2) + math.sin(angle / 2) * self.turn


def _on_wires(
    matrix: Complex[np.ndarray, "A A"], wires: tuple[int, ...], num_qubits: int
) -> Complex[np.ndarray, "S S"]:
    """A matrix on some wires as one on all of them."""
    count = len(wires)
    whole = np.eye(2**num_qubits, dtype=complex).reshape([2] * num_qubits + [-1])
    turned = np.tensordot(matrix.reshape([2] * 2 * count), whole, (range(count, 2 * count), wires))
    return np.moveaxis(turned, range(count), wires).reshape(2**num_qubits, -1)


def on_states(
    monomial: Complex[np.ndarray, "A A"], wires: tuple[int, ...], num_qubits: int
) -> tuple[Int[np.ndarray, " S"], Complex[np.ndarray, " S"]]:
    """What a monomial matrix on some wires does to a state vector of `num_qubits` qubits.

    Returns:
        For each basis state s its source and its factor: new[s] = factor[s] * old[source[s]].

    >>> on_states(gate("CNOT").matrix(), (1, 0), num_qubits=2)[0]
    array([0, 3, 2, 1])
    """
    states = np.arange(2**num_qubits)
    shifts = [num_qubits - 1 - wire for wire in wires]
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
        Gate("RX", 1, "RX", "rx", ("RX",), axis="X"),
        Gate("RY", 1, "RY", "ry", ("RY",), axis="Y"),
        Gate("RZ", 1, "RZ", "rz", ("RZ",), axis="Z"),
        Gate("H", 1, "Hadamard", "h", ("H",), fixed=_H),
        Gate("X", 1, "PauliX", "x", ("X",), fixed=PAULIS["X"]),
        Gate("Y", 1, "PauliY", "y", ("Y",), fixed=PAULIS["Y"]),
        Gate("Z", 1, "PauliZ", "z", ("Z",), fixed=PAULIS["Z"]),
        Gate("S", 1, "S", "s", ("S",), fixed=np.diag([1, 1j])),
        Gate("T", 1, "T", "t", ("T",), parts=(("RZ", (0,), EIGHTH),)),
        Gate("SX", 1, "SX", "sx", ("SX",), fixed=_SX),
        Gate("CNOT", 2, "CNOT", "cx", ("●", "⊕"), fixed=_CNOT),
        Gate("CZ", 2, "CZ", "cz", ("●", "●"), fixed=_CZ),
        Gate("SWAP", 2, "SWAP", "swap", ("╳", "╳"), fixed=_SWAP),
        Gate("PhaseShift", 1, "PhaseShift", "p", ("P",), parts=(("RZ", (0,), ANGLE),)),
        Gate("Rot", 1, "Rot", "", ("Rot",), parts=EULER),
        Gate(
            "U3",
            1,
            "U3",
            "u3",
            ("U3",),
            parts=(
                ("RZ", (0,), Weight(2)),
                ("RY", (0,), Weight(0)),
                ("RZ", (0,), Weight(1)),
            ),
        ),
        Gate("CRX", 2, "CRX", "crx", ("●", "RX"), parts=(TURN_SECOND, *CRZ, TURN_SECOND)),
        Gate("CRY", 2, "CRY", "cry", ("●", "RY"), parts=CRY),
        Gate("CRZ", 2, "CRZ", "crz", ("●", "RZ"), parts=CRZ),
        Gate(
            "CRot",
            2,
            "CRot",
            "",
            ("●", "Rot"),
            parts=(
                *at_angles(CRZ, Weight(0)),
                *at_angles(CRY, Weight(1)),
                *at_angles(CRZ, Weight(2)),
            ),
        ),
        Gate(
            "CPhase",
            2,
            "ControlledPhaseShift",
            "cp",
            ("●", "P"),
            parts=(
                ("RZ", (0,), 0.5 * ANGLE),
                *CRZ,
            ),
        ),
        Gate(
            "IsingXX",
            2,
            "IsingXX",
            "",
            ("XX", "XX"),
            parts=(
                *on_both("H"),
                *ISING_ZZ,
                *on_both("H"),
            ),
        ),
        Gate(
            "IsingYY",
            2,
            "IsingYY",
            "",
            ("YY", "YY"),
            parts=(
                *on_both("Z", "S", "H"),
                *ISING_ZZ,
                *on_both("H", "S"),
            ),
        ),
        Gate("IsingZZ", 2, "IsingZZ", "", ("ZZ", "ZZ"), parts=ISING_ZZ),
        Gate("ISWAP", 2, "ISWAP", "", ("iSWAP", "iSWAP"), parts=ISWAP),
        Gate("Toffoli", 3, "Toffoli", "ccx", ("●", "●", "⊕"), parts=TOFFOLI),
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
