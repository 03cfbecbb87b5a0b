r"""One filter's values and first derivatives for a block of patches, by sweeps along the qubits.

With $T_q$ the map of qubit $q$ (`maps.py`) whose $Z$ is measured before the last chain of CNOTs,
and $I_q$ that of one which is not, all values $\langle Z_q \rangle$ follow from two sweeps:

$$A_{q+1} = T_q A_q, \qquad B_q = I_q^\top B_{q+1}, \qquad
\langle Z_q\rangle = A_{q+1} \cdot B_{q+1}.$$

Given the derivatives $g_q$ by them, those by the maps are outer products of $A_q$ with
$\alpha_{q+1}$ (for $T_q$) and of $\beta_q$ with $B_{q+1}$ (for $I_q$), where

$$\beta_{q+1} = g_q A_{q+1} + I_q \beta_q, \qquad \alpha_q = g_{q-1} B_q + T_q^\top \alpha_{q+1}.$$

$A_0$ is 1 where all $x$ are 0, $B_Q$ where all $z$ are 0, and $\beta_0 = 0$. A boundary has
`size` rows, $B$ and $\beta$ the `half` of them that counts.

Shape suffixes: R readout values, Q qubits, K gates.
"""

from __future__ import annotations

from resqunn.engines.chains.kernels.maps import (
    close,
    first,
    last,
    learn_close,
    learn_first,
    learn_last,
    learn_middle,
    middle,
    unclose,
)
from resqunn.engines.chains.kernels.rotations import prepare, slopes_of
from resqunn.engines.compiled.kernels.lanes import add, apart, inner, load, spread, store, width
from resqunn.engines.compiled.registers import BLOCK


@apart
def fill_rows(memory, begin, end, value):
    """Sets all entries from `begin` to `end`, whole registers, to a value."""
    for at in range(begin, end, width(memory)):
        store(memory, at, spread(value, memory))


@apart
def add_products(memory, target, a, b):
    """Adds the product of two rows to a third one."""
    for part in range(0, BLOCK * width(memory), width(memory)):
        add(memory, target + part, load(memory, a + part) * load(memory, b + part))


@apart
def add_scaled(memory, target, source, factor, half, gaps):
    """Adds a row times those of a boundary to another one.

    `gaps` are as many entries as target and source leave out after two rows: a whole boundary
    has two rows there with z = 1.
    """
    lanes = BLOCK * width(memory)
    to_gap, of_gap = gaps
    for part in range(0, lanes, width(memory)):
        scale = load(memory, factor + part)
        for j in range(half):
            to, of = j * lanes + j // 2 * to_gap, j * lanes + j // 2 * of_gap
            add(memory, target + to + part, scale * load(memory, source + of + part))


