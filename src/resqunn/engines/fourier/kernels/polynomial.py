r"""Values and first derivatives of a trigonometric polynomial, from images to images.

For each patch $x$ of each group of channels, and each filter,

$$f_r(x) = \sum_a m_a(x) \sum_b C_{rab}\, m_b(x), \qquad
\frac{\partial f_r}{\partial C_{rab}} = m_a m_b, \qquad
\frac{\partial f_r}{\partial m_a} = \sum_b C_{rab}\, m_b, \qquad
\frac{\partial f_r}{\partial m_b} = \sum_a C_{rab}\, m_a,$$

with the nodes $m$ of `monomials.py`. Patches are worked on in blocks of `BLOCK` registers; a
block's nodes lie in a worker's memory, a row of one number a patch for each. Inputs are read,
and results written, where `places.py` says.

A task's sums over patches are kept apart and are added up in order, so that results do not depend
on how tasks are shared among threads. Derivatives by images are added patch after patch, those of
one image by one worker.

What lies where in a worker's memory says `Begin`. A worker computes the coefficients of a group of
channels when it comes to it.

Shape suffixes: C groups of channels that a circuit reads, F filters, W weights, T tasks, R readout
values, K coefficients, S segments (coefficients of one readout value and left node), N inputs,
L lanes.
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
    spread,
    spread_block,
    store,
    store_block,
    width,
)
from resqunn.engines.compiled.kernels.patches import read_sines
from resqunn.engines.compiled.kernels.positions import (
    MEMBERS,
    OUT_CHANNEL_STEP,
    OUT_STEP,
    clear,
    input_runs,
    output_runs,
    read_row,
    write,
    write_gradients,
)
from resqunn.engines.compiled.registers import BLOCK
from resqunn.engines.fourier.kernels.coefficients import coefficients


@inner
def fill(memory, images, tables, channel, places, count):
    """The nodes of a block of so many patches of one group of channels."""
    polynomial, _, reading, begin = tables
    lanes = BLOCK * width(memory)
    store_block(memory, 0, spread_block(1.0, memory))
    read_sines(memory, begin.spare, images, reading, channel, (*places, count))
    products_T2 = polynomial.products_T2
    at = (1 + 2 * polynomial.inputs) * lanes
    for t in range(products_T2.shape[0]):
        a, b = products_T2[t, 0] * lanes, products_T2[t, 1] * lanes
        store_block(memory, at, load_block(memory, a) * load_block(memory, b))
        at += lanes


@inner
def fill_coefficients(memory, doubles, weights_CFW, channels, rotations, values):
    """The coefficients of all filters of some groups of channels, one after the other."""
    first, last = channels
    for channel in range(first, last):
        for f in range(weights_CFW.shape[1]):
            coefficients(weights_CFW[channel, f], rotations, doubles, memory, values)
            values += rotations.count


@inner
def add_values(memory, totals, values, polynomial):
    """Adds one filter's values of a block to its totals, by the coefficients from `values` on."""
    lanes = BLOCK * width(memory)
    begin_R, begin_S, right_K = polynomial.begin_R, polynomial.begin_S, polynomial.right_K
    for r in range(begin_R.shape[0] - 1):
        total = load_block(memory, totals + r * lanes)
        for s in range(begin_R[r], begin_R[r + 1]):
            inside = spread_block(0.0, memory)
            for k in range(begin_S[s], begin_S[s + 1]):
                node = load_block(memory, entry(right_K, k) * lanes)
                inside = inside + spread_block(entry(memory, values + k), memory) * node
            total = total + inside * load_block(memory, polynomial.left_S[s] * lanes)
        store_block(memory, totals + r * lanes, total)


