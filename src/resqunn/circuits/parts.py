"""What gates are made of that are no rotation and no fixed gate, up to a global phase.

A part is the name of a gate, its wires counted from 0, and its angle, in which `Weight(k)` is the
k-th angle of the gate that is made.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TypeAlias

from resqunn.circuits.angles import AnyAngle, Weight, replaced

Part: TypeAlias = tuple[str, tuple[int, ...], AnyAngle | None]


def controlled(axis: str) -> tuple[Part, ...]:
    """A rotation about Y or Z, controlled by the first qubit."""
    half, minus = 0.5 * Weight(0), -0.5 * Weight(0)
    return (axis, (1,), half), ("CNOT", (0, 1), None), (axis, (1,), minus), ("CNOT", (0, 1), None)


def on_both(*gates: str) -> tuple[Part, ...]:
    """These fixed gates on both qubits."""
    return tuple((name, (q,), None) for name in gates for q in (0, 1))


def at_angles(parts: Iterable[Part], *angles: AnyAngle) -> tuple[Part, ...]:
    """The same parts at other angles."""
    return tuple(
        (name, wires, None if of is None else replaced(of, lambda leaf: angles[leaf.index]))
        for name, wires, of in parts
    )


ANGLE = Weight(0)
EULER: tuple[Part, ...] = tuple(
    (axis, (0,), Weight(k)) for k, axis in enumerate(("RZ", "RY", "RZ"))
)
CRY, CRZ = controlled("RY"), controlled("RZ")
TURN_SECOND: Part = ("H", (1,), None)
ISING_ZZ: tuple[Part, ...] = (("CNOT", (0, 1), None), ("RZ", (1,), ANGLE), ("CNOT", (0, 1), None))
EIGHTH = math.pi / 4
TOFFOLI: tuple[Part, ...] = (
    ("H", (2,), None), ("CNOT", (1, 2), None), ("RZ", (2,), -EIGHTH), ("CNOT", (0, 2), None),
    ("RZ", (2,), EIGHTH), ("CNOT", (1, 2), None), ("RZ", (2,), -EIGHTH), ("CNOT", (0, 2), None),
    ("RZ", (1,), EIGHTH), ("RZ", (2,), EIGHTH), ("H", (2,), None), ("CNOT", (0, 1), None),
    ("RZ", (0,), EIGHTH), ("RZ", (1,), -EIGHTH), ("CNOT", (0, 1), None),
)  # fmt: skip
ISWAP: tuple[Part, ...] = (
    *on_both("S"), ("H", (0,), None), ("CNOT", (0, 1), None), ("CNOT", (1, 0), None), TURN_SECOND,
)  # fmt: skip
