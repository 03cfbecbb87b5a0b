r"""A circuit as layers of rotations of single qubits with chains of CNOTs between them.

Before the last chain $Z_q$ is $Z_0 \cdots Z_q$: the CNOTs 0-1, 1-2, ... make each qubit the
parity of those up to it. So the last chain costs nothing, and the others cost a boundary of four
numbers each between neighbouring qubits.
"""

from __future__ import annotations

import math
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np

from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.circuits.operations import Input, Operation, Weight
from resqunn.engines.compiled.arguments import Constants
from resqunn.errors import CircuitError

MAX_CHAINS = 4
"""Of CNOTs between layers; one more makes boundaries four times as long."""

PAIRS = {"X": (2, 1), "Y": (1, 0), "Z": (0, 2)}
"""Which of the Pauli matrices X, Z, Y a rotation about an axis mixes."""

FIXED = {
    "H": (("Y", math.pi / 2), ("X", math.pi)),
    "X": (("X", math.pi),),
    "Y": (("Y", math.pi),),
    "Z": (("Z", math.pi),),
}
"""Gates without an angle, as rotations by constants."""


class Chain(NamedTuple):
    """What the kernels are told about a circuit.

    Attributes:
        chains: of CNOTs, without the last one.
        size, half: how many numbers a boundary has, $4^{chains}$, and how many of them count
            where nothing is measured.
        rows: how many numbers a qubit's rotations come down to.
        gates_K4: as in `kernels/rotations.py`.
        begin_QL: where the gates of each layer of a qubit begin, and where the last one's end.
        coefficients_QR, constants_R: the readout values in terms of $\\langle Z_q\\rangle$.
    """

    chains: Any
    size: Any
    half: Any
    rows: Any
    gates_K4: Any
    begin_QL: Any
    coefficients_QR: Any
    constants_R: Any


class Angles(NamedTuple):
    """Which weight is the angle of each gate, -1 if none is, and the angles of the others."""

    weight_K: Any
    constant_K: Any


class ChainsPlan:
    """The tables of a circuit, as arrays and for the kernels."""

    def __init__(self, circuit: GateCircuit) -> None:
        layers = _layers(circuit)
        qubits = circuit.num_qubits
        gates: list[tuple[int, int, int, int]] = []
        weights: list[int] = []
        constants: list[float] = []
        begin_QL = np.zeros((qubits, len(layers) + 1), dtype=np.int64)
        for q in range(qubits):
            for index, layer in enumerate(layers):
                begin_QL[q, index] = len(gates)
                for operation in layer[q]:
                    angle, row = operation.angle, operation.gate
                    turns = ((row.axis, 0.0),) if row.axis else FIXED[operation.name]
                    for axis, constant in turns:
                        reads = isinstance(angle, Input)
                        index_ = angle.index if isinstance(angle, Input) else 0
                        gates.append((*PAIRS[str(axis)], int(reads), index_))
                        weights.append(angle.index if isinstance(angle, Weight) else -1)
                        constants.append(constant)
            begin_QL[q, len(layers)] = len(gates)
        weight_K = np.array(weights, dtype=np.int64)
        self._angles = Angles(weight_K, np.array(constants, dtype=np.float64))
        coefficients_QR = np.zeros((qubits, circuit.num_outputs))
        constants_R = np.zeros(circuit.num_outputs)
        for r, observable in enumerate(circuit.observables):
            for coefficient, support in observable.products:
                if support:
                    coefficients_QR[support[0], r] += coefficient
                else:
                    constants_R[r] += coefficient
        self.inputs = circuit.num_inputs
        self.qubits, self.chains, self.gates = qubits, len(layers) - 1, len(gates)
        self.size = 4**self.chains
        self.middle = int(sum(begin_QL[:, -2] - begin_QL[:, 1])) if self.chains else 0
        self.chain = Chain(
            self.chains,
            self.size,
            max(1, self.size // 2),
            9 * self.chains - 3 if self.chains else 3,
            np.array(gates, dtype=np.int64).reshape(-1, 4),
            begin_QL,
            coefficients_QR,
            constants_R,
        )

    @cached_property
    def tables(self) -> Constants:
        """For the kernels of blocks."""
        return Constants(self.chain)

    @cached_property
    def angles(self) -> Constants:
        """For the kernels of weights."""
        return Constants(self._angles)

    @property
    def rows_forward(self) -> int:
        """How many rows of memory the sweeps take (`kernels/sweeps.py`)."""
        chain = self.chain
        states = max(1, self.chains) * self.size
        return chain.rows * self.qubits + chain.half * (self.qubits + 1) + self.size + 1 + states

    @property
    def rows_backward(self) -> int:
        """As `rows_forward`, on the way back."""
        chain = self.chain
        boundaries = self.qubits * (self.size + chain.half) + chain.half + self.size
        states = (self.chains + 2) * self.size
        return chain.rows * (self.qubits + 1) + boundaries + self.qubits + states

    @property
    def operations(self) -> int:
        """About how many multiplications the values of a patch take."""
        return self.qubits * (50 + 4 * self.chains * self.size)


def _layers(circuit: GateCircuit) -> list[list[list[Operation]]]:
    """The operations on each qubit in each layer.

    Raises:
        CircuitError: for a circuit that is not made like this.
    """
    if circuit.prepares_amplitudes:
        raise CircuitError("its inputs are amplitudes")
    qubits = circuit.num_qubits
    layers: list[list[list[Operation]]] = [[[] for _ in range(qubits)]]
    target = 0
    for operation in circuit.operations:
        if len(operation.qubits) == 2:
            wanted = (target, target + 1)
            if operation.name != "CNOT" or operation.qubits != wanted:
                raise CircuitError(
                    f"{operation.name} on qubits {operation.qubits} is not part of a chain of "
                    "CNOTs 0-1, 1-2, ..."
                )
            target += 1
            if target == qubits - 1:
                layers.append([[] for _ in range(qubits)])
                target = 0
        elif target:
            raise CircuitError(f"{operation.name} stands between the CNOTs of a chain")
        elif operation.gate.axis is None and operation.name not in FIXED:
            raise CircuitError(f"{operation.name} is not a rotation")
        else:
            layers[-1][operation.qubits[0]].append(operation)
    if target or (qubits > 1 and (len(layers) < 2 or any(layers[-1]))):
        raise CircuitError("it does not end with a chain of CNOTs")
    for observable in circuit.observables:
        if any(len(support) > 1 for _, support in observable.products):
            raise CircuitError("its readout has products of several Z")
    layers = layers[:-1] if qubits > 1 else layers
    if len(layers) - 1 > MAX_CHAINS:
        raise CircuitError(
            f"it has {len(layers)} chains of CNOTs, which need boundaries of "
            f"4**{len(layers) - 1} numbers (at most 4**{MAX_CHAINS})"
        )
    return layers


@lru_cache(maxsize=256)
def obstacle(circuit: GateCircuit) -> str | None:
    """Why a circuit has no plan; None if it has one."""
    try:
        _layers(circuit)
    except CircuitError as error:
        return str(error)
    return None


chains_plan = lru_cache(maxsize=256)(ChainsPlan)
"""The plan of a circuit that has no obstacle."""
