"""What an encoding is: how the values of a patch become a quantum state."""

from __future__ import annotations

from abc import ABC, abstractmethod

from resqunn.circuits.angles import AnyAngle
from resqunn.circuits.operations import Operation


class Encoding(ABC):
    """Base class of every encoding."""

    name: str

    prepares_amplitudes: bool = False
    """True if the values, or what `amplitudes` computes of them, are the amplitudes of the initial
    state instead of angles."""

    @abstractmethod
    def num_qubits(self, values: int) -> int:
        """How many qubits `values` input values need."""

    @abstractmethod
    def operations(self, values: int) -> tuple[Operation, ...]:
        """The gates that encode `values` input values; their weights are numbered from 0."""

    def num_weights(self, values: int) -> int:
        """How many trainable weights the gates have; none by default. A circuit that repeats the
        encoding takes the same ones each time, and numbers them after those of its ansatz."""
        return 0

    def amplitudes(self, values: int) -> tuple[AnyAngle, ...] | None:
        """The amplitudes up to a factor, computed of inputs; None, the default, for the inputs
        themselves."""
        return None
