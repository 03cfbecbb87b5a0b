r"""The chains engine: wide and shallow circuits, contracted qubit by qubit.

If layers of rotations alternate with chains of CNOTs 0-1, 1-2, ..., an expectation value is a
product of small matrices, one a qubit: what a qubit's neighbours see of it is, for each chain but
the last, two bits of a Pauli matrix. The cost grows linearly with the qubits and by about a
factor of four with each layer. `plan.py` reads that from a circuit; `kernels/` carries it out.

Shape suffixes as in `base.py`, and C groups of channels that one circuit reads, T tasks of a
group, K gates.
"""

from __future__ import annotations

from dataclasses import dataclass

from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.engines.chains.plan import chains_plan, obstacle
from resqunn.engines.compiled.arguments import Varying
from resqunn.engines.compiled.images import ImageEngine, Job, Program, Step, Wanted
from resqunn.engines.compiled.kernel import Kernel
from resqunn.engines.compiled.registers import BLOCK, LANE_BYTES, RUN
from resqunn.engines.compiled.scratch import aligned

TASK = 2
"""Blocks of patches in a task."""

# Unrolled they take a sixth more to compile, and no less to run.
FORWARD = Kernel("resqunn.engines.chains.kernels.passes", "forward", unrolled=False)
BACKWARD = Kernel("resqunn.engines.chains.kernels.passes", "backward", unrolled=False)
SINES = Kernel("resqunn.engines.chains.kernels.angles", "sines")
WEIGHT_GRADIENTS = Kernel("resqunn.engines.chains.kernels.angles", "weight_gradients")


@dataclass(frozen=True)
class ChainsEngine(ImageEngine):
    """Contractions along chains of qubits in compiled code on the CPU, float32 and float64.

    Raises:
        CircuitError: for a circuit that has an `obstacle`.
        ConfigurationError: for tensors that are not on the CPU.
    """

    name: str = "chains"

    def obstacle(self, circuit: GateCircuit) -> str | None:
        return obstacle(circuit)

    def cost(self, circuit: GateCircuit, filters: int = 1) -> float | None:
        """In proportion to the boundaries of all qubits and chains."""
        if obstacle(circuit) is not None:
            return None
        plan = chains_plan(circuit)
        of_filter = plan.qubits * (10 + 1.7 * plan.chains * plan.size)
        return 80 + 20 * plan.qubits + filters * of_filter

    def program(self, job: Job) -> Program:
        return _Chains(job)


class _Chains(Program):
    def __init__(self, job: Job) -> None:
        self.plan = chains_plan(job.circuit)
        block = BLOCK * LANE_BYTES // job.dtype.itemsize
        super().__init__(job, TASK * block, job.filters * self.plan.operations)

    def step(self, wanted: Wanted | None) -> Step:
        plan, job, way_back = self.plan, self.job, wanted is not None
        lane = LANE_BYTES // job.dtype.itemsize
        outputs, nodes = job.filters * job.circuit.num_outputs, 1 + 2 * plan.inputs
        rows = nodes + 1 + outputs
        rows += nodes + plan.rows_backward if way_back else plan.rows_forward
        angles = job.filters * plan.gates
        size = rows * BLOCK * lane + angles * lane * way_back
        memory, each = self.memory(size, job.circuit.num_weights, RUN * BLOCK * lane)
        by_weights = bool(wanted and wanted[1])
        sums = Varying(job.dtype, job.groups, self.tasks, angles * by_weights)
        sines = Varying(job.dtype, job.groups, job.filters, 2 * plan.gates)
        work, arrays = (sums, sines, memory), self.arrays(wanted)
        kernel, sizes = BACKWARD if way_back else FORWARD, (self.patches, self.chunk)
        run = kernel.prepared(
            Varying(), Varying(), arrays, work, (plan.tables, self.reading), sizes
        )
        weights, finish = arrays[1], None
        if by_weights:
            finish = WEIGHT_GRADIENTS.prepared(weights, weights, work, plan.angles)
        itemsize = job.dtype.itemsize
        shared = (
            aligned(itemsize * job.groups * self.tasks * angles * by_weights),
            aligned(itemsize * job.groups * angles * 2),
        )
        return Step(SINES.prepared(weights, work, plan.angles), run, finish, shared, each)
