"""Compiled passes over the rows of a state; see `schedule.py` for what a pass is.

A state is a piece of a flat array: row after row, a row being one amplitude of one block of
patches (`stride` entries). `orders_SA[s]` lists the rows as pass `s` visits
them. The tables are passed on whole: a slice of an array costs as much as ten products.
"""

from __future__ import annotations

import numpy as np

from resqunn.engines.compiled.kernels.lanes import apart, inner, load, spread, store, width
from resqunn.engines.fused.kernels.amplitudes import (
    first_column,
    load_amplitude,
    load_tilt,
    load_turn,
    multiply,
    rotate,
    scale,
    square,
    store_amplitude,
    tilt,
)
from resqunn.engines.fused.layout import TILT
from resqunn.engines.fused.schedule import ONE_QUBIT, PHASES


@inner
def product_state(memory, state, turns, amplitudes, parts):
    """All qubits' turns on |0...0>, the turn of qubit q being the q-th at `turns`."""
    lanes = width(memory)
    stride = len(parts) * lanes
    unit, nothing = spread(1.0, memory), spread(0.0, memory)
    # The rows are those of the qubits from `turn` on; each qubit before them doubles their number.
    store_amplitude(memory, state, (unit,) if len(parts) == 1 else (unit, nothing))
    qubits = 0
    while 1 << qubits < amplitudes:
        qubits += 1
    size = 1
    for qubit in range(qubits - 1, -1, -1):
        turn = load_turn(memory, turns + qubit * 2 * stride, parts)
        zero, one = first_column(turn)
        for row in range(size):
            at = state + row * stride
            amplitude = load_amplitude(memory, at, parts)
            store_amplitude(memory, at + size * stride, multiply(amplitude, one))
            store_amplitude(memory, at, multiply(amplitude, zero))
        size *= 2


@apart
def turn_one(memory, source, target, turn, orders_SA, s, parts):
    """A turn on one qubit, from the state at `source` to the one at `target`."""
    lanes = width(memory)
    stride = len(parts) * lanes
    for k in range(0, orders_SA.shape[1], 2):
        r0, r1 = np.intp(orders_SA[s, k]) * stride, np.intp(orders_SA[s, k + 1]) * stride
        a = load_amplitude(memory, source + r0, parts)
        b = load_amplitude(memory, source + r1, parts)
        a, b = rotate(turn, a, b)
        store_amplitude(memory, target + r0, a)
        store_amplitude(memory, target + r1, b)


@inner
def flips(coefficients_KC, first, second):
    """How the places of 00, 01, 10, 11 change (by exclusive or) when tilts flip qubits."""
    high, low = coefficients_KC[first, TILT + 1], coefficients_KC[second, TILT + 1]
    return (2 if high > 0 else 0) + (1 if low > 0 else 0)


@inner
def tilt_two(memory, source, target, high, low, flip, orders_SA, s, parts):
    """Tilts on two qubits, from the state at `source` to the one at `target`."""
    lanes = width(memory)
    stride = len(parts) * lanes
    for k in range(0, orders_SA.shape[1], 4):
        r0, r1 = np.intp(orders_SA[s, k]) * stride, np.intp(orders_SA[s, k + 1]) * stride
        r2, r3 = np.intp(orders_SA[s, k + 2]) * stride, np.intp(orders_SA[s, k + 3]) * stride
        a = load_amplitude(memory, source + r0, parts)
        b = load_amplitude(memory, source + r1, parts)
        c = load_amplitude(memory, source + r2, parts)
        d = load_amplitude(memory, source + r3, parts)
        a, c = tilt(high, a, c)
        b, d = tilt(high, b, d)
        a, b = tilt(low, a, b)
        c, d = tilt(low, c, d)
        r0, r1 = (
            np.intp(orders_SA[s, k + flip]) * stride,
            np.intp(orders_SA[s, k + (1 ^ flip)]) * stride,
        )
        r2, r3 = (
            np.intp(orders_SA[s, k + (2 ^ flip)]) * stride,
            np.intp(orders_SA[s, k + (3 ^ flip)]) * stride,
        )
        store_amplitude(memory, target + r0, a)
        store_amplitude(memory, target + r1, b)
        store_amplitude(memory, target + r2, c)
        store_amplitude(memory, target + r3, d)


@apart
def multiply_phases(memory, source, target, orders_SA, phases_SA2, s, sign, parts):
    """Row after row times its phase (sign 1) or the phase's conjugate (sign -1)."""
    lanes = width(memory)
    stride = len(parts) * lanes
    for k in range(orders_SA.shape[1]):
        at = np.intp(orders_SA[s, k]) * stride
        a = load_amplitude(memory, source + at, parts)
        real = spread(phases_SA2[s, k, 0], memory)
        if len(parts) == 1:
            a = multiply(a, (real,))
        else:
            a = multiply(a, (real, spread(sign * phases_SA2[s, k, 1], memory)))
        store_amplitude(memory, target + at, a)


@inner
def run_pass(
    memory, source, target, turns, coefficients_KC, passes_S3, orders_SA, phases_SA2, s, parts
):
    """One pass."""
    size = 2 * len(parts) * width(memory)
    if passes_S3[s, 0] == PHASES:
        multiply_phases(memory, source, target, orders_SA, phases_SA2, s, 1.0, parts)
        return
    first, second = passes_S3[s, 1], passes_S3[s, 2]
    if passes_S3[s, 0] == ONE_QUBIT:
        turn = load_turn(memory, turns + first * size, parts)
        turn_one(memory, source, target, turn, orders_SA, s, parts)
        return
    high = load_tilt(memory, turns + first * size, coefficients_KC[first, TILT], parts)
    low = load_tilt(memory, turns + second * size, coefficients_KC[second, TILT], parts)
    flip = flips(coefficients_KC, first, second)
    tilt_two(memory, source, target, high, low, flip, orders_SA, s, parts)


@inner
def read_out(memory, state, scratch, values, diagonals, factor, parts):
    """The observables' expectation values times `factor`, written to `values`; `scratch`
    holds one probability a row meanwhile."""
    lanes = width(memory)
    stride = len(parts) * lanes
    for row in range(diagonals.shape[1]):
        probability = square(load_amplitude(memory, state + row * stride, parts))
        store(memory, scratch + row * lanes, probability)
    for r in range(diagonals.shape[0]):
        total = spread(0.0, memory)
        for row in range(diagonals.shape[1]):
            weight = spread(diagonals[r, row], memory)
            total = total + weight * load(memory, scratch + row * lanes)
        store(memory, values + r * lanes, total * spread(factor, memory))


@inner
def weighted_bra(memory, state, bra, cotangents, diagonals, factor, parts):
    """`factor` sum_r g_r O_r |state>, with the g_r at `cotangents`."""
    lanes = width(memory)
    stride = len(parts) * lanes
    for row in range(diagonals.shape[1]):
        weight = spread(0.0, memory)
        for r in range(diagonals.shape[0]):
            value = spread(diagonals[r, row], memory)
            weight = weight + value * load(memory, cotangents + r * lanes)
        a = load_amplitude(memory, state + row * stride, parts)
        store_amplitude(memory, bra + row * stride, scale(a, weight * spread(factor, memory)))
