"""Weights that no output of a circuit depends on."""

from __future__ import annotations

import math
from functools import lru_cache

import torch

from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.engines.registry import engine

DRAWS = 4
"""Random weights, each with inputs and sums of outputs of its own."""

SMALLEST = 1e-9
"""Of a derivative that is not zero, beside the largest one."""


@lru_cache(maxsize=256)
def dead_weights(circuit: GateCircuit) -> tuple[int, ...]:
    """The weights (flattened row-major) by which no output has a derivative, at random points.

    A derivative is a trigonometric polynomial of inputs and weights, and zero at random points
    only if it is zero at all.

    >>> from resqunn import Circuit
    >>> dead_weights(Circuit("ry", "rx_ring", "z0", inputs=3, depth=1))
    (0,)
    """
    generator = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> torch.Tensor:
        return torch.rand(shape, generator=generator, dtype=torch.float64) * 2 * math.pi

    inputs_GNP, weights_GFW = (
        drawn(DRAWS, circuit.num_inputs, 2),
        drawn(DRAWS, 1, circuit.num_weights),
    )
    weights_GFW.requires_grad_()
    if not circuit.num_weights:
        return ()
    values = engine("auto").expectation_values(circuit, inputs_GNP, weights_GFW)
    if not values.requires_grad:
        return tuple(range(circuit.num_weights))
    (values * drawn(*values.shape)).sum().backward()
    assert weights_GFW.grad is not None
    found_W = weights_GFW.grad.abs().amax(dim=(0, 1))
    return tuple(
        torch.nonzero(found_W <= SMALLEST * max(1.0, float(found_W.max()))).flatten().tolist()
    )
