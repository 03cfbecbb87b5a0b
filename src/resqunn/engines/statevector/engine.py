r"""The reference engine: the full state vector in plain torch, on any device.

A circuit is evaluated in few large operations over all patches:

1. The encoding's first layer is a product state, built by outer products.
2. The gates between two encodings depend on weights alone. Up to `DENSE_QUBITS` qubits they
   are multiplied into one unitary, which meets the patches in one matrix product.
3. A repeated encoding is diagonal in the eigenbasis of its axis:
   $\exp(-i x P/2) = V \exp(-i x Z/2) V^\dagger$. The bases $V$ join the weight-only blocks, so
   that each repetition is one elementwise product with phases that are computed once.

Everything is made of differentiable torch operations, so autograd gives derivatives of any
order. Circuits whose gates are all real are evaluated in real arithmetic.

Shape suffixes as in `base.py`, and A amplitudes, K rotations.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from resqunn.circuits.angles import Input
from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.engines.base import Engine, size_obstacle
from resqunn.engines.guard import autocasting, exporting_to_onnx
from resqunn.engines.statevector.amplitudes import normalised_amplitudes
from resqunn.engines.statevector.plan import Block, Locals, Permutation, Phases, Plan, plan_for
from resqunn.engines.statevector.scripted import ComplexProducts, recording
from resqunn.errors import CircuitError

DENSE_QUBITS = 5
"""Up to here a weight-only block becomes one unitary; beyond, it acts gate by gate."""

MAX_QUBITS = 24
"""Circuits with more are refused: each patch would take over 100 MB."""

EXACT_TURNS = 2**10
"""Up to this many multiples of 2 pi are subtracted from an angle in float32 without a
visible rounding error."""

CHUNK_QUBITS = 4
"""Beyond `DENSE_QUBITS`, single-qubit gates act together on this many qubits at once."""


@dataclass(frozen=True)
class StatevectorEngine(Engine):
    """Exact simulation by autograd-differentiable torch operations, on any device.

    Raises:
        CircuitError: for more than 24 qubits.
    """

    name: str = "statevector"

    def obstacle(self, circuit: GateCircuit) -> str | None:
        return size_obstacle(circuit, MAX_QUBITS)

    def cost(self, circuit: GateCircuit, filters: int = 1) -> float | None:
        if circuit.num_qubits > MAX_QUBITS:
            return None
        qubits, depth = circuit.num_qubits, circuit.depth
        # Of few qubits, all that stands between two encodings is one matrix, whatever its depth.
        layers = depth + 1 if circuit.reupload or qubits > DENSE_QUBITS else 1
        layers = max(layers, _encodings(circuit))
        # A gate is some calls of torch, whatever the patches.
        return (
            500 + 15 * len(circuit.operations) + filters * 2**qubits * (30 + 6.0 * qubits * layers)
        )

    def evaluate(
        self,
        circuit: GateCircuit,
        inputs_GNP: Float[Tensor, "G N P"],
        weights_GFW: Float[Tensor, "G F W"],
    ) -> Float[Tensor, "G F R P"]:
        self.require(circuit)
        if autocasting(inputs_GNP.device):
            with torch.autocast(inputs_GNP.device.type, enabled=False):
                return self._evaluated(circuit, inputs_GNP, weights_GFW)
        if recording():
            with ComplexProducts():
                return self._evaluated(circuit, inputs_GNP, weights_GFW)
        return self._evaluated(circuit, inputs_GNP, weights_GFW)

    def _evaluated(self, circuit: GateCircuit, inputs_GNP: Tensor, weights_GFW: Tensor) -> Tensor:
        plan = plan_for(circuit, inputs_GNP.dtype, inputs_GNP.device)
        if plan.identity_22.is_complex() and exporting_to_onnx():
            raise CircuitError(
                "circuits must be in their classical form for ONNX, which has no complex numbers: "
                "export resqunn.to_classical(module), or use resqunn.to_onnx"
            )
        rotations_GFK22 = _rotations(plan, weights_GFW)
        if circuit.prepares_amplitudes:
            start_GAP = normalised_amplitudes(inputs_GNP, 2**circuit.num_qubits)
        else:
            start_GAP = _product_state(plan, inputs_GNP)
        state = start_GAP.unsqueeze(1)
        phases: dict[Phases, Tensor] = {}
        for segment in plan.segments:
            if isinstance(segment, Phases):
                if segment not in phases:
                    phases[segment] = _phases(segment, inputs_GNP)
                state = state * phases[segment].unsqueeze(1)
            elif circuit.num_qubits <= DENSE_QUBITS:
                state = _apply_unitary(_unitary(plan, segment, rotations_GFK22), state)
            else:
                state = _apply_block(plan, segment, rotations_GFK22, state)
        probabilities = (
            torch.view_as_real(state).square().sum(-1) if state.is_complex() else state.square()
        )
        values = plan.diagonals_RA @ probabilities
        return values.expand(-1, weights_GFW.shape[1], -1, -1)


@lru_cache(maxsize=256)
def _encodings(circuit: GateCircuit) -> int:
    """How many times rotations by inputs follow other gates: some encodings read them often."""
    read = [isinstance(operation.angle, Input) for operation in circuit.operations]
    return sum(now and not before for before, now in itertools.pairwise([False, *read]))


def _rotations(plan: Plan, weights_GFW: Float[Tensor, "G F W"]) -> Tensor:
    """The 2x2 matrix of each weight-driven rotation: cos(w/2) 1 + sin(w/2) (-i P)."""
    half = weights_GFW.index_select(2, plan.weight_index_K) / 2
    cosine = half.cos()[..., None, None] * plan.identity_22
    return cosine + half.sin()[..., None, None] * plan.turns_K22


def _product_state(plan: Plan, inputs_GNP: Tensor) -> Tensor:
    """The state after the encoding's first layer: an outer product over qubits."""
    half = inputs_GNP / 2
    cosine, sine = half.cos(), half.sin()
    state: Tensor | None = None
    for qubit in plan.first_layer:
        amplitudes = qubit.start
        for n, turn in qubit.rotations:
            turned = turn @ amplitudes
            amplitudes = cosine[:, n : n + 1] * amplitudes + sine[:, n : n + 1] * turned
        if state is None:
            state = amplitudes
        else:
            state = (state.unsqueeze(2) * amplitudes.unsqueeze(1)).flatten(1, 2)
    assert state is not None
    return state.expand(inputs_GNP.shape[0], -1, inputs_GNP.shape[2])


