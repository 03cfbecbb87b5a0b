r"""One qubit of a chain: the linear map from the boundary on its left to that on its right.

A boundary has one index $b = x + 2z$ for each chain of CNOTs. Pauli matrices are numbered
$P = x + 2z$ too: I, X, Z, Y. With $E$ the expectations of Pauli matrices on the qubit, a CNOT
turns those before it into

$$E'[Q] = \sum_x (-1)^{x\,z_Q x_Q}\, E[Q \oplus x,\; b = (x, z_Q)] \quad\text{(target)}, \qquad
E'[P;\; c = (x_P, z)] = (-1)^{x_P z (z_P + 1)}\, E[P \oplus 2z] \quad\text{(control)}.$$

The map begins with the qubit's state $u$ after the first rotations, $E[P; b] = u_P M_b$, and
ends with what is measured before the last rotations, $M'_d = \sum_P p_P E[P; d]$. Between two
CNOTs, rotations mix two of the Pauli matrices, $(a, b) \to (ca - sb, sa + cb)$, whose
derivative by the angle is $(-b', a')$.
"""

from __future__ import annotations

from resqunn.engines.compiled.kernels.lanes import (
    add_block,
    apart,
    entry,
    fold,
    inner,
    load,
    load_block,
    spread_block,
    store,
    store_block,
    width,
)
from resqunn.engines.compiled.registers import BLOCK

FIRST, SECOND, KIND, INDEX = 0, 1, 2, 3
"""Columns of a gate: the two Pauli matrices that it mixes, whether an input is its angle, which."""


@apart
def zero(memory, at, rows):
    """Sets so many rows to zero."""
    lanes = BLOCK * width(memory)
    for row in range(rows):
        store_block(memory, at + row * lanes, spread_block(0.0, memory))


@apart
def turn(memory, state, shape, gate, chain, sines_K2):
    """Turns a state (outer, Pauli matrix, inner) by a gate, or back if the shape says -1."""
    lanes = BLOCK * width(memory)
    outer, within, sense = shape
    row = chain.gates_K4[gate]
    if row[KIND]:
        at = (1 + 2 * row[INDEX]) * lanes
        c, s = load_block(memory, at), load_block(memory, at + lanes)
    else:
        c = spread_block(entry(sines_K2, 2 * gate), memory)
        s = spread_block(entry(sines_K2, 2 * gate + 1), memory)
    if sense < 0:
        s = -s
    step = within * lanes
    for o in range(outer):
        a_at = state + (4 * o + row[FIRST]) * step
        b_at = state + (4 * o + row[SECOND]) * step
        for i in range(0, step, lanes):
            a, b = load_block(memory, a_at + i), load_block(memory, b_at + i)
            store_block(memory, a_at + i, c * a - s * b)
            store_block(memory, b_at + i, s * a + c * b)


@apart
def slope(memory, states, shape, gate, chain, rows):
    """Adds the derivative by a gate's angle, given a state after it and the derivatives by that."""
    lanes = BLOCK * width(memory)
    state, bar = states
    slopes, sums = rows
    outer, within, sense = shape
    row = chain.gates_K4[gate]
    step = within * lanes
    total = spread_block(0.0, memory)
    for o in range(outer):
        a_at, b_at = (4 * o + row[FIRST]) * step, (4 * o + row[SECOND]) * step
        for i in range(0, step, lanes):
            up = load_block(memory, bar + b_at + i) * load_block(memory, state + a_at + i)
            down = load_block(memory, bar + a_at + i) * load_block(memory, state + b_at + i)
            total = total + (up - down)
    if sense < 0:
        total = -total
    if row[KIND]:
        add_block(memory, slopes + (1 + 2 * row[INDEX]) * lanes, total)
    else:
        at = sums + gate * width(memory)
        store(memory, at, fold(load(memory, at), total, load_block(memory, 0)))


@apart
def ends(memory, at, q, chain, sines_K2):
    """The state u after the first rotations, and p of Z and of the identity: 12 rows."""
    lanes = BLOCK * width(memory)
    zero(memory, at, 12)
    one = spread_block(1.0, memory)
    store_block(memory, at, one)
    store_block(memory, at + 2 * lanes, one)
    store_block(memory, at + 6 * lanes, one)
    store_block(memory, at + 8 * lanes, one)
    begin_QL, chains = chain.begin_QL, chain.chains
    for gate in range(begin_QL[q, 0], begin_QL[q, 1]):
        turn(memory, at, (1, 1, 1), gate, chain, sines_K2)
    if chains > 0:
        for gate in range(begin_QL[q, chains + 1] - 1, begin_QL[q, chains] - 1, -1):
            turn(memory, at + 4 * lanes, (1, 1, -1), gate, chain, sines_K2)


@apart
def push_cnots(memory, before, after, shape, chain):
    """A qubit as the target of one CNOT and the control of the next."""
    lanes = BLOCK * width(memory)
    outer, within = shape
    step = within * lanes
    for o in range(outer):
        for q in range(chain.paulis):
            z, x = q // 2, q % 2
            for i in range(0, step, lanes):
                a = load_block(memory, before + (16 * o + 4 * q + 2 * z) * step + i)
                flipped = 4 * (q + 1 - 2 * x)
                b = load_block(memory, before + (16 * o + flipped + 1 + 2 * z) * step + i)
                if q == 3:
                    b = -b
                a = a + b
                # c = (x, 0) keeps the Pauli matrix, c = (x, 1) multiplies it by Z
                store_block(memory, after + (16 * o + 4 * x + q) * step + i, a)
                at = after + (16 * o + 4 * (x + 2) + x + 2 * (1 - z)) * step + i
                if q == 3:
                    a = -a
                store_block(memory, at, a)
                nothing = spread_block(0.0, memory)
                other = 1 - x
                store_block(memory, after + (16 * o + 4 * other + q) * step + i, nothing)
                at = after + (16 * o + 4 * (other + 2) + q) * step + i
                store_block(memory, at, nothing)


