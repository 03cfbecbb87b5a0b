r"""Encodings: how the values of a patch become a quantum state.

An angle encoding puts value $x_i$ (radians) on qubit $i$; amplitude encoding makes the
values the amplitudes. To add an encoding, add an entry to `ENCODINGS`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from resqunn.checks import settle_fields
from resqunn.circuits.gates import gate
from resqunn.circuits.operations import Input, Operation
from resqunn.errors import unknown_name


class Encoding(ABC):
    """Base class of every encoding."""

    name: str

    prepares_amplitudes: bool = False
    """True if the values are the amplitudes of the initial state instead of angles."""

    @abstractmethod
    def num_qubits(self, values: int) -> int:
        """How many qubits `values` input values need."""

    @abstractmethod
    def operations(self, values: int) -> tuple[Operation, ...]:
        """The gates that encode `values` input values."""


@dataclass(frozen=True)
class AngleEncoding(Encoding):
    r"""One qubit a value: the single-qubit `gates` in order, each rotation by the value.

    $|x\rangle = \bigotimes_i U(x_i)|0\rangle$. With `gates=("RY",)` this is Eq. 1-2 of the
    ResQuNN paper.
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


ENCODINGS: dict[str, Encoding] = {
    entry.name: entry
    for entry in (
        AngleEncoding("ry", ("RY",)),
        AngleEncoding("rx", ("RX",)),
        AngleEncoding("rz", ("H", "RZ")),
        AmplitudeEncoding(),
    )
}


def encoding(name: str | Encoding) -> Encoding:
    """The table's entry of that name; an `Encoding` is returned as it is.

    Raises:
        ConfigurationError: if the table has none.
    """
    if isinstance(name, Encoding):
        return name
    if name not in ENCODINGS:
        raise unknown_name("encoding", name, ENCODINGS)
    return ENCODINGS[name]
