"""A circuit sorted into the few kinds of step that the statevector engine performs.

The gates after the encoding's first layer become segments that alternate between `Block`
(weight-driven and fixed gates) and `Phases` (a repeated encoding, diagonal after the change
of basis that moves into the neighbouring blocks). Inside a block, neighbouring single-qubit
gates are collected to `Locals` and neighbouring multi-qubit gates to one `Permutation`.

Shape suffixes as in `engine.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.circuits.gates import PAULIS, Axis, on_states
from resqunn.circuits.operations import Input, Operation, Weight
from resqunn.engines.guard import interpreted


@dataclass(frozen=True, eq=False)
class Phases:
    """Diagonal rotations by inputs: the angle of basis state a is sum_n signs[a, n] x_n.

    Repetitions of one encoding are one object, so that the engine computes it once.
    """

    signs_AN: Tensor


@dataclass(frozen=True)
class Locals:
    """Single-qubit gates. On qubit q: the constant `first[q]` (None for the identity), then
    by turns a rotation and the constant after it (None again for the identity)."""

    first: tuple[Tensor | None, ...]
    then: tuple[tuple[tuple[int, Tensor | None], ...], ...]

    def touches(self, qubit: int) -> bool:
        """Whether the step does anything to that qubit."""
        return self.first[qubit] is not None or bool(self.then[qubit])


@dataclass(frozen=True)
class Permutation:
    """Multi-qubit gates: new[a] = factor[a] * old[index[a]] (factor None if all are 1)."""

    index_A: Tensor
    factor_A: Tensor | None


@dataclass(frozen=True)
class Block:
    """Gates that do not depend on inputs."""

    num_qubits: int
    steps: tuple[Locals | Permutation, ...]


@dataclass(frozen=True)
class Qubit:
    """How the encoding's first layer prepares one qubit: a constant vector (1, 2, 1), then
    rotations by inputs, each an input index and -i times the Pauli matrix of its
    axis."""

    start: Tensor
    rotations: tuple[tuple[int, Tensor], ...]


@dataclass(frozen=True)
class Plan:
    """What the engine needs to know of a circuit, as constants of one dtype and device.

    `weight_index_K` and `turns_K22` are the weight and -i times the Pauli matrix of each
    weight-driven rotation.
    """

    first_layer: tuple[Qubit, ...]
    segments: tuple[Block | Phases, ...]
    weight_index_K: Tensor
    turns_K22: Tensor
    identity_22: Tensor
    diagonals_RA: Tensor


def plan_for(circuit: GateCircuit, dtype: torch.dtype, device: torch.device) -> Plan:
    """The plan, kept from call to call (but not while torch traces with fake tensors)."""
    if interpreted():
        return _plan(circuit, dtype, device)
    return _kept_plan(circuit, dtype, device)


# torch.compile runs it and keeps what comes of it. (torch.compiler.assume_constant_result says
# the same, but imports the compiler, which takes seconds, with the library.)
plan_for._dynamo_marked_constant = True  # pyright: ignore[reportFunctionMemberAccess]


@lru_cache(maxsize=256)
def _kept_plan(circuit: GateCircuit, dtype: torch.dtype, device: torch.device) -> Plan:
    # A later call may train what the first one only evaluates.
    with torch.inference_mode(False):
        return _plan(circuit, dtype, device)


def _plan(circuit: GateCircuit, dtype: torch.dtype, device: torch.device) -> Plan:
    split = _first_layer_length(circuit)
    first, rest = circuit.operations[:split], circuit.operations[split:]
    # A repeated encoding multiplies by complex phases.
    real = all(operation.gate.is_real for operation in circuit.operations) and not any(
        isinstance(operation.angle, Input) for operation in rest
    )
    maker = _Maker(circuit, dtype, device, real)
    segments = tuple(maker.segments(rest))
    return Plan(
        first_layer=tuple(maker.first_layer(first)),
        segments=segments,
        weight_index_K=torch.as_tensor(np.array(maker.weights, dtype=np.int64), device=device),
        turns_K22=maker.matrix(np.array(maker.turns).reshape(-1, 2, 2)),
        identity_22=maker.matrix(np.eye(2)),
        diagonals_RA=torch.as_tensor(circuit.diagonals(), dtype=dtype, device=device),
    )


def _first_layer_length(circuit: GateCircuit) -> int:
    """How many leading gates are fixed single-qubit gates and then rotations by inputs."""
    if circuit.prepares_amplitudes:
        return 0
    rotated: set[int] = set()
    for position, operation in enumerate(circuit.operations):
        if isinstance(operation.angle, Input):
            rotated.add(operation.qubits[0])
        elif operation.angle is not None or operation.gate.num_qubits > 1:
            return position
        elif operation.qubits[0] in rotated:
            return position
    return len(circuit.operations)


@dataclass
class _Maker:
    """Turns operations into segments; numbers the weight-driven rotations as they come."""

    circuit: GateCircuit
    dtype: torch.dtype
    device: torch.device
    real: bool
    weights: list[int] = field(default_factory=list)
    turns: list[np.ndarray] = field(default_factory=list)
    kept_phases: dict[bytes, Phases] = field(default_factory=dict)

    def matrix(self, array: np.ndarray) -> Tensor:
        """A constant of the plan's dtype: complex unless every gate is real."""
        dtype = self.dtype if self.real else self.dtype.to_complex()
        return torch.as_tensor(np.real(array) if self.real else array, device=self.device).to(dtype)

    def first_layer(self, operations: Iterable[Operation]) -> Iterator[Qubit]:
        for qubit in range(self.circuit.num_qubits):
            vector = np.array([[1.0], [0.0]], dtype=complex)
            rotations: list[tuple[int, Tensor]] = []
            for operation in operations:
                if operation.qubits != (qubit,):
                    continue
                if isinstance(operation.angle, Input):
                    turn = self.matrix(operation.gate.turn)
                    rotations.append((operation.angle.index, turn))
                else:
                    vector = operation.gate.matrix() @ vector
            yield Qubit(self.matrix(vector)[None], tuple(rotations))

    def segments(self, operations: Iterable[Operation]) -> Iterator[Block | Phases]:
        gates: list[_Gate] = []
        for by_input, run in _runs(operations):
            if not by_input:
                gates += (_Gate.of(operation) for operation in run)
                continue
            # exp(-i x P/2) = V exp(-i x Z/2) V^dagger with V the eigenvectors of P.
            bases = [_eigenbasis(operation.gate.axis) for operation in run]
            gates += (_Gate(op.qubits, v.conj().T) for op, v in zip(run, bases, strict=True))
            yield self.block(gates)
            yield self.phases(run)
            gates = [_Gate(op.qubits, v) for op, v in zip(run, bases, strict=True)]
        if gates:
            yield self.block(gates)

    def phases(self, run: Iterable[Operation]) -> Phases:
        states = np.arange(2**self.circuit.num_qubits)
        signs = np.zeros((2**self.circuit.num_qubits, self.circuit.num_inputs))
        for operation in run:
            assert isinstance(operation.angle, Input)
            bit = (states >> (self.circuit.num_qubits - 1 - operation.qubits[0])) & 1
            signs[:, operation.angle.index] += 1 - 2 * bit
        tensor = torch.as_tensor(signs, dtype=self.dtype, device=self.device)
        return self.kept_phases.setdefault(signs.tobytes(), Phases(tensor))

    def block(self, gates: Iterable[_Gate]) -> Block:
        steps: list[Locals | Permutation] = []
        single: list[_Gate] = []
        several: list[_Gate] = []
        for item in gates:
            if len(item.qubits) == 1:
                if several:
                    steps.append(self.permutation(several))
                    several = []
                single.append(item)
            else:
                if single:
                    steps.append(self.locals(single))
                    single = []
                several.append(item)
        if single:
            steps.append(self.locals(single))
        if several:
            steps.append(self.permutation(several))
        return Block(self.circuit.num_qubits, tuple(steps))

    def locals(self, gates: Iterable[_Gate]) -> Locals:
        first: list[np.ndarray | None] = [None] * self.circuit.num_qubits
        then: list[list[tuple[int, np.ndarray | None]]] = [[] for _ in first]
        for item in gates:
            qubit = item.qubits[0]
            if item.weight is not None:
                then[qubit].append((len(self.weights), None))
                self.weights.append(item.weight)
                self.turns.append(item.matrix)
            elif then[qubit]:
                rotation, constant = then[qubit][-1]
                then[qubit][-1] = (rotation, _after(item.matrix, constant))
            else:
                first[qubit] = _after(item.matrix, first[qubit])
        return Locals(
            tuple(None if array is None else self.matrix(array) for array in first),
            tuple(
                tuple((k, None if array is None else self.matrix(array)) for k, array in steps)
                for steps in then
            ),
        )

    def permutation(self, gates: Iterable[_Gate]) -> Permutation:
        index = np.arange(2**self.circuit.num_qubits)
        factor = np.ones(len(index), dtype=complex)
        for item in gates:
            source, factors = on_states(item.matrix, item.qubits, self.circuit.num_qubits)
            index, factor = index[source], factors * factor[source]
        plain = bool((factor == 1).all())
        return Permutation(
            torch.as_tensor(index, device=self.device), None if plain else self.matrix(factor)
        )


