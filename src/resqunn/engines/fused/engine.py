r"""Compiled state-vector kernels for the CPU: circuits of up to 20 qubits, values and
first derivatives.

`schedule.py` turns the circuit into tables and `kernels/` carries them out, one patch a lane
of the vector unit: code is compiled for a number type, not for a circuit (`compiled/`).

The way back computes the forward states again and then undoes pass after pass with one bra
for all outputs (adjoint differentiation, Jones and Gacon, arXiv:2009.02823); nothing but
inputs and weights is kept in between.

Shape suffixes as in `base.py` and `kernels/programs.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from resqunn.circuits.circuit import Circuit
from resqunn.circuits.operations import Input
from resqunn.engines.base import size_obstacle
from resqunn.engines.compiled.engine import CompiledEngine, Gradients
from resqunn.engines.compiled.kernel import Kernel
from resqunn.engines.compiled.registers import LANE_BYTES
from resqunn.engines.compiled.threads import share, useful_workers
from resqunn.engines.fused.layout import BLOCKS, COEFFICIENTS, layout
from resqunn.engines.fused.schedule import schedule
from resqunn.engines.statevector.amplitudes import normalised_amplitudes

KEPT_BYTES = 2**23
"""Up to this size the states after all passes are kept in a worker's memory on the way back."""

MAX_QUBITS = 20
"""Circuits with more are refused: a worker's memory would be over 256 MB."""

WORK_PER_THREAD = 2**18
"""One more thread for each of this many updates of an amplitude: about a tenth of a millisecond."""

RUN = Kernel("resqunn.engines.fused.kernels.programs", "run")
COMPOSE = Kernel("resqunn.engines.fused.kernels.turns", "compose")
WEIGHT_GRADIENTS = Kernel("resqunn.engines.fused.kernels.turns", "weight_gradients")


@dataclass(frozen=True)
class FusedEngine(CompiledEngine):
    """Compiled CPU kernels in float32 or float64, on as many threads as torch uses.

    Results do not depend on the number of threads, down to the last bit.

    Raises:
        CircuitError: for more than 20 qubits.
        ConfigurationError: for tensors that are not on the CPU.
    """

    name: str = "fused"

    def obstacle(self, circuit: Circuit) -> str | None:
        if _rotated_by_amplitudes(circuit):
            return "its inputs are amplitudes and angles at once"
        return size_obstacle(circuit, MAX_QUBITS)

    def cost(self, circuit: Circuit, filters: int = 1) -> float | None:
        """In proportion to the passes, and to the rows that each of them updates."""
        if self.obstacle(circuit) is not None:
            return None
        table = schedule(circuit)
        rows = table.rows * (1 if table.real else 2)
        return 120 + filters * (1 + len(table.passes_S3)) * (7.0 + 0.5 * rows)

    def prepared(self, circuit: Circuit, inputs_GNP: Tensor) -> Tensor:
        if not circuit.encoding.prepares_amplitudes:
            return inputs_GNP
        return normalised_amplitudes(inputs_GNP, 2**circuit.num_qubits)

    def forward(
        self, circuit: Circuit, inputs_GNP: Tensor, weights_GFW: Tensor
    ) -> Tensor:
        return _Run(circuit, inputs_GNP, weights_GFW).values()

    def backward(
        self,
        circuit: Circuit,
        inputs_GNP: Tensor,
        weights_GFW: Tensor,
        cotangents_GFRP: Tensor,
        wanted: tuple[bool, bool],
    ) -> Gradients:
        run = _Run(circuit, inputs_GNP, weights_GFW)
        by_inputs, by_weights = run.gradients(cotangents_GFRP, by_inputs=wanted[0])
        return by_inputs, by_weights if wanted[1] else None


@lru_cache(maxsize=256)
def _rotated_by_amplitudes(circuit: Circuit) -> bool:
    angles = (operation.angle for operation in circuit.operations)
    return circuit.encoding.prepares_amplitudes and any(isinstance(a, Input) for a in angles)


class _Run:
    """The arrays of one call of the kernels."""

    def __init__(self, circuit: Circuit, inputs_GNP: Tensor, weights_GFW: Tensor) -> None:
        self.table = table = schedule(circuit)
        self.inputs_GNP = inputs_GNP
        self.weights_GFW = weights_GFW.detach()
        self.lanes = LANE_BYTES // self.inputs_GNP.itemsize
        (self.groups, _, self.patches), self.filters = inputs_GNP.shape, weights_GFW.shape[1]
        self.chunks = -(-self.patches // (self.lanes * BLOCKS))
        self.coefficients_GFKC = self.inputs_GNP.new_empty(
            self.groups, self.filters, len(table.turns_K5), COEFFICIENTS
        )
        self.gates = (self.weights_GFW.to(torch.float64), table.gates)
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
            cotangents_GFRP,
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
