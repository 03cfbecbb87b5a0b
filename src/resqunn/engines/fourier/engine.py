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

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from resqunn.circuits.circuit import Circuit
from resqunn.engines.base import Engine
from resqunn.engines.fourier.heisenberg import MAX_STRINGS, propagate
from resqunn.engines.fourier.monomials import fourier_plan, table, trigonometry
from resqunn.engines.reference import REFERENCE, differentiable_gradients
from resqunn.engines.threads import share
from resqunn.engines.tracing import traced
from resqunn.errors import CircuitError, ConfigurationError

DTYPES = (torch.float32, torch.float64)


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


def supports(circuit: Circuit) -> bool:
    """Whether the engine can evaluate a circuit; `obstacle` says why not."""
    return obstacle(circuit) is None


def monomial_count(circuit: Circuit, limit: int = MAX_STRINGS) -> int | None:
    """How many products of cosines and sines occur; the time per patch grows with it.

    None if the engine cannot evaluate the circuit, or if its observables reach more than
    `limit` Pauli strings, which is found out in 10 to 20 microseconds a string.

    >>> monomial_count(Circuit("ry", "rx_chain", "z", inputs=4, depth=4))
    32
    """
    try:
        return len({term.factors for term in propagate(circuit, limit).terms})
    except CircuitError:
        return None


@dataclass(frozen=True)
class FourierEngine(Engine):
    """Trigonometric polynomials in compiled code on the CPU, float32 and float64.

    First derivatives are computed by compiled code too. Derivatives of higher order, and
    anything under `torch.compile` and `torch.func`, go through `StatevectorEngine`.

    Raises:
        ConfigurationError: for a circuit that has an `obstacle`, or tensors that are not
            float32 or float64 on the CPU.
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
        return 0.21 * plan.operations(1, circuit.inputs, 1) + 6.0 * len(plan.pairs) / 3136

    def expectation_values(
        self,
        circuit: Circuit,
        inputs_GNP: Float[Tensor, "G N P"],
        weights_GFW: Float[Tensor, "G F W"],
    ) -> Float[Tensor, "G F R P"]:
        if traced():
            return REFERENCE.expectation_values(circuit, inputs_GNP, weights_GFW)
        if inputs_GNP.device.type != "cpu" or inputs_GNP.dtype not in DTYPES:
            raise ConfigurationError(
                "engine 'fourier' computes float32 and float64 on the CPU, not "
                f"{inputs_GNP.dtype} on {inputs_GNP.device}: use engine='statevector'"
            )
        reason = obstacle(circuit)
        if reason is not None:
            raise ConfigurationError(
                f"engine 'fourier' cannot evaluate this circuit, because {reason}: "
                "use engine='statevector'"
            )
        return _Polynomial.apply(circuit, inputs_GNP, weights_GFW)


class _Polynomial(torch.autograd.Function):
    """The polynomial as an operation with derivatives."""

    @staticmethod
    def forward(ctx: Any, circuit: Circuit, inputs_GNP: Tensor, weights_GFW: Tensor) -> Tensor:
        # Importing the kernels imports numba, which takes longer than `resqunn --help` may.
        from resqunn.engines.fourier import coefficient_kernels, polynomial_kernels

        plan = fourier_plan(circuit)
        inputs, weights = _array(inputs_GNP), _array(weights_GFW)
        (groups, filters, _), patches = weights.shape, inputs.shape[2]
        where, outputs = table(circuit, filters), filters * circuit.outputs
        state_GFS = np.empty((groups, filters, plan.start_S.size))
        values_GFK = np.empty((groups, filters, plan.node_K.size), inputs.dtype)
        coefficient_kernels.coefficients(
            weights,
            plan.start_S,
            plan.step_weight_T,
            plan.step_pair_T,
            plan.pairs,
            plan.terms,
            state_GFS,
            values_GFK,
        )
        out_GFRP = inputs_GNP.new_empty(groups, filters, circuit.outputs, patches)
        arguments = (
            inputs,
            values_GFK.reshape(groups, where.node_K.size),
            plan.products,
            where.row_O,
            where.node_K,
            trigonometry(inputs.dtype),
            out_GFRP.numpy().reshape(groups, outputs, patches),
        )
        tasks = groups * polynomial_kernels.tasks(patches)
        share(
            polynomial_kernels.forward,
            arguments,
            tasks,
            plan.operations(groups * patches, inputs.shape[1], filters),
        )
        ctx.save_for_backward(inputs_GNP, weights_GFW)
        ctx.circuit, ctx.state_GFS, ctx.values_GFK = circuit, state_GFS, values_GFK
        return out_GFRP

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor | None, Tensor | None]:
        inputs_GNP, weights_GFW = ctx.saved_tensors
        if torch.is_grad_enabled():
            wanted = ctx.needs_input_grad[1:]
            return None, *differentiable_gradients(
                ctx.circuit, inputs_GNP, weights_GFW, gradients[0], wanted
            )
        from resqunn.engines.fourier import coefficient_kernels, polynomial_kernels

        _, need_inputs, need_weights = ctx.needs_input_grad
        inputs, weights = _array(inputs_GNP), _array(weights_GFW)
        (groups, filters, _), patches = weights.shape, inputs.shape[2]
        plan, where = fourier_plan(ctx.circuit), table(ctx.circuit, filters)
        outputs, tasks = filters * ctx.circuit.outputs, polynomial_kernels.tasks(patches)
        sums_GBK = np.empty((groups, tasks, where.node_K.size if need_weights else 0), inputs.dtype)
        by_inputs = torch.empty_like(inputs_GNP, memory_format=torch.contiguous_format)
        arguments = (
            inputs,
            ctx.values_GFK.reshape(groups, where.node_K.size),
            plan.products,
            where.column_M,
            where.entry_K,
            where.entry_row_K,
            trigonometry(inputs.dtype),
            _array(gradients[0]).reshape(groups, outputs, patches),
            sums_GBK,
            by_inputs.numpy() if need_inputs else np.empty((0, 0, 0), inputs.dtype),
        )
        work = 3 * plan.operations(groups * patches, inputs.shape[1], filters)
        share(polynomial_kernels.backward, arguments, groups * tasks, work)
        by_weights = torch.empty_like(weights_GFW, memory_format=torch.contiguous_format)
        if need_weights:
            coefficient_kernels.weight_gradients(
                weights,
                plan.step_weight_T,
                plan.step_pair_T,
                plan.pairs,
                plan.terms,
                ctx.state_GFS,
                sums_GBK.reshape(groups, tasks, filters, plan.node_K.size),
                by_weights.numpy(),
            )
        return None, by_inputs if need_inputs else None, by_weights if need_weights else None


def _array(tensor: Tensor) -> np.ndarray:
    """The tensor's memory as an array, copied only if it is not contiguous."""
    return tensor.detach().contiguous().numpy()
