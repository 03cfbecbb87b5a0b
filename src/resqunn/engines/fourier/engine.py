r"""The Fourier engine: encode-once circuits as trigonometric polynomials, compiled.

If every input enters by one rotation of one qubit, before all trainable gates, then each
expectation value is

$$f_r(x; w) = \sum_m C_{rm}(w) \prod_{i \in m} \{\cos x_i, \sin x_i\}$$

(Schuld, Sweke and Meyer, arXiv:2008.08605). `heisenberg.py` finds which products occur and
how the coefficients follow from the weights; `monomials.py` lays that out as arrays;
`polynomial_kernels.py` evaluates and differentiates it. The coefficients are computed once for
all patches, so that the cost per patch does not grow with depth once all products occur.

Shape suffixes as in `base.py`, and B tasks of a group, S slots, K coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from resqunn.circuits.circuit import Circuit
from resqunn.engines.base import DTYPES
from resqunn.engines.compiled.engine import CompiledEngine, Gradients
from resqunn.engines.compiled.kernel import Kernel
from resqunn.engines.compiled.threads import share, useful_workers
from resqunn.engines.fourier.heisenberg import propagate
from resqunn.engines.fourier.monomials import LANES, fourier_plan, tasks
from resqunn.errors import CircuitError

OPERATIONS_PER_THREAD = 8_000_000
"""A thread is started for at least this many multiplications (about a millisecond)."""

_NONE = {dtype: torch.empty(0, 0, 0, dtype=dtype, device="cpu") for dtype in DTYPES}
"""In place of gradients that nobody asked for."""

COEFFICIENTS = Kernel("resqunn.engines.fourier.coefficient_kernels", "coefficients")
WEIGHT_GRADIENTS = Kernel("resqunn.engines.fourier.coefficient_kernels", "weight_gradients")
FORWARD = Kernel("resqunn.engines.fourier.polynomial_kernels", "forward")
BACKWARD = Kernel("resqunn.engines.fourier.polynomial_kernels", "backward")


def obstacle(circuit: Circuit) -> str | None:
    """Why the engine cannot evaluate a circuit; None if it can.

    >>> obstacle(Circuit("ry", "rx_chain", "z", inputs=4, depth=2, reupload=True))
    'qubit 0 is rotated by an input after another input'
    """
    try:
        propagate(circuit)
    except CircuitError as error:
        return str(error)
    return None


@dataclass(frozen=True)
class FourierEngine(CompiledEngine):
    """Trigonometric polynomials in compiled code on the CPU, float32 and float64.

    First derivatives are computed by compiled code too.

    Raises:
        CircuitError: for a circuit that has an `obstacle`.
        ConfigurationError: for tensors that are not on the CPU.
    """

    name: str = "fourier"

    def obstacle(self, circuit: Circuit) -> str | None:
        return obstacle(circuit)

    def cost(self, circuit: Circuit) -> float | None:
        """In proportion to the monomials and their coefficients (`FourierPlan.operations`)."""
        if obstacle(circuit) is not None:
            return None
        plan = fourier_plan(circuit)
        # The rotations are done once a call: shared among the patches of 16 images, 28x28.
        return 0.28 * plan.operations(1, circuit.num_inputs, 1) + 6.0 * len(plan.pairs) / 3136

    def forward(
        self, circuit: Circuit, inputs_GNP: Tensor, weights_GFW: Tensor
    ) -> tuple[Tensor, Any]:
        plan = fourier_plan(circuit)
        (groups, filters, _), patches = weights_GFW.shape, inputs_GNP.shape[2]
        state_GFS = _doubles(groups, filters, plan.slots)
        values_GK = inputs_GNP.new_empty(groups, filters * plan.node_K.size)
        COEFFICIENTS(weights_GFW, plan.rotations, state_GFS, values_GK)
        out_GFRP = inputs_GNP.new_empty(groups, filters, circuit.num_outputs, patches)
        operations = plan.operations(groups * patches, inputs_GNP.shape[1], filters)
        workers = _workers(groups, patches, operations)
        share(
            FORWARD,
            workers,
            inputs_GNP,
            values_GK,
            plan.polynomial(filters, inputs_GNP.dtype),
            inputs_GNP.new_empty(workers, plan.nodes + 1, LANES),
            out_GFRP,
        )
        return out_GFRP, (state_GFS, values_GK)

    def backward(
        self,
        circuit: Circuit,
        kept: Any,
        inputs_GNP: Tensor,
        weights_GFW: Tensor,
        cotangents_GFRP: Tensor,
        wanted: tuple[bool, bool],
    ) -> Gradients:
        plan, (state_GFS, values_GK) = fourier_plan(circuit), kept
        need_inputs, need_weights = wanted
        (groups, filters, _), patches = weights_GFW.shape, inputs_GNP.shape[2]
        count = filters * plan.node_K.size if need_weights else 0
        sums_GBK = inputs_GNP.new_empty(groups, tasks(patches), count)
        by_inputs = torch.empty_like(inputs_GNP) if need_inputs else _NONE[inputs_GNP.dtype]
        operations = 3 * plan.operations(groups * patches, inputs_GNP.shape[1], filters)
        workers = _workers(groups, patches, operations)
        rows = 2 * plan.nodes + filters * plan.outputs + 1 + count
        share(
            BACKWARD,
            workers,
            inputs_GNP,
            values_GK,
            plan.polynomial(filters, inputs_GNP.dtype),
            inputs_GNP.new_empty(workers, rows, LANES),
            cotangents_GFRP,
            sums_GBK,
            by_inputs,
        )
        by_weights = torch.empty_like(weights_GFW)
        if need_weights:
            memory = _doubles(2 * plan.slots + plan.node_K.size)
            WEIGHT_GRADIENTS(weights_GFW, plan.rotations, state_GFS, sums_GBK, memory, by_weights)
        return by_inputs if need_inputs else None, by_weights if need_weights else None


def _doubles(*shape: int) -> Tensor:
    return torch.empty(shape, dtype=torch.float64, device="cpu")


def _workers(groups: int, patches: int, operations: int) -> int:
    return useful_workers(groups * tasks(patches), operations // OPERATIONS_PER_THREAD + 1)
