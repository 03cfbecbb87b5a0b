"""Values from outside torch, which know their first derivatives only and say so.

A simulator or a processor that is asked for derivatives gives numbers; torch would take them
for constants and differentiate them to zero, silently. Here what cannot be differentiated
raises an error as soon as its derivative is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from resqunn.engines.double import DoublePrecision, to_double
from resqunn.engines.guard import interpreted
from resqunn.errors import ConfigurationError


@dataclass(frozen=True)
class Evaluation:
    """How values are computed, and what is said where that does not reach.

    `run` takes inputs and weights on the CPU in float64 and returns values that torch can
    differentiate once. It and the derivative are called within `within()`.
    """

    run: Callable[[Tensor, Tensor], Tensor]
    within: Callable[[], AbstractContextManager[Any]]
    second_order: str
    """What is said when a derivative's derivative is asked for."""
    transformed: str
    """What is said when the derivative is asked for by one of torch's transforms."""
    undefined: str
    """What is said where the derivative by the inputs comes as NaN."""


def once_differentiable(evaluation: Evaluation, inputs: Tensor, weights: Tensor) -> Tensor:
    """The values in the dtype and on the device of the inputs, differentiable once.

    Raises:
        ConfigurationError: on the way back, for derivatives that there are not.
    """
    # A node of its own, which is not asked if only the weights' derivative is wanted.
    return _FirstOrder.apply(evaluation, _Defined.apply(evaluation.undefined, inputs), weights)


def undifferentiable(message: str, tensor: Tensor, *anchors: Tensor) -> Tensor:
    """The tensor as it is, whose derivative by anything that it or the anchors depend on is an
    error with this message."""
    return _Undifferentiable.apply(message, tensor, *anchors)


class _FirstOrder(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, evaluation: Evaluation, inputs: Tensor, weights: Tensor) -> Tensor:
        given = [
            to_double(tensor.detach()).requires_grad_(wanted)
            for tensor, wanted in (
                (inputs, ctx.needs_input_grad[1]),
                (weights, ctx.needs_input_grad[2]),
            )
        ]
        with torch.enable_grad(), evaluation.within():
            values = evaluation.run(*given)
        ctx.save_for_backward(inputs, weights)
        ctx.evaluation, ctx.given, ctx.values = evaluation, given, values
        return values.detach().to(inputs)

    @staticmethod
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, cotangents: Tensor
    ) -> tuple[None, Tensor | None, Tensor | None]:
        evaluation: Evaluation = ctx.evaluation
        anchors = (*ctx.saved_tensors, cotangents)
        if interpreted():
            raise ConfigurationError(evaluation.transformed)
        wanted = [tensor for tensor in ctx.given if tensor.requires_grad]
        found = [torch.zeros_like(tensor) for tensor in wanted]
        if ctx.values.requires_grad:
            with evaluation.within(), DoublePrecision():
                found = torch.autograd.grad(
                    ctx.values,
                    wanted,
                    to_double(cotangents),
                    retain_graph=True,
                    materialize_grads=True,
                )
        if torch.is_grad_enabled():
            found = [
                undifferentiable(evaluation.second_order, gradient, *anchors) for gradient in found
            ]
        rest = iter(found)
        of_inputs, of_weights = (
            next(rest).to(tensor) if tensor.requires_grad else None for tensor in ctx.saved_tensors
        )
        return None, of_inputs, of_weights


class _Defined(torch.autograd.Function):
    """Inputs as they are, whose derivative is an error where it is undefined."""

    @staticmethod
    def forward(ctx: Any, message: str, inputs: Tensor) -> Tensor:
        ctx.message = message
        ctx.save_for_backward(inputs)
        return inputs.view_as(inputs)

    @staticmethod
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, gradient: Tensor
    ) -> tuple[None, Tensor]:
        (inputs,) = ctx.saved_tensors
        if inputs.isfinite().all() and gradient.isnan().any():
            raise ConfigurationError(ctx.message)
        return None, gradient


class _Undifferentiable(torch.autograd.Function):
    """A tensor as it is, whose derivative by anything that it depends on is an error."""

    @staticmethod
    def forward(ctx: Any, message: str, tensor: Tensor, *anchors: Tensor) -> Tensor:
        ctx.message = message
        return tensor.view_as(tensor)

    @staticmethod
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, cotangents: Tensor
    ) -> tuple[()]:
        raise ConfigurationError(ctx.message)
