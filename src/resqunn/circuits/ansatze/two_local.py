"""Rotations, entangling gates, and rotations again: circuits of Qiskit's library."""

from __future__ import annotations

import math
from dataclasses import dataclass

from resqunn.checks import settle_fields
from resqunn.circuits.angles import Weight
from resqunn.circuits.ansatze.base import Ansatz
from resqunn.circuits.entanglement import check_entanglement, check_gate, pairs
from resqunn.circuits.gates import gate
from resqunn.circuits.operations import Operation
from resqunn.errors import ConfigurationError


@dataclass(frozen=True)
class TwoLocal(Ansatz):
    r"""In each layer rotations on every qubit, then an entangling gate on pairs of qubits; after
    the last layer the rotations once more.

    Qiskit's `n_local` with `reps` equal to the depth. `"real_amplitudes"` (RY, then CNOT) and
    `"efficient_su2"` (RY and RZ, then CNOT) have its defaults; such layers are those of Kandala et
    al., arXiv:1704.05018. At depth 0 there is one layer of rotations.

    The shape of the weights is (depth + 1, qubits), or (depth + 1, rotations, qubits) for more
    than one rotation; where the entangling gate has an angle, all weights are in a row, in order.

    Attributes:
        rotations: gates on one qubit with an angle; each acts on all qubits before the next.
        entangling: a gate on two qubits with one angle or none.
        entanglement: the pairs: `"linear"`, `"reverse_linear"`, `"circular"`, `"full"` or
            `"pairwise"` (`circuits/entanglement.py`).

    Raises:
        ConfigurationError: for other gates, or another name.

    >>> TwoLocal("su2", ("RY", "RZ")).weight_shape(depth=3, num_qubits=4)
    (4, 2, 4)
    """

    name: str
    rotations: tuple[str, ...] = ("RY",)
    entangling: str = "CNOT"
    entanglement: str = "reverse_linear"

    def __post_init__(self) -> None:
        settle_fields(self)
        if not self.rotations:
            raise ConfigurationError("rotations must be one gate or more, got none")
        for name in self.rotations:
            check_gate("rotations", name, 1, (1,))
        check_gate("entangling", self.entangling, 2, (0, 1))
        check_entanglement(self.entanglement)

    def layer_shape(self, num_qubits: int) -> tuple[int, ...]:
        rotations = self._rotations_shape(num_qubits)
        if not self._has_angle:
            return rotations
        return (math.prod(rotations) + len(pairs(self.entanglement, num_qubits)),)

    def layer(self, index: int, num_qubits: int) -> tuple[Operation, ...]:
        turned = self.last(num_qubits)
        joined = pairs(self.entanglement, num_qubits)
        return turned + tuple(
            Operation(self.entangling, pair, Weight(len(turned) + k) if self._has_angle else None)
            for k, pair in enumerate(joined)
        )

    def last(self, num_qubits: int) -> tuple[Operation, ...]:
        return tuple(
            Operation(name, (q,), Weight(k * num_qubits + q))
            for k, name in enumerate(self.rotations)
            for q in range(num_qubits)
        )

    def weight_shape(self, depth: int, num_qubits: int) -> tuple[int, ...]:
        if self._has_angle:
            return super().weight_shape(depth, num_qubits)
        return (depth + 1, *self._rotations_shape(num_qubits))

    @property
    def _has_angle(self) -> bool:
        return gate(self.entangling).num_angles > 0

    def _rotations_shape(self, num_qubits: int) -> tuple[int, ...]:
        count = len(self.rotations)
        return (num_qubits,) if count == 1 else (count, num_qubits)


@dataclass(frozen=True)
class SimplifiedTwoDesign(Ansatz):
    """RY on every qubit; then in each layer blocks of CZ and two RY on every second pair of
    neighbours and then on the others.

    Cerezo et al., arXiv:2001.00550; the same gates as PennyLane's `SimplifiedTwoDesign`. The
    weights are in a row: the first n RY, then 2 (n - 1) for each layer, PennyLane's
    `initial_layer_weights` and its `weights`, flattened.
    """

    name: str = "simplified_two_design"

    def first(self, num_qubits: int) -> tuple[Operation, ...]:
        return tuple(Operation("RY", (q,), Weight(q)) for q in range(num_qubits))

    def layer_shape(self, num_qubits: int) -> tuple[int, ...]:
        return (num_qubits - 1, 2)

    def layer(self, index: int, num_qubits: int) -> tuple[Operation, ...]:
        found: list[Operation] = []
        for block, pair in enumerate(pairs("pairwise", num_qubits)):
            found.append(Operation("CZ", pair))
            found += (Operation("RY", (q,), Weight(2 * block + k)) for k, q in enumerate(pair))
        return tuple(found)