@apart
def add_overlap(memory, target, a, b, half):
    """Adds the sum of products of a whole boundary and a half one to a row."""
    lanes = BLOCK * width(memory)
    for part in range(0, lanes, width(memory)):
        total = spread(0.0, memory)
        for j in range(half):
            at = (j + j // 2 * 2) * lanes + part
            total = total + load(memory, a + at) * load(memory, b + j * lanes + part)
        add(memory, target + part, total)


@apart
def add_constant(memory, target, value):
    """Adds a number to a row."""
    for at in range(target, target + BLOCK * width(memory), width(memory)):
        add(memory, at, spread(value, memory))


@apart
def combine(memory, target, source, steps, coefficients_R):
    """Adds rows times coefficients to others; `steps` are from one row to the next."""
    to_step, of_step = steps
    for r in range(coefficients_R.shape[0]):
        if coefficients_R[r] != 0:
            factor = spread(coefficients_R[r], memory)
            to, of = target + r * to_step, source + r * of_step
            for part in range(0, BLOCK * width(memory), width(memory)):
                add(memory, to + part, factor * load(memory, of + part))


@inner
def _begin_left(memory, at, chain):
    """The boundary on the left of all qubits."""
    lanes = BLOCK * width(memory)
    for b in range(chain.size):
        value, rest = 1.0, b
        for _ in range(chain.chains):
            value = 0.0 if rest % 2 == 1 else value
            rest = rest // 4
        fill_rows(memory, at + b * lanes, at + (b + 1) * lanes, value)


@inner
def _begin_right(memory, at, chain):
    """The half boundary on the right of all qubits."""
    lanes = BLOCK * width(memory)
    for b in range(chain.half):
        value, rest = 1.0, b // 2
        for _ in range(1, chain.chains):
            value = 0.0 if rest % 4 >= 2 else value
            rest = rest // 4
        fill_rows(memory, at + b * lanes, at + (b + 1) * lanes, value)


@apart
def push(memory, boundary, at, states, count, size):
    """From a boundary of so many rows to what the first `count` CNOTs make of it, one after the
    other; `at` are the qubit's vectors. Returns where the last of these states begins."""
    lanes = BLOCK * width(memory)
    first(memory, boundary, states, at, size // 4)
    within, r = size // 16, at + 3 * lanes
    for _ in range(1, count):
        middle(memory, states, states + size * lanes, r, size // (16 * within), within)
        states, within, r = states + size * lanes, within // 4, r + 9 * lanes
    return states


@apart
def pull(memory, boundary, ats, count, size):
    """The transpose of `push`, which also adds the derivatives by the qubit's vectors.

    `ats` are where the derivatives by the boundary go, the vectors, the derivatives by them (or
    the vectors once more if these are not wanted), the last state of `push`, and the derivatives
    by it, behind which is room for as many.
    """
    into, at, bars, state, bar = ats
    lanes = BLOCK * width(memory)
    step = size * lanes
    other, behind = bar + step, (9 * count - 6) * lanes
    r, r_bar, within = at + behind, bars + behind, size // 16
    for _ in range(2, count):
        within = within // 4
    for _ in range(1, count):
        state, r, r_bar = state - step, r - 9 * lanes, r_bar - 9 * lanes
        outer = size // (16 * within)
        if bars != at:
            learn_middle(memory, state, bar, r_bar, outer, within)
        middle(memory, bar, other, r, outer, within)
        bar, other, within = other, bar, 4 * within
    if bars != at:
        learn_first(memory, boundary, bar, bars, size // 4)
    first(memory, bar, into, at, size // 4)


@apart
def measure(memory, boundary, into, at, states, chain):
    """The map T of a qubit with these vectors."""
    lanes, chains, size = BLOCK * width(memory), chain.chains, chain.size
    if chains == 0:
        fill_rows(memory, states, states + lanes, 0.0)
        add_products(memory, states, boundary, at + lanes)
        fill_rows(memory, into, into + lanes, 0.0)
        add_products(memory, into, states, _ones(memory))
    else:
        state = push(memory, boundary, at, states, chains, size)
        last(memory, state, into, at + (9 * chains - 6) * lanes, size // 4)


@inner
def _ones(memory):
    """Where the constant node lies, a row of ones: at 0, but not as a literal number, for which
    functions would be compiled once more."""
    return 0 * width(memory)


@inner
def _unmeasure(memory, boundary, alpha, ats, chain):
    """The transpose of `measure`, with the derivatives by the vectors."""
    at, bars, states = ats
    lanes, chains, size = BLOCK * width(memory), chain.chains, chain.size
    if chains == 0:
        add_products(memory, bars + lanes, boundary, alpha)
        measure(memory, alpha, alpha, at, states, chain)
    else:
        state, behind = push(memory, boundary, at, states, chains, size), (9 * chains - 6) * lanes
        bar = state + size * lanes
        learn_last(memory, state, alpha, bars + behind, size // 4)
        last(memory, alpha, bar, at + behind, size // 4)
        pull(memory, boundary, (alpha, at, bars, state, bar), chains, size)


@inner
def _trace(memory, boundary, into, at, states, chain):
    """Adds what the map I of a qubit makes of a boundary to one of zeros."""
    lanes, chains, half = BLOCK * width(memory), chain.chains, chain.half
    if chains == 1:
        add_products(memory, into, boundary, _ones(memory))
        add_products(memory, into, boundary + lanes, at)
    else:
        state = push(memory, boundary, at, states, chains - 1, half)
        close(memory, state, into, at + (9 * chains - 15) * lanes, half // 8)


@apart
def untrace(memory, right, into, ats, chain):
    """The transpose of the map I; `ats` are as those of `pull`, the vectors first, and then the
    boundary on the left and spare rows.
    """
    at, bars, boundary, states = ats
    lanes, chains, half = BLOCK * width(memory), chain.chains, chain.half
    fill_rows(memory, into, into + lanes, 1.0)  # nothing is measured: whatever is traced is 1
    if chains == 1:
        if bars != at:
            add_products(memory, bars, boundary + lanes, right)
        fill_rows(memory, into + lanes, into + 2 * lanes, 0.0)
        add_products(memory, into + lanes, right, at)
    elif chains > 1:
        state, bar = states, states + (chains - 1) * half * lanes
        behind = (9 * chains - 15) * lanes
        if bars != at:
            state = push(memory, boundary, at, states, chains - 1, half)
            learn_close(memory, state, right, bars + behind, half // 8)
        unclose(memory, right, bar, at + behind, half // 8)
        pull(memory, boundary, (into, at, bars, state, bar), chains - 1, half)


@apart
def add_values(memory, totals, work, chain, sines_K2):
    """Adds one filter's values of a block to its totals."""
    lanes, qubits = BLOCK * width(memory), chain.begin_QL.shape[0]
    of_qubit, step = chain.rows * lanes, chain.half * lanes
    b = work + qubits * of_qubit
    a = b + (qubits + 1) * step
    value = a + chain.size * lanes
    states = value + lanes
    _begin_right(memory, b + qubits * step, chain)
    for q in range(qubits - 1, -1, -1):
        at = work + q * of_qubit
        prepare(memory, at, q, chain, sines_K2)
        ats = (at, at, b, states)
        untrace(memory, b + (q + 1) * step, b + q * step, ats, chain)
    _begin_left(memory, a, chain)
    for q in range(qubits):
        measure(memory, a, a, work + q * of_qubit, states, chain)
        fill_rows(memory, value, value + lanes, 0.0)
        add_overlap(memory, value, a, b + (q + 1) * step, chain.half)
        combine(memory, totals, value, (lanes, 0 * lanes), chain.coefficients_QR[q])
    for r in range(chain.constants_R.shape[0]):
        add_constant(memory, totals + r * lanes, chain.constants_R[r])


@apart
def add_derivatives(memory, totals, work, chain, sines_K2, rows):
    """Adds one filter's derivatives of a block, given those by its values, which are its totals.

    `rows` are as those of `slope`.
    """
    lanes, qubits = BLOCK * width(memory), chain.begin_QL.shape[0]
    step, of_qubit = chain.size * lanes, chain.rows * lanes
    a, half_step = work + qubits * of_qubit, chain.half * lanes
    beta = a + qubits * step
    b = beta + qubits * half_step
    alpha = b + half_step
    bars = alpha + step
    by_z = bars + of_qubit
    states = by_z + qubits * lanes
    none, gap = 0 * lanes, 2 * lanes
    _begin_left(memory, a, chain)
    fill_rows(memory, beta, alpha, 0.0)
    fill_rows(memory, alpha, bars, 0.0)
    fill_rows(memory, by_z, states, 0.0)
    for q in range(qubits):
        at, left = work + q * of_qubit, beta + q * half_step
        prepare(memory, at, q, chain, sines_K2)
        combine(memory, by_z + q * lanes, totals, (none, lanes), chain.coefficients_QR[q])
        if q + 1 < qubits:
            measure(memory, a + q * step, a + (q + 1) * step, at, states, chain)
            _trace(memory, left, left + half_step, at, states, chain)
            of = a + (q + 1) * step
            add_scaled(memory, left + half_step, of, by_z + q * lanes, chain.half, (none, gap))
    _begin_right(memory, b, chain)
    for q in range(qubits - 1, -1, -1):
        at = work + q * of_qubit
        fill_rows(memory, bars, bars + of_qubit, 0.0)
        add_scaled(memory, alpha, b, by_z + q * lanes, chain.half, (gap, none))
        _unmeasure(memory, a + q * step, alpha, (at, bars, states), chain)
        ats = (at, bars, beta + q * half_step, states)
        untrace(memory, b, b, ats, chain)
        slopes_of(memory, at, bars, q, chain, sines_K2, rows)
