r"""A circuit with numbers for its weights, as constant matrices and phases by turns.

A rotation by an input is diagonal in the eigenbasis of its axis, $\exp(-i x P / 2) = V \exp(-i x
Z / 2) V^\dagger$, and the bases belong to the gates before and after it. So a circuit is $B_T D_{T
- 1}(x) B_{T - 1} \cdots D_0(x) B_0$, with $B_t$ all gates between two rotations by inputs, for each
set of weights one constant matrix, and $D_t(x)$ the rotations on different qubits that follow each
other: $\exp(-i \theta_t(x))$ with $\theta_t = S_t x / 2$ and $S_t$ of entries $\pm 1$, or their
sums where a qubit is rotated several times.

Shape suffixes: K sets of weights, W weights, A amplitudes, N inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from resqunn.circuits.angles import Input, Weight
from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.circuits.gates import on_states
from resqunn.circuits.lowering import TURNED
from resqunn.circuits.operations import Operation


@dataclass(frozen=True)
class Stages:
    """What a circuit does, in order: `blocks[0]`, `phases[0]`, `blocks[1]`, ..., and a block.

    Attributes:
        blocks: gates that read no input.
        phases: the matrices $S_t$ (A, N).
    """

    blocks: tuple[tuple[Operation, ...], ...]
    phases: tuple[Float[np.ndarray, "A N"], ...]


def stages(operations: Sequence[Operation], num_qubits: int, num_inputs: int) -> Stages:
    """Operations with bare inputs and weights, each in the first stage that it can be in.

    >>> both = [Operation("RX", (q,), Input(q)) for q in range(2)]
    >>> found = stages([*both, Operation("CNOT", (0, 1)), *both], 2, 2)
    >>> [len(block) for block in found.blocks], len(found.phases)
    ([2, 5, 2], 2)
    """
    blocks: list[list[Operation]] = [[]]
    phases: list[list[tuple[int, int]]] = []
    # On each qubit the stage that a gate must be in, and the one that a phase may be in.
    gate_at, phase_at = [0] * num_qubits, [0] * num_qubits

    def put(operation: Operation) -> None:
        stage = max(gate_at[q] for q in operation.qubits)
        blocks[stage].append(operation)
        for q in operation.qubits:
            gate_at[q] = phase_at[q] = stage

    for operation in operations:
        if not isinstance(operation.angle, Input):
            put(operation)
            continue
        before, after = TURNED[_about(operation)]
        for name in before:
            put(Operation(name, operation.qubits))
        (qubit,) = operation.qubits
        stage = phase_at[qubit]
        if stage == len(phases):
            phases.append([])
            blocks.append([])
        phases[stage].append((qubit, operation.angle.index))
        gate_at[qubit] = stage + 1
        for name in after:
            put(Operation(name, operation.qubits))
    return Stages(
        tuple(map(tuple, blocks)),
        tuple(_signs(phase, num_qubits, num_inputs) for phase in phases),
    )


def _about(operation: Operation) -> str:
    return f"R{operation.gate.axis}"


def _signs(
    phase: Sequence[tuple[int, int]], num_qubits: int, num_inputs: int
) -> Float[np.ndarray, "A N"]:
    states = np.arange(2**num_qubits)
    signs_AN = np.zeros((2**num_qubits, num_inputs))
    for qubit, index in phase:
        signs_AN[:, index] += 1.0 - 2.0 * (states >> (num_qubits - 1 - qubit) & 1)
    return signs_AN


def applied(
    operations: Sequence[Operation],
    weights_KW: Float[np.ndarray, "K W"],
    states_KAM: Complex[np.ndarray, "K A M"],
) -> Complex[np.ndarray, "K A M"]:
    """Gates that read no input, applied to the columns of a matrix for each set of weights."""
    qubits = states_KAM.shape[1].bit_length() - 1
    found = states_KAM
    for operation in operations:
        gate = operation.gate
        if gate.num_qubits > 1:
            source_A, factor_A = on_states(gate.matrix(), operation.qubits, qubits)
            found = found[:, source_A] * factor_A[:, None]
            continue
        if isinstance(operation.angle, Weight):
            half_K11 = weights_KW[:, operation.angle.index, None, None] / 2
            matrix_K22 = np.cos(half_K11) * np.eye(2) + np.sin(half_K11) * gate.turn
        else:
            matrix_K22 = gate.matrix()[None]
        (qubit,) = operation.qubits
        split = found.reshape(len(found), 2**qubit, 2, -1)
        turned = np.einsum("kij,kajb->kaib", np.broadcast_to(matrix_K22, (len(found), 2, 2)), split)
        found = turned.reshape(found.shape)
    return found


def unitaries(
    operations: Sequence[Operation], weights_KW: Float[np.ndarray, "K W"], num_qubits: int
) -> Complex[np.ndarray, "K A A"]:
    """The matrix of gates that read no input, for each set of weights."""
    one = np.eye(2**num_qubits, dtype=complex)
    return applied(operations, weights_KW, np.broadcast_to(one, (len(weights_KW), *one.shape)))


def measured_in_runs(circuit: GateCircuit) -> tuple[tuple[Operation, ...], ...]:
    """The gates that each of a circuit's runs has beyond those that all have."""
    common = len(circuit.lowered.operations)
    return tuple(run.circuit.operations[common:] for run in circuit.runs)
