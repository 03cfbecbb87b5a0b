r"""Pauli vectors of one register of patches, forth and back.

A vector is its rows, a register each (`plan.py`). A rotation turns pairs of them,

$$(v_i, v_j) \to (c\,v_i - s\,v_j,\; c\,v_j + s\,v_i),$$

and is undone by its transpose, which takes the derivatives by the rows back too. With $\bar v$
these after the rotation, the derivative by its angle is $\sum (\bar v_j v_i - \bar v_i v_j)$.

`begin` says where in memory things begin (`Begin`); `at` where the register is among a block's
rows, where the cosines and sines of the filter's weights are, and where its sums.
"""

from __future__ import annotations

from resqunn.engines.compiled.kernels.lanes import (
    add,
    entry,
    inner,
    load,
    spread,
    store,
    width,
)
from resqunn.engines.compiled.registers import BLOCK

BY_INPUT, MIX = 0, 2
"""As in `plan.py`."""


@inner
def _angle(memory, kind, index, at):
    """The cosine and the sine of a step's angle."""
    part, weights, _ = at
    block = BLOCK * width(memory)
    if kind == BY_INPUT:
        place = (1 + 2 * index) * block + part
        return load(memory, place), load(memory, place + block)
    cosine = entry(memory, weights + 2 * index)
    return spread(cosine, memory), spread(entry(memory, weights + 2 * index + 1), memory)


@inner
def _mix(memory, rows, sums, first, last):
    """Some rows from others."""
    lanes = width(memory)
    for r in range(first, last):
        total = spread(0.0, memory)
        for e in range(sums.begin_R[r], sums.begin_R[r + 1]):
            row = load(memory, rows + entry(sums.row_E, e) * lanes)
            total = total + spread(entry(sums.factor_E, e), memory) * row
        store(memory, rows + r * lanes, total)


@inner
def evolve(memory, begin, steps, at):
    """All rows, from the first to the last."""
    lanes, rows = width(memory), begin.rows
    for r in range(steps.start_R.shape[0]):
        store(memory, rows + r * lanes, spread(entry(steps.start_R, r), memory))
    for s in range(steps.steps_S4.shape[0]):
        kind, index = steps.steps_S4[s, 0], steps.steps_S4[s, 1]
        first, last = steps.steps_S4[s, 2], steps.steps_S4[s, 3]
        if kind == MIX:
            _mix(memory, rows, steps.forth, first, last)
        else:
            c, t = _angle(memory, kind, index, at)
            for p in range(first, last):
                i = rows + steps.pairs_P2[p, 0] * lanes
                j = rows + steps.pairs_P2[p, 1] * lanes
                a, b = load(memory, i), load(memory, j)
                store(memory, i, c * a - t * b)
                store(memory, j, c * b + t * a)


@inner
def read_out(memory, begin, steps, totals, part):
    """Adds the values to the outputs' totals."""
    block, lanes = BLOCK * width(memory), width(memory)
    for o in range(steps.share_O.shape[0]):
        row = load(memory, begin.rows + steps.read_O2[o, 1] * lanes)
        share = spread(entry(steps.share_O, o), memory)
        add(memory, totals + steps.read_O2[o, 0] * block + part, share * row)


@inner
def first_slopes(memory, begin, steps, totals, part):
    """The derivatives by the last rows, given those by the outputs."""
    block, lanes = BLOCK * width(memory), width(memory)
    for r in range(steps.last, steps.forth.begin_R.shape[0] - 1):
        store(memory, begin.slopes + r * lanes, spread(0.0, memory))
    for o in range(steps.share_O.shape[0]):
        given = load(memory, totals + steps.read_O2[o, 0] * block + part)
        share = spread(entry(steps.share_O, o), memory)
        add(memory, begin.slopes + steps.read_O2[o, 1] * lanes, share * given)


@inner
def go_back(memory, begin, steps, at):
    """Undoes the steps, and adds the derivatives by their angles to those by the inputs and to the
    sums for the weights."""
    lanes, rows, slopes = width(memory), begin.rows, begin.slopes
    block = BLOCK * lanes
    part, _, sums = at
    for s in range(steps.steps_S4.shape[0] - 1, -1, -1):
        kind, index = steps.steps_S4[s, 0], steps.steps_S4[s, 1]
        first, last = steps.steps_S4[s, 2], steps.steps_S4[s, 3]
        if kind == MIX:
            _mix(memory, slopes, steps.back, index, first)
        else:
            c, t = _angle(memory, kind, index, at)
            total = spread(0.0, memory)
            for p in range(first, last):
                i, j = steps.pairs_P2[p, 0] * lanes, steps.pairs_P2[p, 1] * lanes
                a, b = load(memory, rows + i), load(memory, rows + j)
                of_a, of_b = load(memory, slopes + i), load(memory, slopes + j)
                total = total + (of_b * a - of_a * b)
                store(memory, rows + i, c * a + t * b)
                store(memory, rows + j, c * b - t * a)
                store(memory, slopes + i, c * of_a + t * of_b)
                store(memory, slopes + j, c * of_b - t * of_a)
            if kind == BY_INPUT:
                add(memory, begin.by_inputs + index * block + part, total)
            else:
                add(memory, sums + index * lanes, total)
