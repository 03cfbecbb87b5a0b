"""Weights that no output of a circuit depends on, and how many of a network's are left."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import nn

from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.engines.reference import reference
from resqunn.engines.registry import engine
from resqunn.nn.circuit_module import CircuitModule

DRAWS = 4
"""Random weights, each with inputs and sums of outputs of its own."""

SMALLEST = 1e-9
"""Of a derivative that is not zero, beside the largest one."""

WIDE = 10
"""Qubits above which the reference engine would take long; with noise it refuses fewer."""


@lru_cache(maxsize=256)
def dead_weights(circuit: GateCircuit) -> tuple[int, ...]:
    """The weights (flattened row-major) by which no output has a derivative, at random points.

    A derivative is a trigonometric polynomial of inputs and weights, and zero at random points
    only if it is zero at all.

    >>> from resqunn import Circuit
    >>> dead_weights(Circuit("ry", "rx_ring", "z0", inputs=3, depth=1))
    (0,)
    """
    if not circuit.num_weights:
        return ()
    generator = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> torch.Tensor:
        return torch.rand(shape, generator=generator, dtype=torch.float64) * 2 * math.pi

    inputs_GNP = drawn(DRAWS, circuit.num_inputs, 2)
    weights_GFW = drawn(DRAWS, 1, circuit.num_weights)
    found_W = torch.zeros(circuit.num_weights, dtype=torch.float64)
    # The reference has no code to be compiled first, which would take longer than all else.
    of = reference(circuit)
    if circuit.num_qubits > WIDE or of.obstacle(circuit) is not None:
        of = engine("auto")
    with torch.inference_mode(False), torch.enable_grad():
        weights_GFW.requires_grad_()
        values = of.expectation_values(circuit, inputs_GNP, weights_GFW)
        if values.requires_grad:
            (gradient,) = torch.autograd.grad((values * drawn(*values.shape)).sum(), weights_GFW)
            found_W = gradient.abs().amax(dim=(0, 1))
    smallest = SMALLEST * max(1.0, float(found_W.max()))
    return tuple(torch.nonzero(found_W <= smallest).flatten().tolist())


def num_dead_weights(module: CircuitModule) -> int:
    """How many of a layer's or a head's weights none of its values depends on."""
    circuit = module.noisy_circuit
    weight = module.get_parameter("weight")
    return len(dead_weights(circuit)) * (weight.numel() // max(1, circuit.num_weights))


def num_live_weights(model: nn.Module) -> int:
    """How many weights are trained, but for those that no value of their circuit depends on.

    >>> from resqunn import Quanv2d
    >>> num_live_weights(Quanv2d(1, 1, 2, 2, ansatz="rx_ring", readout="z0", depth=1))
    3
    """
    trained = sum(each.numel() for each in model.parameters() if each.requires_grad)
    circuits = [each for each in model.modules() if isinstance(each, CircuitModule)]
    return trained - sum(
        num_dead_weights(each) for each in circuits if each.get_parameter("weight").requires_grad
    )
