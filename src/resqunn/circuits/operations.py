"""An operation: a gate on some qubits, at an angle that may be given later."""

from __future__ import annotations

from dataclasses import dataclass, replace

from resqunn.checks import settle_fields
from resqunn.circuits.gates import Gate, gate
from resqunn.errors import CircuitError


@dataclass(frozen=True)
class _Numbered:
    index: int

    def __post_init__(self) -> None:
        if type(self.index) is not int:
            settle_fields(self)
        if self.index < 0:
            raise CircuitError(f"index must be 0 or more, got {self.index}")


@dataclass(frozen=True)
class Input(_Numbered):
    """The angle is input value `index` of the circuit, in radians."""

    def __str__(self) -> str:
        return f"x{self.index}"


@dataclass(frozen=True)
class Weight(_Numbered):
    """The angle is trainable weight `index` (flattened row-major), in radians."""

    def __str__(self) -> str:
        return f"w{self.index}"


Angle = Input | Weight


@dataclass(frozen=True)
class Operation:
    """Gate `name` of the gate table on `qubits`, with an angle if it is a rotation.

    Raises:
        ConfigurationError: if there is no such gate, or for an argument of a wrong type.
        CircuitError: if the qubits or the angle do not fit the gate.
    """

    name: str
    qubits: tuple[int, ...]
    angle: Angle | None = None

    def __post_init__(self) -> None:
        # NumPy's whole numbers become Python's; most operations have those already.
        if type(self.qubits) is not tuple or any(type(q) is not int for q in self.qubits):
            settle_fields(self)
        row = gate(self.name)
        if len(self.qubits) != row.num_qubits or len(set(self.qubits)) != row.num_qubits:
            raise CircuitError(
                f"{self.name} must act on {row.num_qubits} different qubit(s), got {self.qubits}"
            )
        if row.is_rotation != (self.angle is not None):
            needs = "an" if row.is_rotation else "no"
            raise CircuitError(f"{self.name} must have {needs} angle, got {self.angle}")

    @property
    def gate(self) -> Gate:
        """The row of the gate table."""
        return gate(self.name)

    def shifted(self, weights: int) -> Operation:
        """The same operation with its weight index raised by `weights`."""
        if not isinstance(self.angle, Weight):
            return self
        return replace(self, angle=Weight(self.angle.index + weights))
