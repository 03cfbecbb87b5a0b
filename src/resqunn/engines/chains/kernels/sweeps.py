r"""Values and first derivatives of chains of qubits, from images to images.

With $T_q$ the map of qubit $q$ (`qubits.py`) whose $Z$ is measured before the last chain of CNOTs,
and $I_q$ that of one which is not, all values $\langle Z_q \rangle$ follow from two sweeps:

$$A_{q+1} = T_q A_q, \qquad B_q = I_q^\top B_{q+1}, \qquad \langle Z_q\rangle = A_{q+1} \cdot B_{q+1}.$$

Given the derivatives $g_q$ by them, those by the maps are outer products of $A_q$ with
$\alpha_{q+1}$ (for $T_q$) and of $\beta_q$ with $B_{q+1}$ (for $I_q$), where

$$\beta_{q+1} = g_q A_{q+1} + I_q \beta_q, \qquad \alpha_q = g_{q-1} B_q + T_q^\top \alpha_{q+1}.$$

Blocks of patches, tasks and the places of inputs and results are as in the Fourier engine's
`polynomial.py`.

Shape suffixes: G groups of output channels, C groups of channels that a circuit reads, F filters,
R readout values, Q qubits, K gates, W workers, T tasks, L layers.
"""

from __future__ import annotations

from resqunn.engines.chains.kernels.qubits import end_slopes, ends, pull, push, zero
from resqunn.engines.compiled.kernels.lanes import (
    add_block,
    apart,
    entry,
    inner,
    load,
    load_block,
    set_entry,
    spread,
    spread_block,
    store,
    store_block,
    width,
)
from resqunn.engines.compiled.registers import BLOCK
from resqunn.engines.fourier.kernels.polynomial import (
    MEMBERS,
    OUT_CHANNEL_STEP,
    _read_cotangent,
    _write_derivatives,
    fill,
    locate,
    nodes_of,
)


@inner
def _parts(work, chain, lanes):
    """Where parts of the memory begin: ends, left and right boundaries, states, spare ones."""
    qubits, size = chain.coefficients_RQ.shape[1], chain.size
    a = work + 12 * qubits * lanes
    b = a + (qubits + 1) * size * lanes
    states = b + (qubits + 1) * size * lanes
    spare = states + 4 * (chain.chains + 1) * size * lanes
    return a, b, states, spare


@apart
def boundaries(memory, work, chain, sines_K2):
    """All boundaries from the left (with Z) and from the right (with the identity)."""
    lanes = BLOCK * width(memory)
    a, b, states, spare = _parts(work, chain, lanes)
    qubits, size = chain.coefficients_RQ.shape[1], chain.size
    step = size * lanes
    for d in range(size):
        from_left, from_right, rest = 1.0, 1.0, d
        for _ in range(chain.chains):
            if rest % 2 == 1:
                from_left = 0.0
            if rest % 4 >= 2:
                from_right = 0.0
            rest = rest // 4
        store_block(memory, a + d * lanes, spread_block(from_left, memory))
        store_block(memory, b + qubits * step + d * lanes, spread_block(from_right, memory))
    for q in range(qubits):
        at = work + 12 * q * lanes
        ends(memory, at, q, chain, sines_K2)
        ats = (a + q * step, a + (q + 1) * step, at, at + 4 * lanes, states)
        push(memory, ats, q, chain, sines_K2)
    for q in range(qubits - 1, 0, -1):
        u = work + 12 * q * lanes
        left, right, p = b + q * step, b + (q + 1) * step, u + 8 * lanes
        ats = (left, right, u, p, states, spare, left, u, u)
        pull(memory, ats, q, chain, sines_K2, (0, 0), False)


@apart
def add_values(memory, totals, work, chain, sines_K2):
    """Adds one filter's values of a block to its totals."""
    lanes = BLOCK * width(memory)
    boundaries(memory, work, chain, sines_K2)
    a, b, _, _ = _parts(work, chain, lanes)
    coefficients_RQ, size = chain.coefficients_RQ, chain.size
    for q in range(coefficients_RQ.shape[1]):
        value = spread_block(0.0, memory)
        for d in range((q + 1) * size, (q + 2) * size):
            left = load_block(memory, a + d * lanes)
            value = value + left * load_block(memory, b + d * lanes)
        for r in range(coefficients_RQ.shape[0]):
            if coefficients_RQ[r, q] != 0:
                factor = spread_block(coefficients_RQ[r, q], memory)
                add_block(memory, totals + r * lanes, factor * value)
    for r in range(coefficients_RQ.shape[0]):
        add_block(memory, totals + r * lanes, spread_block(chain.constants_R[r], memory))


@apart
def _add_scaled(memory, at, source, rows, factor):
    """Adds so many rows times a block."""
    lanes = BLOCK * width(memory)
    for i in range(0, rows * lanes, lanes):
        add_block(memory, at + i, factor * load_block(memory, source + i))


