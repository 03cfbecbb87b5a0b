"""Rotations and channels in an order in which few strings are reached.

Items that commute may change places. The sooner a qubit has met the last item that changes letters
on it, the sooner letters there are dead (`dead_letters.py`), and the fewer strings are reached.

Two items commute if all their axes do. Channels that multiply strings by numbers commute with each
other, and with a rotation if they multiply all strings that it may mix by one number.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool

from resqunn.circuits.pauli_strings import anticommuting
from resqunn.circuits.pushed import Item, PushedChannel


def by_qubit(items: Sequence[Item]) -> list[Item]:
    """The items, with an equal product, in an order that finishes qubit after qubit."""
    blocking = [
        int.from_bytes(np.packbits(row, bitorder="little").tobytes(), "little")
        for row in _blocking(items)
    ]
    touched = [0] * len(items)
    for k, item in enumerate(items):
        for move in item.moves:
            touched[k] |= move.x | move.z
    left = list(range(len(items)))
    ordered: list[int] = []
    while any(touched[k] for k in left):
        shortest: list[int] | None = None
        for qubit in range(max(touched[k].bit_length() for k in left)):
            # What changes letters on the qubit, and all that must come before.
            chosen: list[int] = []
            members = 0
            for k in reversed(left):
                if touched[k] >> qubit & 1 or blocking[k] & members:
                    chosen.append(k)
                    members |= 1 << k
            if chosen and (shortest is None or len(chosen) < len(shortest)):
                shortest = chosen
        assert shortest is not None
        ordered += reversed(shortest)
        gone = set(shortest)
        left = [k for k in left if k not in gone]
    return [items[k] for k in (*ordered, *left)]


def _blocking(items: Sequence[Item]) -> Bool[np.ndarray, "K K"]:
    """Which items may not change places."""
    axes = [axis for item in items for axis in item.axes]
    begin_K = np.cumsum([0, *(len(item.axes) for item in items)])[:-1]
    x = np.array([axis.x for axis in axes], dtype=np.uint64)
    z = np.array([axis.z for axis in axes], dtype=np.uint64)
    found = np.zeros((len(items), len(items)), dtype=bool)
    for k, item in enumerate(items):
        for axis in item.axes:
            found[k] |= np.logical_or.reduceat(anticommuting(axis, x, z), begin_K)
    channel_K = np.array([isinstance(item, PushedChannel) for item in items])
    pauli_K = np.array([isinstance(item, PushedChannel) and item.is_pauli for item in items])
    for k, item in enumerate(items):
        if isinstance(item, PushedChannel) and item.is_pauli:
            words = np.arange(len(item.words))
            same = np.array([(item.factors == item.factors[words ^ word]).all() for word in words])
            of_rotations_K = same[item.words_of(x, z)[begin_K]]
            passed_K = np.where(channel_K, pauli_K, of_rotations_K)
            found[k] &= ~passed_K
            found[:, k] &= ~passed_K
    return found
