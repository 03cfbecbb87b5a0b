"""Which pairs of qubits an entangling layer joins."""

from __future__ import annotations

import itertools

from resqunn.circuits.gates import gate
from resqunn.errors import CircuitError, ConfigurationError, unknown_name

MOST_PAIRS = 2**17
"""Pairs of a layer: lists of this size are made in a second."""

ENTANGLEMENTS = ("linear", "reverse_linear", "circular", "full", "pairwise")


def check_entanglement(name: str) -> None:
    """
    Raises:
        ConfigurationError: for a name that `ENTANGLEMENTS` does not hold.
    """
    if name not in ENTANGLEMENTS:
        raise unknown_name("entanglement", name, ENTANGLEMENTS)


def pairs(name: str, num_qubits: int) -> tuple[tuple[int, int], ...]:
    """The pairs in order, named as in Qiskit's circuit library.

    `"linear"` joins neighbours from qubit 0 on, `"reverse_linear"` the same from the other end,
    `"circular"` the last qubit with qubit 0 and then neighbours (of three qubits and more),
    `"full"` each qubit with all later ones, `"pairwise"` every second pair of neighbours and then
    the others.

    Raises:
        CircuitError: for more than 131,072 pairs.

    >>> pairs("circular", 3)
    ((2, 0), (0, 1), (1, 2))
    """
    if name == "full" and num_qubits * (num_qubits - 1) // 2 > MOST_PAIRS:
        raise CircuitError(
            f"a circuit must have {MOST_PAIRS:,} pairs of qubits or fewer to join them all, got "
            f"{num_qubits:,} qubits"
        )
    line = tuple(itertools.pairwise(range(num_qubits)))
    if name == "reverse_linear":
        return line[::-1]
    if name == "circular" and num_qubits > 2:
        return ((num_qubits - 1, 0), *line)
    if name == "full":
        return tuple(itertools.combinations(range(num_qubits), 2))
    if name == "pairwise":
        return line[::2] + line[1::2]
    return line


def check_gate(kind: str, name: str, num_qubits: int, angles: tuple[int, ...]) -> None:
    """Asks whether a gate acts on so many qubits and has one of these numbers of angles.

    Raises:
        ConfigurationError: if it does not, or no table holds it.
    """
    row = gate(name)
    if row.num_qubits != num_qubits or row.num_angles not in angles:
        counts = " or ".join(map(str, angles))
        raise ConfigurationError(
            f"{kind} must be a gate on {num_qubits} qubit(s) with {counts} angle(s), got {name!r}, "
            f"on {row.num_qubits} with {row.num_angles}"
        )
