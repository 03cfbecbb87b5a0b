"""An operation: a gate on some qubits, at an angle that may be given later."""

from __future__ import annotations

from dataclasses import dataclass, replace

from resqunn.circuits.gates import Gate, gate
from resqunn.errors import CircuitError


@dataclass(frozen=True)
class Input:
    """The angle is input value `index` of the circuit, in radians."""

    index: int

    def __str__(self) -> str:
        return f"x{self.index}"


@dataclass(frozen=True)
class Weight:
    """The angle is trainable weight `index` (flattened row-major), in radians."""

    index: int

    def __str__(self) -> str:
        return f"w{self.index}"


Angle = Input | Weight


@dataclass(frozen=True)
class Operation:
    """Gate `name` of the gate table on `qubits`, with an angle if it is a rotation.

    Raises:
        ConfigurationError: if there is no such gate.
        CircuitError: if the qubits or the angle do not fit the gate.
    """

    name: str
    qubits: tuple[int, ...]
    angle: Angle | None = None

    def __post_init__(self) -> None:
        row = gate(self.name)
        if len(self.qubits) != row.qubits or len(set(self.qubits)) != row.qubits:
            raise CircuitError(
                f"{self.name} acts on {row.qubits} different qubit(s), not on {self.qubits}"
            )
        if row.is_rotation != (self.angle is not None):
            needs = "needs an angle" if row.is_rotation else "takes no angle"
            raise CircuitError(f"{self.name} {needs}, but its angle is {self.angle}")

    @property
    def gate(self) -> Gate:
        """The row of the gate table."""
        return gate(self.name)

    def shifted(self, weights: int) -> Operation:
        """The same operation with its weight index raised by `weights`."""
        if not isinstance(self.angle, Weight):
            return self
        return replace(self, angle=Weight(self.angle.index + weights))
