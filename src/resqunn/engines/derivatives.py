"""Derivatives of a function of inputs and weights that can be differentiated again."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def differentiable_gradients(
    function: Callable[[Tensor, Tensor], Tensor],
    tensors: tuple[Tensor, Tensor],
    cotangents: Tensor,
    wanted: tuple[bool, bool],
) -> tuple[Tensor | None, Tensor | None]:
    """The gradients of a function of inputs and weights, themselves differentiable.

    For the backward pass of compiled code when it is itself recorded (`create_graph`), or
    done for many cotangents at once. The function is made of torch operations alone.
    """
    recorded = torch.is_grad_enabled()
    with torch.enable_grad():
        # Views, so that derivatives by the gradients' own inputs keep their history.
        inputs, weights = (tensor.view_as(tensor) for tensor in tensors)
        values = function(inputs, weights)
    chosen = [t for t, want in zip((inputs, weights), wanted, strict=True) if want]
    if values.requires_grad:
        gradients = torch.autograd.grad(
            values, chosen, cotangents, create_graph=recorded, materialize_grads=True
        )
    else:  # the circuit has no gate that turns by what derivatives are wanted of
        gradients = tuple(map(torch.zeros_like, chosen))
    found = iter(gradients)
    return next(found) if wanted[0] else None, next(found) if wanted[1] else None
