"""The coefficients of a trigonometric polynomial as functions of the weights, and back.

Importing this file imports numba. The tables are `monomials.FourierPlan.rotations`; everything is
in double precision, whatever the dtype of the weights.

Shape suffixes as in `base.py`, and B tasks of a group, S slots, T rotations, K coefficients.
"""

from __future__ import annotations

import math

import numpy as np

from resqunn.engines.compiled.compiler import compiled

SUMS = {"contract"}
"""Multiplications and additions may be fused, but sums are never reordered: the order would
depend on how many numbers a register of the processor holds."""


@compiled(fastmath=SUMS)
def coefficients(weights_GFW, tables, state_GFS, values_GK):
    """Turns the observables through all rotations; writes the final vector and the
    polynomial's coefficients."""
    start_S, step_weight_T, step_pair_T, pairs, terms = tables
    groups, filters, _ = weights_GFW.shape
    for g in range(groups):
        for k in range(values_GK.shape[1]):
            values_GK[g, k] = 0
        for f in range(filters):
            for s in range(start_S.shape[0]):
                state_GFS[g, f, s] = start_S[s]
            for t in range(step_weight_T.shape[0]):
                angle = np.float64(weights_GFW[g, f, step_weight_T[t]])
                cosine, sine = math.cos(angle), math.sin(angle)
                for k in range(step_pair_T[t], step_pair_T[t + 1]):
                    i, j = pairs[k, 0], pairs[k, 1]
                    a, b = state_GFS[g, f, i], state_GFS[g, f, j]
                    state_GFS[g, f, i] = cosine * a - sine * b
                    state_GFS[g, f, j] = cosine * b + sine * a
            first = f * (values_GK.shape[1] // filters)
            for k in range(terms.shape[0]):
                values_GK[g, first + terms[k, 1]] += terms[k, 2] * state_GFS[g, f, terms[k, 0]]


@compiled(fastmath=SUMS)
def weight_gradients(weights_GFW, tables, state_GFS, sums_GBK, memory, gradient_GFW):
    """From the derivatives by the coefficients, summed over tasks here, to the weights'.

    A rotation's inverse is its transpose: the vector before each rotation is computed back
    from the final one instead of being stored. `memory` is for two vectors and for the
    coefficients of one filter.
    """
    _, step_weight_T, step_pair_T, pairs, terms = tables
    groups, filters, weights = weights_GFW.shape
    slots, count = state_GFS.shape[2], sums_GBK.shape[2] // filters
    state, adjoint, total = memory[:slots], memory[slots : 2 * slots], memory[2 * slots :]
    for g in range(groups):
        for f in range(filters):
            for s in range(slots):
                state[s] = state_GFS[g, f, s]
                adjoint[s] = 0.0
            for k in range(count):
                total[k] = 0.0
            for task in range(sums_GBK.shape[1]):
                for k in range(count):
                    total[k] += sums_GBK[g, task, f * count + k]
            for k in range(terms.shape[0]):
                adjoint[terms[k, 0]] += terms[k, 2] * total[terms[k, 1]]
            for w in range(weights):
                gradient_GFW[g, f, w] = 0
            for t in range(step_weight_T.shape[0] - 1, -1, -1):
                angle = np.float64(weights_GFW[g, f, step_weight_T[t]])
                cosine, sine = math.cos(angle), math.sin(angle)
                slope = 0.0
                for k in range(step_pair_T[t], step_pair_T[t + 1]):
                    i, j = pairs[k, 0], pairs[k, 1]
                    a, b, da, db = state[i], state[j], adjoint[i], adjoint[j]
                    slope += db * a - da * b
                    state[i] = cosine * a + sine * b
                    state[j] = cosine * b - sine * a
                    adjoint[i] = cosine * da + sine * db
                    adjoint[j] = cosine * db - sine * da
                gradient_GFW[g, f, step_weight_T[t]] += slope
