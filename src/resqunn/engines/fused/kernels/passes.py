r"""Passes over the rows of a state: the turns of one qubit or two, or phases.

A turn of qubit $q$ takes the amplitudes $a_0, a_1$ of every two basis states that differ in $q$
alone to

$\begin{pmatrix} w - iz & -y - ix \\ y - ix & w + iz \end{pmatrix}
\begin{pmatrix} a_0 \\ a_1 \end{pmatrix}$,

and phases take $a_k$ to $e^{i\varphi_k} a_k$.

A state is a piece of a flat array: row after row, a row being one amplitude of a register of
patches. `rows_SA[s]` lists the rows as pass `s` visits them (`schedule.py`). The tables are passed
on whole: a slice of an array costs as much as ten products.
"""

from __future__ import annotations

import numpy as np

from resqunn.engines.compiled.kernels.lanes import apart, entry, inner, spread, width
from resqunn.engines.fused.kernels.amplitudes import (
    first_column,
    inverse,
    load_amplitude,
    load_turn,
    multiply,
    rotate,
    store_amplitude,
)
from resqunn.engines.fused.layout import ONE_QUBIT, PHASES


@inner
def row(rows_SA, s, k, stride):
    """Where in a state the k-th row begins that pass s visits."""
    return np.intp(entry(rows_SA, s * rows_SA.shape[1] + k)) * stride


@apart
def product_state(memory, state, turns, amplitudes, parts):
    """All qubits' turns on |0...0>, the turn of qubit q being the q-th at `turns`."""
    stride = len(parts) * width(memory)
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
        for k in range(size):
            at = state + k * stride
            amplitude = load_amplitude(memory, at, parts)
            store_amplitude(memory, at + size * stride, multiply(amplitude, one))
            store_amplitude(memory, at, multiply(amplitude, zero))
        size *= 2


@apart
def turn_one(memory, states, turn, rows_SA, s, parts):
    """A turn on one qubit, from one state to the other."""
    source, target = states
    stride = len(parts) * width(memory)
    for k in range(0, rows_SA.shape[1], 2):
        r0, r1 = row(rows_SA, s, k, stride), row(rows_SA, s, k + 1, stride)
        a = load_amplitude(memory, source + r0, parts)
        b = load_amplitude(memory, source + r1, parts)
        a, b = rotate(turn, a, b)
        store_amplitude(memory, target + r0, a)
        store_amplitude(memory, target + r1, b)


@apart
def turn_two(memory, states, turns, rows_SA, s, parts):
    """Turns on two qubits, from one state to the other."""
    source, target = states
    high, low = turns
    stride = len(parts) * width(memory)
    for k in range(0, rows_SA.shape[1], 4):
        r0, r1 = row(rows_SA, s, k, stride), row(rows_SA, s, k + 1, stride)
        r2, r3 = row(rows_SA, s, k + 2, stride), row(rows_SA, s, k + 3, stride)
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


@apart
def multiply_phases(memory, states, passes, s, sign, parts):
    """Row after row times its phase (sign 1) or the phase's conjugate (sign -1)."""
    source, target = states
    phases_SA2 = passes.phases_SA2
    stride = len(parts) * width(memory)
    for k in range(phases_SA2.shape[1]):
        at = row(passes.rows_SA, s, k, stride)
        a = load_amplitude(memory, source + at, parts)
        real = spread(phases_SA2[s, k, 0], memory)
        if len(parts) == 1:
            a = multiply(a, (real,))
        else:
            a = multiply(a, (real, spread(sign * phases_SA2[s, k, 1], memory)))
        store_amplitude(memory, target + at, a)


@inner
def run_pass(memory, states, turns, passes, s, sign, parts):
    """One pass (sign 1), or what undoes it (sign -1); the turns lie at `turns`."""
    size = 2 * len(parts) * width(memory)
    kind, first, second = passes.kinds_S3[s, 0], passes.kinds_S3[s, 1], passes.kinds_S3[s, 2]
    if kind == PHASES:
        multiply_phases(memory, states, passes, s, sign, parts)
        return
    turn = load_turn(memory, turns + first * size, parts)
    if sign < 0:
        turn = inverse(turn)
    if kind == ONE_QUBIT:
        turn_one(memory, states, turn, passes.rows_SA, s, parts)
        return
    if len(parts) == 1:  # others go one by one
        low = load_turn(memory, turns + second * size, parts)
        if sign < 0:
            low = inverse(low)
        turn_two(memory, states, (turn, low), passes.rows_SA, s, parts)
