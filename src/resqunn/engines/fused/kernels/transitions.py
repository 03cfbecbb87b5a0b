r"""What is read off state and bra on the way back: transitions, and derivatives made of them.

The transition of a turn along an axis $\sigma$ is $\mathrm{Im}\langle b|\sigma|a\rangle$ with $a$
the state and $b$ the bra after the turn. Its part along a unit axis is the derivative by a rotation
about that axis after the turn. A rotation inside the turn is one about an axis that the later gates
have turned.
"""

from __future__ import annotations

from resqunn.engines.compiled.kernels.lanes import add, apart, inner, load, spread, store, width
from resqunn.engines.fused.kernels.amplitudes import add_x, add_y, add_z, load_amplitude
from resqunn.engines.fused.kernels.passes import row
from resqunn.engines.fused.layout import AXIS, FRAME, ONE_QUBIT, PHASES


@apart
def read_one(memory, states, at, rows_SA, s, parts):
    """The transitions of a turn on one qubit (only Y if real)."""
    ket, bra = states
    lanes = width(memory)
    stride = len(parts) * lanes
    x = y = z = spread(0.0, memory)
    for k in range(0, rows_SA.shape[1], 2):
        r0, r1 = row(rows_SA, s, k, stride), row(rows_SA, s, k + 1, stride)
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
def read_two(memory, states, places, rows_SA, s, parts):
    """The transitions of turns on two qubits of a real circuit."""
    ket, bra = states
    lanes = width(memory)
    high = low = spread(0.0, memory)
    for k in range(0, rows_SA.shape[1], 4):
        r0, r1 = row(rows_SA, s, k, lanes), row(rows_SA, s, k + 1, lanes)
        r2, r3 = row(rows_SA, s, k + 2, lanes), row(rows_SA, s, k + 3, lanes)
        a = load_amplitude(memory, ket + r0, parts)
        b = load_amplitude(memory, ket + r1, parts)
        c = load_amplitude(memory, ket + r2, parts)
        d = load_amplitude(memory, ket + r3, parts)
        e = load_amplitude(memory, bra + r0, parts)
        f = load_amplitude(memory, bra + r1, parts)
        g = load_amplitude(memory, bra + r2, parts)
        h = load_amplitude(memory, bra + r3, parts)
        high = add_y(add_y(high, a, c, e, g), b, d, f, h)
        low = add_y(add_y(low, a, b, e, f), c, d, g, h)
    store(memory, places[0], high)
    store(memory, places[1], low)


@inner
def read_pass(memory, states, transitions, passes, s, parts):
    """The transitions of a pass, with state and bra after it."""
    read = (2 * len(parts) - 1) * width(memory)
    kind, first, second = passes.kinds_S3[s, 0], passes.kinds_S3[s, 1], passes.kinds_S3[s, 2]
    if kind == PHASES:
        return
    at = transitions + first * read
    if kind == ONE_QUBIT:
        read_one(memory, states, at, passes.rows_SA, s, parts)
    elif len(parts) == 1:
        places = (at, transitions + second * read)
        read_two(memory, states, places, passes.rows_SA, s, parts)


@inner
def collect(memory, sums, coefficients_KC, turns_K4, begin, parts):
    """Adds all transitions of a register to the derivatives by its inputs and to the sums for
    weights.

    A turn has two sums, each along X, Y, Z: after the turn, and before its input's rotation.
    """
    lanes = width(memory)
    for k in range(turns_K4.shape[0]):
        n, axis, before, after = turns_K4[k]
        at = sums + 6 * k * lanes
        gradient = begin.gradients + n * lanes
        if len(parts) == 1:
            change = load(memory, begin.transitions + k * lanes)
            add(memory, at + lanes, change)
            if n >= 0:
                add(memory, at + 4 * lanes, change)
                add(memory, gradient, change)
            continue
        x = load(memory, begin.transitions + 3 * k * lanes)
        y = load(memory, begin.transitions + (3 * k + 1) * lanes)
        z = load(memory, begin.transitions + (3 * k + 2) * lanes)
        if after:
            add(memory, at, x)
            add(memory, at + lanes, y)
            add(memory, at + 2 * lanes, z)
        if n < 0:
            continue
        c = coefficients_KC[k]
        along = _along(c, AXIS, 1, (x, y, z), memory)
        add(memory, gradient, along)
        if before:
            # Into the frame before the input's rotation, which differs from patch to patch.
            second, third = (axis + 1) % 3, (axis + 2) % 3
            u = _along(c, FRAME + second, 3, (x, y, z), memory)
            v = _along(c, FRAME + third, 3, (x, y, z), memory)
            half_c = load(memory, begin.cosines + n * lanes)
            half_s = load(memory, begin.sines + n * lanes)
            cosine = half_c * half_c - half_s * half_s
            sine = half_c * half_s + half_c * half_s
            at += 3 * lanes
            add(memory, at + axis * lanes, along)
            add(memory, at + second * lanes, cosine * u + sine * v)
            add(memory, at + third * lanes, cosine * v - sine * u)


@inner
def _along(coefficients_C, at, step, vector, memory):
    """The part of a vector along an axis that is given among a turn's coefficients."""
    first = spread(coefficients_C[at], memory) * vector[0]
    second = spread(coefficients_C[at + step], memory) * vector[1]
    return first + second + spread(coefficients_C[at + 2 * step], memory) * vector[2]
