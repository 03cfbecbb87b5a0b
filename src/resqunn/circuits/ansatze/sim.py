"""The nineteen circuits of Sim, Johnson and Aspuru-Guzik, as data.

S. Sim, P. D. Johnson, A. Aspuru-Guzik, "Expressibility and entangling capability of
parameterized quantum circuits for hybrid quantum-classical algorithms", arXiv:1905.10876, Fig. 2,
which draws them on four qubits; here they go on as they begin, on other numbers too.

A layer is a row of blocks, each a gate and where it stands: a gate of one qubit on each qubit, or
on the `inner` ones (all but the first and the last); one of two qubits on pairs of neighbours,
control first, from the last qubit to the first unless it says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from resqunn.circuits.angles import Weight
from resqunn.circuits.ansatze.base import Ansatz, weights_read
from resqunn.circuits.gates import gate
from resqunn.circuits.operations import Operation
from resqunn.errors import unknown_name

SIM: dict[str, str] = {
    "sim_1": "RX RZ",
    "sim_2": "RX RZ CNOT:line",
    "sim_3": "RX RZ CRZ:line",
    "sim_4": "RX RZ CRX:line",
    "sim_5": "RX RZ CRZ:all RX RZ",
    "sim_6": "RX RZ CRX:all RX RZ",
    "sim_7": "RX RZ CRZ:even RX RZ CRZ:odd",
    "sim_8": "RX RZ CRX:even RX RZ CRX:odd",
    "sim_9": "H CZ:line RX",
    "sim_10": "CZ:ring RY",
    "sim_11": "RY RZ CNOT:even RY:inner RZ:inner CNOT:odd",
    "sim_12": "RY RZ CZ:even RY:inner RZ:inner CZ:odd",
    "sim_13": "RY CRZ:ring RY CRZ:back",
    "sim_14": "RY CRX:ring RY CRX:back",
    "sim_15": "RY CNOT:ring RY CNOT:back",
    "sim_16": "RX RZ CRZ:even CRZ:odd",
    "sim_17": "RX RZ CRX:even CRX:odd",
    "sim_18": "RX RZ CRZ:ring",
    "sim_19": "RX RZ CRX:ring",
}
"""The blocks of a layer of each circuit."""

FIRST: dict[str, str] = {"sim_10": "RY"}
"""The blocks before the first layer."""


def places(gate_name: str, place: str, num_qubits: int) -> list[tuple[int, ...]]:
    """The qubits of each gate of a block.

    >>> places("CRX", "ring", 4)
    [(3, 0), (2, 3), (1, 2), (0, 1)]
    >>> places("CRX", "back", 4)
    [(3, 2), (0, 3), (1, 0), (2, 1)]
    """
    qubits, last = range(num_qubits), num_qubits - 1
    if gate(gate_name).num_qubits == 1:
        return [(q,) for q in qubits if place != "inner" or 0 < q < last]
    pairs = {
        "line": [(q, q - 1) for q in reversed(qubits[1:])],
        "even": [(q + 1, q) for q in qubits[:-1:2]],
        "odd": [(q + 1, q) for q in qubits[1:-1:2]],
        "all": [(c, t) for c in reversed(qubits) for t in reversed(qubits)],
        "ring": [(q, (q + 1) % num_qubits) for q in reversed(qubits)],
        "back": [(q, (q - 1) % num_qubits) for q in (last, *qubits[:-1])],
    }[place]
    if gate_name == "CZ" and num_qubits == 2:
        pairs = pairs[:1]  # a second one would undo the first
    return [pair for pair in pairs if pair[0] != pair[1]]


@dataclass(frozen=True)
class SimCircuit(Ansatz):
    """A circuit of Sim et al., arXiv:1905.10876, by its name in `SIM`.

    The weights are (depth, weights of a layer); of circuit 10, which has a layer of RY before the
    first one, (depth + 1, qubits).

    >>> SimCircuit("sim_10").weight_shape(depth=2, num_qubits=4)
    (3, 4)
    """

    name: str

    def __post_init__(self) -> None:
        if self.name not in SIM:
            raise unknown_name("circuit", self.name, SIM)

    def layer_shape(self, num_qubits: int) -> tuple[int, ...]:
        return (weights_read(self.layer(0, num_qubits)),)

    def layer(self, index: int, num_qubits: int) -> tuple[Operation, ...]:
        return tuple(_gates(SIM[self.name], num_qubits))

    def first(self, num_qubits: int) -> tuple[Operation, ...]:
        return tuple(_gates(FIRST.get(self.name, ""), num_qubits))

    def weight_shape(self, depth: int, num_qubits: int) -> tuple[int, ...]:
        return (depth + (self.name in FIRST), *self.layer_shape(num_qubits))


def _gates(blocks: str, num_qubits: int) -> Iterator[Operation]:
    weight = 0
    for block in blocks.split():
        name, _, place = block.partition(":")
        for qubits in places(name, place, num_qubits):
            if gate(name).num_angles:
                yield Operation(name, qubits, Weight(weight))
                weight += 1
            else:
                yield Operation(name, qubits)
