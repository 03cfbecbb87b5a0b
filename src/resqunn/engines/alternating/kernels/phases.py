r"""The diagonals of phases between layers, and the derivatives by the weights in them.

After layer $l$ row $a$ is multiplied by $e^{i\theta_{la}}$ with $\theta_{la} = \sum_e p_{ea} w_e$,
the sum over the rotations by weights that follow the layer. With $s_{la}$ the imaginary part of
$\langle b|a\rangle\langle a|\psi\rangle$, summed over patches, $\psi$ the state after the layer and
$b$ the bra there, the derivative by $w_e$ is $-2 \sum_a p_{ea} s_{la}$. In double precision.

Shape suffixes as in `schedule.py`, and C groups of channels that one circuit reads, F filters,
W weights, T tasks, K a filter's sums.
"""

from __future__ import annotations

import math

import numpy as np

from resqunn.engines.compiled.kernels.lanes import apart


@apart
def phases(weights_W, tables, doubles, memory, at):
    """Writes the cosine and sine of each layer's and row's angle to `memory` from `at` on;
    `doubles` is memory to work in.

    Phases are multiplied: a sum of large angles would be rounded to the precision of the largest.
    """
    places_E2, parts_EA = tables.places_E2, tables.parts_EA
    amplitudes = parts_EA.shape[1]
    for k in range(tables.layers * amplitudes):
        doubles[2 * k], doubles[2 * k + 1] = 1.0, 0.0
    for e in range(places_E2.shape[0]):
        half = 0.5 * np.float64(weights_W[places_E2[e, 1]])
        cosine, sine = math.cos(half), math.sin(half)
        first = 2 * places_E2[e, 0] * amplitudes
        for a in range(amplitudes):
            real, imaginary = doubles[first + 2 * a], doubles[first + 2 * a + 1]
            turned = 2.0 * parts_EA[e, a] * sine  # parts are one half, or its negative
            doubles[first + 2 * a] = cosine * real - turned * imaginary
            doubles[first + 2 * a + 1] = cosine * imaginary + turned * real
    for k in range(2 * tables.layers * amplitudes):
        memory[at + k] = doubles[k]


@apart
def weight_gradients(weights_CFW, gradient_CFW, sums_CTK, memory, tables):
    """The derivatives by the weights; the sums are added up over tasks in order."""
    places_E2, parts_EA = tables.places_E2, tables.parts_EA
    channels, filters, weights = weights_CFW.shape
    amplitudes = parts_EA.shape[1]
    size, total = tables.layers * amplitudes, memory.doubles_WM[0]
    for c in range(channels):
        for f in range(filters):
            for w in range(weights):
                gradient_CFW[c, f, w] = 0
            for k in range(size):
                total[k] = 0.0
                for task in range(sums_CTK.shape[1]):
                    total[k] += sums_CTK[c, task, f * size + k]
            for e in range(places_E2.shape[0]):
                slope, first = 0.0, places_E2[e, 0] * amplitudes
                for a in range(amplitudes):
                    slope -= 2.0 * parts_EA[e, a] * total[first + a]
                gradient_CFW[c, f, places_E2[e, 1]] += slope
