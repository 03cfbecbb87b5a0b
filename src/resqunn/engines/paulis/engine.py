r"""Mixed states as Pauli vectors, compiled: circuits with channels, of few qubits.

A state $\rho$ is the numbers $\mathrm{tr}(P\rho)$, one for each Pauli string. Rotations turn pairs
of them, channels are sparse matrices (`plan.py`), and fixed gates take no time, as they are pushed
behind both (`circuits/pushed.py`). Code is compiled for a number type, not for a circuit. The way
back computes the states again, keeps them between channels, and undoes rotations with one vector of
derivatives for all outputs.

Shape suffixes as in `base.py` and `kernels/program.py`.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, NamedTuple

from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.engines.compiled.arguments import Constants, Varying
from resqunn.engines.compiled.images import ImageEngine, Job, Program, Step, Wanted
from resqunn.engines.compiled.kernel import Kernel
from resqunn.engines.compiled.registers import BLOCK, LANE_BYTES, RUN
from resqunn.engines.compiled.scratch import aligned
from resqunn.engines.paulis.plan import paulis_plan
from resqunn.errors import CircuitError

MAX_QUBITS = 6
"""Circuits with more are refused: a state would be over 4,096 rows."""

BLOCKS = 8
"""Blocks of patches that a task has."""

FORWARD = Kernel("resqunn.engines.paulis.kernels.program", "forward")
BACKWARD = Kernel("resqunn.engines.paulis.kernels.program", "backward")
WEIGHT_GRADIENTS = Kernel("resqunn.engines.paulis.kernels.program", "weight_gradients")


class Begin(NamedTuple):
    """Where in a worker's memory what begins, after the cosines and sines of a block's inputs: a
    row that is used in between, the totals of all outputs or the derivatives by them, the
    derivatives by the inputs; a register for each row, each derivative by a row, and each sum for
    the weights; the cosines and sines of the weights."""

    spare: int
    totals: int
    by_inputs: int
    rows: int
    slopes: int
    sums: int
    weights: int
    size: int


@dataclass(frozen=True)
class PaulisEngine(ImageEngine):
    """Compiled CPU kernels in float32 and float64 for mixed states of up to 6 qubits.

    Raises:
        CircuitError: for a circuit that has an `obstacle`.
        ConfigurationError: for tensors that are not on the CPU.
    """

    name: str = "paulis"
    simulates_noise: ClassVar[bool] = True

    def obstacle(self, circuit: GateCircuit) -> str | None:
        return _obstacle(circuit)

    def cost(self, circuit: GateCircuit, filters: int = 1) -> float | None:
        """In proportion to the rows that are turned or mixed."""
        if _obstacle(circuit) is not None:
            return None
        return 100 + filters * 0.35 * paulis_plan(circuit).operations

    def program(self, job: Job) -> Program:
        return _Vectors(job)


@lru_cache(maxsize=256)
def _obstacle(circuit: GateCircuit) -> str | None:
    if circuit.num_qubits > MAX_QUBITS:
        return (
            f"a mixed state of {circuit.num_qubits} qubits is too large (at most {MAX_QUBITS}); "
            "engine='pennylane:default.mixed' has no limit but time"
        )
    if circuit.prepares_amplitudes:
        return "its inputs are amplitudes, not angles"
    try:
        paulis_plan(circuit)
    except CircuitError as error:
        return str(error)
    return None


class _Vectors(Program):
    def __init__(self, job: Job) -> None:
        self.plan = paulis_plan(job.circuit)
        chunk = BLOCKS * BLOCK * LANE_BYTES // job.dtype.itemsize
        super().__init__(job, chunk, self.plan.operations * job.filters)

    def step(self, wanted: Wanted | None) -> Step:
        job, plan, way_back = self.job, self.plan, wanted is not None
        lane = LANE_BYTES // job.dtype.itemsize
        block, inputs = BLOCK * lane, job.circuit.num_inputs
        members = 1 if way_back else job.places.members
        kept = job.filters * job.circuit.num_weights
        sizes = (
            (1 + 2 * inputs) * block,
            2 * block,
            job.filters * job.circuit.num_outputs * block,
            inputs * block * way_back,
            plan.rows * lane,
            plan.rows * lane * way_back,
            kept * lane * way_back,
            2 * members * kept,
        )
        begin = Begin(*itertools.accumulate(sizes))
        memory, each = self.memory(begin.size, 0, RUN * block)
        tables = (plan.tables, self.reading, Constants(begin))
        sizes = (self.patches, self.chunk, job.circuit.num_outputs)
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
            # The memory of the workers is not used.
            finish = WEIGHT_GRADIENTS.prepared(weights, weights, sums, memory)
        return Step(None, run, finish, (aligned(shared),), each)
