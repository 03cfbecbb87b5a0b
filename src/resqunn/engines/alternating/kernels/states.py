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
    """The state after the first layer, which is real; the imaginary parts are zero."""
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
    for row in range(size):
        store(memory, state + (2 * row + 1) * lanes, spread(0.0, memory))


@inner
def _turned(c, s, a, b, plain):
    """A pair of rows after the rotation. Products by c are rounded on their own, so that c = 1
    gives the same bits as leaving it out (`plain`)."""
    if plain:
        return a - s * b, b + s * a
    return exactly(c, a) - s * b, exactly(c, b) + s * a


@apart
def multiply_phases(memory, source, target, phases, rows, sign):
    """Rows times their phases (`sign` 1), or times the conjugates (`sign` -1)."""
    lanes = width(memory)
    for row in range(rows):
        at = 2 * row * lanes
        real = spread(entry(memory, phases + 2 * row), memory)
        imaginary = spread(sign * entry(memory, phases + 2 * row + 1), memory)
        a, b = load(memory, source + at), load(memory, source + at + lanes)
        store(memory, target + at, real * a - imaginary * b)
        store(memory, target + at + lanes, real * b + imaginary * a)


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
    for layer in range(count):
        multiply_phases(memory, state, state + step, phases + 2 * layer * rows, rows, 1.0)
        state += step
        if layer + 1 < count:
            for p in range(layers.begin_L[layer + 1], layers.begin_L[layer + 2]):
                turn(memory, state, begin, layers, register, p, 1.0)
    return state


@inner
def string_value(memory, state, pairs):
    """The expectation value of a product of Pauli X, which exchanges rows by pairs."""
    lanes = width(memory)
    total = spread(0.0, memory)
    for k in range(0, pairs.shape[0], 2):
        a, b = state + 2 * lanes * entry(pairs, k), state + 2 * lanes * entry(pairs, k + 1)
        total = total + load(memory, a) * load(memory, b)
        total = total + load(memory, a + lanes) * load(memory, b + lanes)
    return total + total


@inner
def read_out(memory, state, totals, factor, layers):
    """Adds the readout values of a state, times the factor, to the totals."""
    lanes = BLOCK * width(memory)
    strings_JA, mix_RJ, constant_R = layers.strings_JA, layers.mix_RJ, layers.constant_R
    for r in range(mix_RJ.shape[0]):
        add(memory, totals + r * lanes, spread(constant_R[r], memory))
    for j in range(strings_JA.shape[0]):
        value = string_value(memory, state, strings_JA[j]) * factor
        for r in range(mix_RJ.shape[0]):
            add(memory, totals + r * lanes, spread(mix_RJ[r, j], memory) * value)


@inner
def first_bra(memory, state, cotangents, begin, part, layers):
    """The sum of all observables, times the derivatives by their values, on a state."""
    lanes = width(memory)
    strings_JA, mix_RJ = layers.strings_JA, layers.mix_RJ
    factor, bra = load(memory, begin.factors + part), begin.bra
    for row in range(2 * strings_JA.shape[1]):
        store(memory, bra + row * lanes, spread(0.0, memory))
    for j in range(strings_JA.shape[0]):
        weight = spread(0.0, memory)
        for r in range(mix_RJ.shape[0]):
            value = spread(mix_RJ[r, j], memory)
            weight = weight + value * load(memory, cotangents + r * BLOCK * lanes)
        weight = weight * factor
        pairs = strings_JA[j]
        for k in range(0, pairs.shape[0], 2):
            a, b = 2 * lanes * entry(pairs, k), 2 * lanes * entry(pairs, k + 1)
            for part in range(2):
                at = part * lanes
                add(memory, bra + a + at, weight * load(memory, state + b + at))
                add(memory, bra + b + at, weight * load(memory, state + a + at))


@inner
def add_transitions(memory, state, bra, sums, rows):
    """Adds the imaginary part of each row's share of the product of bra and state."""
    lanes = width(memory)
    for row in range(rows):
        at = 2 * row * lanes
        real = load(memory, bra + at) * load(memory, state + at + lanes)
        imaginary = load(memory, bra + at + lanes) * load(memory, state + at)
        add(memory, sums + row * lanes, real - imaginary)


@inner
def _change(memory, state, bra, first, second, change):
    """A pair's share of the derivative by the angle that turns it, added to `change`."""
    lanes = width(memory)
    for part in range(2):
        one, two = first + part * lanes, second + part * lanes
        a, b = load(memory, state + one), load(memory, state + two)
        p, q = load(memory, bra + one), load(memory, bra + two)
        change = change + q * a - p * b
    return change


@apart
def add_changes(memory, state, begin, layers, part, p):
    """Adds the derivatives by the two angles of a pass to those by the inputs."""
    lanes, bra = width(memory), begin.bra
    rows = layers.rows_PA[p]
    high = low = spread(0.0, memory)
    for k in range(0, rows.shape[0], 4):
        r0, r1 = 2 * lanes * entry(rows, k), 2 * lanes * entry(rows, k + 1)
        r2, r3 = 2 * lanes * entry(rows, k + 2), 2 * lanes * entry(rows, k + 3)
        high = _change(memory, state, bra, r0, r2, high)
        high = _change(memory, state, bra, r1, r3, high)
        low = _change(memory, state, bra, r0, r1, low)
        low = _change(memory, state, bra, r2, r3, low)
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
    for layer in range(layers.begin_L.shape[0] - 2, -1, -1):
        state = begin.kets + layer * begin.step
        multiply_phases(memory, bra, bra, phases + 2 * layer * rows, rows, -1.0)
        if by_weights:
            add_transitions(memory, state, bra, sums + layer * rows * lanes, rows)
        for p in range(layers.begin_L[layer + 1] - 1, layers.begin_L[layer] - 1, -1):
            if by_inputs:
                add_changes(memory, state, begin, layers, register[1], p)
        for p in range(layers.begin_L[layer + 1] - 1, layers.begin_L[layer] - 1, -1):
            if layer > 0:
                turn(memory, bra, begin, layers, register, p, -1.0)
