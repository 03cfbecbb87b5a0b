r"""Values and first derivatives of a trigonometric polynomial, from images to images.

For each patch $x$ of each group of channels, and each filter,

$$f_r(x) = \sum_a m_a(x) \sum_b C_{rab}\, m_b(x), \qquad
\frac{\partial f_r}{\partial C_{rab}} = m_a m_b, \qquad
\frac{\partial f_r}{\partial m_a} = \sum_b C_{rab}\, m_b, \qquad
\frac{\partial f_r}{\partial m_b} = \sum_a C_{rab}\, m_a,$$

with the nodes $m$ of `monomials.py`. Patches are worked on in blocks of `BLOCK` registers; a
block's nodes lie in a worker's memory, a row of one number a patch for each. Inputs are read,
and results written, where `places.py` says.

Blocks are grouped into tasks. A task's sums over patches are kept apart and are added up in
order, so that results do not depend on how tasks are shared among threads. Derivatives by images
are added patch after patch, those of one image by one worker.

A worker's memory has these rows: the nodes, a spare one, a total for each output, the derivatives
by the nodes, and one register for each coefficient.

Shape suffixes: G groups of output channels, C groups of channels that a circuit reads, F filters,
R readout values, K coefficients, S segments (coefficients of one readout value and left node),
N inputs, L lanes, W workers.
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
    set_entry,
    spread,
    spread_block,
    store,
    store_block,
    width,
)
from resqunn.engines.compiled.kernels.patches import (
    read_cotangent,
    read_inputs,
    write_derivatives,
)
from resqunn.engines.compiled.kernels.positions import MEMBERS, OUT_CHANNEL_STEP, locate
from resqunn.engines.compiled.registers import BLOCK


@inner
def nodes_of(polynomial):
    """How many nodes there are."""
    return 1 + 2 * polynomial.inputs + polynomial.products_T2.shape[0]


@apart
def fill(memory, images, places_2L, reading, channel, polynomial):
    """The nodes of a block of patches of one group of channels."""
    lanes = BLOCK * width(memory)
    spare = nodes_of(polynomial) * lanes
    store_block(memory, 0, spread_block(1.0, memory))
    read_inputs(memory, spare, images, places_2L, reading, channel)
    products_T2 = polynomial.products_T2
    at = (1 + 2 * polynomial.inputs) * lanes
    for t in range(products_T2.shape[0]):
        a, b = products_T2[t, 0] * lanes, products_T2[t, 1] * lanes
        store_block(memory, at, load_block(memory, a) * load_block(memory, b))
        at += lanes


@apart
def add_values(memory, totals, values_K, polynomial):
    """Adds one filter's values of a block to its totals."""
    lanes = BLOCK * width(memory)
    begin_R, begin_S, right_K = polynomial.begin_R, polynomial.begin_S, polynomial.right_K
    for r in range(begin_R.shape[0] - 1):
        total = load_block(memory, totals + r * lanes)
        for s in range(begin_R[r], begin_R[r + 1]):
            inside = spread_block(0.0, memory)
            for k in range(begin_S[s], begin_S[s + 1]):
                node = load_block(memory, entry(right_K, k) * lanes)
                inside = inside + spread_block(entry(values_K, k), memory) * node
            total = total + inside * load_block(memory, polynomial.left_S[s] * lanes)
        store_block(memory, totals + r * lanes, total)


