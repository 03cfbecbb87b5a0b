r"""A noisy circuit as rotations about Pauli strings and channels, without fixed gates.

Clifford gates C pass through what follows them, as in `fourier/pauli.py`: the state that is
followed is $C^\dagger \rho C$ with C all fixed gates so far, so that they take no time. A channel
then knows the letters of a string by what becomes of its qubits' letters, $C^\dagger P C$.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from resqunn.circuits.channels import ChannelOperation
from resqunn.circuits.operations import Input, Operation, Weight
from resqunn.engines.fourier.pauli import LETTERS, Pauli, anticommute, axis_of, through

Strings = tuple[Int[np.ndarray, " S"], Int[np.ndarray, " S"]]
"""The bits x and z of many strings."""

_BITS = ((0, 0), *(LETTERS[letter] for letter in ("X", "Y", "Z")))


@dataclass(frozen=True)
class Turn:
    """A rotation about the string `axis` by an input or a weight."""

    axis: Pauli
    angle: Input | Weight


@dataclass(frozen=True, eq=False)
class Mix:
    """A channel, and what has become of the words of its qubits.

    Attributes:
        images: of each word, in the order of the rows of `matrix`.
    """

    images: tuple[Pauli, ...]
    matrix: Float[np.ndarray, "W W"]

    def commutes(self, axis: Pauli) -> bool:
        """Whether a rotation about `axis` leaves the channel's qubits alone."""
        return not any(anticommute(axis, image) for image in self.images)

    def words(self, strings: Strings) -> Int[np.ndarray, " S"]:
        """Which word each string has on the channel's qubits."""
        found = np.zeros(len(strings[0]), dtype=np.int64)
        letters = {bits: number for number, bits in enumerate(_BITS)}
        size = len(self.images)
        while size > 1:
            size //= 4
            # What anticommutes with Z has an X, and the other way round.
            has_x, has_z = (_anticommuting(self.images[k * size], strings) for k in (3, 1))
            code = np.zeros_like(found)
            for (x, z), number in letters.items():
                code[(has_x == x) & (has_z == z)] = number
            found += code * size
        return found

    def replaced(self, strings: Strings, words: Int[np.ndarray, " S"], word: int) -> _Signed:
        """The strings with another word on the channel's qubits, and the signs that they get."""
        x, z = (part.copy() for part in strings)
        sign = np.ones(len(x), dtype=np.int64)
        for old in range(len(self.images)):
            here = words == old
            if not here.any():
                continue
            power = np.zeros(int(here.sum()), dtype=np.int64)
            at, factor = (x[here], z[here]), 1
            for image in (self.images[old], self.images[word]):
                at, more = _times(image, at)
                power, factor = power + more, factor * image.sign
            x[here], z[here] = at
            sign[here] = factor * (1 - power % 4)
        return (x, z), sign


_Signed = tuple[Strings, Int[np.ndarray, " S"]]


def items_of(operations: Sequence[Operation]) -> tuple[list[Turn | Mix], list[Operation]]:
    """The rotations and channels in order, and the fixed gates, which come after them all.

    Raises:
        CircuitError: for a gate that is neither a Pauli rotation nor Clifford.
    """
    fixed: list[Operation] = []
    found: list[Turn | Mix] = []
    for operation in operations:
        if isinstance(operation.angle, Input | Weight):
            found.append(Turn(through(fixed, axis_of(operation)), operation.angle))
        elif isinstance(operation, ChannelOperation):
            words = itertools.product(_BITS, repeat=len(operation.qubits))
            strings = (_on(operation.qubits, word) for word in words)
            found.append(Mix(tuple(through(fixed, each) for each in strings), operation.matrix))
        else:
            through([operation], Pauli(1, 0, 0))
            fixed.append(operation)
    return found, fixed


def _on(qubits: Sequence[int], word: Sequence[tuple[int, int]]) -> Pauli:
    """The string that has these letters on these qubits."""
    bits = list(zip(qubits, word, strict=True))
    return Pauli(1, sum(x << q for q, (x, _) in bits), sum(z << q for q, (_, z) in bits))


def _anticommuting(image: Pauli, strings: Strings) -> Int[np.ndarray, " S"]:
    x, z = strings
    return (np.bitwise_count(x & image.z) + np.bitwise_count(z & image.x)).astype(np.int64) % 2


def _times(left: Pauli, strings: Strings) -> tuple[Strings, Int[np.ndarray, " S"]]:
    """The strings that come of a product from the left, and the powers of i that they get."""
    x, z = strings[0] ^ left.x, strings[1] ^ left.z
    power = (
        (left.x & left.z).bit_count()
        + np.bitwise_count(strings[0] & strings[1]).astype(np.int64)
        + 2 * np.bitwise_count(strings[0] & left.z).astype(np.int64)
        - np.bitwise_count(x & z)
    )
    return (x, z), power
