r"""Encodings of images as one superposition of their positions.

$k = \lceil \log_2 n \rceil$ qubits hold the position, the number of a value in the patch; other
qubits hold the value there. Positions from n on are those of values of 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from resqunn.checks import settle_fields
from resqunn.circuits.angles import AnyAngle, Expression, Input
from resqunn.circuits.encodings.base import Encoding
from resqunn.circuits.multiplexed import multiplexed
from resqunn.circuits.operations import Operation
from resqunn.errors import CircuitError, ConfigurationError

MOST_TERMS = 2**15
"""Terms in the angles of an encoding, $4^k$ for each qubit that holds values."""


def _positions(values: int) -> int:
    return (values - 1).bit_length()


def _superposition(
    angles: Sequence[Sequence[AnyAngle]], positions: Sequence[int], targets: Sequence[int]
) -> tuple[Operation, ...]:
    """All positions at once (their most significant qubit first), and RY on each target by its own
    angle at each."""
    everywhere = tuple(Operation("H", (q,)) for q in positions)
    return everywhere + multiplexed("RY", angles, positions, targets)


def _check_size(name: str, values: int, targets: int = 1) -> None:
    if 4 ** _positions(values) * targets > MOST_TERMS:
        most = 2 ** (((MOST_TERMS // targets).bit_length() - 1) // 2)
        raise CircuitError(f"encoding {name!r} must have {most} values or fewer, got {values:,}")


@dataclass(frozen=True)
class FRQI(Encoding):
    r"""$2^{-k/2} \sum_i (\cos t_i|0\rangle + \sin t_i|1\rangle)|i\rangle$ with $t_i = x_i / 2$.

    The flexible representation of quantum images, Le, Dong and Hirota, Quantum Inf. Process. 10,
    63 (2011). Qubit 0 is the colour, the others hold the position, their most significant bit
    first. An input is twice the angle t, that of RY on the colour qubit, so that pixels in [0, 1]
    become angles t in [0, pi / 2] at the default `angle_scale` of pi.

    The rotation for each position is decomposed by a Gray code (Mottonen et al.,
    arXiv:quant-ph/0404089), so that each gate's angle is a sum of inputs.

    Raises:
        CircuitError: for more than 128 values.
    """

    name: str = "frqi"

    def num_qubits(self, values: int) -> int:
        return 1 + _positions(values)

    def operations(self, values: int) -> tuple[Operation, ...]:
        _check_size(self.name, values)
        inputs = [Input(k) for k in range(values)]
        return _superposition([inputs], range(1, self.num_qubits(values)), [0])


@dataclass(frozen=True)
class MatternFRQI(Encoding):
    r"""$2^{-k/2} \sum_i |i\rangle (\sqrt{1 - p_i^2}|0\rangle + p_i|1\rangle)$, $p_i = x_i$ / white.

    FRQI as Mattern et al., arXiv:2106.07327, build it: the amplitude is the pixel itself. The
    first qubits hold the position, their least significant bit first (for 2x2, qubit 0 is the
    column and 1 the row); the last one is the colour. For four bits of position, as in their
    kernels of 4x4, three qubits between them are idle.

    RY on the colour is by $2\arcsin p$; beyond a pixel of 1 or -1 it stays at pi or -pi, where the
    derivative is 0.

    Attributes:
        white: the input of a pixel of 1, in radians: the layer's `angle_scale`.

    Raises:
        ConfigurationError: for a `white` that is not positive.
        CircuitError: for more than 128 values.
    """

    name: str = "frqi_mattern"
    white: float = math.pi

    def __post_init__(self) -> None:
        settle_fields(self)
        _check_white(self.white)

    def num_qubits(self, values: int) -> int:
        bits = _positions(values)
        return bits + (3 if bits == 4 else 0) + 1

    def operations(self, values: int) -> tuple[Operation, ...]:
        _check_size(self.name, values)
        angles = [self._angle(Input(k) / self.white) for k in range(values)]
        positions = range(_positions(values))[::-1]
        return _superposition([angles], positions, [self.num_qubits(values) - 1])

    def _angle(self, pixel: AnyAngle) -> AnyAngle:
        within = Expression("greater", (1.0, Expression("absolute", (pixel,))))
        # The derivative of arcsin at 1 is infinite, and times 0 would be no number.
        inside = Expression("arcsin", (Expression("where", (within, pixel, 0.0)),))
        beyond = math.pi * Expression("sign", (pixel,))
        return Expression("where", (within, 2.0 * inside, beyond))


@dataclass(frozen=True)
class NEQR(Encoding):
    r"""$2^{-k/2} \sum_i |m_i\rangle|i\rangle$ with $m_i = \mathrm{round}((2^q - 1)\,x_i$ / white).

    The novel enhanced quantum representation, Zhang, Lu, Gao and Wang, Quantum Inf. Process. 12,
    2833 (2013); with eight bits the one of Mattern et al., arXiv:2106.07327. The first q qubits
    hold the grey value, the others the position, the most significant bits first. Values below
    black or above white are black or white; halfway between two grey values either may be taken.
    The derivative by the values is zero.

    Bit b is 1 where $\sin(\pi (g + \tfrac12) / 2^b) < 0$ for the grey value g before rounding. It
    turns its qubit by RY(pi), which makes $|0\rangle$ to $|1\rangle$ without a phase: a circuit
    that repeats the encoding repeats that rotation, which is NOT up to signs.

    Attributes:
        bits: q, of a grey value, 1 to 16.
        white: the input of a pixel of 1, in radians: the layer's `angle_scale`.

    Raises:
        ConfigurationError: for bits out of range or a `white` that is not positive.
        CircuitError: for more than 128 values, or 64 with more than two bits, 32 with more than
            eight.
    """

    name: str = "neqr"
    bits: int = 8
    white: float = math.pi

    def __post_init__(self) -> None:
        settle_fields(self)
        if not 1 <= self.bits <= 16:
            raise ConfigurationError(f"bits must be 1 to 16, got {self.bits}")
        _check_white(self.white)

    def num_qubits(self, values: int) -> int:
        return self.bits + _positions(values)

    def operations(self, values: int) -> tuple[Operation, ...]:
        _check_size(self.name, values, self.bits)
        greys = [self._grey(Input(k)) for k in range(values)]
        angles = [
            [math.pi * self._bit(grey, bit) for grey in greys] for bit in reversed(range(self.bits))
        ]
        positions = range(self.bits, self.num_qubits(values))
        return _superposition(angles, positions, range(self.bits))

    def _grey(self, value: Input) -> Expression:
        most = float(2**self.bits - 1)
        scaled = Expression("maximum", (most / self.white * value, 0.0))
        return Expression("minimum", (scaled, most))

    def _bit(self, grey: Expression, bit: int) -> Expression:
        wave = Expression("sin", (math.pi / 2**bit * (grey + 0.5),))
        return Expression("greater", (0.0, wave))


def _check_white(white: float) -> None:
    if not (math.isfinite(white) and white > 0):
        raise ConfigurationError(f"white must be a positive number, got {white}")
