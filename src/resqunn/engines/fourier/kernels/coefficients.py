r"""The coefficients of a trigonometric polynomial as functions of the weights, and back.

The steps change the vector of the observables' Pauli strings, pair by pair: rotations by the
weights turn, with constants $\rho$ (`reached.py`; 1 without noise),

    (v_i, v_j) <- (v_i cos w - v_j rho sin w, v_j cos w + v_i sin w / rho)

and others add constant multiples, v_j <- v_j + c v_i. Each coefficient is a sum of multiples of
entries of the last vector. The tables are `monomials.Rotations`; everything is in double
precision, whatever the dtype of the weights.

With $g$ the derivatives by the vector after a rotation, and $v$ that vector,

$$\frac{\partial}{\partial w} = \sum g_j v_i / \rho - g_i v_j \rho,$$

and those by the vector before are

    (g_i, g_j) <- (g_i cos w + g_j sin w / rho, g_j cos w - g_i rho sin w)

and g_i <- g_i + c g_j where a step adds.

Shape suffixes: C groups of channels that one circuit reads, F filters, W weights, T tasks,
K coefficients.
"""

from __future__ import annotations

import math

import numpy as np

from resqunn.engines.compiled.kernels.lanes import apart, entry, inner, set_entry


@inner
def _turn(vector, ends, rotations, cosine, sine):
    """Turns pairs of a vector."""
    first, last = ends
    pairs_P2, ratio_P = rotations.pairs_P2, rotations.ratio_P
    # Two loops: what there are no ratios for takes a sixth less time.
    if ratio_P.shape[0]:
        for k in range(first, last):
            ratio = entry(ratio_P, k)
            _turn_pair(vector, pairs_P2, k, cosine, sine * ratio, sine / ratio)
    else:
        for k in range(first, last):
            _turn_pair(vector, pairs_P2, k, cosine, sine, sine)


@inner
def _turn_pair(vector, pairs_P2, k, cosine, down, up):
    i, j = pairs_P2[k, 0], pairs_P2[k, 1]
    a, b = entry(vector, i), entry(vector, j)
    set_entry(vector, i, cosine * a - down * b)
    set_entry(vector, j, cosine * b + up * a)


@inner
def _turn_back(vector, adjoint, ends, rotations, cosine, sine):
    """Turns pairs of a vector back, and of the derivatives by it; the derivative by the angle."""
    first, last = ends
    pairs_P2, ratio_P = rotations.pairs_P2, rotations.ratio_P
    scaled = ratio_P.shape[0] > 0
    slope = 0.0
    for k in range(first, last):
        i, j = pairs_P2[k, 0], pairs_P2[k, 1]
        ratio = entry(ratio_P, k) if scaled else 1.0
        slope += entry(adjoint, j) * (entry(vector, i) / ratio)
        slope -= entry(adjoint, i) * (entry(vector, j) * ratio)
        down, up = -sine * ratio, -sine / ratio
        _turn_pair(vector, pairs_P2, k, cosine, down, up)
        _turn_pair(adjoint, pairs_P2, k, cosine, up, down)
    return slope


@inner
def _add(vector, ends, rotations):
    """Adds multiples of entries of a vector to others."""
    first, last = ends
    for k in range(first, last):
        i, j = rotations.pairs_P2[k, 0], rotations.pairs_P2[k, 1]
        added = entry(rotations.ratio_P, k) * entry(vector, i)
        set_entry(vector, j, entry(vector, j) + added)


@inner
def _add_back(vector, adjoint, ends, rotations):
    """Undoes `_add`, and changes the derivatives by the vector to those before."""
    first, last = ends
    for k in range(first, last):
        i, j = rotations.pairs_P2[k, 0], rotations.pairs_P2[k, 1]
        ratio = entry(rotations.ratio_P, k)
        set_entry(vector, j, entry(vector, j) - ratio * entry(vector, i))
        set_entry(adjoint, i, entry(adjoint, i) + ratio * entry(adjoint, j))


@apart
def turn_observables(weights_W, rotations, vector):
    """Takes the observables through all steps, in the first numbers of `vector`."""
    for s in range(rotations.start_S.shape[0]):
        set_entry(vector, s, rotations.start_S[s])
    for t in range(rotations.weight_T.shape[0]):
        weight, ends = rotations.weight_T[t], (rotations.pair_T[t], rotations.pair_T[t + 1])
        if weight < 0:
            _add(vector, ends, rotations)
        else:
            angle = np.float64(weights_W[weight])
            _turn(vector, ends, rotations, math.cos(angle), math.sin(angle))


@apart
def coefficients(weights_W, rotations, doubles, memory, at):
    """Writes the coefficients of one filter to `memory` from `at` on."""
    slots, terms_K2 = rotations.start_S.shape[0], rotations.terms_K2
    turn_observables(weights_W, rotations, doubles)
    for k in range(rotations.count):
        set_entry(doubles, slots + k, 0.0)
    for k in range(terms_K2.shape[0]):
        slot, place = terms_K2[k, 0], slots + terms_K2[k, 1]
        value = entry(doubles, place) + entry(rotations.worth_K, k) * entry(doubles, slot)
        set_entry(doubles, place, value)
    for k in range(rotations.count):
        memory[at + k] = entry(doubles, slots + k)


@apart
def weight_gradients(weights_CFW, gradient_CFW, sums_CTK, memory, rotations):
    """From the derivatives by the coefficients, summed over tasks here, to the weights'.

    The vector before each step is computed back from the last one instead of being stored.
    """
    channels, filters, weights = weights_CFW.shape
    slots, count = rotations.start_S.shape[0], rotations.count
    terms_K2, worth_K = rotations.terms_K2, rotations.worth_K
    vector = memory.doubles_WM[0]
    adjoint, total = vector[slots : 2 * slots], vector[2 * slots :]
    for c in range(channels):
        for f in range(filters):
            weights_W, gradient_W = weights_CFW[c, f], gradient_CFW[c, f]
            turn_observables(weights_W, rotations, vector)
            for s in range(slots):
                adjoint[s] = 0.0
            for k in range(count):
                total[k] = 0.0
            for task in range(sums_CTK.shape[1]):
                for k in range(count):
                    total[k] += sums_CTK[c, task, f * count + k]
            for k in range(terms_K2.shape[0]):
                adjoint[terms_K2[k, 0]] += worth_K[k] * total[terms_K2[k, 1]]
            for w in range(weights):
                gradient_W[w] = 0
            for t in range(rotations.weight_T.shape[0] - 1, -1, -1):
                weight, ends = rotations.weight_T[t], (rotations.pair_T[t], rotations.pair_T[t + 1])
                if weight < 0:
                    _add_back(vector, adjoint, ends, rotations)
                else:
                    angle = np.float64(weights_W[weight])
                    cosine, sine = math.cos(angle), math.sin(angle)
                    gradient_W[weight] += _turn_back(vector, adjoint, ends, rotations, cosine, sine)
