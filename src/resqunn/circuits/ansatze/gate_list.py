"""A layer that is given by its gates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from resqunn.checks import check_fields
from resqunn.circuits.ansatze.base import Ansatz, weights_read
from resqunn.circuits.operations import Operation


@dataclass(frozen=True)
class GateList(Ansatz):
    """A layer that is given by its gates, as many weights as they read.

    >>> from resqunn import Weight
    >>> ring = GateList([Operation("CRZ", (q, (q + 1) % 3), Weight(q)) for q in range(3)])
    >>> ring.weight_shape(depth=2, num_qubits=3)
    (2, 3)
    """

    operations: Sequence[Operation]
    name: str = "gates"

    def __post_init__(self) -> None:
        check_fields(self)
        object.__setattr__(self, "operations", tuple(self.operations))

    def layer_shape(self, num_qubits: int) -> tuple[int, ...]:
        return (weights_read(self.operations),)

    def layer(self, index: int, num_qubits: int) -> tuple[Operation, ...]:
        return tuple(self.operations)
