r"""The cosines and sines of all gates' angles, and the derivatives by the weights among them.

A gate's angle is a weight or a constant (or an input, which `passes.py` reads): gate $k$ has
$\cos\theta_k, \sin\theta_k$ with $\theta_k = w_{e(k)}$ or $c_k$, and the derivative by $w_e$ is the
sum of the derivatives by the $\theta_k$ with $e(k) = e$, over all tasks. In double precision.

Shape suffixes: C groups of channels that a circuit reads, F filters, W weights, T tasks, K gates.
"""

from __future__ import annotations

import math

import numpy as np

from resqunn.engines.compiled.kernels.lanes import apart


@apart
def sines(weights_CFW, work, angles):
    """Writes the cosine and the sine of each gate of each filter."""
    _, sines_CFK2, _ = work
    channels, filters, _ = weights_CFW.shape
    for c in range(channels):
        for f in range(filters):
            for k in range(angles.weight_K.shape[0]):
                angle = angles.constant_K[k]
                if angles.weight_K[k] >= 0:
                    angle = np.float64(weights_CFW[c, f, angles.weight_K[k]])
                sines_CFK2[c, f, 2 * k] = math.cos(angle)
                sines_CFK2[c, f, 2 * k + 1] = math.sin(angle)


@apart
def weight_gradients(weights_CFW, gradient_CFW, work, angles):
    """The derivatives by the weights; the sums are added up over tasks in order."""
    sums_CTK, _, memories = work
    channels, filters, weights = weights_CFW.shape
    gates, total_W = angles.weight_K.shape[0], memories.doubles_WM[0]
    for c in range(channels):
        for f in range(filters):
            for w in range(weights):
                total_W[w] = 0.0
            for k in range(gates):
                if angles.weight_K[k] >= 0:
                    total = 0.0
                    for task in range(sums_CTK.shape[1]):
                        total += sums_CTK[c, task, f * gates + k]
                    total_W[angles.weight_K[k]] += total
            for w in range(weights):
                gradient_CFW[c, f, w] = total_W[w]
