"""Circuits shaped as tensor networks, of blocks of two qubits.

A block is RY on each of its qubits, by two weights, and a CNOT from the first to the second.
"""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from resqunn.circuits.angles import Weight
from resqunn.circuits.ansatze.base import Ansatz
from resqunn.circuits.operations import Operation

Pairs = tuple[tuple[int, int], ...]


class _Blocks(Ansatz):
    """A layer is blocks on pairs of qubits, with two weights each: (blocks, 2)."""

    @abstractmethod
    def blocks(self, num_qubits: int) -> Pairs:
        """The qubits of each block, in order; none for one qubit."""

    def layer_shape(self, num_qubits: int) -> tuple[int, ...]:
        return (len(self.blocks(num_qubits)), 2)

    def layer(self, index: int, num_qubits: int) -> tuple[Operation, ...]:
        found: list[Operation] = []
        for block, pair in enumerate(self.blocks(num_qubits)):
            found += (Operation("RY", (q,), Weight(2 * block + k)) for k, q in enumerate(pair))
            found.append(Operation("CNOT", pair))
        return tuple(found)


@dataclass(frozen=True)
class MatrixProduct(_Blocks):
    """Blocks on qubits 0 and 1, 1 and 2, ...: a matrix product state.

    Huggins et al., arXiv:1803.11537; PennyLane's `MPS` with blocks of two qubits.
    """

    name: str = "mps"

    def blocks(self, num_qubits: int) -> Pairs:
        return tuple(itertools.pairwise(range(num_qubits)))


@dataclass(frozen=True)
class TreeTensorNetwork(_Blocks):
    """A binary tree: blocks on pairs of neighbours, then on the second qubits of these, and so on
    up to one block.

    Grant et al., arXiv:1804.03680; PennyLane's `TTN` with blocks of two qubits where their number
    is a power of two. For other numbers a qubit without a partner waits for the next level.
    """

    name: str = "ttn"

    def blocks(self, num_qubits: int) -> Pairs:
        found: list[tuple[int, int]] = []
        left: Sequence[int] = range(num_qubits)
        while len(left) > 1:
            level = [(left[k], left[k + 1]) for k in range(0, len(left) - 1, 2)]
            found += level
            left = [second for _, second in level] + list(left[2 * len(level) :])
        return tuple(found)


@dataclass(frozen=True)
class Mera(_Blocks):
    """The multi-scale entanglement renormalization ansatz: between the levels of a tree further
    blocks join neighbours around a ring.

    Vidal, arXiv:quant-ph/0610099; PennyLane's `MERA` with blocks of two qubits, in its order of
    qubits. As there, it acts on the largest power of two of the qubits, from qubit 0 on; other
    qubits are left alone.
    """

    name: str = "mera"

    def blocks(self, num_qubits: int) -> Pairs:
        if num_qubits < 2:
            return ()
        found = level = [(0, 1)]
        width = 2
        while 2 * width <= num_qubits:
            # Seen from the end: each block grows two qubits, and new blocks join what grew.
            fresh = itertools.count(width)
            grown = [pair for a, b in level for pair in ((a, next(fresh)), (next(fresh), b))]
            level = [(grown[k - 1][1], grown[k][0]) for k in range(1, len(grown))]
            level.append((grown[-1][1], grown[0][0]))
            found = found + grown + level
            width *= 2
        return tuple(reversed(found))
