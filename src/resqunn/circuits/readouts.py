r"""Readouts: the expectation values that a circuit returns.

Each value is the expectation of a diagonal observable $\sum_j c_j \prod_{q \in S_j} Z_q$.
To add a readout, write a frozen dataclass below `Readout` and add an entry to `READOUTS`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from resqunn.checks import settle_fields
from resqunn.errors import CircuitError, unknown_name


@dataclass(frozen=True)
class Observable:
    r"""$\sum_j c_j \prod_{q \in S_j} Z_q$, as pairs of $c_j$ and the sorted qubits $S_j$."""

    terms: tuple[tuple[float, tuple[int, ...]], ...]

    def __post_init__(self) -> None:
        settle_fields(self)

    def diagonal(self, num_qubits: int) -> Float[np.ndarray, " A"]:
        """The observable's value in each basis state; qubit 0 is the most significant bit."""
        states = np.arange(2**num_qubits)
        total = np.zeros(2**num_qubits)
        for coefficient, support in self.terms:
            flipped = sum((states >> (num_qubits - 1 - q)) & 1 for q in support)
            total += coefficient * (1.0 - 2.0 * (np.asarray(flipped) % 2))
        return total


class Readout(ABC):
    """Base class of every readout."""

    name: str

    @abstractmethod
    def observables(self, num_qubits: int) -> tuple[Observable, ...]:
        """One observable for each value that the circuit returns."""


@dataclass(frozen=True)
class AllZ(Readout):
    r"""One value a qubit: $\langle Z_0\rangle, \ldots, \langle Z_{n-1}\rangle$."""

    name: str = "z"

    def observables(self, num_qubits: int) -> tuple[Observable, ...]:
        return tuple(Observable(((1.0, (q,)),)) for q in range(num_qubits))


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


READOUTS: dict[str, Readout] = {
    entry.name: entry for entry in (AllZ(), ChosenZ("z0", (0,)), MeanZ())
}


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
