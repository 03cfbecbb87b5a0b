r"""Compiled state-vector kernels for the CPU: any circuit, values and first derivatives.

`schedule.py` turns the circuit into tables and `kernels/` carries them out, one patch a lane
of the vector unit: nothing is compiled for a new circuit. The kernels are compiled when a
number type is used for the first time ever, and kept on disk by numba.

The way back computes the forward states again and then undoes pass after pass with one bra
for all outputs (adjoint differentiation, Jones and Gacon, arXiv:2009.02823); nothing but
inputs and weights is kept in between. Where second derivatives are asked for, the first
ones are computed by the reference engine, under autograd.

Shape suffixes as in `base.py` and `kernels/programs.py`.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from resqunn.circuits.circuit import Circuit
from resqunn.engines.amplitudes import normalised_amplitudes
from resqunn.engines.base import Engine
from resqunn.engines.fused.schedule import schedule
from resqunn.engines.reference import REFERENCE, differentiable_gradients
from resqunn.engines.threads import pool
from resqunn.engines.tracing import traced
from resqunn.errors import CircuitError, ConfigurationError, DtypeError

KEPT_BYTES = 2**23
"""Up to this size the states after all passes are kept in a worker's memory on the way back."""

MAX_QUBITS = 20
"""Circuits with more are refused: a worker's memory would be over 256 MB."""

WORK_PER_THREAD = 2**18
"""A thread more for so many updates of an amplitude: about a tenth of a millisecond."""


