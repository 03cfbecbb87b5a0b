r"""Compiled state-vector kernels for the CPU: any circuit, values and first derivatives.

`schedule.py` turns the circuit into tables and `kernels/` carries them out, one patch a lane
of the vector unit: nothing is compiled for a new circuit (`native/`).

The way back computes the forward states again and then undoes pass after pass with one bra
for all outputs (adjoint differentiation, Jones and Gacon, arXiv:2009.02823); nothing but
inputs and weights is kept in between. Where second derivatives are asked for, the first
ones are computed by the reference engine, under autograd.

Shape suffixes as in `base.py` and `kernels/programs.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from resqunn.circuits.circuit import Circuit
from resqunn.engines.base import Engine, size_obstacle
from resqunn.engines.compiled.guard import check_tensors
from resqunn.engines.compiled.kernel import Kernel, plain
from resqunn.engines.compiled.threads import share, useful_workers
from resqunn.engines.fused.layout import BLOCKS, COEFFICIENTS, LANE_BYTES, layout
from resqunn.engines.fused.schedule import schedule
from resqunn.engines.statevector.amplitudes import normalised_amplitudes
from resqunn.engines.statevector.gradients import REFERENCE, differentiable_gradients
from resqunn.engines.tracing import batched, traced

KEPT_BYTES = 2**23
"""Up to this size the states after all passes are kept in a worker's memory on the way back."""

MAX_QUBITS = 20
"""Circuits with more are refused: a worker's memory would be over 256 MB."""

WORK_PER_THREAD = 2**18
"""A thread more for so many updates of an amplitude: about a tenth of a millisecond."""

RUN = Kernel("resqunn.engines.fused.kernels.programs", "run")
COMPOSE = Kernel("resqunn.engines.fused.kernels.turns", "compose")
WEIGHT_GRADIENTS = Kernel("resqunn.engines.fused.kernels.turns", "weight_gradients")


@dataclass(frozen=True)
class FusedEngine(Engine):
    """Compiled CPU kernels in float32 or float64, on as many threads as torch uses.

    Results do not depend on the number of threads, down to the last bit. Under `torch.func`
    and `torch.compile` the state-vector engine takes over.

    Raises:
        CircuitError: for more than 20 qubits.
        ConfigurationError: for tensors that are not on the CPU.
        ShapeError: for other number types.
    """

    name: str = "fused"

    def obstacle(self, circuit: Circuit) -> str | None:
        return size_obstacle(circuit, MAX_QUBITS)

    def cost(self, circuit: Circuit) -> float | None:
        """In proportion to the passes, and to the states that each of them updates."""
        if circuit.qubits > MAX_QUBITS:
            return None
        table = schedule(circuit)
        return (1 + len(table.passes_S3)) * (4.2 + (0.2 if table.real else 0.5) * table.rows)

    def expectation_values(
        self,
        circuit: Circuit,
        inputs_GNP: Float[Tensor, "G N P"],
        weights_GFW: Float[Tensor, "G F W"],
    ) -> Float[Tensor, "G F R P"]:
        self.require(circuit)
        if traced():
            return REFERENCE.expectation_values(circuit, inputs_GNP, weights_GFW)
        check_tensors(self.name, inputs_GNP, weights_GFW)
        if circuit.encoding.prepares_amplitudes:
            inputs_GNP = normalised_amplitudes(inputs_GNP, 2**circuit.qubits)
        return _Expectation.apply(inputs_GNP, weights_GFW, circuit)


