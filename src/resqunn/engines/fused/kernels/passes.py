"""Compiled passes over the rows of a state; see `schedule.py` for what a pass is.

A state is a piece of a flat array: row after row, a row being one amplitude of one block of
patches (`stride` entries). `order` lists the rows as the pass visits them.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from resqunn.engines.fused.kernels.amplitudes import (
    first_column,
    inverse,
    load_amplitude,
    load_turn,
    multiply,
    rotate,
    scale,
    square,
    store_amplitude,
)
from resqunn.engines.fused.kernels.lanes import load, spread, store, width
from resqunn.engines.fused.schedule import ONE_QUBIT, PHASES


@njit
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


@njit
def turn_one(memory, source, target, turn, order, parts):
    """A turn on one qubit, from the state at `source` to the one at `target`."""
    lanes = width(memory)
    stride = len(parts) * lanes
    for k in range(0, order.size, 2):
        r0, r1 = np.intp(order[k]) * stride, np.intp(order[k + 1]) * stride
        a = load_amplitude(memory, source + r0, parts)
        b = load_amplitude(memory, source + r1, parts)
        a, b = rotate(turn, a, b)
        store_amplitude(memory, target + r0, a)
        store_amplitude(memory, target + r1, b)


@njit
def turn_two(memory, source, target, high, low, order, parts):
    """Turns on two qubits, from the state at `source` to the one at `target`."""
    lanes = width(memory)
    stride = len(parts) * lanes
    for k in range(0, order.size, 4):
        r0, r1 = np.intp(order[k]) * stride, np.intp(order[k + 1]) * stride
        r2, r3 = np.intp(order[k + 2]) * stride, np.intp(order[k + 3]) * stride
        a = load_amplitude(memory, source + r0, parts)
        b = load_amplitude(memory, source + r1, parts)
        c = load_amplitude(memory, source + r2, parts)
        d = load_amplitude(memory, source + r3, parts)
        a, c = rotate(high, a, c)
        b, d = rotate(high, b, d)
        a, b = rotate(low, a, b)
        c, d = rotate(low, c, d)
        store_amplitude(memory, target + r0, a)
        store_amplitude(memory, target + r1, b)
        store_amplitude(memory, target + r2, c)
        store_amplitude(memory, target + r3, d)


@njit
def multiply_phases(memory, source, target, order, phases, sign, parts):
    """Row after row times its phase (sign 1) or the phase's conjugate (sign -1)."""
    lanes = width(memory)
    stride = len(parts) * lanes
    for k in range(order.size):
        at = np.intp(order[k]) * stride
        a = load_amplitude(memory, source + at, parts)
        real = spread(phases[k, 0], memory)
        if len(parts) == 1:
            a = multiply(a, (real,))
        else:
            a = multiply(a, (real, spread(sign * phases[k, 1], memory)))
        store_amplitude(memory, target + at, a)


@njit
def run_pass(memory, source, target, turns, entry, order, phases, undo, parts):
    """One pass, or its inverse."""
    lanes = width(memory)
    size = 2 * len(parts) * lanes
    if entry[0] == PHASES:
        sign = -1 if undo else 1
        multiply_phases(memory, source, target, order, phases, sign, parts)
        return
    first = load_turn(memory, turns + entry[1] * size, parts)
    if undo:
        first = inverse(first)
    if entry[0] == ONE_QUBIT:
        turn_one(memory, source, target, first, order, parts)
        return
    second = load_turn(memory, turns + entry[2] * size, parts)
    if undo:
        second = inverse(second)
    turn_two(memory, source, target, first, second, order, parts)


@njit
def read_out(memory, state, scratch, values, diagonals, parts):
    """The observables' expectation values, written to `values`; `scratch` holds one
    probability a row meanwhile."""
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
        store(memory, values + r * lanes, total)


@njit
def weighted_bra(memory, state, bra, cotangents, diagonals, parts):
    """sum_r g_r O_r |state>, with the g_r at `cotangents`."""
    lanes = width(memory)
    stride = len(parts) * lanes
    for row in range(diagonals.shape[1]):
        weight = spread(0.0, memory)
        for r in range(diagonals.shape[0]):
            value = spread(diagonals[r, row], memory)
            weight = weight + value * load(memory, cotangents + r * lanes)
        a = load_amplitude(memory, state + row * stride, parts)
        store_amplitude(memory, bra + row * stride, scale(a, weight))