@apart
def forward(worker, workers, images, values_CK, tables, work, out):
    """The polynomials' values on every task that is this worker's."""
    polynomial, reading = tables
    memory_WM, places_W2L, patches, chunk, filters = work
    memory, places_2L, numbers = memory_WM[worker], places_W2L[worker], reading.numbers
    lanes, coefficients = BLOCK * width(memory), polynomial.right_K.shape[0]
    readouts, members = polynomial.begin_R.shape[0] - 1, numbers[MEMBERS]
    totals = (nodes_of(polynomial) + 1) * lanes
    tasks = -(-patches // chunk)
    for item in range(worker, values_CK.shape[0] // members * tasks, workers):
        group, begin = item // tasks, item % tasks * chunk
        for first in range(begin, min(begin + chunk, patches), lanes):
            count = min(lanes, patches - first)
            locate(places_2L, numbers, first, count)
            for o in range(filters * readouts):
                store_block(memory, totals + o * lanes, spread_block(0.0, memory))
            for channel in range(group * members, (group + 1) * members):
                fill(memory, images, places_2L, reading, channel, polynomial)
                for f in range(filters):
                    at = totals + f * readouts * lanes
                    add_values(memory, at, values_CK[channel, f * coefficients :], polynomial)
            for o in range(filters * readouts):
                offset = (group * filters * readouts + o) * numbers[OUT_CHANNEL_STEP]
                for lane in range(count):
                    value = entry(memory, totals + o * lanes + lane)
                    set_entry(out, entry(places_2L, lanes + lane) + offset, value)


@inner
def _derivatives_of_segment(memory, rows, cotangent, left, values_K, polynomial, s):
    """Adds the derivatives of one segment by its coefficients and nodes, where they are wanted.

    `rows` are where the derivatives by the nodes and the sums for the coefficients begin, and
    whether each is wanted.
    """
    slopes, sums, by_images, by_weights = rows
    lanes, width_of_sum = BLOCK * width(memory), width(memory)
    node = load_block(memory, left)
    out = load_block(memory, cotangent)
    slope = out * node
    inside = spread_block(0.0, memory)
    for k in range(polynomial.begin_S[s], polynomial.begin_S[s + 1]):
        right = entry(polynomial.right_K, k) * lanes
        other = load_block(memory, right)
        if by_weights:
            at = sums + k * width_of_sum
            store(memory, at, fold(load(memory, at), slope, other))
        if by_images:
            value = spread_block(entry(values_K, k), memory)
            inside = inside + value * other
            add_block(memory, slopes + right, value * slope)
    if by_images:
        add_block(memory, slopes + left, out * inside)


@apart
def add_derivatives(memory, totals, rows, values_K, polynomial):
    """Adds one filter's derivatives of a block, given those by its values, which are its totals."""
    lanes = BLOCK * width(memory)
    begin_R = polynomial.begin_R
    for r in range(begin_R.shape[0] - 1):
        for s in range(begin_R[r], begin_R[r + 1]):
            left, cotangent = polynomial.left_S[s] * lanes, totals + r * lanes
            _derivatives_of_segment(memory, rows, cotangent, left, values_K, polynomial, s)


@apart
def input_derivatives(memory, slopes, scale, polynomial):
    r"""From the derivatives by all nodes to those by the inputs, in place of the cosines'.

    Products are undone in reverse order; $\partial x = \alpha (c\, \partial s - s\, \partial c)$
    of angles $\alpha x$.
    """
    lanes = BLOCK * width(memory)
    products_T2 = polynomial.products_T2
    first = 1 + 2 * polynomial.inputs
    for t in range(products_T2.shape[0] - 1, -1, -1):
        a, b = products_T2[t, 0] * lanes, products_T2[t, 1] * lanes
        slope = load_block(memory, slopes + (first + t) * lanes)
        add_block(memory, slopes + a, slope * load_block(memory, b))
        add_block(memory, slopes + b, slope * load_block(memory, a))
    for n in range(polynomial.inputs):
        c, s = (1 + 2 * n) * lanes, (2 + 2 * n) * lanes
        by_sine = load_block(memory, slopes + s) * load_block(memory, c)
        by_cosine = load_block(memory, slopes + c) * load_block(memory, s)
        store_block(memory, slopes + c, (by_sine - by_cosine) * spread_block(scale, memory))


@apart
def backward(worker, workers, images, values_CK, tables, work, results):
    """Derivatives by coefficients (for each task) and by images, given those by the values.

    Either is skipped if the array for it is empty; that for the images is zero at first unless
    each of their values is in one patch.
    """
    polynomial, reading = tables
    memory_WM, places_W2L, patches, chunk, filters = work
    cotangents, gradients, sums_CTK = results
    memory, places_2L, numbers = memory_WM[worker], places_W2L[worker], reading.numbers
    lanes, coefficients = BLOCK * width(memory), polynomial.right_K.shape[0]
    outputs, members = filters * (polynomial.begin_R.shape[0] - 1), numbers[MEMBERS]
    nodes = nodes_of(polynomial)
    totals = (nodes + 1) * lanes
    slopes = totals + outputs * lanes
    sums = slopes + nodes * lanes
    by_images, by_weights = gradients.size > 0, sums_CTK.size > 0
    tasks = -(-patches // chunk)
    for item in range(worker, values_CK.shape[0] * tasks, workers):
        channel, begin = item // tasks, item % tasks * chunk
        group = channel // members
        for k in range(filters * coefficients * by_weights):
            store(memory, sums + k * width(memory), spread(0.0, memory))
        for first in range(begin, min(begin + chunk, patches), lanes):
            count = min(lanes, patches - first)
            locate(places_2L, numbers, first, count)
            fill(memory, images, places_2L, reading, channel, polynomial)
            for o in range(outputs):
                offset = (group * outputs + o) * numbers[OUT_CHANNEL_STEP]
                read_cotangent(memory, totals + o * lanes, cotangents, places_2L, offset, count)
            for m in range(nodes * by_images):
                store_block(memory, slopes + m * lanes, spread_block(0.0, memory))
            for f in range(filters):
                at = totals + f * outputs // filters * lanes
                rows = (slopes, sums + f * coefficients * width(memory), by_images, by_weights)
                values_K = values_CK[channel, f * coefficients :]
                add_derivatives(memory, at, rows, values_K, polynomial)
            if by_images:
                input_derivatives(memory, slopes, reading.scale[0], polynomial)
                write_derivatives(memory, slopes, gradients, places_2L, reading, channel, count)
        for k in range(filters * coefficients * by_weights):
            total = 0.0
            for lane in range(width(memory)):
                total += entry(memory, sums + k * width(memory) + lane)
            sums_CTK[channel, item % tasks, k] = total
