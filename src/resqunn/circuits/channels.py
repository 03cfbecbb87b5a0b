r"""Channels: what noise does to one qubit, or to two.

A channel $\mathcal E(\rho) = \sum_k K_k \rho K_k^\dagger$ is kept as its Pauli transfer matrix

$$R_{ab} = \mathrm{tr}(P_a\, \mathcal E(P_b)) / 2^n$$

over the words I, X, Y, Z, or II, IX, ..., ZZ, whose first letter is the first qubit's. It is what
becomes of expectation values: $\langle P_a\rangle \to \sum_b R_{ab} \langle P_b\rangle$ (Greenbaum,
arXiv:1509.02921).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, reduce
from typing import Any

import numpy as np
from jaxtyping import Complex, Float

from resqunn.checks import settle_fields, shown
from resqunn.circuits.gates import PAULIS, Gate
from resqunn.circuits.operations import Operation
from resqunn.circuits.parts import Part
from resqunn.errors import CircuitError

TOLERANCE = 1e-9
"""By how much a channel's numbers may be off."""


@dataclass(frozen=True)
class Channel:
    """A channel on one or two qubits.

    Attributes:
        name: what it is called where a circuit is shown.
        matrix: its Pauli transfer matrix, 4 x 4 or 16 x 16.

    Raises:
        CircuitError: for a matrix of another size, or that of no channel: one that does not
            preserve the trace, or is not completely positive.

    >>> bit_flip(0.25).matrix
    ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 0.5, 0.0), (0.0, 0.0, 0.0, 0.5))
    """

    name: str
    matrix: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        settle_fields(self)
        size = len(self.matrix)
        if size not in (4, 16) or any(len(row) != size for row in self.matrix):
            raise CircuitError(
                f"channel {self.name} must have a matrix of 4 x 4 or 16 x 16 numbers, got "
                f"{shown(self.matrix)}"
            )
        matrix = np.array(self.matrix)
        first = np.eye(size)[0]
        if not np.isfinite(matrix).all() or np.abs(matrix[0] - first).max() > TOLERANCE:
            raise CircuitError(
                f"channel {self.name} must preserve the trace, got a matrix whose first row is "
                f"{shown(tuple(map(float, matrix[0])))}"
            )
        lowest = float(np.linalg.eigvalsh(self._choi)[0])
        if lowest < -TOLERANCE:
            raise CircuitError(
                f"channel {self.name} must be completely positive, got a Choi matrix with the "
                f"eigenvalue {lowest:.3g}"
            )

    @staticmethod
    def from_kraus(name: str, operators: Sequence[Any]) -> Channel:
        r"""The channel of Kraus operators $K_k$ with $\sum_k K_k^\dagger K_k = 1$.

        Args:
            operators: matrices 2 x 2, or 4 x 4 of two qubits, of which the first is the more
                significant bit.

        Raises:
            CircuitError: for matrices of other sizes, or whose sum is not 1.
        """
        try:
            matrices = np.stack([np.asarray(each, dtype=complex) for each in operators])
        except (TypeError, ValueError):
            matrices = np.empty(0)
        if matrices.shape[1:] not in ((2, 2), (4, 4)):
            raise CircuitError(
                f"channel {name} must have Kraus operators of 2 x 2 or 4 x 4 numbers, got "
                f"{shown(operators)}"
            )
        total = np.einsum("kji,kjl->il", matrices.conj(), matrices)
        if not np.abs(total - np.eye(len(total))).max() <= TOLERANCE:
            raise CircuitError(
                f"channel {name} must preserve the trace, got Kraus operators whose sum of "
                "K^dagger K is not the identity"
            )
        words = _words(1 if len(total) == 2 else 2)
        turned = np.einsum("kij,bjl,kml->bim", matrices, words, matrices.conj())
        found = np.einsum("aij,bji->ab", words, turned).real / len(words[0])
        found[0] = np.eye(len(words))[0]  # to the last digit
        return Channel(name, tuple(tuple(map(float, row)) for row in found))

    @property
    def num_qubits(self) -> int:
        """One or two."""
        return 1 if len(self.matrix) == 4 else 2

    @cached_property
    def is_pauli(self) -> bool:
        """Whether it multiplies each Pauli word by a number."""
        matrix = np.array(self.matrix)
        return bool((matrix == np.diag(np.diag(matrix))).all())

    @cached_property
    def is_identity(self) -> bool:
        """Whether it does nothing."""
        return bool((np.array(self.matrix) == np.eye(len(self.matrix))).all())

    @property
    def _choi(self) -> Complex[np.ndarray, "S S"]:
        words = _words(self.num_qubits)
        pairs = np.einsum("ab,aij,bkl->ikjl", np.array(self.matrix), words, words.conj())
        size = len(words)
        return pairs.reshape(size, size) / math.isqrt(size)

    @cached_property
    def kraus(self) -> tuple[Complex[np.ndarray, "A A"], ...]:
        """Kraus operators of the channel, as few as can be."""
        values, vectors = np.linalg.eigh(self._choi)
        size = 2**self.num_qubits
        return tuple(
            math.sqrt(value) * vector.reshape(size, size)
            for value, vector in zip(values, vectors.T, strict=True)
            if value > 1e-15
        )


