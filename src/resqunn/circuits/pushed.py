r"""What acts on Pauli strings: rotations and channels, with fixed gates pushed behind them.

Clifford gates pass through rotations, $e^{-i t P/2} C = C e^{-i t C^\dagger P C/2}$, and through
channels. So what follows the encoding is rotations about strings, and channels whose qubits' Pauli
words $P_a$ have become strings $W_a = C^\dagger P_a C$, followed by a Clifford operation that is
absorbed in the observables.

A channel with the Pauli transfer matrix $R$ takes a string $S = W_a T$, with $T$ on other
qubits, to

$$\sum_b R_{ab} W_b T = \sum_b R_{ab} W_b W_a S.$$

Words are numbered as the rows of $R$: I, X, Y, Z, or II, IX, ..., ZZ. Up to phases, $W_a W_b$ is
that of number $a \oplus b$.

Shape suffixes: S strings, A words of a channel's qubits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Bool, Float

from resqunn.circuits.channels import ChannelOperation
from resqunn.circuits.operations import Input, Operation, Weight
from resqunn.circuits.pauli_strings import (
    LETTERS,
    Pauli,
    anticommute,
    anticommuting,
    axis_of,
    conjugations,
    powers_of_products,
    through,
)

SMALLEST = 1e-15
"""Numbers of channels that are smaller come from rounding, and are zero."""


class Rotation(NamedTuple):
    r"""$\exp(-i t P/2)$ with $t$ an input or a weight and $P$ the signed string `axis`."""

    axis: Pauli
    angle: Input | Weight

    @property
    def axes(self) -> tuple[Pauli, ...]:
        """What commutes with these strings commutes with the rotation."""
        return (self.axis,)

    @property
    def moves(self) -> tuple[Pauli, ...]:
        """A string stays, or becomes its product with one of these."""
        return (self.axis,)


@dataclass(frozen=True, eq=False)
class PushedChannel:
    """A channel behind which there are no fixed gates.

    Attributes:
        words: the strings that the words of its qubits have become.
        matrix: its Pauli transfer matrix.
    """

    words: tuple[Pauli, ...]
    matrix: Float[np.ndarray, "A A"]

    @property
    def axes(self) -> tuple[Pauli, ...]:
        """As those of a rotation: the X and Y of each qubit."""
        return tuple(self.words[1 << bit] for bit in range(len(self.words).bit_length() - 1))

    @cached_property
    def moves(self) -> tuple[Pauli, ...]:
        """As those of a rotation."""
        return tuple(self.words[k] for k in {a ^ b for a, b in np.argwhere(self.others).tolist()})

    @cached_property
    def factors(self) -> Float[np.ndarray, " A"]:
        """What words that stay are multiplied by."""
        return np.diag(self.matrix)

    @cached_property
    def others(self) -> Float[np.ndarray, "A A"]:
        """The matrix without its diagonal."""
        return self.matrix - np.diag(self.factors)

    @property
    def is_pauli(self) -> bool:
        """Whether it only multiplies strings by numbers."""
        return not self.others.any()

    @cached_property
    def between(self) -> Bool[np.ndarray, " A"]:
        """Words that become others, and that others become."""
        return np.logical_and(self.others.any(axis=0), self.others.any(axis=1))

    @cached_property
    def least(self) -> float:
        r"""The least singular value of what happens in place: all of $R$ but to words that are no
        more, or are `between`."""
        gone = self.between | (self.factors == 0)
        in_place = self.others * ~self.between + np.diag(np.where(gone, 1.0, self.factors))
        return float(np.linalg.svd(in_place, compute_uv=False)[-1])

    def commutes(self, axis: Pauli) -> bool:
        """Whether a rotation about `axis` leaves the channel's qubits alone."""
        return not any(anticommute(axis, own) for own in self.axes)

    def word_of(self, string: Pauli) -> int:
        """The number of the word that a string has on the channel's qubits; see `words_of`."""
        return sum(
            anticommute(self.words[1 << (bit ^ 1)], string) << bit for bit in range(len(self.axes))
        )

    def words_of(self, x_S: np.ndarray, z_S: np.ndarray) -> np.ndarray:
        """The number of the word that each string has on the channel's qubits.

        The lower bit of a letter says that it anticommutes with Y, the higher with X.
        """
        found_S = np.zeros(len(x_S), dtype=np.int64)
        for bit in range(len(self.axes)):
            found_S |= anticommuting(self.words[1 << (bit ^ 1)], x_S, z_S).astype(np.int64) << bit
        return found_S

    def taken(
        self, a: int, b: int, x_S: np.ndarray, z_S: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Strings with word b in place of a, and their signs."""
        old, new = self.words[a], self.words[b]
        both = Pauli(old.sign * new.sign, old.x ^ new.x, old.z ^ new.z)
        power = powers_of_products(new, np.array([old.x], np.uint64), np.array([old.z], np.uint64))
        power_S = power + powers_of_products(both, x_S, z_S)
        return x_S ^ np.uint64(both.x), z_S ^ np.uint64(both.z), both.sign * (1 - power_S % 4)


Item: TypeAlias = Rotation | PushedChannel


def pushed_apart(operations: Sequence[Operation]) -> tuple[list[Item], list[Operation]]:
    """Rotations and channels, and the fixed gates, which come after all of them. Channels with
    nothing in between on their qubits become one.

    Raises:
        CircuitError: for a gate that is neither a Pauli rotation nor Clifford.
    """
    items: list[Item] = []
    fixed: list[Operation] = []
    latest: dict[tuple[int, ...], int] = {}  # channels that nothing has followed yet
    for operation in operations:
        qubits, item = operation.qubits, pushed(operation, fixed)
        if item is None:
            fixed.append(operation)
        elif isinstance(item, PushedChannel) and qubits in latest:
            before = items[latest[qubits]]
            assert isinstance(before, PushedChannel)
            matrix = cleaned(item.matrix @ before.matrix)
            items[latest[qubits]] = PushedChannel(before.words, matrix)
            continue
        else:
            items.append(item)
        latest = {of: k for of, k in latest.items() if not {*of} & {*qubits}}
        if isinstance(item, PushedChannel):
            latest[qubits] = len(items) - 1
    return items, fixed


def pushed(operation: Operation, fixed: Sequence[Operation]) -> Item | None:
    """A rotation or channel once the fixed gates before it stand behind it; None for one of these.

    Raises:
        CircuitError: for a gate that is neither a Pauli rotation nor Clifford.
    """
    if isinstance(operation, ChannelOperation):
        matrix = cleaned(operation.matrix)
        words = (_word(number, operation.qubits) for number in range(len(matrix)))
        return PushedChannel(tuple(through(fixed, word) for word in words), matrix)
    if isinstance(operation.angle, Input | Weight):
        return Rotation(through(fixed, axis_of(operation)), operation.angle)
    conjugations(operation.name)
    return None


def cleaned(matrix: np.ndarray) -> np.ndarray:
    """The numbers, with zeros in place of the smallest."""
    return np.where(np.abs(matrix) < SMALLEST, 0.0, matrix)


def _word(number: int, qubits: Sequence[int]) -> Pauli:
    x = z = 0
    for qubit in reversed(qubits):
        letter_x, letter_z = ((0, 0), *LETTERS.values())[number & 3]
        x, z, number = x | letter_x << qubit, z | letter_z << qubit, number >> 2
    return Pauli(1, x, z)
