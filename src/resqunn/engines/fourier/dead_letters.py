"""Letters of Pauli strings that cannot lead to a value other than zero.

A letter on a qubit lives if it, or its product with letters of the moves that are still to come
(`circuits/pushed.py`), is worth something in the encoding's product state.

Shape suffix: S strings.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from resqunn.circuits.pauli_strings import LETTERS
from resqunn.circuits.pushed import Item
from resqunn.engines.fourier.product_state import ProductState

Bits = Any
"""An array of 64-bit words, one a string."""


class Dead(NamedTuple):
    """For each letter, the qubits on which a string that has it there can be left out."""

    x: int
    y: int
    z: int

    @staticmethod
    def outside(alive: Sequence[set[tuple[int, int]]]) -> Dead:
        """All letters but those that are alive on each qubit."""
        return Dead(
            *(
                sum(1 << qubit for qubit, letters in enumerate(alive) if letter not in letters)
                for letter in LETTERS.values()
            )
        )

    def covers(self, x_S: Bits, z_S: Bits) -> Bits:
        """Which strings have a dead letter."""
        dead_x, dead_y, dead_z = (np.uint64(letter) for letter in self)
        return (x_S & ~z_S & dead_x | x_S & z_S & dead_y | ~x_S & z_S & dead_z) != 0


def dead_letters(items: Sequence[Item], state: ProductState) -> list[Dead]:
    """The dead letters before each item, and after the last."""
    alive = [{(0, 0), *letters} for letters in state.letters]
    result = [Dead.outside(alive)]
    for item in reversed(items):
        for qubit, letters in enumerate(alive):
            moves = {(move.x >> qubit & 1, move.z >> qubit & 1) for move in item.moves}
            letters |= {(a ^ x, b ^ z) for a, b in letters for x, z in moves}
        result.append(Dead.outside(alive))
    return result[::-1]
