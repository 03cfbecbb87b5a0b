r"""Observables: weighted sums of Pauli words.

A word is a Pauli matrix on each of some qubits, such as $X_0 Z_2$; the empty word is the identity.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from jaxtyping import Float

from resqunn.checks import settle_fields, shown
from resqunn.errors import CircuitError

Word: TypeAlias = tuple[tuple[int, str], ...]
"""Qubits and the letters X, Y or Z on them, sorted by qubit."""

LETTERS = "XYZ"


@dataclass(frozen=True)
class Observable:
    r"""$\sum_j c_j \prod_{(q, P) \in S_j} P_q$, as pairs of $c_j$ and the word $S_j$.

    A qubit alone stands for its Z: `((0.5, (0, 2)),)` is $Z_0 Z_2 / 2$, and
    `((1.0, ((0, "X"), (2, "Z"))),)` is $X_0 Z_2$.

    Attributes:
        variance: whether not $\langle O\rangle$ is measured, but
            $\langle O^2\rangle - \langle O\rangle^2$.

    Raises:
        CircuitError: for a letter other than X, Y and Z, or a word that names a qubit twice.
    """

    terms: tuple[tuple[float, tuple[int | tuple[int, str], ...]], ...]
    variance: bool = False

    def __post_init__(self) -> None:
        settle_fields(self)
        terms = tuple((coefficient, _word(support)) for coefficient, support in self.terms)
        object.__setattr__(self, "terms", terms)

    @cached_property
    def words(self) -> tuple[tuple[float, Word], ...]:
        """The terms, their words sorted by qubit, every letter named."""
        return self.terms  # pyright: ignore[reportReturnType]

    @property
    def qubits(self) -> tuple[int, ...]:
        """The qubits that are measured."""
        return tuple(sorted({qubit for _, word in self.words for qubit, _ in word}))

    @cached_property
    def square(self) -> tuple[tuple[float, Word], ...]:
        """The words of $O^2$ with their coefficients; those of words that anticommute cancel."""
        found: dict[Word, complex] = {}
        for first, left in self.words:
            for second, right in self.words:
                phase, word = _product(dict(left), dict(right))
                found[word] = found.get(word, 0.0) + first * second * phase
        return tuple((share.real, word) for word, share in found.items() if abs(share) > 1e-15)

    @cached_property
    def products(self) -> tuple[tuple[float, tuple[int, ...]], ...]:
        """The coefficients and the qubits of each product of Z.

        Raises:
            CircuitError: for a word with other letters.
        """
        if any(letter != "Z" for _, word in self.words for _, letter in word):
            raise CircuitError(
                "it measures X or Y, for which each basis is a circuit of its own (`circuit.runs`)"
            )
        return tuple((c, tuple(qubit for qubit, _ in word)) for c, word in self.words)

    def diagonal(self, num_qubits: int) -> Float[np.ndarray, " A"]:
        """The observable's value in each basis state; qubit 0 is the most significant bit.

        Raises:
            CircuitError: for a word with other letters than Z.
        """
        states = np.arange(2**num_qubits)
        total = np.zeros(2**num_qubits)
        for coefficient, support in self.products:
            flipped = sum((states >> (num_qubits - 1 - q)) & 1 for q in support)
            total += coefficient * (1.0 - 2.0 * (np.asarray(flipped) % 2))
        return total


def _product(left: dict[int, str], right: dict[int, str]) -> tuple[complex, Word]:
    """The phase and the word of a product of words.

    >>> _product({0: "X", 1: "Z"}, {0: "Y"})
    (1j, ((0, 'Z'), (1, 'Z')))
    """
    phase, word = 1 + 0j, left | right
    for qubit in left.keys() & right.keys():
        a, b = LETTERS.index(left[qubit]), LETTERS.index(right[qubit])
        if a == b:
            del word[qubit]
        else:
            word[qubit] = LETTERS[3 - a - b]
            phase *= 1j if (b - a) % 3 == 1 else -1j
    return phase, tuple(sorted(word.items()))


def _word(support: tuple[int | tuple[int, str], ...]) -> Word:
    word = tuple(sorted((each, "Z") if isinstance(each, int) else each for each in support))
    for qubit, letter in word:
        if letter not in LETTERS or len(letter) != 1:
            raise CircuitError(f"a word must have letters X, Y and Z, got {shown(letter)}")
        if sum(qubit == other for other, _ in word) > 1:
            raise CircuitError(f"a word must name each qubit once, got {shown(support)}")
    return word


def pauli_word(letters: str, num_qubits: int) -> Word:
    """The word of a string such as `"XIZ"`, one letter a qubit from qubit 0 on; what is missing
    at the end is I.

    Raises:
        CircuitError: for other letters, or more of them than qubits.
    """
    if not letters or set(letters) - set("IXYZ"):
        raise CircuitError(f"a word must be letters I, X, Y and Z, got {shown(letters)}")
    if len(letters) > num_qubits:
        raise CircuitError(
            f"a word must have {num_qubits} letter(s) or fewer, one a qubit, got {letters!r}"
        )
    return tuple((q, letter) for q, letter in enumerate(letters) if letter != "I")
