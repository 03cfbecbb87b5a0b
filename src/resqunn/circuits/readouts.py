r"""Readouts: the expectation values that a circuit returns.

Each value is the expectation of an `Observable`, a weighted sum of Pauli words.
To add a readout, write a frozen dataclass below `Readout` and add an entry to `READOUTS`.
"""

from __future__ import annotations

import functools
import itertools
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex
from numpy.typing import ArrayLike

from resqunn.checks import check_fields, settle_fields, shown
from resqunn.circuits.gates import PAULIS
from resqunn.circuits.observables import Observable, pauli_word
from resqunn.errors import CircuitError, unknown_name


class Readout(ABC):
    """Base class of every readout."""

    name: str

    @abstractmethod
    def observables(self, num_qubits: int) -> tuple[Observable, ...]:
        """One observable for each value that the circuit returns."""


@dataclass(frozen=True)
class EachQubit(Readout):
    r"""One value a letter and qubit: $\langle P_0\rangle, \ldots, \langle P_{n-1}\rangle$ for
    the first Pauli matrix $P$, then for the next one."""

    name: str
    letters: str

    def observables(self, num_qubits: int) -> tuple[Observable, ...]:
        words = (((q, letter),) for letter in self.letters for q in range(num_qubits))
        return tuple(Observable(((1.0, word),)) for word in words)


@dataclass(frozen=True)
class Neighbours(Readout):
    r"""One value a pair of neighbours: $\langle P_0 P_1\rangle, \langle P_1 P_2\rangle, \ldots$"""

    name: str
    letter: str

    def observables(self, num_qubits: int) -> tuple[Observable, ...]:
        if num_qubits < 2:
            raise CircuitError(f"readout {self.name!r} must have two qubits or more, got 1")
        pairs = (((q, self.letter), (q + 1, self.letter)) for q in range(num_qubits - 1))
        return tuple(Observable(((1.0, pair),)) for pair in pairs)


@dataclass(frozen=True)
class ChosenZ(Readout):
    r"""$\langle Z_q\rangle$ of the chosen qubits, in the order given."""

    name: str
    chosen: tuple[int, ...]

    def __post_init__(self) -> None:
        settle_fields(self)

    def observables(self, num_qubits: int) -> tuple[Observable, ...]:
        outside = [q for q in self.chosen if not 0 <= q < num_qubits]
        if outside or not self.chosen:
            raise CircuitError(
                f"readout {self.name!r} must measure qubits from 0 to {num_qubits - 1}, "
                f"got {list(self.chosen)}"
            )
        return tuple(Observable(((1.0, (q,)),)) for q in self.chosen)


@dataclass(frozen=True)
class MeanZ(Readout):
    r"""One value: $\frac{1}{n} \sum_q \langle Z_q\rangle$."""

    name: str = "mean_z"

    def observables(self, num_qubits: int) -> tuple[Observable, ...]:
        return (Observable(tuple((1.0 / num_qubits, (q,)) for q in range(num_qubits))),)


@dataclass(frozen=True, init=False)
class Pauli(Readout):
    """One value a word: a letter I, X, Y or Z for each qubit, from qubit 0 on.

    >>> from resqunn import Circuit
    >>> print(Circuit("ry", "rx_chain", Pauli("XX", "ZIZ"), inputs=3, depth=0).draw())
    0: ─RY(x0)─┤ <X0 X1>, <Z0 Z2>
    1: ─RY(x1)─┤ <X0 X1>
    2: ─RY(x2)─┤ <Z0 Z2>

    Raises:
        CircuitError: for no words, other letters, or more of them than qubits.
    """

    name: str
    words: tuple[str, ...]

    def __init__(self, *words: str) -> None:
        object.__setattr__(self, "words", words)
        object.__setattr__(self, "name", ",".join(map(str, words)))
        settle_fields(self)
        if not words:
            raise CircuitError("Pauli must be given words, such as 'XX' and 'ZIZ'")

    def observables(self, num_qubits: int) -> tuple[Observable, ...]:
        return tuple(Observable(((1.0, pauli_word(word, num_qubits)),)) for word in self.words)


@dataclass(frozen=True)
class Variance(Readout):
    r"""The variances of what another readout measures: $\langle O^2\rangle - \langle O\rangle^2$.

    `"var_z"` is that of each Z, $1 - \langle Z_q\rangle^2$.
    """

    of: Readout
    name: str = "variance"

    def __post_init__(self) -> None:
        check_fields(self)

    def observables(self, num_qubits: int) -> tuple[Observable, ...]:
        observables = self.of.observables(num_qubits)
        return tuple(Observable(each.terms, variance=True) for each in observables)


