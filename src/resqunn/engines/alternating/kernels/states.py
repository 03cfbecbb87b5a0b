r"""States of one register of patches, forth and back, in the frame of `schedule.py`.

A rotation by an input turns pairs of rows to $(c\,a - s\,b,\; c\,b + s\,a)$. What is used in place
of $c = \cos\frac{x}{2}$ and $s = \sin\frac{x}{2}$ is $(1, \tan\frac{x}{2})$, or
$(\cot\frac{x}{2}, 1)$ where the tangent is large; the factor that this leaves out of all amplitudes
is put in at the end. Where no patch of a register has a large tangent, half of the products are by
1 and are left out, which changes no bit.

A state is real and imaginary parts of its rows, a register each. `begin` says where in memory
things begin (`Begin`), and `register` which inputs turn some of its patches far, and at which place
of a block's rows it is.

Shape suffixes as in `schedule.py`.
"""

from __future__ import annotations

from resqunn.engines.compiled.kernels.lanes import (
    add,
    apart,
    entry,
    exactly,
    inner,
    load,
    spread,
    store,
    width,
)
from resqunn.engines.compiled.registers import BLOCK


@inner
def _turn_at(memory, begin, register, n):
    """Where the cosine, or what is in its place, of input n is."""
    return begin.turns + 2 * n * BLOCK * width(memory) + register[1]


@inner
def product_state(memory, state, begin, layers, register):
    """The real parts of the state after the first layer; it has no others."""
    lanes = width(memory)
    product_Q2 = layers.product_Q2
    store(memory, state, spread(1.0, memory))
    size = 1
    for q in range(product_Q2.shape[0] - 1, -1, -1):
        c, s = spread(1.0, memory), spread(0.0, memory)
        if product_Q2[q, 0] >= 0:
            at = _turn_at(memory, begin, register, product_Q2[q, 0])
            c, s = load(memory, at), load(memory, at + BLOCK * lanes)
        zero, one = c + s, c - s
        for row in range(size):
            at = state + 2 * row * lanes
            amplitude = load(memory, at)
            store(memory, at + 2 * size * lanes, amplitude * one)
            store(memory, at, amplitude * zero)
        size *= 2


@inner
def _turned(c, s, a, b, plain):
    """A pair of rows after the rotation. Products by c are rounded on their own, so that c = 1
    gives the same bits as leaving it out (`plain`)."""
    if plain:
        return a - s * b, b + s * a
    return exactly(c, a) - s * b, exactly(c, b) + s * a


@inner
def first_phases(memory, source, target, phases, rows):
    """Rows that have real parts alone, times their phases."""
    lanes = width(memory)
    for row in range(rows):
        at = 2 * row * lanes
        real = load(memory, source + at)
        cosine = spread(entry(memory, phases + 2 * row), memory)
        sine = spread(entry(memory, phases + 2 * row + 1), memory)
        store(memory, target + at, cosine * real)
        store(memory, target + at + lanes, sine * real)


@inner
def multiply_phases(memory, source, target, phases, rows):
    """Rows times their phases."""
    lanes = width(memory)
    for row in range(rows):
        at = 2 * row * lanes
        cosine = spread(entry(memory, phases + 2 * row), memory)
        sine = spread(entry(memory, phases + 2 * row + 1), memory)
        a, b = load(memory, source + at), load(memory, source + at + lanes)
        store(memory, target + at, cosine * a - sine * b)
        store(memory, target + at + lanes, cosine * b + sine * a)


@inner
def undo_phases(memory, state, bra, phases, rows, sums):
    """Divides the bra by the phases, and adds the imaginary part of each row's share of the
    product of bra and state to `sums`, where they begin, unless that is negative."""
    lanes = width(memory)
    for row in range(rows):
        at = 2 * row * lanes
        cosine = spread(entry(memory, phases + 2 * row), memory)
        sine = spread(entry(memory, phases + 2 * row + 1), memory)
        a, b = load(memory, bra + at), load(memory, bra + at + lanes)
        real, imaginary = cosine * a + sine * b, cosine * b - sine * a
        store(memory, bra + at, real)
        store(memory, bra + at + lanes, imaginary)
        if sums >= 0:
            a, b = load(memory, state + at), load(memory, state + at + lanes)
            add(memory, sums + row * lanes, real * b - imaginary * a)


