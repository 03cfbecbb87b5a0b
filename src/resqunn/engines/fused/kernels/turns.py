r"""Turns composed from weights, and derivatives by turns taken apart again.

A turn is $T = L\,R_P(x)\,E = \cos\frac{x}{2}\,L E + \sin\frac{x}{2}\,L (-iP) E$; the kernels need
the two quaternions and how $L$ turns the axes. All in double precision: it costs nothing.

Shape suffixes: C groups of channels that one circuit reads (and coefficients of a turn, where it
stands last), F filters, W weights, K turns, J gates, T tasks.
"""

from __future__ import annotations

import math

import numpy as np

from resqunn.engines.compiled.kernels.lanes import apart, inner
from resqunn.engines.fused.layout import AXIS, BASE, FRAME, SLOPE


@apart
def _product(p, q):
    """The quaternion of p after q."""
    return (
        p[0] * q[0] - p[1] * q[1] - p[2] * q[2] - p[3] * q[3],
        p[0] * q[1] + p[1] * q[0] + p[2] * q[3] - p[3] * q[2],
        p[0] * q[2] + p[2] * q[0] + p[3] * q[1] - p[1] * q[3],
        p[0] * q[3] + p[3] * q[0] + p[1] * q[2] - p[2] * q[1],
    )


@inner
def _about(axis, cosine, sine):
    return (
        cosine,
        sine if axis == 0 else 0.0,
        sine if axis == 1 else 0.0,
        sine if axis == 2 else 0.0,
    )


@apart
def _turned(q, v):
    """The vector v turned by the unit quaternion q."""
    turned = _product(_product(q, (0.0, v[0], v[1], v[2])), (q[0], -q[1], -q[2], -q[3]))
    return turned[1], turned[2], turned[3]


@inner
def _gate(j, gates, weights_W):
    """The quaternion of a gate."""
    gates_J4, fixed_J4 = gates.gates_J4, gates.fixed_J4
    if gates_J4[j, 2] < 0:
        return fixed_J4[j, 0], fixed_J4[j, 1], fixed_J4[j, 2], fixed_J4[j, 3]
    half = 0.5 * np.float64(weights_W[gates_J4[j, 2]])
    return _about(gates_J4[j, 3], math.cos(half), math.sin(half))


@apart
def compose(weights_CFW, work, gates):
    """Writes the coefficients of every turn."""
    coefficients_CFKC = work[1]
    turns_K4, gates_J4 = gates.turns_K4, gates.gates_J4
    for c in range(weights_CFW.shape[0]):
        for f in range(weights_CFW.shape[1]):
            j = np.intp(0)
            for k in range(turns_K4.shape[0]):
                earlier = later = (1.0, 0.0, 0.0, 0.0)
                while j < gates_J4.shape[0] and gates_J4[j, 0] == k:
                    gate = _gate(j, gates, weights_CFW[c, f])
                    if gates_J4[j, 1]:
                        later = _product(gate, later)
                    else:
                        earlier = _product(gate, earlier)
                    j += 1
                axis = turns_K4[k, 1]
                base = _product(later, earlier)
                slope = _product(_product(later, _about(axis, 0.0, 1.0)), earlier)
                out = coefficients_CFKC[c, f, k]
                for i in range(4):
                    out[BASE + i] = base[i]
                    out[SLOPE + i] = slope[i]
                for column in range(3):
                    unit = _about(column, 0.0, 1.0)
                    turned = _turned(later, (unit[1], unit[2], unit[3]))
                    for row in range(3):
                        out[FRAME + 3 * row + column] = turned[row]
                        if column == axis:
                            out[AXIS + row] = turned[row]


@apart
def weight_gradients(weights_CFW, gradients_CFW, work, gates):
    """Adds up the tasks in order and gives each weight the part along its gate's axis."""
    sums_CTFK6 = work[0]
    gates_J4 = gates.gates_J4
    for c in range(weights_CFW.shape[0]):
        for f in range(weights_CFW.shape[1]):
            for w in range(gradients_CFW.shape[2]):
                gradients_CFW[c, f, w] = 0
            last = -1
            vector = (0.0, 0.0, 0.0)
            for j in range(gates_J4.shape[0] - 1, -1, -1):
                k, later = gates_J4[j, 0], gates_J4[j, 1]
                if 2 * k + later != last:
                    last = 2 * k + later
                    vector = _total(sums_CTFK6[c, :, f, k, 0 if later else 3 :])
                if gates_J4[j, 2] >= 0:
                    gradients_CFW[c, f, gates_J4[j, 2]] += vector[gates_J4[j, 3]]
                q = _gate(j, gates, weights_CFW[c, f])
                vector = _turned((q[0], -q[1], -q[2], -q[3]), vector)


@inner
def _total(sums_T3):
    x = y = z = 0.0
    for t in range(sums_T3.shape[0]):
        x += sums_T3[t, 0]
        y += sums_T3[t, 1]
        z += sums_T3[t, 2]
    return x, y, z
