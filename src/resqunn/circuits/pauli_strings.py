r"""Pauli strings, and a circuit as a sequence of rotations about them.

A string is two integers `x` and `z`: bit q of `x` says that the string has an X on qubit q,
bit q of `z` a Z, and both together a Y. With $|\cdot|$ the number of set bits,

$$W(x, z) = i^{|x \wedge z|} X^x Z^z, \qquad
W_1 W_2 = i^{|x_1 \wedge z_1| + |x_2 \wedge z_2| + 2 |z_1 \wedge x_2| - |x \wedge z|} W(x, z)$$

with $x = x_1 \oplus x_2$ and $z = z_1 \oplus z_2$ (Aaronson and Gottesman,
arXiv:quant-ph/0406196).

Clifford gates $C$ map strings to signed strings, $C^\dagger W C = \pm W'$.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import cache, reduce
from typing import NamedTuple

import numpy as np

from resqunn.circuits.gates import PAULIS, Gate, gate
from resqunn.circuits.operations import Operation
from resqunn.errors import CircuitError

LETTERS = {"X": (1, 0), "Y": (1, 1), "Z": (0, 1)}
"""The bits of a string of one qubit."""


class Pauli(NamedTuple):
    """`sign` times the string of `x` and `z`."""

    sign: int
    x: int
    z: int


def anticommute(a: Pauli, b: Pauli) -> bool:
    """Whether the two strings anticommute; otherwise they commute."""
    return ((a.x & b.z).bit_count() + (a.z & b.x).bit_count()) % 2 == 1


def turned(axis: Pauli, string: Pauli) -> Pauli:
    r"""$i P Q$ for anticommuting strings $P$ (`axis`) and $Q$ (`string`).

    It is where a rotation takes $Q$: $e^{itP/2} Q e^{-itP/2} = \cos(t) Q + \sin(t)\, i P Q$.

    >>> turned(Pauli(1, 1, 0), Pauli(1, 0, 1))  # i X Z = Y
    Pauli(sign=1, x=1, z=1)
    """
    x, z = axis.x ^ string.x, axis.z ^ string.z
    power = (
        1
        + (axis.x & axis.z).bit_count()
        + (string.x & string.z).bit_count()
        + 2 * (axis.z & string.x).bit_count()
        - (x & z).bit_count()
    )
    return Pauli(axis.sign * string.sign * (1 - power % 4), x, z)


def powers_of_products(axis: Pauli, x_S: np.ndarray, z_S: np.ndarray) -> np.ndarray:
    """The powers of i in `axis`, without its sign, times each of many strings, given as words of 64
    bits."""
    axis_x, axis_z = np.uint64(axis.x), np.uint64(axis.z)
    x_after_S, z_after_S = axis_x ^ x_S, axis_z ^ z_S
    return (
        (axis.x & axis.z).bit_count()
        + np.bitwise_count(x_S & z_S).astype(np.int64)
        + 2 * np.bitwise_count(axis_z & x_S).astype(np.int64)
        - np.bitwise_count(x_after_S & z_after_S)
    )


def signs_of_turned(axis: Pauli, x_S: np.ndarray, z_S: np.ndarray) -> np.ndarray:
    """The signs of `turned` for many strings, given as words of 64 bits."""
    return axis.sign * (1 - (1 + powers_of_products(axis, x_S, z_S)) % 4)


def anticommuting(axis: Pauli, x_S: np.ndarray, z_S: np.ndarray) -> np.ndarray:
    """Which of many strings, given as words of 64 bits, anticommute with one."""
    crossings_S = np.bitwise_count(x_S & np.uint64(axis.z))
    return (crossings_S + np.bitwise_count(z_S & np.uint64(axis.x))) % 2 == 1


def through(operations: Sequence[Operation], string: Pauli) -> Pauli:
    r"""$C^\dagger W C$, with $C$ the fixed gates `operations` in the order they act."""
    sign, x, z = string
    for operation in reversed(operations):
        bits = list(enumerate(operation.qubits))
        local_x = sum((x >> q & 1) << k for k, q in bits)
        local_z = sum((z >> q & 1) << k for k, q in bits)
        factor, new_x, new_z = conjugations(operation.name)[local_x, local_z]
        sign *= factor
        for k, q in bits:
            x = x & ~(1 << q) | (new_x >> k & 1) << q
            z = z & ~(1 << q) | (new_z >> k & 1) << q
    return Pauli(sign, x, z)


def axis_of(operation: Operation) -> Pauli:
    """The string that a rotation of the gate table turns about."""
    axis, qubit = operation.gate.axis, operation.qubits[0]
    assert axis is not None
    x, z = LETTERS[axis]
    return Pauli(1, x << qubit, z << qubit)


@cache
def _matrices(qubits: int) -> dict[tuple[int, int], np.ndarray]:
    """The matrix of each string of `qubits` qubits; qubit 0 is the most significant bit."""
    of_bits = {(0, 0): np.eye(2)} | {LETTERS[axis]: matrix for axis, matrix in PAULIS.items()}
    return {
        (
            sum(x << k for k, (x, _) in enumerate(letters)),
            sum(z << k for k, (_, z) in enumerate(letters)),
        ): reduce(np.kron, [of_bits[letter] for letter in letters])
        for letters in itertools.product(of_bits, repeat=qubits)
    }


def _recognised(matrix: np.ndarray, row: Gate) -> Pauli:
    """The signed string that `matrix` is."""
    for (x, z), candidate in _matrices(row.num_qubits).items():
        for sign in (1, -1):
            if np.allclose(matrix, sign * candidate, atol=1e-12):
                return Pauli(sign, x, z)
    raise CircuitError(f"gate {row.name} is neither a rotation nor a Clifford gate")


@cache
def conjugations(name: str) -> dict[tuple[int, int], Pauli]:
    r"""$C^\dagger W C$ for each string $W$ on the qubits of fixed gate $C$."""
    row = gate(name)
    unitary = row.matrix()
    return {
        string: _recognised(unitary.conj().T @ matrix @ unitary, row)
        for string, matrix in _matrices(row.num_qubits).items()
    }