def _phases(segment: Phases, inputs_GNP: Tensor) -> Tensor:
    """exp(-i/2 sum_n s_n x_n) with s_n = +-1 the sign of Z in each basis state."""
    angles_GAP = segment.signs_AN @ (_within_a_turn(inputs_GNP) / 2)
    return torch.complex(angles_GAP.cos(), -angles_GAP.sin())


def _within_a_turn(angles: Tensor) -> Tensor:
    """The angles less multiples of 2 pi, which leave a rotation as it is up to its sign.

    A sum of large angles would be rounded to the precision of the largest. A turn is taken
    off in two parts, the first of which has so few bits that its multiples are exact; of more
    turns than that, the angle is that of its own sine and cosine.
    """
    given = angles.detach()
    turns = (given / (2 * math.pi)).round()
    within = given - turns * 6.28125 - turns * (2 * math.pi - 6.28125)
    within = torch.where(turns.abs() > EXACT_TURNS, torch.atan2(given.sin(), given.cos()), within)
    return within + (angles - given)


def _kron(matrices: list[Tensor]) -> Tensor:
    """The Kronecker product of matrices whose batch dimensions broadcast."""
    product = matrices[0]
    for matrix in matrices[1:]:
        outer = product[..., :, None, :, None] * matrix[..., None, :, None, :]
        product = outer.flatten(-4, -3).flatten(-2, -1)
    return product


def _local(plan: Plan, step: Locals, qubit: int, rotations_GFK22: Tensor) -> Tensor:
    """The product of a step's gates on one qubit, (G, F, 2, 2) or a constant (2, 2)."""
    matrix = step.first[qubit]
    for rotation, constant in step.then[qubit]:
        turned = rotations_GFK22[:, :, rotation]
        matrix = turned if matrix is None else turned @ matrix
        matrix = matrix if constant is None else constant @ matrix
    return plan.identity_22 if matrix is None else matrix


def _unitary(plan: Plan, block: Block, rotations_GFK22: Tensor) -> Tensor:
    """The block as one matrix (G, F, A, A)."""
    unitary: Tensor | None = None
    for step in block.steps:
        if isinstance(step, Permutation):
            if unitary is None:
                unitary = _kron([plan.identity_22] * block.num_qubits)
            unitary = unitary.index_select(-2, step.index_A)
            unitary = unitary if step.factor_A is None else unitary * step.factor_A[:, None]
        else:
            layer = _kron([_local(plan, step, q, rotations_GFK22) for q in range(block.num_qubits)])
            unitary = layer if unitary is None else layer @ unitary
    assert unitary is not None
    return unitary.expand(*rotations_GFK22.shape[:2], -1, -1)


def _apply_unitary(unitary_GFAA: Tensor, state: Tensor) -> Tensor:
    groups, filters, amplitudes, _ = unitary_GFAA.shape
    state = state.to(unitary_GFAA.dtype)
    if state.shape[1] == 1:
        # All filters see the same state: one product with the stacked unitaries.
        stacked = unitary_GFAA.reshape(groups, filters * amplitudes, amplitudes)
        return (stacked @ state.squeeze(1)).unflatten(1, (filters, amplitudes))
    return unitary_GFAA @ state


def _apply_block(plan: Plan, block: Block, rotations_GFK22: Tensor, state: Tensor) -> Tensor:
    """The block's steps on the state itself, qubits in chunks."""
    groups, filters = rotations_GFK22.shape[:2]
    state = state.to(rotations_GFK22.dtype)
    for step in block.steps:
        if isinstance(step, Permutation):
            state = state.index_select(2, step.index_A)
            state = state if step.factor_A is None else state * step.factor_A[:, None]
            continue
        for first in range(0, block.num_qubits, CHUNK_QUBITS):
            qubits = range(first, min(first + CHUNK_QUBITS, block.num_qubits))
            if not any(step.touches(q) for q in qubits):
                continue
            matrix = _kron([_local(plan, step, q, rotations_GFK22) for q in qubits])
            matrix = matrix.expand(groups, filters, -1, -1).unsqueeze(2)
            size = matrix.shape[-1]
            split = state.unflatten(2, (2**first, size, -1)).flatten(-2, -1)
            state = (matrix @ split).reshape(groups, filters, state.shape[2], state.shape[3])
    return state
