"""The coefficients of a trigonometric polynomial as functions of the weights, and back.

The rotations by the weights turn the vector of the observables' Pauli strings, pair by pair:

    (v_i, v_j) <- (v_i cos w - v_j sin w, v_j cos w + v_i sin w)

and each coefficient is a sum of entries of the last vector. The tables are
`monomials.Rotations`; everything is in double precision, whatever the dtype of the weights.

Shape suffixes: C groups of channels that one circuit reads, F filters, W weights, T tasks,
K coefficients.
"""

from __future__ import annotations

import math

import numpy as np

from resqunn.engines.compiled.kernels.lanes import apart, entry, inner, set_entry


@inner
def _turned(vector, first, pairs, cosine, sine):
    """Turns the pairs `first` to `last` of a vector."""
    begin, end = first
    for k in range(begin, end):
        i, j = pairs[k, 0], pairs[k, 1]
        a, b = entry(vector, i), entry(vector, j)
        set_entry(vector, i, cosine * a - sine * b)
        set_entry(vector, j, cosine * b + sine * a)


@apart
def turn_observables(weights_W, rotations, vector):
    """Turns the observables through all rotations, in the first numbers of `vector`."""
    for s in range(rotations.start_S.shape[0]):
        set_entry(vector, s, rotations.start_S[s])
    for t in range(rotations.weight_T.shape[0]):
        angle = np.float64(weights_W[rotations.weight_T[t]])
        ends = rotations.pair_T[t], rotations.pair_T[t + 1]
        _turned(vector, ends, rotations.pairs, math.cos(angle), math.sin(angle))


@apart
def coefficients(weights_W, rotations, doubles, memory, at):
    """Writes the coefficients of one filter to `memory` from `at` on."""
    slots, terms = rotations.start_S.shape[0], rotations.terms
    turn_observables(weights_W, rotations, doubles)
    for k in range(rotations.count):
        set_entry(doubles, slots + k, 0.0)
    for k in range(terms.shape[0]):
        value = entry(doubles, slots + terms[k, 1]) + terms[k, 2] * entry(doubles, terms[k, 0])
        set_entry(doubles, slots + terms[k, 1], value)
    for k in range(rotations.count):
        memory[at + k] = entry(doubles, slots + k)


@apart
def weight_gradients(weights_CFW, gradient_CFW, sums_CTK, memory, rotations):
    """From the derivatives by the coefficients, summed over tasks here, to the weights'.

    A rotation's inverse is its transpose: the vector before each rotation is computed back
    from the last one instead of being stored.
    """
    channels, filters, weights = weights_CFW.shape
    slots, count, pairs = rotations.start_S.shape[0], rotations.count, rotations.pairs
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
            for k in range(rotations.terms.shape[0]):
                adjoint[rotations.terms[k, 0]] += (
                    rotations.terms[k, 2] * total[rotations.terms[k, 1]]
                )
            for w in range(weights):
                gradient_W[w] = 0
            for t in range(rotations.weight_T.shape[0] - 1, -1, -1):
                angle = np.float64(weights_W[rotations.weight_T[t]])
                cosine, sine = math.cos(angle), math.sin(angle)
                ends = rotations.pair_T[t], rotations.pair_T[t + 1]
                slope = 0.0
                for k in range(ends[0], ends[1]):
                    i, j = pairs[k, 0], pairs[k, 1]
                    slope += entry(adjoint, j) * entry(vector, i)
                    slope -= entry(adjoint, i) * entry(vector, j)
                _turned(vector, ends, pairs, cosine, -sine)
                _turned(adjoint, ends, pairs, cosine, -sine)
                gradient_W[rotations.weight_T[t]] += slope
