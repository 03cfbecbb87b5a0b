r"""A circuit of RX by weights, RY by inputs and CNOTs, as tables for the compiled kernels.

A Hadamard gate on every qubit, before and after each gate, turns RX into RZ, RY(x) into RY(-x) and
a CNOT into one with control and target exchanged. In this frame

- rotations by weights, and phases, between two layers of rotations by inputs are one diagonal of
  phases, the same for all patches;
- rotations by inputs are real;
- CNOTs permute basis states: no amplitude is moved, the tables only follow the *row* of memory
  in which each basis state lies;
- the initial state and the first layer of rotations are a real product state;
- products of Pauli Z become products of Pauli X, which pair rows.

Shape suffixes: Q qubits, A amplitudes (rows), L layers, P passes over two qubits, J strings of
Pauli matrices, R readout values, E rotations by weights, N inputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.circuits.gates import on_states
from resqunn.circuits.operations import Input, Weight
from resqunn.engines.compiled.arguments import Constants
from resqunn.errors import CircuitError

MAX_QUBITS = 12
MAX_ROTATIONS = 112
"""By inputs: each may double the squared norm of a state, which float32 must hold."""


class Layers(NamedTuple):
    """What the kernels of states read.

    Attributes:
        product_Q2: the input that turns each qubit first (-1 for none), and 1 if it does so by
            -x in the frame.
        begin_L: where the passes of each layer begin, and where the last end.
        passes_P2: the inputs by which the two qubits of a pass are turned.
        rows_PA: rows as a pass visits them, by fours: 00, 01, 10, 11.
        partner_JA: the row with which each string exchanges a row.
        mix_RJ, constant_R: the readout values as sums of strings and of the identity.
        uses_N: how often each input turns a qubit.
    """

    product_Q2: Any
    begin_L: Any
    passes_P2: Any
    rows_PA: Any
    partner_JA: Any
    mix_RJ: Any
    constant_R: Any
    uses_N: Any


class Phases(NamedTuple):
    """What the kernels of weights read: which weight turns rows after which layer, and by what
    part of it; `places_E2` are layer and weight."""

    places_E2: Any
    parts_EA: Any
    layers: Any


@dataclass(frozen=True, eq=False)
class Schedule:
    """The tables of a circuit."""

    layers: Layers
    phases: Phases

    @cached_property
    def tables(self) -> Constants:
        """For the kernels of states."""
        return Constants(self.layers)

    @cached_property
    def weights(self) -> Constants:
        """For the kernels of weights."""
        return Constants(self.phases)

    @property
    def amplitudes(self) -> int:
        """How many rows there are."""
        return self.layers.rows_PA.shape[1]

    @property
    def count(self) -> int:
        """How many layers there are."""
        return len(self.layers.begin_L) - 1

    @property
    def rotations(self) -> int:
        """How often inputs turn qubits."""
        return int(self.layers.uses_N.sum())


@lru_cache(maxsize=256)
def schedule(circuit: GateCircuit) -> Schedule:
    """The circuit's tables.

    Raises:
        CircuitError: if the circuit has other gates, or too many; says which.
    """
    writer = _Writer(circuit)
    for operation in circuit.operations:
        if isinstance(operation.angle, Input):
            writer.turn(operation.name, operation.qubits[0], operation.angle.index)
        elif isinstance(operation.angle, Weight):
            writer.phase(operation.name, operation.qubits[0], operation.angle.index)
        else:
            writer.permute(operation.name, operation.qubits)
    return writer.finish()


class _Writer:
    def __init__(self, circuit: GateCircuit) -> None:
        if circuit.prepares_amplitudes:
            raise CircuitError("its inputs are amplitudes")
        if not 2 <= circuit.num_qubits <= MAX_QUBITS:
            raise CircuitError(f"it has {circuit.num_qubits} qubit(s), not 2 to {MAX_QUBITS}")
        self.circuit, self.qubits = circuit, circuit.num_qubits
        self.states = np.arange(2**self.qubits)
        self.row_of = self.states.copy()
        self.layers: list[list[tuple[int, int]]] = [[]]
        self.passes: list[tuple[int, int]] = []
        self.rows: list[Int[np.ndarray, " A"]] = []
        self.begin: list[int] = [0]
        self.places: list[tuple[int, int]] = []
        self.parts: list[Float[np.ndarray, " A"]] = []
        self.uses = np.zeros(circuit.num_inputs, dtype=np.int64)
        self.turning = True  # whether the last gate was a rotation by an input

    def _bit(self, qubit: int) -> Int[np.ndarray, " A"]:
        return (self.states >> (self.qubits - 1 - qubit)) & 1

    def turn(self, name: str, qubit: int, index: int) -> None:
        """A rotation by an input."""
        if name != "RY":
            raise CircuitError(f"an input turns a qubit by {name}, not by RY")
        if not self.turning:
            self._end_layer()
            self.turning = True
        if qubit in (q for q, _ in self.layers[-1]):
            raise CircuitError(f"inputs turn qubit {qubit} twice in a row")
        self.layers[-1].append((qubit, index))
        self.uses[index] += 1

    def phase(self, name: str, qubit: int, index: int) -> None:
        """A rotation by a weight."""
        if name != "RX":
            raise CircuitError(f"a weight turns a qubit by {name}, not by RX")
        self.turning = False
        parts_A = np.empty(len(self.states))
        parts_A[self.row_of] = self._bit(qubit) - 0.5
        self.places.append((len(self.layers) - 1, index))
        self.parts.append(parts_A)

    def permute(self, name: str, qubits: tuple[int, ...]) -> None:
        """A CNOT, which controls the other way round in the frame."""
        if name != "CNOT":
            raise CircuitError(f"it has the gate {name}")
        self.turning = False
        # Rows of the layer's own rotations are those before the gate.
        self._write_layer()
        matrix = np.eye(4, dtype=complex)[[0, 1, 3, 2]]
        source, _ = on_states(matrix, qubits[::-1], self.qubits)
        self.row_of = self.row_of[source]

    def _write_layer(self) -> None:
        """The passes of the latest layer, once. The first layer is a product state, and its
        passes are for the way back alone."""
        if len(self.begin) > len(self.layers):
            return
        turns = list(self.layers[-1])
        if len(turns) % 2:
            others = [q for q in range(self.qubits) if q not in (p for p, _ in turns)]
            partner = others[0] if others else None
            if partner is None:  # all qubits of an odd number: two of them are one pass's own
                partner = turns[0][0]
            turns.append((partner, self.circuit.num_inputs))
        for (high, by_high), (low, by_low) in zip(turns[::2], turns[1::2], strict=True):
            # In the frame the rotation is by -x: the roles of 0 and 1 are exchanged.
            four = (1 - self._bit(high)) * 2 + (1 - self._bit(low))
            rest = self.states & ~((1 << (self.qubits - 1 - high)) | (1 << (self.qubits - 1 - low)))
            order = np.lexsort((four, rest))
            self.passes.append((by_high, by_low))
            self.rows.append(self.row_of[order])
        self.begin.append(len(self.passes))

    def _end_layer(self) -> None:
        self._write_layer()
        self.layers.append([])

    def finish(self) -> Schedule:
        """All tables."""
        self._write_layer()
        if self.uses.sum() > MAX_ROTATIONS:
            raise CircuitError(f"inputs turn qubits more than {MAX_ROTATIONS} times")
        amplitudes, qubits = len(self.states), self.qubits
        product_Q2 = np.full((qubits, 2), -1, dtype=np.int64)
        for qubit, index in self.layers[0]:
            product_Q2[qubit] = (index, 1)
        observables = self.circuit.observables
        supports = sorted({s for o in observables for _, s in o.products if s})
        mix_RJ = np.zeros((len(observables), len(supports)))
        constant_R = np.zeros(len(observables))
        for r, observable in enumerate(observables):
            for coefficient, support in observable.products:
                if support:
                    mix_RJ[r, supports.index(support)] += coefficient
                else:
                    constant_R[r] += coefficient
        partners = []
        for support in supports:
            mask = sum(1 << (qubits - 1 - q) for q in support)
            partner_A = np.empty_like(self.row_of)
            partner_A[self.row_of] = self.row_of[self.states ^ mask]
            partners.append(partner_A)
        empty = np.empty((0, amplitudes), dtype=np.int64)
        return Schedule(
            Layers(
                product_Q2=product_Q2,
                begin_L=np.array([0, *self.begin[1:]], dtype=np.int64),
                passes_P2=np.array(self.passes, dtype=np.int64).reshape(-1, 2),
                rows_PA=np.stack(self.rows) if self.rows else empty,
                partner_JA=np.stack(partners) if partners else empty,
                mix_RJ=mix_RJ,
                constant_R=constant_R,
                uses_N=self.uses,
            ),
            Phases(
                places_E2=np.array(self.places, dtype=np.int64).reshape(-1, 2),
                parts_EA=np.stack(self.parts) if self.parts else np.empty((0, amplitudes)),
                layers=len(self.layers),
            ),
        )
