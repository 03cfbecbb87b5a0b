"""The coefficients of a trigonometric polynomial as functions of the weights, and back.

Importing this file imports numba. The plan's arrays are those of `monomials.FourierPlan`;
everything is in double precision, whatever the dtype of the weights.

Shape suffixes as in `base.py`, and B tasks of a group, S slots, T rotations, K coefficients.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from resqunn.engines.fourier.polynomial_kernels import SUMS


@njit(cache=True, nogil=True, fastmath=SUMS)
def coefficients(
    weights_GFW, start_S, step_weight_T, step_pair_T, pairs, terms, state_GFS, values_GFK
):
    """Turns the observables through all rotations; writes the final vector and the
    polynomial's coefficients."""
    groups, filters, _ = weights_GFW.shape
    for g in range(groups):
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
            for k in range(values_GFK.shape[2]):
                values_GFK[g, f, k] = 0
            for k in range(terms.shape[0]):
                values_GFK[g, f, terms[k, 1]] += terms[k, 2] * state_GFS[g, f, terms[k, 0]]


@njit(cache=True, nogil=True, fastmath=SUMS)
def weight_gradients(
    weights_GFW, step_weight_T, step_pair_T, pairs, terms, state_GFS, sums_GBFK, gradient_GFW
):
    """From the derivatives by the coefficients, summed over tasks here, to the weights'.

    A rotation's inverse is its transpose: the vector before each rotation is computed back
    from the final one instead of being stored.
    """
    groups, filters, weights = weights_GFW.shape
    slots, count = state_GFS.shape[2], sums_GBFK.shape[3]
    state = np.empty(slots)
    adjoint = np.empty(slots)
    total = np.empty(count)
    for g in range(groups):
        for f in range(filters):
            for s in range(slots):
                state[s] = state_GFS[g, f, s]
                adjoint[s] = 0.0
            for k in range(count):
                total[k] = 0.0
            for task in range(sums_GBFK.shape[1]):
                for k in range(count):
                    total[k] += sums_GBFK[g, task, f, k]
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