class _Expectation(torch.autograd.Function):
    # Not in two parts (with `setup_context`): torch then takes 20 microseconds more a call.
    @staticmethod
    def forward(ctx: Any, inputs_GNP: Tensor, weights_GFW: Tensor, circuit: Circuit) -> Tensor:
        ctx.save_for_backward(inputs_GNP, weights_GFW)
        ctx.circuit = circuit
        return _Run(circuit, inputs_GNP, weights_GFW).values()

    @staticmethod
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, cotangents_GFRP: Tensor
    ) -> tuple[Tensor | None, ...]:
        needed = ctx.needs_input_grad[:2]
        inputs_GNP, weights_GFW = ctx.saved_tensors
        if torch.is_grad_enabled() or batched(cotangents_GFRP):
            found = differentiable_gradients(
                ctx.circuit, inputs_GNP, weights_GFW, cotangents_GFRP, needed
            )
            return *found, None
        run = _Run(ctx.circuit, inputs_GNP, weights_GFW)
        by_inputs, by_weights = run.gradients(cotangents_GFRP, by_inputs=needed[0])
        return by_inputs, by_weights if needed[1] else None, None


class _Run:
    """The arrays of one call of the kernels."""

    def __init__(self, circuit: Circuit, inputs_GNP: Tensor, weights_GFW: Tensor) -> None:
        self.table = table = schedule(circuit)
        self.inputs_GNP = plain(inputs_GNP)
        self.weights_GFW = weights_GFW.detach()
        self.lanes = LANE_BYTES // self.inputs_GNP.itemsize
        (self.groups, _, self.patches), self.filters = inputs_GNP.shape, weights_GFW.shape[1]
        self.chunks = -(-self.patches // (self.lanes * BLOCKS))
        self.coefficients_GFKC = self.inputs_GNP.new_empty(
            self.groups, self.filters, len(table.turns_K5), COEFFICIENTS
        )
        self.gates = (plain(self.weights_GFW).to(torch.float64), table.gates)
        COMPOSE(*self.gates, self.coefficients_GFKC)

    def values(self) -> Tensor:
        outputs = len(self.table.diagonals_RA)
        values = self.inputs_GNP.new_empty(self.groups, self.filters, outputs, self.patches)
        nothing = torch.empty((0, 0, 0, 0, 6), dtype=torch.float64, device="cpu")
        self._start_workers(1, False, False, values, self.inputs_GNP, nothing)
        return values

    def gradients(
        self, cotangents_GFRP: Tensor, *, by_inputs: bool
    ) -> tuple[Tensor | None, Tensor]:
        table = self.table
        inputs = torch.empty_like(self.inputs_GNP) if by_inputs else None
        weights = torch.zeros(self.weights_GFW.shape, dtype=torch.float64, device="cpu")
        turns = len(table.turns_K5)
        shape = (self.groups, self.filters, self.chunks, turns, 6)
        sums_GFHK6 = torch.empty(shape, dtype=torch.float64, device="cpu")
        slots = 1 + len(table.passes_S3) - table.product
        registers = table.rows * (1 if table.real else 2)
        keep = slots * registers * self.lanes * self.inputs_GNP.itemsize <= KEPT_BYTES
        self._start_workers(
            slots if keep else min(slots, 2),
            True,
            by_inputs,
            plain(cotangents_GFRP),
            self.inputs_GNP if inputs is None else inputs,
            sums_GFHK6,
        )
        WEIGHT_GRADIENTS(*self.gates, sums_GFHK6, weights)
        return inputs, weights.to(self.weights_GFW)

    def _start_workers(self, slots: int, *arguments: Any) -> None:
        table, inputs_GNP = self.table, self.inputs_GNP
        begins, size = layout(
            self.lanes,
            1 if table.real else 2,
            slots,
            table.rows,
            len(table.turns_K5),
            inputs_GNP.shape[1],
            len(table.diagonals_RA),
        )
        updates = self.groups * self.filters * self.patches * table.rows
        work = updates * (len(table.passes_S3) + 1)
        workers = useful_workers(self.groups * self.chunks, work // WORK_PER_THREAD)
        share(
            RUN,
            workers,
            inputs_GNP,
            self.coefficients_GFKC,
            table.tables(inputs_GNP.dtype),
            begins,
            inputs_GNP.new_empty(workers, size),
            table.parts,
            slots,
            *arguments,
        )
