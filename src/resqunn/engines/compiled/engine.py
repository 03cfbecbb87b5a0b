"""What compiled engines have in common: one operation with derivatives, behind one guard.

Values and first derivatives of ordinary tensors are computed by compiled code. Derivatives of
higher order, many cotangents at once, and everything else on which compiled code may not run
(`guard.py`) go through the reference engine. The guard is asked on the way there and on the
way back: what is ordinary at first may be differentiated in ways that are not.

Shape suffixes as in `base.py`.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.engines.base import Engine
from resqunn.engines.compiled.arguments import plain
from resqunn.engines.derivatives import differentiable_gradients
from resqunn.engines.guard import compiling, interpreted, left_out, ordinary, require_memory
from resqunn.engines.reference import reference
from resqunn.errors import ConfigurationError

Gradients = tuple[Tensor | None, Tensor | None]


class CompiledEngine(Engine):
    """An engine whose values and first derivatives are computed by compiled code.

    `forward` and `backward` are given contiguous tensors of the right shapes, on the CPU.
    """

    @abstractmethod
    def forward(self, circuit: GateCircuit, inputs_GNP: Tensor, weights_GFW: Tensor) -> Tensor:
        """The values (G, F, R, P)."""

    @abstractmethod
    def backward(
        self,
        circuit: GateCircuit,
        inputs_GNP: Tensor,
        weights_GFW: Tensor,
        cotangents_GFRP: Tensor,
        wanted: tuple[bool, bool],
    ) -> Gradients:
        """The gradients by inputs and by weights, each None if it is not wanted."""

    def gradients(
        self,
        circuit: GateCircuit,
        tensors: tuple[Tensor, Tensor],
        cotangents_GFRP: Tensor,
        wanted: tuple[bool, bool],
    ) -> Gradients:
        regular = ordinary(*tensors, cotangents_GFRP)
        if regular:
            require_memory(*tensors, cotangents_GFRP)
        if not regular or torch.is_grad_enabled():

            def values(inputs_GNP: Tensor, weights_GFW: Tensor) -> Tensor:
                return reference(circuit).evaluate(circuit, inputs_GNP, weights_GFW)

            return differentiable_gradients(values, tensors, cotangents_GFRP, wanted)
        inputs_GNP, weights_GFW = map(plain, tensors)
        return self.backward(circuit, inputs_GNP, weights_GFW, plain(cotangents_GFRP), wanted)

    def evaluate(
        self,
        circuit: GateCircuit,
        inputs_GNP: Float[Tensor, "G N P"],
        weights_GFW: Float[Tensor, "G F W"],
    ) -> Float[Tensor, "G F R P"]:
        if compiling() and inputs_GNP.is_cpu:
            return left_out(self.evaluate, circuit, inputs_GNP, weights_GFW)
        if ordinary(inputs_GNP, weights_GFW):
            return _Compiled.apply(self, circuit, inputs_GNP, weights_GFW)
        device = inputs_GNP.device.type
        if device not in ("cpu", "meta") and not interpreted():
            raise ConfigurationError(
                f"engine must be 'statevector' or 'auto' for tensors on {device}, got "
                f"{self.name!r}, which runs on the CPU"
            )
        return reference(circuit).evaluate(circuit, inputs_GNP, weights_GFW)


class _Compiled(torch.autograd.Function):
    """A compiled engine's values, with its own derivatives."""

    # Not in two parts (with `setup_context`): torch then takes 20 microseconds more a call.
    @staticmethod
    def forward(
        ctx: Any,
        engine: CompiledEngine,
        circuit: GateCircuit,
        inputs_GNP: Tensor,
        weights_GFW: Tensor,
    ) -> Tensor:
        ctx.save_for_backward(inputs_GNP, weights_GFW)
        ctx.engine, ctx.circuit = engine, circuit
        return engine.forward(circuit, plain(inputs_GNP), plain(weights_GFW))

    @staticmethod
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, cotangents_GFRP: Tensor
    ) -> tuple[None, None, Tensor | None, Tensor | None]:
        wanted = ctx.needs_input_grad[2:]
        found = ctx.engine.gradients(ctx.circuit, ctx.saved_tensors, cotangents_GFRP, wanted)
        return None, None, *found