@apart
def pull_cnots(memory, after, before, shape, chain):
    """The transpose of `push_cnots`."""
    lanes = BLOCK * width(memory)
    outer, within = shape
    step = within * lanes
    for o in range(outer):
        for q in range(chain.paulis):
            z, x = q // 2, q % 2
            flipped = 4 * (q + 1 - 2 * x)
            for i in range(0, step, lanes):
                at = after + (16 * o + 4 * (x + 2) + x + 2 * (1 - z)) * step + i
                b = load_block(memory, at)
                if q == 3:
                    b = -b
                a = load_block(memory, after + (16 * o + 4 * x + q) * step + i) + b
                store_block(memory, before + (16 * o + 4 * q + 2 * z) * step + i, a)
                if q == 3:
                    a = -a
                store_block(memory, before + (16 * o + flipped + 1 + 2 * z) * step + i, a)
                nothing = spread_block(0.0, memory)
                at = before + (16 * o + 4 * q + 2 * (1 - z)) * step + i
                store_block(memory, at, nothing)
                at = before + (16 * o + flipped + 1 + 2 * (1 - z)) * step + i
                store_block(memory, at, nothing)


@apart
def push(memory, ats, q, chain, sines_K2):
    """From the boundary on the left to that on the right; the states in between are kept."""
    left, right, u, p, states = ats
    lanes, chains, size = BLOCK * width(memory), chain.chains, chain.size
    for k in range(chain.paulis):
        factor = load_block(memory, u + k * lanes)
        for b in range(size):
            value = factor * load_block(memory, left + b * lanes)
            store_block(memory, states + (k * size + b) * lanes, value)
    outer, within = 1, size // 4
    for m in range(chains):
        after = states + 4 * size * lanes
        push_cnots(memory, states, after, (outer, within), chain)
        states, outer = after, 4 * outer
        if m + 1 < chains:
            for gate in range(chain.begin_QL[q, m + 1], chain.begin_QL[q, m + 2]):
                turn(memory, states, (outer, within, 1), gate, chain, sines_K2)
        within = within // 4
    for d in range(size):
        total = spread_block(0.0, memory)
        for k in range(chain.paulis):
            value = load_block(memory, states + (4 * d + k) * lanes)
            total = total + load_block(memory, p + k * lanes) * value
        store_block(memory, right + d * lanes, total)


@apart
def pull(memory, ats, q, chain, sines_K2, rows, learning):
    """The transpose of `push`, and, if `learning`, the derivatives by u, p and the angles.

    `ats` are where the boundaries' derivatives begin (left, right), u, p, the states of `push`,
    two spare states, the left boundary itself, and the derivatives by u and p.
    """
    left, right, u, p, states, spare, boundary, u_bar, p_bar = ats
    lanes, chains, size = BLOCK * width(memory), chain.chains, chain.size
    area = 4 * size * lanes
    state, bar, other = states + chains * area, spare, spare + area
    for d in range(size):
        value = load_block(memory, right + d * lanes)
        for k in range(chain.paulis):
            at = (4 * d + k) * lanes
            store_block(memory, bar + at, value * load_block(memory, p + k * lanes))
            if learning:
                add_block(memory, p_bar + k * lanes, value * load_block(memory, state + at))
    outer, within = size, 1
    for m in range(chains - 1, -1, -1):
        # The rotations after this CNOT act where the next one's index has not been added yet.
        if m + 1 < chains:
            first, end = chain.begin_QL[q, m + 1], chain.begin_QL[q, m + 2]
            for gate in range(end - 1, first - 1, -1):
                shape = (outer, within, -1)
                if learning:
                    slope(memory, (state, bar), (outer, within, 1), gate, chain, rows)
                    turn(memory, state, shape, gate, chain, sines_K2)
                turn(memory, bar, shape, gate, chain, sines_K2)
        outer = outer // 4
        pull_cnots(memory, bar, other, (outer, within), chain)
        within = 4 * within
        bar, other, state = other, bar, state - area
    for b in range(size):
        total = spread_block(0.0, memory)
        value = load_block(memory, boundary + b * lanes)
        for k in range(chain.paulis):
            slope_k = load_block(memory, bar + (k * size + b) * lanes)
            total = total + slope_k * load_block(memory, u + k * lanes)
            if learning:
                add_block(memory, u_bar + k * lanes, slope_k * value)
        store_block(memory, left + b * lanes, total)


@apart
def end_slopes(memory, at, bars, q, chain, sines_K2, rows):
    """Adds the derivatives by the angles of the first and the last rotations."""
    lanes = BLOCK * width(memory)
    begin_QL, chains = chain.begin_QL, chain.chains
    for gate in range(begin_QL[q, 1] - 1, begin_QL[q, 0] - 1, -1):
        slope(memory, (at, bars), (1, 1, 1), gate, chain, rows)
        turn(memory, at, (1, 1, -1), gate, chain, sines_K2)
        turn(memory, bars, (1, 1, -1), gate, chain, sines_K2)
    if chains > 0:
        at, bars = at + 4 * lanes, bars + 4 * lanes
        for gate in range(begin_QL[q, chains], begin_QL[q, chains + 1]):
            slope(memory, (at, bars), (1, 1, -1), gate, chain, rows)
            turn(memory, at, (1, 1, 1), gate, chain, sines_K2)
            turn(memory, bars, (1, 1, 1), gate, chain, sines_K2)
