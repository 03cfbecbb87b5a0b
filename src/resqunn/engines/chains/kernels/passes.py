r"""Values and first derivatives of chains of qubits, from images to images.

    forward    out_r = sum over channels of <O_r>(images, angles)
    backward   images' = sum_r out'_r d<O_r> / d images
               sums_k = sum over r and patches of out'_r d<O_r> / d angle_k

A filter's values and derivatives for one block of patches are in `sweeps.py`. Blocks, tasks and
the places of inputs and results are as in the Fourier engine's `polynomial.py`.

A worker's memory has these rows: the nodes (1, and the cosines and sines of inputs), a spare one,
a total for each output, the derivatives by the nodes, a register for the angle of each gate of
each filter, and what the sweeps need.

Shape suffixes: G groups of output channels, C groups of channels that a circuit reads, F filters,
R readout values, K gates, W workers, T tasks, L lanes.
"""

from __future__ import annotations

from resqunn.engines.chains.kernels.sweeps import add_derivatives, add_values, fill_rows
from resqunn.engines.compiled.kernels.lanes import (
    apart,
    entry,
    inner,
    load,
    set_entry,
    spread,
    store,
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
def _write_values(memory, totals, out, places_2L, offset, count):
    """One output channel of a block."""
    lanes = BLOCK * width(memory)
    for lane in range(count):
        value = entry(memory, totals + lane)
        set_entry(out, entry(places_2L, lanes + lane) + offset, value)


@apart
def forward(worker, workers, images, sines_CFK2, tables, work, out):
    """The values on every task that is this worker's."""
    chain, reading = tables
    memory_WM, places_W2L, patches, chunk, filters = work
    memory, places_2L, numbers = memory_WM[worker], places_W2L[worker], reading.numbers
    lanes, readouts = BLOCK * width(memory), chain.constants_R.shape[0]
    members, spare = numbers[MEMBERS], (1 + 2 * reading.offsets_CN.shape[1]) * lanes
    totals = spare + lanes
    rest = totals + filters * readouts * lanes
    tasks = -(-patches // chunk)
    fill_rows(memory, 0 * lanes, lanes, 1.0)
    for item in range(worker, sines_CFK2.shape[0] // members * tasks, workers):
        group, begin = item // tasks, item % tasks * chunk
        for first in range(begin, min(begin + chunk, patches), lanes):
            count = min(lanes, patches - first)
            locate(places_2L, numbers, first, count)
            fill_rows(memory, totals, rest, 0.0)
            for channel in range(group * members, (group + 1) * members):
                read_inputs(memory, spare, images, places_2L, reading, channel)
                for f in range(filters):
                    at = totals + f * readouts * lanes
                    add_values(memory, at, rest, chain, sines_CFK2[channel, f])
            for o in range(filters * readouts):
                offset = (group * filters * readouts + o) * numbers[OUT_CHANNEL_STEP]
                _write_values(memory, totals + o * lanes, out, places_2L, offset, count)


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
    inputs, members = reading.offsets_CN.shape[1], numbers[MEMBERS]
    readouts = chain.constants_R.shape[0]
    outputs, spare = filters * readouts, (1 + 2 * inputs) * lanes
    totals = spare + lanes
    slopes = totals + outputs * lanes
    sums = slopes + spare
    rest = sums + filters * gates * width(memory)
    by_images, by_weights = gradients.size > 0, sums_CTK.size > 0
    tasks = -(-patches // chunk)
    fill_rows(memory, 0 * lanes, lanes, 1.0)
    for item in range(worker, sines_CFK2.shape[0] * tasks, workers):
        channel, begin = item // tasks, item % tasks * chunk
        group = channel // members
        fill_rows(memory, sums, rest, 0.0)
        for first in range(begin, min(begin + chunk, patches), lanes):
            count = min(lanes, patches - first)
            locate(places_2L, numbers, first, count)
            read_inputs(memory, spare, images, places_2L, reading, channel)
            for o in range(outputs):
                offset = (group * outputs + o) * numbers[OUT_CHANNEL_STEP]
                read_cotangent(memory, totals + o * lanes, cotangents, places_2L, offset, count)
            fill_rows(memory, slopes, sums, 0.0)
            for f in range(filters):
                rows = (slopes, sums + f * gates * width(memory), by_images, by_weights)
                at = totals + f * readouts * lanes
                add_derivatives(memory, at, rest, chain, sines_CFK2[channel, f], rows)
            if by_images:
                scale = spread(reading.scale[0], memory)
                for at in range(slopes, sums, width(memory)):
                    store(memory, at, scale * load(memory, at))
                write_derivatives(memory, slopes, gradients, places_2L, reading, channel, count)
        for k in range(filters * gates * by_weights):
            total = 0.0
            for lane in range(width(memory)):
                total += entry(memory, sums + k * width(memory) + lane)
            sums_CTK[channel, item % tasks, k] = total
