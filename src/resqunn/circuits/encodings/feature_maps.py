"""Encodings by diagonal gates of values and of products of values."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass

from resqunn.checks import settle_fields
from resqunn.circuits.angles import AnyAngle, Input
from resqunn.circuits.encodings.base import Encoding
from resqunn.circuits.entanglement import MOST_PAIRS, check_entanglement, pairs
from resqunn.circuits.operations import Operation
from resqunn.errors import CircuitError, ConfigurationError


class _Diagonal(Encoding):
    """One qubit a value: H on each, then a rotation about Z by each value and about ZZ by some
    pairs of values, all of that `repeats` times."""

    repeats: int
    entanglement: str

    def __post_init__(self) -> None:
        settle_fields(self)
        if self.repeats < 1:
            raise ConfigurationError(f"repeats must be 1 or more, got {self.repeats}")
        check_entanglement(self.entanglement)

    @abstractmethod
    def of_value(self, value: Input) -> AnyAngle:
        """The angle about Z."""

    @abstractmethod
    def of_pair(self, first: Input, second: Input) -> AnyAngle:
        """The angle about ZZ."""

    def num_qubits(self, values: int) -> int:
        return values

    def operations(self, values: int) -> tuple[Operation, ...]:
        joined = pairs(self.entanglement, values)
        if self.repeats * (2 * values + len(joined)) > 2 * MOST_PAIRS:
            raise CircuitError(
                f"encoding {self.name!r} must have {2 * MOST_PAIRS:,} gates or fewer, got "
                f"{self.repeats:,} times {2 * values + len(joined):,}: give fewer repeats or values"
            )
        once = [Operation("H", (q,)) for q in range(values)]
        once += (Operation("RZ", (q,), self.of_value(Input(q))) for q in range(values))
        once += (Operation("IsingZZ", (a, b), self.of_pair(Input(a), Input(b))) for a, b in joined)
        return self.repeats * tuple(once)


@dataclass(frozen=True)
class IQP(_Diagonal):
    r"""H on each qubit, $RZ(x_i)$, and $\exp(-\tfrac{i}{2} x_i x_j Z_i Z_j)$ for pairs of values.

    PennyLane's `IQPEmbedding`, after Havlicek et al., arXiv:1804.11326.

    Attributes:
        repeats: how often, 1 or more.
        entanglement: which pairs (`circuits/entanglement.py`); `"full"` is all of them.

    Raises:
        ConfigurationError: for other options.
        CircuitError: for more than 262,144 gates.
    """

    name: str = "iqp"
    repeats: int = 1
    entanglement: str = "full"

    def of_value(self, value: Input) -> AnyAngle:
        return value

    def of_pair(self, first: Input, second: Input) -> AnyAngle:
        return first * second


@dataclass(frozen=True)
class ZZFeatureMap(_Diagonal):
    r"""H on each qubit, $P(2x_i)$, and $P(2(\pi - x_i)(\pi - x_j))$ between CNOTs for pairs.

    Qiskit's `zz_feature_map`, up to a global phase; Havlicek et al., arXiv:1804.11326.

    Attributes:
        repeats: how often, 1 or more; Qiskit's `reps`.
        entanglement: which pairs (`circuits/entanglement.py`); `"full"` is all of them.

    Raises:
        ConfigurationError: for other options.
        CircuitError: for more than 262,144 gates.
    """

    name: str = "zz_feature_map"
    repeats: int = 2
    entanglement: str = "full"

    def of_value(self, value: Input) -> AnyAngle:
        return 2.0 * value

    def of_pair(self, first: Input, second: Input) -> AnyAngle:
        return 2.0 * ((math.pi - first) * (math.pi - second))
