r"""The diagonals of phases between layers, and the derivatives by the weights in them.

After layer $l$ row $a$ is multiplied by $e^{i\theta_{la}}$ with $\theta_{la} = \sum_e p_{ea} w_e$,
the sum over the rotations by weights that follow the layer. With $s_{la}$ the imaginary part of
$\langle b|a\rangle\langle a|\psi\rangle$, summed over patches, $\psi$ the state after the layer and
$b$ the bra there, the derivative by $w_e$ is $-2 \sum_a p_{ea} s_{la}$. In double precision.

Shape suffixes as in `schedule.py`, and C groups of channels that one circuit reads, F filters,
W weights, T tasks.
"""

from __future__ import annotations

import math

import numpy as np

from resqunn.engines.compiled.compiler import compiled

SUMS = {"contract"}
"""Sums are never reordered: the order would depend on the processor's registers."""


@compiled(fastmath=SUMS)
def phases(weights_CFW, tables, angles_LA, phases_CFLA2):
    """The cosines and sines of all angles; `angles_LA` is memory to work in."""
    places_E2, parts_EA, layers = tables
    channels, filters, _ = weights_CFW.shape
    amplitudes = angles_LA.shape[1]
    for c in range(channels):
        for f in range(filters):
            for layer in range(layers):
                for a in range(amplitudes):
                    angles_LA[layer, a] = 0.0
            for e in range(places_E2.shape[0]):
                weight = np.float64(weights_CFW[c, f, places_E2[e, 1]])
                for a in range(amplitudes):
                    angles_LA[places_E2[e, 0], a] += parts_EA[e, a] * weight
            for layer in range(layers):
                for a in range(amplitudes):
                    phases_CFLA2[c, f, layer, a, 0] = math.cos(angles_LA[layer, a])
                    phases_CFLA2[c, f, layer, a, 1] = math.sin(angles_LA[layer, a])


@compiled(fastmath=SUMS)
def weight_gradients(tables, sums_CTFLA, total_LA, gradient_CFW):
    """The derivatives by the weights; the sums are added up over tasks in order, in `total_LA`."""
    places_E2, parts_EA, layers = tables
    channels, filters, weights = gradient_CFW.shape
    amplitudes = total_LA.shape[1]
    for c in range(channels):
        for f in range(filters):
            for w in range(weights):
                gradient_CFW[c, f, w] = 0
            for layer in range(layers):
                for a in range(amplitudes):
                    total = 0.0
                    for task in range(sums_CTFLA.shape[1]):
                        total += sums_CTFLA[c, task, f, layer, a]
                    total_LA[layer, a] = total
            for e in range(places_E2.shape[0]):
                slope = 0.0
                for a in range(amplitudes):
                    slope -= 2.0 * parts_EA[e, a] * total_LA[places_E2[e, 0], a]
                gradient_CFW[c, f, places_E2[e, 1]] += slope
