r"""What the way back reads off at each turn: the transition $\mathrm{Im}\langle b|\sigma|a\rangle$.

With $a$ the state and $b$ the bra after a turn, its part along a unit axis is the gradient
with respect to a rotation about that axis after the turn. A rotation inside the turn is one
about an axis that the later gates have turned.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from resqunn.engines.fused.kernels.amplitudes import add_transition, load_amplitude
from resqunn.engines.fused.kernels.lanes import add, load, spread, store, width
from resqunn.engines.fused.kernels.turns import AXIS, FRAME
from resqunn.engines.fused.schedule import ONE_QUBIT, PHASES


@njit
def _zeros(memory, parts):
    nothing = spread(0.0, memory)
    return (nothing,) if len(parts) == 1 else (nothing, nothing, nothing)


@njit
def _store_transition(memory, at, transition):
    lanes = width(memory)
    store(memory, at, transition[0])
    if len(transition) == 3:
        store(memory, at + lanes, transition[1])
        store(memory, at + 2 * lanes, transition[2])


@njit
def _transition_one(memory, ket, bra, order, at, parts):
    """`add_transition` over all rows, for one qubit; written to `at`."""
    stride = len(parts) * width(memory)
    sums = _zeros(memory, parts)
    for k in range(0, order.size, 2):
        r0, r1 = np.intp(order[k]) * stride, np.intp(order[k + 1]) * stride
        a = load_amplitude(memory, ket + r0, parts)
        b = load_amplitude(memory, ket + r1, parts)
        p = load_amplitude(memory, bra + r0, parts)
        q = load_amplitude(memory, bra + r1, parts)
        sums = add_transition(sums, a, b, p, q)
    _store_transition(memory, at, sums)


@njit
def _transition_two(memory, ket, bra, order, at_high, at_low, parts):
    """`add_transition` over all rows, for two qubits in one go."""
    stride = len(parts) * width(memory)
    high = low = _zeros(memory, parts)
    for k in range(0, order.size, 4):
        r0, r1 = np.intp(order[k]) * stride, np.intp(order[k + 1]) * stride
        r2, r3 = np.intp(order[k + 2]) * stride, np.intp(order[k + 3]) * stride
        a = load_amplitude(memory, ket + r0, parts)
        b = load_amplitude(memory, ket + r1, parts)
        c = load_amplitude(memory, ket + r2, parts)
        d = load_amplitude(memory, ket + r3, parts)
        p = load_amplitude(memory, bra + r0, parts)
        q = load_amplitude(memory, bra + r1, parts)
        r = load_amplitude(memory, bra + r2, parts)
        s = load_amplitude(memory, bra + r3, parts)
        high = add_transition(add_transition(high, a, c, p, r), b, d, q, s)
        low = add_transition(add_transition(low, a, b, p, q), c, d, r, s)
    _store_transition(memory, at_high, high)
    _store_transition(memory, at_low, low)


@njit
def read_transitions(memory, ket, bra, transitions, entry, order, parts):
    """The transitions of the turns of one pass, with ket and bra after that pass."""
    size = (2 * len(parts) - 1) * width(memory)
    first, second = transitions + entry[1] * size, transitions + entry[2] * size
    if entry[0] == ONE_QUBIT:
        _transition_one(memory, ket, bra, order, first, parts)
    elif entry[0] != PHASES:
        _transition_two(memory, ket, bra, order, first, second, parts)


@njit
def collect(memory, layout, coefficients_KC, turns_K4, parts):
    """Adds all transitions of a block to the gradients of inputs and to the sums for weights.

    A turn has two sums, each along X, Y, Z: after the turn, and before its input's rotation.
    """
    lanes = width(memory)
    _, _, _, cosines, sines, _, gradients, sums, transitions = layout
    for k in range(turns_K4.shape[0]):
        n, axis, before, after = turns_K4[k]
        at = sums + 6 * k * lanes
        if len(parts) == 1:
            change = load(memory, transitions + k * lanes)
            add(memory, at + lanes, change)
            if n >= 0:
                add(memory, at + 4 * lanes, change)
                add(memory, gradients + n * lanes, change)
            continue
        x = load(memory, transitions + 3 * k * lanes)
        y = load(memory, transitions + (3 * k + 1) * lanes)
        z = load(memory, transitions + (3 * k + 2) * lanes)
        if after:
            add(memory, at, x)
            add(memory, at + lanes, y)
            add(memory, at + 2 * lanes, z)
        if n < 0:
            continue
        c = coefficients_KC[k]
        along = _along(memory, c, AXIS, 1, x, y, z)
        add(memory, gradients + n * lanes, along)
        if before:
            # Into the frame before the input's rotation, which differs from patch to patch.
            second, third = (axis + 1) % 3, (axis + 2) % 3
            u = _along(memory, c, FRAME + second, 3, x, y, z)
            v = _along(memory, c, FRAME + third, 3, x, y, z)
            half_c, half_s = load(memory, cosines + n * lanes), load(memory, sines + n * lanes)
            cosine = half_c * half_c - half_s * half_s
            sine = half_c * half_s + half_c * half_s
            at += 3 * lanes
            add(memory, at + axis * lanes, along)
            add(memory, at + second * lanes, cosine * u + sine * v)
            add(memory, at + third * lanes, cosine * v - sine * u)


@njit
def _along(memory, coefficients_C, at, step, x, y, z):
    """The part of (x, y, z) along an axis that is given among a turn's coefficients."""
    first = spread(coefficients_C[at], memory) * x
    second = spread(coefficients_C[at + step], memory) * y
    return first + second + spread(coefficients_C[at + 2 * step], memory) * z
