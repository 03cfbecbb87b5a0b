"""Ansaetze: the trainable part of a circuit, built layer by layer.

To add an ansatz, write a frozen dataclass below `Ansatz` (or reuse one) and add an entry
to `ANSATZE`. A layer's weights are numbered from 0; the circuit shifts them.
"""

from __future__ import annotations

import math
import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from resqunn.checks import check_fields
from resqunn.circuits import sim
from resqunn.circuits.angles import Weight, leaves
from resqunn.circuits.operations import Operation
from resqunn.errors import ConfigurationError, unknown_name


class Ansatz(ABC):
    """Base class of every ansatz."""

    name: str

    @abstractmethod
    def layer_shape(self, num_qubits: int) -> tuple[int, ...]:
        """The shape of one layer's weights."""

    @abstractmethod
    def layer(self, index: int, num_qubits: int) -> tuple[Operation, ...]:
        """The gates of layer `index`, its weights numbered row-major from 0."""

    def weight_shape(self, depth: int, num_qubits: int) -> tuple[int, ...]:
        """The shape of the weights of `depth` layers: (depth, *layer_shape)."""
        return (depth, *self.layer_shape(num_qubits))

    def num_layer_weights(self, num_qubits: int) -> int:
        """How many weights one layer has."""
        return math.prod(self.layer_shape(num_qubits))


def _cnot_ring(num_qubits: int, step: int) -> tuple[Operation, ...]:
    """CNOT from each qubit to the one `step` further on, around the ring."""
    return tuple(Operation("CNOT", (q, (q + step) % num_qubits)) for q in range(num_qubits))


@dataclass(frozen=True)
class RotationChain(Ansatz):
    """A trainable rotation on each qubit, then CNOTs 0-1, 1-2, ... in that order.

    Eq. 4-7 of the ResQuNN paper with `rotation="RX"`. With `closed`, a last CNOT from the
    last qubit to qubit 0 makes the chain a ring (for three qubits and more).
    """

    name: str
    rotation: str
    closed: bool = False

    def layer_shape(self, num_qubits: int) -> tuple[int, ...]:
        return (num_qubits,)

    def layer(self, index: int, num_qubits: int) -> tuple[Operation, ...]:
        rotations = tuple(Operation(self.rotation, (q,), Weight(q)) for q in range(num_qubits))
        ring = _cnot_ring(num_qubits, 1) if num_qubits > 1 else ()
        return rotations + (ring if self.closed and num_qubits > 2 else ring[:-1])


@dataclass(frozen=True)
class StronglyEntangling(Ansatz):
    r"""A general rotation $RZ(w_2) RY(w_1) RZ(w_0)$ on each qubit, then a CNOT ring.

    The ring's step is $1 + (l \bmod (n - 1))$ in layer $l$. Schuld et al., arXiv:1804.00633;
    the same gates as PennyLane's `StronglyEntanglingLayers`.
    """

    name: str = "strongly_entangling"

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
        return rotations + _cnot_ring(num_qubits, 1 + index % (num_qubits - 1))


@dataclass(frozen=True)
class Random(Ansatz):
    """A random circuit, drawn once from `seed`: as many rotations a layer as qubits.

    Each rotation has a random axis and a random qubit; before each one, with probability
    `entangling`, CNOTs between random pairs are drawn. After Henderson et al.,
    arXiv:1904.04767, which froze the circuit; here the rotation angles are weights, so a
    frozen layer is the original.
    """

    name: str = "random"
    seed: int = 0
    entangling: float = 0.3

    def __post_init__(self) -> None:
        if not 0 <= self.entangling < 1:
            raise ConfigurationError(f"entangling must be in [0, 1), got {self.entangling}")

    def layer_shape(self, num_qubits: int) -> tuple[int, ...]:
        return (num_qubits,)

    def layer(self, index: int, num_qubits: int) -> tuple[Operation, ...]:
        # Only Random.random() is promised to give the same numbers in every Python version.
        draw = random.Random(f"resqunn {self.seed} {index} {num_qubits}").random
        operations: list[Operation] = []
        for weight in range(num_qubits):
            while num_qubits > 1 and draw() < self.entangling:
                control = int(draw() * num_qubits)
                target = (control + 1 + int(draw() * (num_qubits - 1))) % num_qubits
                operations.append(Operation("CNOT", (control, target)))
            rotation = ("RX", "RY", "RZ")[int(draw() * 3)]
            operations.append(Operation(rotation, (int(draw() * num_qubits),), Weight(weight)))
        return tuple(operations)


@dataclass(frozen=True)
class GateList(Ansatz):
    """A layer that is given by its gates, as many weights as they read.

    >>> ring = GateList([Operation("CRZ", (q, (q + 1) % 3), Weight(q)) for q in range(3)])
    >>> ring.weight_shape(depth=2, num_qubits=3)
    (2, 3)
    """

    operations: Sequence[Operation]
    name: str = "gates"

    def __post_init__(self) -> None:
        check_fields(self)
        object.__setattr__(self, "operations", tuple(self.operations))

    def layer_shape(self, num_qubits: int) -> tuple[int, ...]:
        read = [
            leaf.index
            for operation in self.operations
            for angle in operation.angles
            for leaf in leaves(angle)
            if isinstance(leaf, Weight)
        ]
        return (1 + max(read, default=-1),)

    def layer(self, index: int, num_qubits: int) -> tuple[Operation, ...]:
        return tuple(self.operations)


@dataclass(frozen=True)
class SimCircuit(Ansatz):
    """A circuit of Sim et al., arXiv:1905.10876, by its name in `circuits.sim.SIM`.

    >>> SimCircuit("sim_10").weight_shape(depth=2, num_qubits=4)
    (3, 4)
    """

    name: str

    def layer_shape(self, num_qubits: int) -> tuple[int, ...]:
        return sim.weight_shape(self.name, 1, num_qubits)[1:]

    def weight_shape(self, depth: int, num_qubits: int) -> tuple[int, ...]:
        return sim.weight_shape(self.name, depth, num_qubits)

    def layer(self, index: int, num_qubits: int) -> tuple[Operation, ...]:
        return sim.layer(self.name, index, num_qubits)


ANSATZE: dict[str, Ansatz] = {
    entry.name: entry
    for entry in (
        RotationChain("rx_chain", "RX"),
        RotationChain("ry_chain", "RY"),
        RotationChain("rx_ring", "RX", closed=True),
        RotationChain("ry_ring", "RY", closed=True),
        StronglyEntangling(),
        Random(),
    )
}


MAX_DIGITS = 100
"""Of a seed in an ansatz's name; Python itself reads a few thousand."""


def ansatz(name: str | Ansatz) -> Ansatz:
    """The table's entry of that name; an `Ansatz` is returned as it is.

    `"random:7"` is the random ansatz of seed 7, `"sim_1"` to `"sim_19"` are the circuits of
    `circuits.sim`.

    Raises:
        ConfigurationError: if the table has none.
    """
    if isinstance(name, Ansatz):
        return name
    if name.startswith("random:") and name[7:].isdecimal():
        digits = name[7:].lstrip("0") or "0"
        if len(digits) > MAX_DIGITS:
            raise ConfigurationError(
                f"the seed of a random ansatz must have {MAX_DIGITS} digits or fewer, got "
                f"{len(digits)}"
            )
        return Random(name, seed=int(digits))
    if name in sim.SIM:
        return SimCircuit(name)
    if name not in ANSATZE:
        raise unknown_name("ansatz", name, [*ANSATZE, "random:SEED", "sim_1 to sim_19"])
    return ANSATZE[name]