@inner
def undo_first_phases(memory, state, bra, phases, rows, sums):
    """The same with a state of real parts alone, leaving the real parts of the bra."""
    lanes = width(memory)
    for row in range(rows):
        at = 2 * row * lanes
        cosine = spread(entry(memory, phases + 2 * row), memory)
        sine = spread(entry(memory, phases + 2 * row + 1), memory)
        a, b = load(memory, bra + at), load(memory, bra + at + lanes)
        store(memory, bra + at, cosine * a + sine * b)
        if sums >= 0:
            imaginary = sine * a - cosine * b
            add(memory, sums + row * lanes, imaginary * load(memory, state + at))


@inner
def _turn_rows(memory, state, angles, rows, sign, plain):
    """Two rotations, or for `sign` -1 their inverses, on rows by fours."""
    lanes = width(memory)
    high, low = angles
    c, s = load(memory, high), spread(sign, memory) * load(memory, high + BLOCK * lanes)
    d, t = load(memory, low), spread(sign, memory) * load(memory, low + BLOCK * lanes)
    for k in range(0, rows.shape[0], 4):
        r0, r1 = state + 2 * lanes * entry(rows, k), state + 2 * lanes * entry(rows, k + 1)
        r2, r3 = state + 2 * lanes * entry(rows, k + 2), state + 2 * lanes * entry(rows, k + 3)
        for part in range(2):
            at = part * lanes
            w, x = load(memory, r0 + at), load(memory, r1 + at)
            y, z = load(memory, r2 + at), load(memory, r3 + at)
            w, y = _turned(c, s, w, y, plain)
            x, z = _turned(c, s, x, z, plain)
            w, x = _turned(d, t, w, x, plain)
            y, z = _turned(d, t, y, z, plain)
            store(memory, r0 + at, w)
            store(memory, r1 + at, x)
            store(memory, r2 + at, y)
            store(memory, r3 + at, z)


@apart
def turn(memory, state, begin, layers, register, p, sign):
    """The rotations of a pass, or for `sign` -1 their inverses."""
    high, low = layers.passes_P2[p, 0], layers.passes_P2[p, 1]
    odd_N, _ = register
    angles = _turn_at(memory, begin, register, high), _turn_at(memory, begin, register, low)
    rows = layers.rows_PA[p]
    if odd_N[high] or odd_N[low]:
        _turn_rows(memory, state, angles, rows, sign, False)
    else:
        _turn_rows(memory, state, angles, rows, sign, True)


@inner
def evolve(memory, begin, layers, register, phases, step):
    """The state after each layer, `step` apart in memory, and after the last phases; where that
    is. `phases` is where those of the filter begin."""
    state, rows, count = begin.kets, layers.rows_PA.shape[1], layers.begin_L.shape[0] - 1
    product_state(memory, state, begin, layers, register)
    first_phases(memory, state, state + step, phases, rows)
    state += step
    for layer in range(1, count):
        for p in range(layers.begin_L[layer], layers.begin_L[layer + 1]):
            turn(memory, state, begin, layers, register, p, 1.0)
        multiply_phases(memory, state, state + step, phases + 2 * layer * rows, rows)
        state += step
    return state


@inner
def string_value(memory, state, partner_A):
    """The expectation value of a product of Pauli X, which exchanges each row and its partner."""
    lanes = width(memory)
    total = spread(0.0, memory)
    for a in range(partner_A.shape[0]):
        b = entry(partner_A, a)
        if a < b:
            one, two = state + 2 * a * lanes, state + 2 * b * lanes
            total = total + load(memory, one) * load(memory, two)
            total = total + load(memory, one + lanes) * load(memory, two + lanes)
    return total + total


@inner
def read_out(memory, state, totals, factor, layers):
    """Adds the readout values of a state, times the factor, to the totals."""
    lanes = BLOCK * width(memory)
    partner_JA, mix_RJ, constant_R = layers.partner_JA, layers.mix_RJ, layers.constant_R
    for r in range(mix_RJ.shape[0]):
        add(memory, totals + r * lanes, spread(constant_R[r], memory))
    for j in range(partner_JA.shape[0]):
        value = string_value(memory, state, partner_JA[j]) * factor
        for r in range(mix_RJ.shape[0]):
            add(memory, totals + r * lanes, spread(mix_RJ[r, j], memory) * value)


