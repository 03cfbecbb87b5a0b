r"""The reference engine for noise: density matrices as Pauli vectors, in plain torch.

A state $\rho$ of n qubits is the $4^n$ real numbers $\langle P\rangle = \mathrm{tr}(P\rho)$, one
for each Pauli word. Rotations, fixed gates and channels are real matrices on the letters of the
qubits that they touch (`transfer.py`), of which a rotation's is
$A + \cos(t) B + \sin(t) C$. Everything is made of differentiable torch operations.

Patches are worked on in chunks: first derivatives compute the states of one chunk again, so that
no more than `CHUNK_BYTES` of states are there at a time.

Shape suffixes as in `base.py`, and S Pauli words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from resqunn.circuits.angles import Input
from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.engines.base import Engine
from resqunn.engines.density.transfer import Rotated, transfer_plan
from resqunn.engines.derivatives import differentiable_gradients
from resqunn.engines.guard import autocasting, interpreted
from resqunn.engines.statevector.amplitudes import normalised_amplitudes

MAX_QUBITS = 6
"""Circuits with more are refused: a patch would have over 4,096 numbers."""

CHUNK_BYTES = 2**25
"""Of one state of a chunk of patches, for all filters."""


@dataclass(frozen=True)
class DensityEngine(Engine):
    """Exact simulation of mixed states by differentiable torch operations, on any device.

    Raises:
        CircuitError: for more than 6 qubits.
    """

    name: str = "density"
    simulates_noise: ClassVar[bool] = True

    def obstacle(self, circuit: GateCircuit) -> str | None:
        if circuit.num_qubits <= MAX_QUBITS:
            return None
        return (
            f"a mixed state of {circuit.num_qubits} qubits is too large (at most {MAX_QUBITS}); "
            "engine='pennylane:default.mixed' has no limit but time"
        )

    def cost(self, circuit: GateCircuit, filters: int = 1) -> float | None:
        if self.obstacle(circuit) is not None:
            return None
        return 1000 + filters * 4**circuit.num_qubits * 2.5 * len(circuit.operations)

    def evaluate(
        self,
        circuit: GateCircuit,
        inputs_GNP: Float[Tensor, "G N P"],
        weights_GFW: Float[Tensor, "G F W"],
    ) -> Float[Tensor, "G F R P"]:
        if autocasting(inputs_GNP.device):
            with torch.autocast(inputs_GNP.device.type, enabled=False):
                return self.evaluate(circuit, inputs_GNP, weights_GFW)
        if interpreted():
            return _values(circuit, inputs_GNP, weights_GFW)
        return _Chunked.apply(circuit, inputs_GNP, weights_GFW)


class _Chunked(torch.autograd.Function):
    """The values, of a chunk of patches after the other, there and back."""

    @staticmethod
    def forward(ctx: Any, circuit: GateCircuit, inputs_GNP: Tensor, weights_GFW: Tensor) -> Tensor:
        ctx.save_for_backward(inputs_GNP, weights_GFW)
        ctx.circuit = circuit
        found = [
            _values(circuit, inputs_GNP[:, :, chunk], weights_GFW)
            for chunk in _chunks(circuit, inputs_GNP, weights_GFW)
        ]
        return torch.cat(found, dim=3)

    @staticmethod
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, cotangents_GFRP: Tensor
    ) -> tuple[None, Tensor | None, Tensor | None]:
        inputs_GNP, weights_GFW = ctx.saved_tensors
        circuit, wanted = ctx.circuit, ctx.needs_input_grad[1:]

        def values(inputs_GNP: Tensor, weights_GFW: Tensor) -> Tensor:
            return _values(circuit, inputs_GNP, weights_GFW)

        if torch.is_grad_enabled() or interpreted():
            tensors = (inputs_GNP, weights_GFW)
            return None, *differentiable_gradients(values, tensors, cotangents_GFRP, wanted)
        by_inputs: list[Tensor] = []
        by_weights: Tensor | None = None
        for chunk in _chunks(circuit, inputs_GNP, weights_GFW):
            with torch.enable_grad():  # a part of a tensor needs a gradient only if this is on
                tensors = inputs_GNP[:, :, chunk], weights_GFW
            cotangents = cotangents_GFRP[..., chunk]
            of_inputs, of_weights = differentiable_gradients(values, tensors, cotangents, wanted)
            if of_inputs is not None:
                by_inputs.append(of_inputs)
            if of_weights is not None:
                by_weights = of_weights if by_weights is None else by_weights + of_weights
        return None, torch.cat(by_inputs, dim=2) if by_inputs else None, by_weights


def _chunks(circuit: GateCircuit, inputs_GNP: Tensor, weights_GFW: Tensor) -> Iterator[slice]:
    """Patches that are worked on together; one empty chunk of none."""
    groups, filters, _ = weights_GFW.shape
    of_patch = groups * max(filters, 1) * 4**circuit.num_qubits * inputs_GNP.element_size()
    size = max(1, CHUNK_BYTES // max(of_patch, 1))
    patches = inputs_GNP.shape[2]
    for first in range(0, max(patches, 1), size):
        yield slice(first, min(first + size, patches))


def _values(circuit: GateCircuit, inputs_GNP: Tensor, weights_GFW: Tensor) -> Tensor:
    """The values in differentiable torch operations."""
    plan = transfer_plan(circuit, inputs_GNP.dtype, inputs_GNP.device)
    groups, filters, _ = weights_GFW.shape
    patches = inputs_GNP.shape[2]
    if circuit.prepares_amplitudes:
        state = _pure(plan.to_words_SAA, normalised_amplitudes(inputs_GNP, 2**plan.num_qubits))
    else:
        state = plan.start_S[:, None].expand(groups, -1, patches)
    state = state.unsqueeze(1).expand(-1, filters, -1, -1)
    for step in plan.steps:
        if isinstance(step, Rotated):
            index = step.angle.index
            if isinstance(step.angle, Input):
                angle = inputs_GNP[:, None, None, None, index]
            else:
                angle = weights_GFW[:, :, None, None, index, None]
            letters = state.unflatten(2, (4**step.qubit, 4, -1))
            same, cosine, sine = (
                torch.einsum("ab,gfsbtp->gfsatp", matrix, letters) for matrix in step.matrices
            )
            angle = angle.unsqueeze(3)
            state = (same + angle.cos() * cosine + angle.sin() * sine).flatten(2, 4)
        else:
            state = _applied(step.matrix, step.qubits, state, plan.num_qubits)
    return torch.einsum("rs,gfsp->gfrp", plan.readouts_RS, state)


def _applied(
    matrix: Tensor, qubits: tuple[int, ...], state_GFSP: Tensor, num_qubits: int
) -> Tensor:
    """A matrix on the letters of some qubits."""
    letters = state_GFSP.unflatten(2, (4,) * num_qubits)
    axes = [2 + qubit for qubit in qubits]
    count = len(qubits)
    moved = letters.movedim(axes, list(range(2, 2 + count)))
    shape = moved.shape
    flat = moved.flatten(2, 1 + count).flatten(3)
    found = torch.matmul(matrix, flat).unflatten(3, shape[2 + count :]).unflatten(2, (4,) * count)
    return found.movedim(list(range(2, 2 + count)), axes).flatten(2, 1 + num_qubits)


def _pure(to_words_SAA: Tensor, amplitudes_GAP: Tensor) -> Tensor:
    """The Pauli vector of real amplitudes."""
    half = torch.einsum("sab,gbp->gsap", to_words_SAA, amplitudes_GAP)
    return (half * amplitudes_GAP.unsqueeze(1)).sum(2)