@apart
def forward(worker, workers, arrays, memories, tables, sizes):
    """The polynomials' values on every task that is this worker's."""
    images, weights_CFW, out, _ = arrays
    polynomial, rotations, reading, begin = tables
    patches, chunk = sizes
    memory, doubles = memories.numbers_WM[worker], memories.doubles_WM[worker]
    runs, numbers = memories.runs_WM[worker], reading.numbers
    lanes, readouts = BLOCK * width(memory), polynomial.begin_R.shape[0] - 1
    channels, filters, _ = weights_CFW.shape
    outputs, members = filters * readouts, numbers[MEMBERS]
    tasks, ready = -(-patches // chunk), -1
    for item in range(worker, channels // members * tasks, workers):
        group, task = item // tasks, item % tasks * chunk
        first_member = group * members
        if group != ready:
            ends = first_member, first_member + members
            fill_coefficients(memory, doubles, weights_CFW, ends, rotations, begin.values)
            ready = group
        end = min(task + chunk, patches)
        for first in range(task, end, lanes):
            count = min(lanes, end - first)
            for o in range(outputs):
                store_block(memory, begin.totals + o * lanes, spread_block(0.0, memory))
            places = runs, input_runs(runs, numbers, first, count)
            for m in range(members):
                fill(memory, images, tables, first_member + m, places, count)
                for f in range(filters):
                    values = begin.values + (m * filters + f) * rotations.count
                    add_values(memory, begin.totals + f * readouts * lanes, values, polynomial)
            places = runs, output_runs(runs, numbers, first, count)
            for o in range(outputs):
                offset = (group * outputs + o) * numbers[OUT_CHANNEL_STEP]
                write(out, offset, numbers[OUT_STEP], memory, begin.totals + o * lanes, places)


@inner
def _add_segment(memory, rows, s, cotangent, polynomial):
    """Adds the derivatives of one segment by its coefficients and nodes, where they are wanted.

    `rows` are where the coefficients, the derivatives by the nodes, and the sums for the
    coefficients begin, and which are wanted.
    """
    values, slopes, sums, by_images, by_weights = rows
    lanes, width_of_sum = BLOCK * width(memory), width(memory)
    left = polynomial.left_S[s] * lanes
    out = load_block(memory, cotangent)
    slope = out * load_block(memory, left)
    inside = spread_block(0.0, memory)
    for k in range(polynomial.begin_S[s], polynomial.begin_S[s + 1]):
        right = entry(polynomial.right_K, k) * lanes
        other = load_block(memory, right)
        if by_weights:
            at = sums + k * width_of_sum
            store(memory, at, fold(load(memory, at), slope, other))
        if by_images:
            value = spread_block(entry(memory, values + k), memory)
            inside = inside + value * other
            add_block(memory, slopes + right, value * slope)
    if by_images:
        add_block(memory, slopes + left, out * inside)


@inner
def add_derivatives(memory, totals, rows, polynomial):
    """Adds one filter's derivatives of a block, given those by its values, which are its totals."""
    lanes = BLOCK * width(memory)
    begin_R = polynomial.begin_R
    for r in range(begin_R.shape[0] - 1):
        for s in range(begin_R[r], begin_R[r + 1]):
            _add_segment(memory, rows, s, totals + r * lanes, polynomial)


@inner
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
def backward(worker, workers, arrays, sums_CTK, memories, tables, sizes):
    """Derivatives by coefficients (for each task) and by images, given those by the values.

    Either is skipped if the array for it is empty; that for the images is zero at first unless
    each of their values is in one patch.
    """
    images, weights_CFW, cotangents, gradients = arrays
    polynomial, rotations, reading, begin = tables
    patches, chunk = sizes
    memory, doubles = memories.numbers_WM[worker], memories.doubles_WM[worker]
    runs, numbers = memories.runs_WM[worker], reading.numbers
    lanes, readouts = BLOCK * width(memory), polynomial.begin_R.shape[0] - 1
    channels, filters, _ = weights_CFW.shape
    outputs, count_of_sums = filters * readouts, filters * rotations.count
    nodes = 1 + 2 * polynomial.inputs + polynomial.products_T2.shape[0]
    by_images, by_weights = gradients.size > 0, sums_CTK.size > 0
    tasks, ready = -(-patches // chunk), -1
    for item in range(worker, channels * tasks, workers):
        channel, task = item // tasks, item % tasks * chunk
        if by_images and channel != ready:
            ends = channel, channel + 1
            fill_coefficients(memory, doubles, weights_CFW, ends, rotations, begin.values)
            ready = channel
        for k in range(count_of_sums * by_weights):
            store(memory, begin.sums + k * width(memory), spread(0.0, memory))
        end = min(task + chunk, patches)
        for first in range(task, end, lanes):
            count = min(lanes, end - first)
            places = runs, output_runs(runs, numbers, first, count)
            for o in range(outputs):
                channel_out = channel // numbers[MEMBERS] * outputs + o
                offset, at = channel_out * numbers[OUT_CHANNEL_STEP], begin.totals + o * lanes
                read_row(memory, at, cotangents, offset, numbers[OUT_STEP], places)
                clear(memory, at, count, lanes)
            places = runs, input_runs(runs, numbers, first, count)
            fill(memory, images, tables, channel, places, count)
            for m in range(nodes * by_images):
                store_block(memory, begin.slopes + m * lanes, spread_block(0.0, memory))
            for f in range(filters):
                values = begin.values + f * rotations.count
                sums = begin.sums + f * rotations.count * width(memory)
                rows = (values, begin.slopes, sums, by_images, by_weights)
                add_derivatives(memory, begin.totals + f * readouts * lanes, rows, polynomial)
            if by_images:
                input_derivatives(memory, begin.slopes, reading.scale[0], polynomial)
                rows = (begin.slopes + lanes, 2 * lanes)
                write_gradients(gradients, memory, rows, reading, channel, places)
        for k in range(count_of_sums * by_weights):
            total = 0.0
            for lane in range(width(memory)):
                total += entry(memory, begin.sums + k * width(memory) + lane)
            sums_CTK[channel, item % tasks, k] = total