@inner
def first_bra(memory, state, cotangents, begin, part, layers):
    """The sum of all observables, times the derivatives by their values, on a state."""
    lanes = width(memory)
    partner_JA, mix_RJ = layers.partner_JA, layers.mix_RJ
    factor, bra = load(memory, begin.factors + part), begin.bra
    strings, rows = partner_JA.shape
    for j in range(strings):
        weight = spread(0.0, memory)
        for r in range(mix_RJ.shape[0]):
            value = spread(mix_RJ[r, j], memory)
            weight = weight + value * load(memory, cotangents + r * BLOCK * lanes)
        store(memory, begin.strings + j * lanes, weight * factor)
    for row in range(rows):
        real = imaginary = spread(0.0, memory)
        for j in range(strings):
            weight = load(memory, begin.strings + j * lanes)
            other = state + 2 * lanes * partner_JA[j, row]
            real = real + weight * load(memory, other)
            imaginary = imaginary + weight * load(memory, other + lanes)
        store(memory, bra + 2 * row * lanes, real)
        store(memory, bra + (2 * row + 1) * lanes, imaginary)


@inner
def _change(memory, pair, first, second, change, parts):
    """A pair's share of the derivative by the angle that turns it, added to `change`."""
    lanes = width(memory)
    state, bra = pair
    for part in range(parts):
        one, two = first + part * lanes, second + part * lanes
        a, b = load(memory, state + one), load(memory, state + two)
        p, q = load(memory, bra + one), load(memory, bra + two)
        change = change + q * a - p * b
    return change


@inner
def add_changes(memory, state, begin, layers, part, p, parts):
    """Adds the derivatives by the two angles of a pass to those by the inputs, from so many parts
    of state and bra: the real ones, or both."""
    lanes, pair = width(memory), (state, begin.bra)
    rows = layers.rows_PA[p]
    high = low = spread(0.0, memory)
    for k in range(0, rows.shape[0], 4):
        r0, r1 = 2 * lanes * entry(rows, k), 2 * lanes * entry(rows, k + 1)
        r2, r3 = 2 * lanes * entry(rows, k + 2), 2 * lanes * entry(rows, k + 3)
        high = _change(memory, pair, r0, r2, high, parts)
        high = _change(memory, pair, r1, r3, high, parts)
        low = _change(memory, pair, r0, r1, low, parts)
        low = _change(memory, pair, r2, r3, low, parts)
    slopes = begin.slopes + part
    add(memory, slopes + layers.passes_P2[p, 0] * BLOCK * lanes, high)
    add(memory, slopes + layers.passes_P2[p, 1] * BLOCK * lanes, low)


@inner
def go_back(memory, begin, layers, register, phases, wanted):
    """The bra from the last phases to the first layer, leaving all derivatives.

    `wanted` says where the sums for weights begin, and whether derivatives by inputs and by
    weights are wanted.
    """
    sums, by_inputs, by_weights = wanted
    lanes, bra, rows = width(memory), begin.bra, layers.rows_PA.shape[1]
    for layer in range(layers.begin_L.shape[0] - 2, 0, -1):
        state, first = begin.kets + layer * begin.step, layer * rows
        to = sums + first * lanes if by_weights else -1
        undo_phases(memory, state, bra, phases + 2 * first, rows, to)
        for p in range(layers.begin_L[layer + 1] - 1, layers.begin_L[layer] - 1, -1):
            if by_inputs:
                add_changes(memory, state, begin, layers, register[1], p, 2)
        for p in range(layers.begin_L[layer + 1] - 1, layers.begin_L[layer] - 1, -1):
            turn(memory, bra, begin, layers, register, p, -1.0)
    undo_first_phases(memory, begin.kets, bra, phases, rows, sums if by_weights else -1)
    for p in range(layers.begin_L[0], layers.begin_L[1] * by_inputs):
        add_changes(memory, begin.kets, begin, layers, register[1], p, 1)