@dataclass(frozen=True)
class _Gate:
    """A constant matrix, or with `weight` -i times the Pauli matrix of a rotation by it."""

    qubits: tuple[int, ...]
    matrix: np.ndarray
    weight: int | None = None

    @staticmethod
    def of(operation: Operation) -> _Gate:
        if isinstance(operation.angle, Weight):
            return _Gate(operation.qubits, operation.gate.turn, operation.angle.index)
        return _Gate(operation.qubits, operation.gate.matrix())


def _runs(operations: Iterable[Operation]) -> Iterator[tuple[bool, list[Operation]]]:
    """Neighbouring operations that are, or are not, rotations by inputs of different qubits."""
    run: list[Operation] = []
    by_input = False
    for operation in operations:
        now = isinstance(operation.angle, Input)
        repeated = now and any(operation.qubits == other.qubits for other in run)
        if run and (now != by_input or repeated):
            yield by_input, run
            run = []
        by_input = now
        run.append(operation)
    if run:
        yield by_input, run


def _eigenbasis(axis: Axis | None) -> np.ndarray:
    """The eigenvectors of a Pauli matrix as columns, that of +1 first."""
    assert axis is not None
    values, vectors = np.linalg.eigh(PAULIS[axis])
    return vectors[:, np.argsort(-values)]


def _after(later: np.ndarray, earlier: np.ndarray | None) -> np.ndarray:
    return later if earlier is None else later @ earlier
