"""An operation: a gate on some qubits, at angles that may be given later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from resqunn.checks import require
from resqunn.circuits.angles import (
    Angle,
    AnyAngle,
    Expression,
    Input,
    Weight,
    replaced,
    settled_angle,
)
from resqunn.circuits.gates import Gate, gate
from resqunn.circuits.parts import Part
from resqunn.errors import CircuitError

__all__ = ["Angle", "AnyAngle", "Expression", "Input", "Operation", "Weight", "expanded"]


@dataclass(frozen=True)
class Operation:
    """Gate `name` of the gate table on `qubits`, with an angle if it takes one, or a tuple of
    angles if it takes several.

    Raises:
        ConfigurationError: if there is no such gate, or for an argument of a wrong type.
        CircuitError: if the qubits or the angles do not fit the gate.
    """

    name: str
    qubits: tuple[int, ...]
    angle: AnyAngle | tuple[AnyAngle, ...] | None = None

    def __post_init__(self) -> None:
        # NumPy's whole numbers become Python's; most operations have those already.
        if type(self.qubits) is not tuple or any(type(q) is not int for q in self.qubits):
            require("qubits", self.qubits, tuple[int, ...])
            object.__setattr__(self, "qubits", tuple(map(int, self.qubits)))
        row = gate(self.name)
        if len(self.qubits) != row.num_qubits or len(set(self.qubits)) != row.num_qubits:
            raise CircuitError(
                f"{self.name} must act on {row.num_qubits} different qubit(s), got {self.qubits}"
            )
        angles = self.angles
        if len(angles) != row.num_angles:
            text = ", ".join(map(str, angles)) or None
            count = ("no angle", "an angle", "two angles", "three angles")[row.num_angles]
            raise CircuitError(f"{self.name} must have {count}, got {text}")
        if angles and not (len(angles) == 1 and isinstance(self.angle, Input | Weight)):
            settled = tuple(map(settled_angle, angles))
            object.__setattr__(self, "angle", settled[0] if len(settled) == 1 else settled)

    @property
    def gate(self) -> Gate:
        """The row of the gate table."""
        return gate(self.name)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The gates that make up this one, if it is made of others."""
        return self.gate.parts

    @property
    def symbols(self) -> tuple[str, ...]:
        """What a drawing shows on each of its wires."""
        return self.gate.symbols

    @property
    def angles(self) -> tuple[AnyAngle, ...]:
        """The angles, one, several or none."""
        if isinstance(self.angle, tuple | list):
            return tuple(self.angle)
        return () if self.angle is None else (self.angle,)

    def angle_of(self, leaf: Input | Weight) -> AnyAngle:
        """The angle that a gate's `parts` name by its number."""
        return self.angles[leaf.index]

    def with_leaves(self, leaf: Callable[[Input | Weight], AnyAngle]) -> Operation:
        """The same operation with something in place of each input and weight."""
        found = tuple(replaced(angle, leaf) for angle in self.angles)
        return replace(self, angle=found if len(found) != 1 else found[0]) if found else self

    def shifted(self, weights: int) -> Operation:
        """The same operation with its weight indices raised by `weights`."""
        if isinstance(self.angle, Input) or not weights:
            return self
        return self.with_leaves(
            lambda leaf: Weight(leaf.index + weights) if isinstance(leaf, Weight) else leaf
        )


def expanded(operations: Sequence[Operation]) -> list[Operation]:
    """The operations with gates that are made of others written out, up to a global phase."""
    found: list[Operation] = []
    for operation in operations:
        parts_of = operation.parts
        if not parts_of:
            found.append(operation)
            continue
        parts = []
        for name, wires, angle in parts_of:
            at = None if angle is None else replaced(angle, operation.angle_of)
            parts.append(Operation(name, tuple(operation.qubits[q] for q in wires), at))
        found += expanded(parts)
    return found
