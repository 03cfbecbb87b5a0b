"""What an ansatz is: trainable gates in layers, and gates before and after these."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable

from resqunn.circuits.angles import Weight, leaves
from resqunn.circuits.operations import Operation


class Ansatz(ABC):
    r"""Base class of every ansatz.

    With $F$ the gates `first`, $A_l$ the layers and $B$ the gates `last`, a circuit applies
    $B\,A_L \cdots A_1\,F$ after its encoding. Weights of each part are numbered from 0; the
    circuit numbers those of $F$ first, then those of the layers, then those of $B$.
    """

    name: str

    @abstractmethod
    def layer_shape(self, num_qubits: int) -> tuple[int, ...]:
        """The shape of one layer's weights."""

    @abstractmethod
    def layer(self, index: int, num_qubits: int) -> tuple[Operation, ...]:
        """The gates of layer `index`, its weights numbered row-major from 0."""

    def first(self, num_qubits: int) -> tuple[Operation, ...]:
        """Gates before the first layer, at any depth; none by default."""
        return ()

    def last(self, num_qubits: int) -> tuple[Operation, ...]:
        """Gates after the last layer, at any depth; none by default."""
        return ()

    def weight_shape(self, depth: int, num_qubits: int) -> tuple[int, ...]:
        """The shape of the weights at `depth` layers: (depth, *layer_shape), or all in a row where
        there are weights before or after the layers."""
        others = weights_read(self.first(num_qubits)) + weights_read(self.last(num_qubits))
        if not others:
            return (depth, *self.layer_shape(num_qubits))
        return (others + depth * self.num_layer_weights(num_qubits),)

    def num_layer_weights(self, num_qubits: int) -> int:
        """How many weights one layer has."""
        return math.prod(self.layer_shape(num_qubits))


def weights_read(operations: Iterable[Operation]) -> int:
    """How many weights operations have: one more than the highest number of one."""
    read = [
        leaf.index
        for operation in operations
        for angle in operation.angles
        for leaf in leaves(angle)
        if isinstance(leaf, Weight)
    ]
    return 1 + max(read, default=-1)
