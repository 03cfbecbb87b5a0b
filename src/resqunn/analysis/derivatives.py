"""Derivatives of a circuit's outputs by its weights at random points.

Shape suffixes: N inputs, W weights, P points.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from resqunn.analysis.outputs import outputs
from resqunn.analysis.states import states
from resqunn.circuits.gate_circuit import GateCircuit

CHUNK = 2**20
"""Amplitudes of all steps that torch keeps at once for the derivatives; eight times as many took
eight times as long on eight qubits."""

ROUNDING = 1e-12
"""Of a derivative, relative to the coefficients of the outputs."""


@dataclass(frozen=True, eq=False)
class Derivatives:
    """Of the first output, by each weight at each point; and whether a weight has one at all.

    Attributes:
        first_WP: the derivatives of the first output.
        dead_W: whether those of every output vanish at all points.
    """

    first_WP: Float[np.ndarray, "W P"]
    dead_W: Bool[np.ndarray, " W"]

    def variance(self) -> tuple[float, float]:
        """The variance over points, averaged over weights, and its standard error."""
        points = self.first_WP.shape[1]
        deviations = self.first_WP - self.first_WP.mean(axis=1, keepdims=True)
        squares_P = np.square(deviations).mean(axis=0) * points / (points - 1)
        return float(squares_P.mean()), float(squares_P.std(ddof=1) / np.sqrt(points))


def derivatives(
    circuit: GateCircuit, inputs_NP: Tensor, weights_WP: Tensor, rng: np.random.Generator
) -> Derivatives:
    """At points that are given in float64.

    A weight is dead if a sum of the outputs, with random coefficients at each point, has no
    derivative by it.
    """
    points = weights_WP.shape[1]
    steps = 2**circuit.num_qubits * (1 + len(circuit.operations))
    chunk = max(1, CHUNK // steps)
    mixed_RP = torch.from_numpy(rng.normal(size=(circuit.num_outputs, points)))
    first, largest_W = [], np.zeros(circuit.num_weights)
    for start in range(0, points, chunk):
        part = slice(start, start + chunk)
        with torch.inference_mode(False), torch.enable_grad():
            weights = weights_WP[:, part].clone().requires_grad_()
            values_RP = outputs(circuit, states(circuit, inputs_NP[:, part], weights))
            both = values_RP[:1].sum(), (values_RP * mixed_RP[:, part]).sum()
            of_first, of_mixed = (
                torch.autograd.grad(each, weights, retain_graph=True)[0]
                if each.requires_grad
                else torch.zeros_like(weights)  # no weight turns a gate
                for each in both
            )
        first.append(of_first.numpy())
        largest_W = np.maximum(largest_W, of_mixed.abs().amax(dim=1).numpy())
    size = sum(abs(share) for each in circuit.sums for share, _ in each)
    return Derivatives(np.concatenate(first, axis=1), largest_W <= ROUNDING * max(1.0, size))
