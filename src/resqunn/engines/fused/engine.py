r"""Compiled state-vector kernels for the CPU: circuits of up to 20 qubits, values and
first derivatives.

`schedule.py` turns the circuit into tables and `kernels/` carries them out, one patch a lane
of the vector unit: code is compiled for a number type, not for a circuit (`compiled/`). Images,
and rows of amplitudes, are read as they lie; amplitudes are normalised on the way.

The way back computes the forward states again and then undoes pass after pass with one bra
for all outputs (adjoint differentiation, Jones and Gacon, arXiv:2009.02823); nothing but
inputs and weights is kept in between.

Shape suffixes as in `base.py` and `kernels/programs.py`.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.circuits.operations import Input
from resqunn.engines.base import size_obstacle
from resqunn.engines.compiled.arguments import Constants, Varying
from resqunn.engines.compiled.images import ImageEngine, Job, Program, Step, Wanted
from resqunn.engines.compiled.kernel import Kernel
from resqunn.engines.compiled.registers import LANE_BYTES
from resqunn.engines.compiled.scratch import aligned
from resqunn.engines.fused.layout import COEFFICIENTS, Begin, Reading
from resqunn.engines.fused.schedule import schedule

KEPT_BYTES = 2**23
"""Up to this size the states after all passes are kept in a worker's memory on the way back."""

MAX_QUBITS = 20
"""Circuits with more are refused: a worker's memory would be over 256 MB."""

TASK = 8
"""Registers of a task at least."""

RUN = Kernel("resqunn.engines.fused.kernels.programs", "run")
COMPOSE = Kernel("resqunn.engines.fused.kernels.turns", "compose")
WEIGHT_GRADIENTS = Kernel("resqunn.engines.fused.kernels.turns", "weight_gradients")


@dataclass(frozen=True)
class FusedEngine(ImageEngine):
    """Compiled CPU kernels in float32 or float64, on as many threads as torch uses.

    Results do not depend on the number of threads, down to the last bit.

    Raises:
        CircuitError: for more than 20 qubits.
        ConfigurationError: for tensors that are not on the CPU.
    """

    name: str = "fused"

    def obstacle(self, circuit: GateCircuit) -> str | None:
        if _rotated_by_amplitudes(circuit):
            return "its inputs are amplitudes and angles at once"
        return size_obstacle(circuit, MAX_QUBITS)

    def cost(self, circuit: GateCircuit, filters: int = 1) -> float | None:
        """In proportion to the passes, and to the rows that each of them updates."""
        if self.obstacle(circuit) is not None:
            return None
        table = schedule(circuit)
        rows = table.rows * (1 if table.real else 2)
        return 120 + filters * (1 + len(table.passes_S3)) * (7.0 + 0.5 * rows)

    def program(self, job: Job) -> Program:
        return _States(job)


@lru_cache(maxsize=256)
def _rotated_by_amplitudes(circuit: GateCircuit) -> bool:
    angles = (operation.angle for operation in circuit.operations)
    return circuit.prepares_amplitudes and any(isinstance(a, Input) for a in angles)


class _States(Program):
    def __init__(self, job: Job) -> None:
        self.table = table = schedule(job.circuit)
        operations = 4 * len(table.parts) * table.rows * (len(table.passes_S3) + 1)
        chunk = TASK * LANE_BYTES // job.dtype.itemsize
        super().__init__(job, chunk, operations * job.filters)

    def step(self, wanted: Wanted | None) -> Step:
        job, table, back = self.job, self.table, wanted is not None
        places, dtype = job.places, job.dtype
        state = table.rows * len(table.parts)
        # If weights alone are asked for, as of a first layer, nothing before them is gone back
        # through.
        end = table.first_weight if wanted == (False, True) else table.product
        slots = 1 + len(table.passes_S3) - end
        if not back or slots * state * LANE_BYTES > KEPT_BYTES:
            slots = 1
        begin = self._begin(slots, state, back)
        lane, turns = LANE_BYTES // dtype.itemsize, len(table.turns_K4)
        memory, each = self.memory(begin.size, 0, 2 * lane)
        shape = job.groups, job.filters, turns, COEFFICIENTS
        of_sums = (self.tasks if back else 0), job.filters, turns, 6
        coefficients = Varying(dtype, *shape)
        sums = Varying(torch.float64, job.groups, *of_sums)
        consecutive = int(np.all(np.diff(places.offsets_CN) == 1))
        scale = np.array([job.scale])
        reading = Reading(places.numbers, places.offsets_CN, scale, consecutive)
        run = RUN.prepared(
            Varying(),
            Varying(),
            self.arrays(wanted),
            (sums, coefficients, memory),
            (table.program(dtype), Constants(reading), Constants(begin)),
            (slots, end, self.patches, self.chunk),
            back,
        )
        weights = self.arrays(wanted)[1]
        work = (sums, coefficients, memory)
        finish = None
        if wanted and wanted[1]:
            finish = WEIGHT_GRADIENTS.prepared(weights, weights, work, table.gates)
        bytes_of_sums = 8 * job.groups * int(np.prod(of_sums))
        bytes_of_coefficients = dtype.itemsize * int(np.prod(shape))
        shared = aligned(bytes_of_sums), aligned(bytes_of_coefficients)
        return Step(COMPOSE.prepared(weights, work, table.gates), run, finish, shared, each)

    def _begin(self, slots: int, state: int, back: bool) -> Begin:
        table, lane = self.table, LANE_BYTES // self.job.dtype.itemsize
        filters, inputs = self.job.filters, self.job.places.offsets_CN.shape[1]
        parts, turns = len(table.parts), len(table.turns_K4)
        registers = (
            slots * state,
            state,
            turns * 2 * parts,
            inputs,
            inputs,
            lane,
            2,
            filters * len(table.diagonals_RA),
            inputs,
            turns * (2 * parts - 1),
            filters * turns * 6 * back,
        )
        begin = itertools.accumulate((n * lane for n in registers), initial=0)
        return Begin._make((*begin, state * lane))
