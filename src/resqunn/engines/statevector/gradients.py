"""The reference engine, and the derivatives of other engines' derivatives by it."""

from __future__ import annotations

import torch
from torch import Tensor

from resqunn.circuits.circuit import Circuit
from resqunn.engines.statevector.engine import StatevectorEngine

REFERENCE = StatevectorEngine()


def differentiable_gradients(
    circuit: Circuit,
    inputs_GNP: Tensor,
    weights_GFW: Tensor,
    cotangents_GFRP: Tensor,
    wanted: tuple[bool, bool],
) -> tuple[Tensor | None, Tensor | None]:
    """The gradients with respect to inputs and weights, themselves differentiable.

    For the backward pass of compiled engines when it is itself recorded (`create_graph`), or
    done for many cotangents at once.
    """
    recorded = torch.is_grad_enabled()
    with torch.enable_grad():
        # Views, so that derivatives by the gradients' own inputs keep their history.
        inputs_GNP, weights_GFW = inputs_GNP.view_as(inputs_GNP), weights_GFW.view_as(weights_GFW)
        values = REFERENCE.evaluate(circuit, inputs_GNP, weights_GFW)
    chosen = [t for t, want in zip((inputs_GNP, weights_GFW), wanted, strict=True) if want]
    if values.requires_grad:
        gradients = torch.autograd.grad(
            values, chosen, cotangents_GFRP, create_graph=recorded, materialize_grads=True
        )
    else:  # the circuit has no gate that turns by what derivatives are wanted of
        gradients = tuple(map(torch.zeros_like, chosen))
    found = iter(gradients)
    return next(found) if wanted[0] else None, next(found) if wanted[1] else None
