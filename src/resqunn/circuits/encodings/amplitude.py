"""Encodings in the amplitudes of the initial state."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from resqunn.circuits.angles import AnyAngle, Expression, Input
from resqunn.circuits.encodings.base import Encoding
from resqunn.circuits.operations import Operation
from resqunn.errors import CircuitError

MOST_SOFTMAX = 2**10
"""Values of "softmax_amplitude", each of which is computed by a few calls of torch."""


@dataclass(frozen=True)
class AmplitudeEncoding(Encoding):
    r"""The values, zero-padded to $2^n$ and normalised, are the amplitudes (Eq. 15).

    $|x\rangle = \sum_i x_i |i\rangle / \lVert x \rVert$. A zero vector has no direction: it
    is encoded as $|0\ldots0\rangle$ and its derivative is defined as zero.
    """

    name: str = "amplitude"
    prepares_amplitudes = True

    def num_qubits(self, values: int) -> int:
        return max(1, (values - 1).bit_length())

    def operations(self, values: int) -> tuple[Operation, ...]:
        return ()


@dataclass(frozen=True)
class SoftmaxAmplitude(AmplitudeEncoding):
    r"""The probabilities of the basis states are the softmax of the values.

    $|x\rangle = \sum_i \sqrt{\mathrm{softmax}(x)_i}\,|i\rangle$, with
    $\mathrm{softmax}(x)_i = e^{x_i} / \sum_j e^{x_j}$ over the values; basis states beyond them
    have the amplitude 0. Pixels are taken as they are, without `angle_scale`. In PennyLane this is
    `AmplitudeEmbedding` of the square root of a softmax.

    Raises:
        CircuitError: for more than 1,024 values.
    """

    name: str = "softmax_amplitude"

    def amplitudes(self, values: int) -> tuple[AnyAngle, ...]:
        if values > MOST_SOFTMAX:
            raise CircuitError(
                f"encoding {self.name!r} must have {MOST_SOFTMAX:,} values or fewer, got {values:,}"
            )
        return _exponentials(values)


@lru_cache(maxsize=64)
def _exponentials(values: int) -> tuple[AnyAngle, ...]:
    r"""$e^{(x_i - m) / 2}$ with $m$ the largest value, of which nothing is left once they are
    normalised, but that they cannot overflow."""
    level: list[AnyAngle] = [Input(k) for k in range(values)]
    while len(level) > 1:  # a tree: nested as deep as the logarithm of the values
        couples = zip(level[::2], level[1::2], strict=False)
        rest = level[len(level) // 2 * 2 :]
        level = [Expression("maximum", couple) for couple in couples] + rest
    largest = Expression("detach", (level[0],))
    return tuple(Expression("exp", (0.5 * (Input(k) - largest),)) for k in range(values))