@apart
def add_derivatives(memory, totals, work, chain, sines_K2, rows):
    """Adds one filter's derivatives of a block, given those by its values, which are its totals."""
    lanes = BLOCK * width(memory)
    boundaries(memory, work, chain, sines_K2)
    a, b, states, spare = _parts(work, chain, lanes)
    coefficients_RQ, size, chains = chain.coefficients_RQ, chain.size, chain.chains
    qubits, step = coefficients_RQ.shape[1], size * lanes
    bars = spare + 8 * step
    alpha = bars + 12 * lanes
    by_z = alpha + step
    beta = by_z + qubits * lanes
    zero(memory, by_z, qubits)
    zero(memory, beta, size)
    zero(memory, alpha, size)
    for q in range(qubits):
        for r in range(coefficients_RQ.shape[0]):
            if coefficients_RQ[r, q] != 0:
                factor = spread_block(coefficients_RQ[r, q], memory)
                add_block(memory, by_z + q * lanes, factor * load_block(memory, totals + r * lanes))
        u = work + 12 * q * lanes
        right = beta + (q + 1) * step
        ats = (beta + q * step, right, u, u + 8 * lanes, states)
        push(memory, ats, q, chain, sines_K2)
        factor = load_block(memory, by_z + q * lanes)
        _add_scaled(memory, right, a + (q + 1) * step, size, factor)
    for q in range(qubits - 1, -1, -1):
        u = work + 12 * q * lanes
        zero(memory, bars, 12)
        factor = load_block(memory, by_z + q * lanes)
        _add_scaled(memory, alpha, b + (q + 1) * step, size, factor)
        for track in range(chain.paulis // 2):
            if track == 0:
                boundary, right, left, p = a + q * step, alpha, alpha, u + 4 * lanes
                p_bar = bars + 4 * lanes
            else:
                # The derivative by a boundary of this track is one from the right, known already.
                boundary, right = beta + q * step, b + (q + 1) * step
                left, p, p_bar = beta + (q + 1) * step, u + 8 * lanes, bars + 8 * lanes
            ats = (boundary, spare, u, p, states)
            push(memory, ats, q, chain, sines_K2)
            ats = (left, right, u, p, states, spare, boundary, bars, p_bar)
            pull(memory, ats, q, chain, sines_K2, rows, True)
        end_slopes(memory, u, bars, q, chain, sines_K2, rows)


@apart
def forward(worker, workers, images, sines_CFK2, tables, work, out):
    """The values on every task that is this worker's."""
    chain, reading = tables
    memory_WM, places_W2L, patches, chunk, filters = work
    memory, places_2L, numbers = memory_WM[worker], places_W2L[worker], reading.numbers
    lanes, readouts = BLOCK * width(memory), chain.coefficients_RQ.shape[0]
    members = numbers[MEMBERS]
    totals = (nodes_of(chain) + 1) * lanes
    rest = totals + filters * readouts * lanes
    tasks = -(-patches // chunk)
    for item in range(worker, sines_CFK2.shape[0] // members * tasks, workers):
        group, begin = item // tasks, item % tasks * chunk
        for first in range(begin, min(begin + chunk, patches), lanes):
            count = min(lanes, patches - first)
            locate(places_2L, numbers, first, count)
            zero(memory, totals, filters * readouts)
            for channel in range(group * members, (group + 1) * members):
                fill(memory, images, places_2L, reading, channel, chain)
                for f in range(filters):
                    at = totals + f * readouts * lanes
                    add_values(memory, at, rest, chain, sines_CFK2[channel, f])
            for o in range(filters * readouts):
                offset = (group * filters * readouts + o) * numbers[OUT_CHANNEL_STEP]
                for lane in range(count):
                    value = entry(memory, totals + o * lanes + lane)
                    set_entry(out, entry(places_2L, lanes + lane) + offset, value)


@apart
def backward(worker, workers, images, sines_CFK2, tables, work, results):
    """Derivatives by angles of gates (for each task) and by images, given those by the values.

    Either is left out if the array for it is empty; that for the images is zero at first unless
    each of their values is in one patch.
    """
    chain, reading = tables
    memory_WM, places_W2L, patches, chunk, filters = work
    cotangents, gradients, sums_CTK = results
    memory, places_2L, numbers = memory_WM[worker], places_W2L[worker], reading.numbers
    lanes, gates = BLOCK * width(memory), chain.gates_K4.shape[0]
    readouts, members = chain.coefficients_RQ.shape[0], numbers[MEMBERS]
    outputs, nodes = filters * readouts, nodes_of(chain)
    totals = (nodes + 1) * lanes
    slopes = totals + outputs * lanes
    sums = slopes + nodes * lanes
    rest = sums + filters * gates * width(memory)
    by_images, by_weights = gradients.size > 0, sums_CTK.size > 0
    tasks = -(-patches // chunk)
    for item in range(worker, sines_CFK2.shape[0] * tasks, workers):
        channel, begin = item // tasks, item % tasks * chunk
        group = channel // members
        for k in range(filters * gates):
            store(memory, sums + k * width(memory), spread(0.0, memory))
        for first in range(begin, min(begin + chunk, patches), lanes):
            count = min(lanes, patches - first)
            locate(places_2L, numbers, first, count)
            fill(memory, images, places_2L, reading, channel, chain)
            for o in range(outputs):
                offset = (group * outputs + o) * numbers[OUT_CHANNEL_STEP]
                _read_cotangent(memory, totals + o * lanes, cotangents, places_2L, offset, count)
            zero(memory, slopes, nodes)
            for f in range(filters):
                rows = (slopes, sums + f * gates * width(memory))
                at = totals + f * readouts * lanes
                add_derivatives(memory, at, rest, chain, sines_CFK2[channel, f], rows)
            if by_images:
                scale = spread_block(reading.scale[0], memory)
                for n in range(chain.inputs):
                    at = slopes + (1 + 2 * n) * lanes
                    store_block(memory, at, scale * load_block(memory, at))
                _write_derivatives(memory, slopes, gradients, places_2L, reading, channel, count)
        for k in range(filters * gates * by_weights):
            total = 0.0
            for lane in range(width(memory)):
                total += entry(memory, sums + k * width(memory) + lane)
            sums_CTK[channel, item % tasks, k] = total
