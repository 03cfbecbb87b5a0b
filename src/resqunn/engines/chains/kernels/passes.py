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
    load,
    spread,
    store,
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


@apart
def forward(worker, workers, arrays, work, tables, sizes):
    """The values on every task that is this worker's."""
    images, weights_CFW, out, _ = arrays
    _, sines_CFK2, memories = work
    chain, reading = tables
    patches, chunk = sizes
    memory, runs = memories.numbers_WM[worker], memories.runs_WM[worker]
    numbers, filters = reading.numbers, weights_CFW.shape[1]
    lanes, readouts = BLOCK * width(memory), chain.constants_R.shape[0]
    members, spare = numbers[MEMBERS], (1 + 2 * reading.offsets_CN.shape[1]) * lanes
    totals, outputs = spare + lanes, filters * readouts
    rest = totals + outputs * lanes
    tasks = -(-patches // chunk)
    fill_rows(memory, 0 * lanes, lanes, 1.0)
    for item in range(worker, weights_CFW.shape[0] // members * tasks, workers):
        group, task = item // tasks, item % tasks * chunk
        end = min(task + chunk, patches)
        for first in range(task, end, lanes):
            count = min(lanes, end - first)
            places = runs, input_runs(runs, numbers, first, count), count
            fill_rows(memory, totals, rest, 0.0)
            for channel in range(group * members, (group + 1) * members):
                read_sines(memory, spare, images, reading, channel, places)
                for f in range(filters):
                    at = totals + f * readouts * lanes
                    add_values(memory, at, rest, chain, sines_CFK2[channel, f])
            places = runs, output_runs(runs, numbers, first, count)
            for o in range(outputs):
                offset = (group * outputs + o) * numbers[OUT_CHANNEL_STEP]
                write(out, offset, numbers[OUT_STEP], memory, totals + o * lanes, places)


@apart
def backward(worker, workers, arrays, work, tables, sizes):
    """Derivatives by angles of gates (for each task) and by images, given those by the values.

    Either is left out if the array for it is empty; that for the images is zero at first unless
    each of their values is in one patch.
    """
    images, weights_CFW, cotangents, gradients = arrays
    sums_CTK, sines_CFK2, memories = work
    chain, reading = tables
    patches, chunk = sizes
    memory, runs = memories.numbers_WM[worker], memories.runs_WM[worker]
    numbers, filters = reading.numbers, weights_CFW.shape[1]
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
    for item in range(worker, weights_CFW.shape[0] * tasks, workers):
        channel, task = item // tasks, item % tasks * chunk
        fill_rows(memory, sums, rest, 0.0)
        end = min(task + chunk, patches)
        for first in range(task, end, lanes):
            count = min(lanes, end - first)
            output_places = runs, output_runs(runs, numbers, first, count)
            for o in range(outputs):
                offset = (channel // members * outputs + o) * numbers[OUT_CHANNEL_STEP]
                at = totals + o * lanes
                read_row(memory, at, cotangents, offset, numbers[OUT_STEP], output_places)
                clear(memory, at, count, lanes)
            places = runs, input_runs(runs, numbers, first, count), count
            read_sines(memory, spare, images, reading, channel, places)
            fill_rows(memory, slopes, sums, 0.0)
            for f in range(filters):
                rows = (slopes, sums + f * gates * width(memory), by_images, by_weights)
                at = totals + f * readouts * lanes
                add_derivatives(memory, at, rest, chain, sines_CFK2[channel, f], rows)
            if by_images:
                scale = spread(reading.scale[0], memory)
                for at in range(slopes, sums, width(memory)):
                    store(memory, at, scale * load(memory, at))
                rows_of_inputs = (slopes + lanes, 2 * lanes)
                write_gradients(gradients, memory, rows_of_inputs, reading, channel, places[:2])
        for k in range(filters * gates * by_weights):
            total = 0.0
            for lane in range(width(memory)):
                total += entry(memory, sums + k * width(memory) + lane)
            sums_CTK[channel, item % tasks, k] = total
