r"""What is measured, and the bra with which the way back begins.

$f_r = \sum_a d_{ra}\,|\psi_a|^2$, with $d_{ra}$ the value of observable $r$ in basis state $a$. With
$g_r$ the derivatives by these values, $b_a = \sum_r g_r d_{ra}\,\psi_a$.
"""

from __future__ import annotations

from resqunn.engines.compiled.kernels.lanes import add, inner, load, spread, store, width
from resqunn.engines.fused.kernels.amplitudes import load_amplitude, scale, square, store_amplitude


@inner
def read_out(memory, state, totals, spare, diagonals_RA, parts):
    """Adds the observables' values to the totals; `spare` has room for a register a row."""
    lanes = width(memory)
    stride = len(parts) * lanes
    for a in range(diagonals_RA.shape[1]):
        store(memory, spare + a * lanes, square(load_amplitude(memory, state + a * stride, parts)))
    for r in range(diagonals_RA.shape[0]):
        total = spread(0.0, memory)
        for a in range(diagonals_RA.shape[1]):
            total = total + spread(diagonals_RA[r, a], memory) * load(memory, spare + a * lanes)
        add(memory, totals + r * lanes, total)


@inner
def first_bra(memory, state, bra, cotangents, diagonals_RA, parts):
    """The bra of a state, with the derivatives by the values at `cotangents`."""
    lanes = width(memory)
    stride = len(parts) * lanes
    for a in range(diagonals_RA.shape[1]):
        weight = spread(0.0, memory)
        for r in range(diagonals_RA.shape[0]):
            value = spread(diagonals_RA[r, a], memory)
            weight = weight + value * load(memory, cotangents + r * lanes)
        amplitude = load_amplitude(memory, state + a * stride, parts)
        store_amplitude(memory, bra + a * stride, scale(amplitude, weight))
