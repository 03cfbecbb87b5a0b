"""Layers of one shape: rotations, then gates around a chain or a ring."""

from __future__ import annotations

from dataclasses import dataclass

from resqunn.checks import settle_fields
from resqunn.circuits.angles import Weight
from resqunn.circuits.ansatze.base import Ansatz
from resqunn.circuits.entanglement import check_gate
from resqunn.circuits.operations import Operation
from resqunn.errors import CircuitError


def _ring(name: str, num_qubits: int, step: int) -> tuple[Operation, ...]:
    """A gate from each qubit to the one `step` further on, around the ring."""
    return tuple(Operation(name, (q, (q + step) % num_qubits)) for q in range(num_qubits))


@dataclass(frozen=True)
class RotationChain(Ansatz):
    """A trainable rotation on each qubit, then CNOTs 0-1, 1-2, ... in that order.

    Eq. 4-7 of the ResQuNN paper with `rotation="RX"`. With `closed`, a last CNOT from the
    last qubit to qubit 0 makes the chain a ring (for three qubits and more): PennyLane's
    `BasicEntanglerLayers`, which `"rx_ring"`, `"ry_ring"` and `"rz_ring"` are.
    """

    name: str
    rotation: str
    closed: bool = False

    def __post_init__(self) -> None:
        settle_fields(self)
        check_gate("rotation", self.rotation, 1, (1,))

    def layer_shape(self, num_qubits: int) -> tuple[int, ...]:
        return (num_qubits,)

    def layer(self, index: int, num_qubits: int) -> tuple[Operation, ...]:
        rotations = tuple(Operation(self.rotation, (q,), Weight(q)) for q in range(num_qubits))
        ring = _ring("CNOT", num_qubits, 1) if num_qubits > 1 else ()
        return rotations + (ring if self.closed and num_qubits > 2 else ring[:-1])


@dataclass(frozen=True)
class StronglyEntangling(Ansatz):
    r"""A general rotation $RZ(w_2) RY(w_1) RZ(w_0)$ on each qubit, then a ring of gates.

    Schuld et al., arXiv:1804.00633; the same gates as PennyLane's `StronglyEntanglingLayers`.

    Attributes:
        imprimitive: the gate of the ring, on two qubits and without an angle.
        ranges: how many qubits further on each gate's second qubit is, for each layer in turn;
            by default $1 + (l \bmod (n - 1))$ in layer $l$.

    Raises:
        ConfigurationError: for another kind of gate.
        CircuitError: for a range that joins a qubit with itself.
    """

    name: str = "strongly_entangling"
    imprimitive: str = "CNOT"
    ranges: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        settle_fields(self)
        check_gate("imprimitive", self.imprimitive, 2, (0,))
        if self.ranges == ():
            raise CircuitError("ranges must be one number or more, got none")

    def layer_shape(self, num_qubits: int) -> tuple[int, ...]:
        return (num_qubits, 3)

    def layer(self, index: int, num_qubits: int) -> tuple[Operation, ...]:
        rotations = tuple(
            Operation(name, (q,), Weight(3 * q + k))
            for k, name in enumerate(("RZ", "RY", "RZ"))
            for q in range(num_qubits)
        )
        if num_qubits == 1:
            return rotations
        if self.ranges is None:
            step = 1 + index % (num_qubits - 1)
        else:
            step = self.ranges[index % len(self.ranges)]
        if step % num_qubits == 0:
            raise CircuitError(
                f"ranges must be no multiples of the {num_qubits} qubits, got {step}"
            )
        return rotations + _ring(self.imprimitive, num_qubits, step)


@dataclass(frozen=True)
class ControlledRing(Ansatz):
    """A gate with an angle from each qubit to the next, around the ring, each with its own weight.

    `"crz_ring"` is the trainable part of much public code for quanvolution; such rings are
    circuits 18 and 19 of Sim et al., arXiv:1905.10876, without their rotations. A single qubit
    has no ring, and no weights.
    """

    name: str
    gate: str = "CRZ"

    def __post_init__(self) -> None:
        settle_fields(self)
        check_gate("gate", self.gate, 2, (1,))

    def layer_shape(self, num_qubits: int) -> tuple[int, ...]:
        return (num_qubits if num_qubits > 1 else 0,)

    def layer(self, index: int, num_qubits: int) -> tuple[Operation, ...]:
        if num_qubits == 1:
            return ()
        return tuple(
            Operation(self.gate, (q, (q + 1) % num_qubits), Weight(q)) for q in range(num_qubits)
        )
