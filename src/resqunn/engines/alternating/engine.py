r"""The alternating engine: re-uploading circuits of RY by inputs and RX by weights, compiled.

Layers of rotations by inputs alternate with layers of rotations by weights and CNOTs. Where the
latter are diagonal, up to the order of rows (`schedule.py`), a layer takes little more than half
of the arithmetic that it takes a general engine. The way back computes the states again and keeps
them, and then undoes layer after layer with one bra for all outputs (adjoint differentiation,
Jones and Gacon, arXiv:2009.02823): all derivatives of a layer are read off one pair of bra and
state.

Shape suffixes as in `base.py` and `schedule.py`, and C groups of channels that one circuit reads.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch

from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.engines.alternating.schedule import schedule
from resqunn.engines.compiled.arguments import Constants, Varying
from resqunn.engines.compiled.images import ImageEngine, Job, Program, Step, Wanted
from resqunn.engines.compiled.kernel import Kernel
from resqunn.engines.compiled.registers import BLOCK, LANE_BYTES, RUN
from resqunn.engines.compiled.scratch import aligned
from resqunn.errors import CircuitError

TASK = 2**14
"""Amplitudes of a task's patches at least, and blocks of them."""

LARGEST = {torch.float32: 1e34, torch.float64: 1e290}
"""What the squared norm of a state may become before its factor is put in."""

FORWARD = Kernel("resqunn.engines.alternating.kernels.program", "forward")
BACKWARD = Kernel("resqunn.engines.alternating.kernels.program", "backward")
WEIGHT_GRADIENTS = Kernel("resqunn.engines.alternating.kernels.phases", "weight_gradients")


class Begin(NamedTuple):
    """Where in a worker's memory what begins: a register's states and its bra; for a block of
    patches the cosines and sines of each input, two rows that are used in between, the factors
    of expectation values, the totals of all outputs or the derivatives by them, and the
    derivatives by the inputs; a register for each string of Pauli matrices, and for each sum for
    the weights; the phases. `step` is from the state after a layer to that after the next."""

    kets: int
    bra: int
    turns: int
    spare: int
    factors: int
    totals: int
    slopes: int
    strings: int
    sums: int
    phases: int
    size: int
    step: int


@dataclass(frozen=True)
class AlternatingEngine(ImageEngine):
    """Compiled CPU kernels in float32 and float64 for circuits of RY(x), RX(w) and CNOTs.

    Raises:
        CircuitError: for a circuit that has an `obstacle`.
        ConfigurationError: for tensors that are not on the CPU.
    """

    name: str = "alternating"

    def obstacle(self, circuit: GateCircuit) -> str | None:
        return _obstacle(circuit)

    def cost(self, circuit: GateCircuit, filters: int = 1) -> float | None:
        """In proportion to the rows that passes, phases and readouts visit."""
        if _obstacle(circuit) is not None:
            return None
        plan = schedule(circuit)
        turns = plan.rotations - len(plan.layers.product_Q2)
        visits = 0.52 * turns + 0.33 * plan.count + 0.41 * len(plan.layers.partner_JA)
        return 85 + filters * (plan.amplitudes * visits + 4.5 * circuit.num_outputs)

    def program(self, job: Job) -> Program:
        return _States(job)


@lru_cache(maxsize=256)
def _obstacle(circuit: GateCircuit) -> str | None:
    try:
        schedule(circuit)
    except CircuitError as error:
        return str(error)
    return None


class _States(Program):
    def __init__(self, job: Job) -> None:
        self.plan = plan = schedule(job.circuit)
        operations = 2 * plan.amplitudes * (plan.rotations + 2 * plan.count) * job.filters
        block = BLOCK * LANE_BYTES // job.dtype.itemsize
        chunk = max(2, TASK // (plan.amplitudes * block)) * block
        super().__init__(job, chunk, operations)

    def step(self, wanted: Wanted | None) -> Step:
        job, plan, way_back = self.job, self.plan, wanted is not None
        lane = LANE_BYTES // job.dtype.itemsize
        block = BLOCK * lane
        inputs, kept = len(plan.layers.uses_N) + 1, job.filters * plan.count * plan.amplitudes
        state = 2 * plan.amplitudes * lane
        sizes = (
            state * (plan.count + 1 if way_back else 1),
            state * way_back,
            2 * inputs * block,
            2 * block,
            block,
            job.filters * job.circuit.num_outputs * block,
            inputs * block * way_back,
            len(plan.layers.partner_JA) * lane * way_back,
            kept * lane * way_back,
            2 * kept * (1 if way_back else job.places.members),
        )
        begin = Begin._make((*itertools.accumulate(sizes, initial=0), state))
        runs = BLOCK * inputs + RUN * block
        memory, each = self.memory(begin.size, 2 * plan.count * plan.amplitudes, runs)
        limit = (LARGEST[job.dtype] ** (1 / max(plan.rotations, 1)) - 1) ** 0.5
        norms = Constants(np.array([0.5 ** len(plan.layers.product_Q2), limit]))
        tables = (plan.tables, plan.weights, self.reading, Constants(begin), norms)
        sizes = (self.patches, self.chunk)
        arrays, ends = self.arrays(wanted), (Varying(), Varying())
        if wanted is None:
            run = FORWARD.prepared(*ends, arrays, memory, tables, sizes)
            return Step(None, run, None, (), each)
        sums = Varying(job.dtype, job.groups, self.tasks, kept * wanted[1])
        shared = job.dtype.itemsize * job.groups * self.tasks * kept * wanted[1]
        run = BACKWARD.prepared(*ends, arrays, sums, memory, tables, sizes)
        finish = None
        if wanted[1]:
            weights = arrays[1]
            finish = WEIGHT_GRADIENTS.prepared(weights, weights, sums, memory, plan.weights)
        return Step(None, run, finish, (aligned(shared),), each)
