"""Encodings by rotations of single qubits."""

from __future__ import annotations

import math
from dataclasses import dataclass

from resqunn.checks import settle_fields
from resqunn.circuits.angles import Expression, Input, Weight
from resqunn.circuits.encodings.base import Encoding
from resqunn.circuits.gates import gate
from resqunn.circuits.operations import Operation


@dataclass(frozen=True)
class AngleEncoding(Encoding):
    r"""One qubit a value: the single-qubit `gates` in order, each rotation by the value.

    $|x\rangle = \bigotimes_i U(x_i)|0\rangle$. With `gates=("RY",)` this is Eq. 1-2 of the
    ResQuNN paper; `"ry"`, `"rx"` and `"plain_rz"` are PennyLane's `AngleEmbedding` about Y, X and
    Z. `"rz"` has H before RZ; `"plain_rz"` has not, and RZ does nothing to $|0\rangle$: it encodes
    only where it is repeated (`reupload`) after other gates.
    """

    name: str
    gates: tuple[str, ...]

    def __post_init__(self) -> None:
        settle_fields(self)

    def num_qubits(self, values: int) -> int:
        return values

    def operations(self, values: int) -> tuple[Operation, ...]:
        return tuple(
            Operation(name, (qubit,), Input(qubit) if gate(name).num_angles else None)
            for name in self.gates
            for qubit in range(values)
        )


@dataclass(frozen=True)
class LearnableAngle(Encoding):
    r"""As `AngleEncoding`, by the value times a trainable scale of its own: $U(w_i x_i)$.

    After the trainable scales of Perez-Salinas et al., arXiv:1907.02085. There is no trainable
    shift: a rotation about the same axis in the ansatz is one.

    A layer draws all its weights uniformly from [0, 2 pi), these scales too, and multiplies pixels
    by `angle_scale` before: with `angle_scale=1` a pixel of 1 is an angle from [0, 2 pi), with the
    default of pi one of up to $2\pi^2$.
    """

    name: str
    gates: tuple[str, ...]

    def __post_init__(self) -> None:
        settle_fields(self)

    def num_qubits(self, values: int) -> int:
        return values

    def num_weights(self, values: int) -> int:
        return values

    def operations(self, values: int) -> tuple[Operation, ...]:
        return tuple(
            Operation(name, (q,), Weight(q) * Input(q) if gate(name).num_angles else None)
            for name in self.gates
            for q in range(values)
        )


@dataclass(frozen=True)
class DenseAngle(Encoding):
    r"""Two values a qubit: RY by $2x_{2q}$, then RZ by $2x_{2q+1}$.

    $|x\rangle = \bigotimes_q (\cos x_{2q}|0\rangle + e^{2ix_{2q+1}}\sin x_{2q}|1\rangle)$ up to a
    phase. LaRose and Coyle, arXiv:2003.01695, whose values in [0, 1] are multiplied by pi, as
    pixels are by the default `angle_scale`. A pixel of 1 is then the state of a pixel of 0 again;
    with `angle_scale=pi/2` it is the opposite one. Of an odd number of values the last qubit has
    one, and no RZ.
    """

    name: str = "dense_angle"

    def num_qubits(self, values: int) -> int:
        return (values + 1) // 2

    def operations(self, values: int) -> tuple[Operation, ...]:
        return tuple(
            Operation("RZ" if value % 2 else "RY", (value // 2,), 2.0 * Input(value))
            for value in range(values)
        )


@dataclass(frozen=True)
class Threshold(Encoding):
    r"""One qubit a value: $|1\rangle$, up to a phase, where the value is above `threshold`, and
    else $|0\rangle$: $RX(\pi\,[x_i > t])$.

    `"threshold"` is that of Henderson et al., arXiv:1904.04767, and of Mattern et al.,
    arXiv:2106.07327; `"basis"`, the basis encoding of bits (PennyLane's `BasisEmbedding`), is the
    same with values turned to bits here. The derivative by the values is zero.

    Attributes:
        threshold: in radians, as the inputs are. A layer multiplies pixels by its `angle_scale`
            first: pi / 2 is a pixel of 0.5 at the default scale of pi.
    """

    name: str
    threshold: float = math.pi / 2

    def __post_init__(self) -> None:
        settle_fields(self)

    def num_qubits(self, values: int) -> int:
        return values

    def operations(self, values: int) -> tuple[Operation, ...]:
        above = (Expression("greater", (Input(q), self.threshold)) for q in range(values))
        return tuple(Operation("RX", (q,), math.pi * each) for q, each in enumerate(above))
