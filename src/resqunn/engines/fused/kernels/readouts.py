r"""What is measured, and the bra with which the way back begins.

$f_r = \sum_a d_{ra}\,|\psi_a|^2$, with $d_{ra}$ the value of observable $r$ in basis state $a$.
With $g_r$ the derivatives by these values, $b_a = \sum_r g_r d_{ra}\,\psi_a$.
"""

from __future__ import annotations

from resqunn.engines.compiled.kernels.lanes import (
    add,
    apart,
    entry,
    load,
    spread,
    store,
    width,
)
from resqunn.engines.fused.kernels.amplitudes import load_amplitude, scale, square, store_amplitude

ROWS = 32
"""So many rows' probabilities are made at once, which stay in the first cache."""


@apart
def read_out(memory, state, totals, spare, diagonals_RA, parts):
    """Adds the observables' values to the totals; `spare` has room for `ROWS` registers."""
    lanes, amplitudes = width(memory), diagonals_RA.shape[1]
    stride = len(parts) * lanes
    for first in range(0, amplitudes, ROWS):
        last = min(first + ROWS, amplitudes)
        for a in range(first, last):
            probability = square(load_amplitude(memory, state + a * stride, parts))
            store(memory, spare + (a - first) * lanes, probability)
        for r in range(diagonals_RA.shape[0]):
            even = odd = spread(0.0, memory)  # two sums, since each waits for its last addition
            at = r * amplitudes
            for a in range(first, last, 2):
                p = load(memory, spare + (a - first) * lanes)
                q = load(memory, spare + (a - first + 1) * lanes)
                even = even + spread(entry(diagonals_RA, at + a), memory) * p
                odd = odd + spread(entry(diagonals_RA, at + a + 1), memory) * q
            add(memory, totals + r * lanes, even + odd)


@apart
def first_bra(memory, state, bra, cotangents, diagonals_RA, parts):
    """The bra of a state, with the derivatives by the values at `cotangents`."""
    lanes = width(memory)
    stride = len(parts) * lanes
    for a in range(diagonals_RA.shape[1]):
        weight = spread(0.0, memory)
        for r in range(diagonals_RA.shape[0]):
            value = spread(entry(diagonals_RA, r * diagonals_RA.shape[1] + a), memory)
            weight = weight + value * load(memory, cotangents + r * lanes)
        amplitude = load_amplitude(memory, state + a * stride, parts)
        store_amplitude(memory, bra + a * stride, scale(amplitude, weight))
