r"""The way back through a pass: the bra before it, and what is read off at each turn.

That is the transition $\mathrm{Im}\langle b|\sigma|a\rangle$. With $a$ the state and $b$ the
bra after a turn, its part along a unit axis is the gradient with respect to a rotation about
that axis after the turn. A rotation inside the turn is one about an axis that the later gates
have turned. Of a tilt, only X after it and Y before it are needed: these are its own axes.
"""

from __future__ import annotations

import numpy as np

from resqunn.engines.compiled.kernels.lanes import add, apart, inner, load, spread, store, width
from resqunn.engines.fused.kernels.amplitudes import (
    add_x,
    add_y,
    add_z,
    inverse,
    load_amplitude,
    load_tilt,
    load_turn,
    rotate,
    store_amplitude,
    tilt_back,
)
from resqunn.engines.fused.kernels.passes import flips, multiply_phases
from resqunn.engines.fused.layout import AXIS, FRAME, TILT
from resqunn.engines.fused.schedule import ONE_QUBIT, PHASES, TWO_QUBITS


@inner
def read_one(memory, ket, bra, orders_SA, s, at, parts):
    """The transitions of a turn on one qubit (only Y if real), with ket and bra after it."""
    lanes = width(memory)
    stride = len(parts) * lanes
    x = y = z = spread(0.0, memory)
    for k in range(0, orders_SA.shape[1], 2):
        r0, r1 = np.intp(orders_SA[s, k]) * stride, np.intp(orders_SA[s, k + 1]) * stride
        a = load_amplitude(memory, ket + r0, parts)
        b = load_amplitude(memory, ket + r1, parts)
        p = load_amplitude(memory, bra + r0, parts)
        q = load_amplitude(memory, bra + r1, parts)
        y = add_y(y, a, b, p, q)
        if len(parts) == 2:
            x, z = add_x(x, a, b, p, q), add_z(z, a, b, p, q)
    if len(parts) == 1:
        store(memory, at, y)
    else:
        store(memory, at, x)
        store(memory, at + lanes, y)
        store(memory, at + 2 * lanes, z)


@apart
def undo_one(memory, source, target, turn, orders_SA, s, parts):
    """The bra before a turn on one qubit."""
    stride = len(parts) * width(memory)
    back = inverse(turn)
    for k in range(0, orders_SA.shape[1], 2):
        r0, r1 = np.intp(orders_SA[s, k]) * stride, np.intp(orders_SA[s, k + 1]) * stride
        p = load_amplitude(memory, source + r0, parts)
        q = load_amplitude(memory, source + r1, parts)
        p, q = rotate(back, p, q)
        store_amplitude(memory, target + r0, p)
        store_amplitude(memory, target + r1, q)


@inner
def undo_two(
    memory,
    after,
    before,
    source,
    target,
    high,
    low,
    flip,
    orders_SA,
    s,
    at_high,
    at_low,
    by_inputs,
    parts,
):
    """The bra before tilts on two qubits, and their transitions in the same go."""
    # Of a tilt, Y is for its input; in a real circuit it is for its weights too.
    need_y = by_inputs or len(parts) == 1
    lanes = width(memory)
    stride = len(parts) * lanes
    x_high = x_low = y_high = y_low = spread(0.0, memory)
    for k in range(0, orders_SA.shape[1], 4):
        r0, r1 = (
            np.intp(orders_SA[s, k + flip]) * stride,
            np.intp(orders_SA[s, k + (1 ^ flip)]) * stride,
        )
        r2, r3 = (
            np.intp(orders_SA[s, k + (2 ^ flip)]) * stride,
            np.intp(orders_SA[s, k + (3 ^ flip)]) * stride,
        )
        e = load_amplitude(memory, source + r0, parts)
        f = load_amplitude(memory, source + r1, parts)
        g = load_amplitude(memory, source + r2, parts)
        h = load_amplitude(memory, source + r3, parts)
        if len(parts) == 2:
            a = load_amplitude(memory, after + r0, parts)
            b = load_amplitude(memory, after + r1, parts)
            c = load_amplitude(memory, after + r2, parts)
            d = load_amplitude(memory, after + r3, parts)
            x_high = add_x(add_x(x_high, a, c, e, g), b, d, f, h)
            x_low = add_x(add_x(x_low, a, b, e, f), c, d, g, h)
        e, g = tilt_back(high, e, g)
        f, h = tilt_back(high, f, h)
        e, f = tilt_back(low, e, f)
        g, h = tilt_back(low, g, h)
        r0, r1 = np.intp(orders_SA[s, k]) * stride, np.intp(orders_SA[s, k + 1]) * stride
        r2, r3 = np.intp(orders_SA[s, k + 2]) * stride, np.intp(orders_SA[s, k + 3]) * stride
        store_amplitude(memory, target + r0, e)
        store_amplitude(memory, target + r1, f)
        store_amplitude(memory, target + r2, g)
        store_amplitude(memory, target + r3, h)
        if need_y:
            a = load_amplitude(memory, before + r0, parts)
            b = load_amplitude(memory, before + r1, parts)
            c = load_amplitude(memory, before + r2, parts)
            d = load_amplitude(memory, before + r3, parts)
            y_high = add_y(add_y(y_high, a, c, e, g), b, d, f, h)
            y_low = add_y(add_y(y_low, a, b, e, f), c, d, g, h)
    if len(parts) == 2:
        store(memory, at_high, x_high)
        store(memory, at_low, x_low)
    store(memory, at_high + (len(parts) - 1) * lanes, y_high)
    store(memory, at_low + (len(parts) - 1) * lanes, y_low)