@cache
def _words(num_qubits: int) -> Complex[np.ndarray, "S A A"]:
    letters = [np.eye(2, dtype=complex), *(PAULIS[axis] for axis in ("X", "Y", "Z"))]
    return np.stack([reduce(np.kron, w) for w in itertools.product(letters, repeat=num_qubits)])


def _diagonal(name: str, *factors: float) -> Channel:
    return Channel(name, tuple(map(tuple, np.diag([1.0, *factors]).tolist())))


def depolarizing(p: float) -> Channel:
    r"""X, Y or Z with probability $p / 3$ each: X, Y and Z shrink by $1 - 4p/3$."""
    return _diagonal("depolarizing", *[1 - 4 * p / 3] * 3)


def bit_flip(p: float) -> Channel:
    """X with probability p: Y and Z shrink by 1 - 2 p."""
    return _diagonal("bit_flip", 1.0, 1 - 2 * p, 1 - 2 * p)


def phase_flip(p: float) -> Channel:
    """Z with probability p: X and Y shrink by 1 - 2 p."""
    return _diagonal("phase_flip", 1 - 2 * p, 1 - 2 * p, 1.0)


def phase_damping(gamma: float) -> Channel:
    r"""X and Y shrink by $\sqrt{1 - \gamma}$."""
    return _diagonal("phase_damping", *[math.sqrt(1 - gamma)] * 2, 1.0)


def amplitude_damping(gamma: float) -> Channel:
    r"""From 1 to 0 with probability $\gamma$: X and Y shrink by $\sqrt{1 - \gamma}$, and Z becomes
    $(1 - \gamma) Z + \gamma$."""
    rows = np.diag([1.0, *[math.sqrt(1 - gamma)] * 2, 1 - gamma])
    rows[3, 0] = gamma
    return Channel("amplitude_damping", tuple(map(tuple, rows.tolist())))


CHANNELS: dict[str, Callable[[float], Channel]] = {
    "depolarizing": depolarizing,
    "bit_flip": bit_flip,
    "phase_flip": phase_flip,
    "phase_damping": phase_damping,
    "amplitude_damping": amplitude_damping,
}
"""Channels of one qubit by name, as functions of a strength in [0, 1]."""


@dataclass(frozen=True)
class ChannelOperation(Operation):
    """A channel on some qubits, among the gates of a noisy circuit."""

    channel: Channel | None = None

    def __post_init__(self) -> None:
        assert self.channel is not None
        if len(self.qubits) != self.channel.num_qubits or len(set(self.qubits)) != len(self.qubits):
            raise CircuitError(
                f"{self.name} must act on {self.channel.num_qubits} different qubit(s), got "
                f"{self.qubits}"
            )

    @staticmethod
    def of(channel: Channel, *qubits: int) -> ChannelOperation:
        """The channel on these qubits."""
        return ChannelOperation(channel.name, qubits, None, channel)

    @property
    def gate(self) -> Gate:
        raise CircuitError(f"{self.name} must be a gate, got a channel")

    @property
    def parts(self) -> tuple[Part, ...]:
        return ()

    @property
    def symbols(self) -> tuple[str, ...]:
        return (f"[{self.name}]",) * len(self.qubits)

    @property
    def matrix(self) -> Float[np.ndarray, "S S"]:
        """The channel's Pauli transfer matrix."""
        assert self.channel is not None
        return np.array(self.channel.matrix)
