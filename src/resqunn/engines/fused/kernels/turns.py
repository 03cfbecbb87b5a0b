r"""Turns of one filter: composed from its weights, and gradients taken apart again.

A turn is $T = L\,R_P(x)\,E = \cos\frac{x}{2}\,L E + \sin\frac{x}{2}\,L (-iP) E$; the kernels need
the two quaternions and how $L$ turns the axes. All in double precision: it costs nothing.

Shape suffixes as in `kernels.py`, and J gates, W weights, C coefficients.
"""

from __future__ import annotations

import math

import numpy as np

from resqunn.engines.compiled.kernels.lanes import apart, inner
from resqunn.engines.fused.layout import AXIS, BASE, FRAME, SLOPE, TILT


@inner
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


@inner
def _turned(q, v):
    """The vector v turned by the unit quaternion q."""
    turned = _product(_product(q, (0.0, v[0], v[1], v[2])), (q[0], -q[1], -q[2], -q[3]))
    return turned[1], turned[2], turned[3]


@inner
def _gate(j, gates_J4, fixed_J4, weights_W):
    if gates_J4[j, 2] < 0:
        return fixed_J4[j, 0], fixed_J4[j, 1], fixed_J4[j, 2], fixed_J4[j, 3]
    half = 0.5 * weights_W[gates_J4[j, 2]]
    return _about(gates_J4[j, 3], math.cos(half), math.sin(half))


@inner
def _tilt(w, x):
    r"""Of $w - i x X$, up to its phase: $\tau$ of at most 1, whether to flip, squared factor.

    It is $w (1 - i\tau X)$ with $\tau = x / w$, or with $\tau = -w / x$ it is
    $-i x\,X (1 - i\tau X)$, where X flips the qubit.
    """
    if abs(x) > abs(w):
        return -w / x, 1.0, x * x
    return x / w, 0.0, w * w


@apart
def compose(weights_GFW, gates, coefficients_GFKC):
    """Writes the coefficients of every turn."""
    turns_K5, gates_J4, fixed_J4 = gates
    for g in range(weights_GFW.shape[0]):
        for f in range(weights_GFW.shape[1]):
            j = np.intp(0)
            for k in range(turns_K5.shape[0]):
                earlier = later = (1.0, 0.0, 0.0, 0.0)
                while j < gates_J4.shape[0] and gates_J4[j, 0] == k:
                    gate = _gate(j, gates_J4, fixed_J4, weights_GFW[g, f])
                    if gates_J4[j, 1]:
                        later = _product(gate, later)
                    else:
                        earlier = _product(gate, earlier)
                    j += 1
                axis = turns_K5[k, 1]
                base = _product(later, earlier)
                slope = _product(_product(later, _about(axis, 0.0, 1.0)), earlier)
                out = coefficients_GFKC[g, f, k]
                for c in range(4):
                    out[BASE + c] = base[c]
                    out[SLOPE + c] = slope[c]
                out[TILT], out[TILT + 1], out[TILT + 2] = 0.0, 0.0, 1.0
                if turns_K5[k, 4]:
                    out[TILT], out[TILT + 1], out[TILT + 2] = _tilt(later[0], later[1])
                for column in range(3):
                    unit = _about(column, 0.0, 1.0)
                    turned = _turned(later, (unit[1], unit[2], unit[3]))
                    for row in range(3):
                        out[FRAME + 3 * row + column] = turned[row]
                        if column == axis:
                            out[AXIS + row] = turned[row]


@apart
def weight_gradients(weights_GFW, gates, sums_GFHK6, gradients_GFW):
    """Adds up the chunks in order and gives each weight the part along its gate's axis."""
    _, gates_J4, fixed_J4 = gates
    for g in range(weights_GFW.shape[0]):
        for f in range(weights_GFW.shape[1]):
            last = -1
            vector = (0.0, 0.0, 0.0)
            for j in range(gates_J4.shape[0] - 1, -1, -1):
                k, later = gates_J4[j, 0], gates_J4[j, 1]
                if 2 * k + later != last:
                    last = 2 * k + later
                    vector = _total(sums_GFHK6[g, f, :, k, 0 if later else 3 :])
                if gates_J4[j, 2] >= 0:
                    gradients_GFW[g, f, gates_J4[j, 2]] += vector[gates_J4[j, 3]]
                q = _gate(j, gates_J4, fixed_J4, weights_GFW[g, f])
                vector = _turned((q[0], -q[1], -q[2], -q[3]), vector)


@inner
def _total(sums_H3):
    x = y = z = 0.0
    for h in range(sums_H3.shape[0]):
        x += sums_H3[h, 0]
        y += sums_H3[h, 1]
        z += sums_H3[h, 2]
    return x, y, z