@apart
def rescale(memory, state, rows, coefficients_KC, passes_S3, s, parts):
    """Makes up for the factor that is left out when a pass is undone and when it is run."""
    if passes_S3[s, 0] != TWO_QUBITS:
        return
    factor = coefficients_KC[passes_S3[s, 1], TILT + 2] * coefficients_KC[passes_S3[s, 2], TILT + 2]
    for k in range(rows * len(parts)):
        at = state + k * width(memory)
        store(memory, at, load(memory, at) * spread(factor, memory))


@inner
def undo_pass(
    memory,
    after,
    before,
    source,
    target,
    turns,
    transitions,
    coefficients_KC,
    passes_S3,
    orders_SA,
    phases_SA2,
    s,
    by_inputs,
    parts,
):
    """The bra at `source` to before the pass, at `target`; leaves the pass's transitions,
    unless `by_inputs` without those that only gradients with respect to inputs need.

    `after` and `before` are where the states after and before the pass lie.
    """
    lanes = width(memory)
    if passes_S3[s, 0] == PHASES:
        multiply_phases(memory, source, target, orders_SA, phases_SA2, s, -1.0, parts)
        return
    size, read = 2 * len(parts) * lanes, (2 * len(parts) - 1) * lanes
    first, second = passes_S3[s, 1], passes_S3[s, 2]
    at_first, at_second = transitions + first * read, transitions + second * read
    if passes_S3[s, 0] == ONE_QUBIT:
        turn = load_turn(memory, turns + first * size, parts)
        read_one(memory, after, source, orders_SA, s, at_first, parts)
        undo_one(memory, source, target, turn, orders_SA, s, parts)
        return
    high = load_tilt(memory, turns + first * size, coefficients_KC[first, TILT], parts)
    low = load_tilt(memory, turns + second * size, coefficients_KC[second, TILT], parts)
    flip = flips(coefficients_KC, first, second)
    undo_two(
        memory,
        after,
        before,
        source,
        target,
        high,
        low,
        flip,
        orders_SA,
        s,
        at_first,
        at_second,
        by_inputs,
        parts,
    )


@inner
def collect(memory, layout, coefficients_KC, turns_K5, parts):
    """Adds all transitions of a block to the gradients of inputs and to the sums for weights.

    A turn has two sums, each along X, Y, Z: after the turn, and before its input's rotation.
    """
    lanes = width(memory)
    cosines, sines, gradients, sums, transitions = layout[3], layout[4], *layout[7:]
    for k in range(turns_K5.shape[0]):
        n, axis, before, after, tilted = turns_K5[k]
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
        if tilted:
            add(memory, at, x)
            if n >= 0:
                add(memory, gradients + n * lanes, y)
            continue
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


@inner
def _along(memory, coefficients_C, at, step, x, y, z):
    """The part of (x, y, z) along an axis that is given among a turn's coefficients."""
    first = spread(coefficients_C[at], memory) * x
    second = spread(coefficients_C[at + step], memory) * y
    return first + second + spread(coefficients_C[at + 2 * step], memory) * z