@dataclass(frozen=True)
class FusedEngine(Engine):
    """Compiled CPU kernels in float32 or float64, on as many threads as torch uses.

    Results do not depend on the number of threads, down to the last bit. Under `torch.func`
    and `torch.compile` the state-vector engine takes over.

    Raises:
        ConfigurationError: for tensors that are not on the CPU.
        DtypeError: for other number types.
    """

    name: str = "fused"

    def obstacle(self, circuit: Circuit) -> str | None:
        if circuit.qubits <= MAX_QUBITS:
            return None
        return f"a state vector of {circuit.qubits} qubits is too large (at most {MAX_QUBITS})"

    def cost(self, circuit: Circuit) -> float | None:
        """In proportion to the updates of amplitudes: passes times states."""
        if circuit.qubits > MAX_QUBITS:
            return None
        table = schedule(circuit)
        return (0.8 if table.real else 1.0) * table.rows * (1 + len(table.passes_S3))

    def expectation_values(
        self,
        circuit: Circuit,
        inputs_GNP: Float[Tensor, "G N P"],
        weights_GFW: Float[Tensor, "G F W"],
    ) -> Float[Tensor, "G F R P"]:
        obstacle = self.obstacle(circuit)
        if obstacle is not None:
            raise CircuitError(
                f"{obstacle}: use a smaller kernel, fewer channels in a group, or another engine"
            )
        if inputs_GNP.device.type != "cpu":
            raise ConfigurationError(
                f"engine 'fused' runs on the CPU, not on {inputs_GNP.device}: use 'statevector'"
            )
        if inputs_GNP.dtype not in (torch.float32, torch.float64):
            raise DtypeError(
                f"engine 'fused' computes in float32 or float64, not in {inputs_GNP.dtype}: "
                "use 'statevector'"
            )
        if traced():
            return REFERENCE.expectation_values(circuit, inputs_GNP, weights_GFW)
        if circuit.encoding.prepares_amplitudes:
            inputs_GNP = normalised_amplitudes(inputs_GNP, 2**circuit.qubits)
        return _Expectation.apply(inputs_GNP, weights_GFW.to(inputs_GNP), circuit)


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
        if torch.is_grad_enabled():
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
        # Numba is slow to import and not needed before.
        from resqunn.engines.fused.kernels import lanes, programs, turns

        self.program, self.turns = programs.run, turns
        self.table = table = schedule(circuit)
        self.inputs_GNP = inputs_GNP.detach().contiguous()
        self.weights_GFW = weights_GFW.detach()
        self.parts = (0,) if table.real else (0, 1)
        self.lanes = lanes.LANE_BYTES // self.inputs_GNP.itemsize
        (self.groups, _, self.patches), self.filters = inputs_GNP.shape, weights_GFW.shape[1]
        self.chunks = -(-self.patches // (self.lanes * programs.BLOCKS))
        self.coefficients_GFKC = self._empty(
            self.groups, self.filters, len(table.turns_K5), turns.COEFFICIENTS
        )
        weights = self.weights_GFW.to(torch.float64).contiguous().numpy()
        self.gates = (weights, table.turns_K5, table.gates_J4, table.fixed_J4)
        turns.compose(*self.gates, self.coefficients_GFKC)

    def values(self) -> Tensor:
        outputs = len(self.table.diagonals_RA)
        values = self.inputs_GNP.new_empty(self.groups, self.filters, outputs, self.patches)
        nothing = np.empty((0, 0, 0, 0, 6))
        self._start_workers(1, False, False, values.numpy(), self.inputs_GNP.numpy(), nothing)
        return values

    def gradients(
        self, cotangents_GFRP: Tensor, *, by_inputs: bool
    ) -> tuple[Tensor | None, Tensor]:
        table = self.table
        inputs = torch.empty_like(self.inputs_GNP) if by_inputs else None
        weights = torch.zeros(self.weights_GFW.shape, dtype=torch.float64)
        sums_GFHK6 = np.empty((self.groups, self.filters, self.chunks, len(table.turns_K5), 6))
        slots = 1 + len(table.passes_S3) - table.product
        registers = table.rows * len(self.parts)
        keep = slots * registers * self.lanes * self.inputs_GNP.itemsize <= KEPT_BYTES
        self._start_workers(
            slots if keep else min(slots, 2),
            True,
            by_inputs,
            cotangents_GFRP.detach().contiguous().numpy(),
            (self.inputs_GNP if inputs is None else inputs).numpy(),
            sums_GFHK6,
        )
        self.turns.weight_gradients(*self.gates, sums_GFHK6, weights.numpy())
        return inputs, weights.to(self.weights_GFW)

    def _empty(self, *shape: int) -> np.ndarray:
        # Torch's memory starts at a multiple of the register size, numpy's may not.
        return torch.empty(shape, dtype=self.inputs_GNP.dtype).numpy()

    def _layout(self, slots: int) -> tuple[int, ...]:
        """Where in a worker's memory what begins, and its size: states, bra, turns, cosines,
        sines, tangents, outputs, input gradients, sums for weights, transitions."""
        amplitudes, turns = self.table.rows, len(self.table.turns_K5)
        inputs = self.inputs_GNP.shape[1]
        registers = (
            slots * amplitudes * len(self.parts),
            amplitudes * len(self.parts),
            turns * 2 * len(self.parts),
            inputs,
            inputs,
            inputs,
            len(self.table.diagonals_RA),
            inputs,
            turns * 6,
            turns * (2 * len(self.parts) - 1),
        )
        return (0, *itertools.accumulate(count * self.lanes for count in registers))

    def _start_workers(self, slots: int, *arguments: Any) -> None:
        table = self.table
        *layout, size = self._layout(slots)
        updates = self.groups * self.filters * self.patches * table.rows
        workers = min(
            torch.get_num_threads(),
            self.groups * self.chunks,
            updates * (len(table.passes_S3) + 1) // WORK_PER_THREAD,
        )
        workers = max(1, workers)
        common = (
            self.inputs_GNP.numpy(),
            self.coefficients_GFKC,
            table.arrays(self.coefficients_GFKC.dtype.name),
            tuple(layout),
            self._empty(workers, size),
            self.parts,
            slots,
        )
        others = [
            pool().submit(self.program, worker, workers, *common, *arguments)
            for worker in range(1, workers)
        ]
        self.program(0, workers, *common, *arguments)
        for other in others:
            other.result()
