r"""The Fourier engine: encode-once circuits as trigonometric polynomials, compiled.

If every input enters by one rotation of one qubit, before all trainable gates, then each
expectation value is

$$f_r(x; w) = \sum_m C_{rm}(w) \prod_{i \in m} \{\cos x_i, \sin x_i\}$$

(Schuld, Sweke and Meyer, arXiv:2008.08605). `heisenberg.py` finds which products occur and
how the coefficients follow from the weights; `monomials.py` lays that out as arrays;
`kernels/polynomial.py` evaluates and differentiates it. The coefficients are computed once for
all patches, so that the cost per patch does not grow with depth once all products occur. Noise
whose channels multiply Pauli strings by numbers changes the coefficients, and not which there are.

Shape suffixes as in `base.py`, and C groups of channels that one circuit reads, T tasks of a
group, S slots, K coefficients.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.engines.compiled.arguments import Constants, Varying
from resqunn.engines.compiled.images import ImageEngine, Job, Program, Step, Wanted
from resqunn.engines.compiled.kernel import Kernel
from resqunn.engines.compiled.registers import BLOCK, LANE_BYTES, RUN
from resqunn.engines.compiled.scratch import aligned
from resqunn.engines.fourier.heisenberg import propagate
from resqunn.engines.fourier.monomials import TASK, fourier_plan
from resqunn.errors import CircuitError

FORWARD = Kernel("resqunn.engines.fourier.kernels.polynomial", "forward")
BACKWARD = Kernel("resqunn.engines.fourier.kernels.polynomial", "backward")
WEIGHT_GRADIENTS = Kernel("resqunn.engines.fourier.kernels.coefficients", "weight_gradients")


class Begin(NamedTuple):
    """What begins where in a worker's memory, after the nodes: a row that is used in between, the
    totals of all outputs or the derivatives by them, the derivatives by the nodes, and, not for
    each patch, the coefficients' sums, a register each, and the coefficients."""

    spare: int
    totals: int
    slopes: int
    sums: int
    values: int
    size: int


def obstacle(circuit: GateCircuit) -> str | None:
    """Why the engine cannot evaluate a circuit; None if it can.

    >>> from resqunn import Circuit
    >>> obstacle(Circuit("ry", "rx_chain", "z", inputs=4, depth=2, reupload=True))
    'qubit 0 is rotated by an input after another input'
    """
    try:
        propagate(circuit)
    except CircuitError as error:
        return str(error)
    return None


@dataclass(frozen=True)
class FourierEngine(ImageEngine):
    """Trigonometric polynomials in compiled code on the CPU, float32 and float64.

    First derivatives are computed by compiled code too.

    Raises:
        CircuitError: for a circuit that has an `obstacle`.
        ConfigurationError: for tensors that are not on the CPU.
    """

    name: str = "fourier"
    simulates_noise: ClassVar[bool] = True

    def obstacle(self, circuit: GateCircuit) -> str | None:
        return obstacle(circuit)

    def cost(self, circuit: GateCircuit, filters: int = 1) -> float | None:
        """In proportion to the monomials and their coefficients (`FourierPlan.operations`)."""
        if obstacle(circuit) is not None:
            return None
        plan = fourier_plan(circuit)
        y, rotations = plan.polynomial, plan.rotations
        shared = 70 + 5.5 * y.inputs + 0.9 * len(y.products_T2)
        of_patch = 0.44 * rotations.count + 0.55 * len(y.left_S) + 2.7 * circuit.num_outputs
        # The coefficients are computed once a call: shared among the patches of 16 images, 28x28.
        patches = 16 * 28**2 / y.inputs
        once = 6.0 * len(rotations.pairs_P2) + 4.0 * (len(rotations.worth_K) - rotations.count)
        return shared + filters * (of_patch + once / patches)

    def program(self, job: Job) -> Program:
        return _Polynomials(job)


class _Polynomials(Program):
    def __init__(self, job: Job) -> None:
        self.plan = fourier_plan(job.circuit)
        super().__init__(job, TASK, self.plan.operations(1, job.filters))

    def step(self, wanted: Wanted | None) -> Step:
        rotations, nodes, job = self.plan.rotations, self.plan.nodes, self.job
        way_back = wanted is not None
        lane = LANE_BYTES // job.dtype.itemsize
        members = 1 if way_back else job.places.members
        coefficients = job.filters * rotations.count
        rows = (nodes, 1, job.filters * job.circuit.num_outputs, nodes * way_back)
        sizes = (*(BLOCK * lane * row for row in rows), lane * coefficients * way_back)
        begin = Begin(*itertools.accumulate((*sizes, members * coefficients)))
        doubles = 2 * len(rotations.start_S) + rotations.count
        memory, each = self.memory(begin.size, doubles, RUN * BLOCK * lane)
        tables = (*self.plan.tables, self.reading, Constants(begin))
        sizes = (self.patches, self.chunk)
        arrays = self.arrays(wanted)
        ends = (Varying(), Varying())
        if wanted is None:
            run = FORWARD.prepared(*ends, arrays, memory, tables, sizes)
            return Step(None, run, None, (), each)
        sums = Varying(job.dtype, job.groups, self.tasks, coefficients * wanted[1])
        shared = job.dtype.itemsize * job.groups * self.tasks * coefficients * wanted[1]
        run = BACKWARD.prepared(*ends, arrays, sums, memory, tables, sizes)
        finish = None
        if wanted[1]:
            weights = arrays[1]
            finish = WEIGHT_GRADIENTS.prepared(weights, weights, sums, memory, self.plan.tables[1])
        return Step(None, run, finish, (aligned(shared),), each)