@dataclass(frozen=True)
class Probabilities(Readout):
    r"""One value a basis state: the probability to measure it, qubit 0 the most significant bit.

    $|\langle s|\psi\rangle|^2 = 2^{-n} \sum_S (-1)^{|s \cap S|} \langle\prod_{q \in S} Z_q\rangle$.
    """

    name: str = "probs"

    def observables(self, num_qubits: int) -> tuple[Observable, ...]:
        if num_qubits > MOST_PROBABILITIES:
            raise CircuitError(
                f"readout {self.name!r} must have {MOST_PROBABILITIES} qubits or fewer, got "
                f"{num_qubits}"
            )
        states = range(2**num_qubits)
        return tuple(Observable(probability_terms(state, num_qubits)) for state in states)


MOST_PROBABILITIES = 8
"""Qubits of "probs": there are $4^n$ terms."""


@dataclass(frozen=True, init=False)
class Hermitian(Readout):
    r"""One value: $\langle A\rangle$ of a Hermitian matrix on the first qubits, four at most.

    $A = \sum_P 2^{-k}\, \mathrm{tr}(A P)\, P$ over the $4^k$ words of $k$ letters.

    Raises:
        CircuitError: for a matrix that is not Hermitian, or not of 1 to 4 qubits.
    """

    name: str
    terms: tuple[tuple[float, str], ...]

    def __init__(self, matrix: ArrayLike, name: str = "hermitian") -> None:
        try:
            found = np.asarray(matrix, dtype=complex)
        except (TypeError, ValueError):
            found = np.empty(0, dtype=complex)
        qubits = len(found).bit_length() - 1
        if found.shape != (2**qubits,) * 2 or not 1 <= qubits <= MOST_HERMITIAN:
            raise CircuitError(
                f"matrix must be square, of 2, 4, 8 or 16 rows and columns, got {shown(matrix)}"
            )
        if not np.allclose(found, found.conj().T, rtol=0, atol=1e-12):
            raise CircuitError(f"matrix must be Hermitian, got {shown(matrix)}")
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "terms", tuple(matrix_terms(found)))
        settle_fields(self)

    def observables(self, num_qubits: int) -> tuple[Observable, ...]:
        return (Observable(tuple((c, pauli_word(word, num_qubits)) for c, word in self.terms)),)


MOST_HERMITIAN = 4
"""Qubits of a Hermitian matrix."""


READOUTS: dict[str, Readout] = {
    entry.name: entry
    for entry in (
        EachQubit("z", "Z"),
        ChosenZ("z0", (0,)),
        MeanZ(),
        EachQubit("x", "X"),
        EachQubit("y", "Y"),
        EachQubit("xyz", "XYZ"),
        Neighbours("zz", "Z"),
        Neighbours("xx", "X"),
        Probabilities(),
        Variance(EachQubit("z", "Z"), "var_z"),
    )
}


def matrix_terms(matrix: Complex[np.ndarray, "A A"]) -> list[tuple[float, str]]:
    r"""Coefficients and words whose sum a Hermitian matrix is: $2^{-k}\, \mathrm{tr}(A P)$."""
    found = []
    for letters in itertools.product("IXYZ", repeat=len(matrix).bit_length() - 1):
        word = functools.reduce(np.kron, (PAULIS.get(p, np.eye(2)) for p in letters))
        share = float(np.trace(matrix @ word).real) / len(matrix)
        if share:
            found.append((share, "".join(letters)))
    return found


def probability_terms(state: int, num_qubits: int) -> tuple[tuple[float, tuple[int, ...]], ...]:
    """Coefficients and products of Z whose sum projects on a basis state."""
    found = []
    for k in range(2**num_qubits):
        chosen = tuple(q for q in range(num_qubits) if k >> q & 1)
        ones = sum(state >> (num_qubits - 1 - q) & 1 for q in chosen)
        found.append(((-1) ** ones / 2**num_qubits, chosen))
    return tuple(found)


def readout(name: str | Readout) -> Readout:
    """The table's entry of that name; a `Readout` is returned as it is.

    `"z0"`, `"z1"`, ... name one qubit, `"z6,z7"` several.

    Raises:
        ConfigurationError: if the table has none.
    """
    if isinstance(name, Readout):
        return name
    if name in READOUTS:
        return READOUTS[name]
    parts = [part.strip() for part in name.split(",")]
    if all(part.startswith("z") and part[1:].isdecimal() for part in parts):
        return ChosenZ(name, tuple(int(part[1:]) for part in parts))
    raise unknown_name("readout", name, [*READOUTS, "z1", "z2"])
