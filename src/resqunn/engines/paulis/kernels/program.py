"""Values and first derivatives of a noisy circuit, from images to images.

Patches are worked on in blocks of `BLOCK` registers, one register after the other (`vectors.py`).
Inputs are read, and results written, where `places.py` says; what lies where in a worker's memory
says `Begin`. A task's sums over patches are kept apart and are added up in order, so that results
do not depend on how tasks are shared among threads.

Shape suffixes: C groups of channels that a circuit reads, F filters, W weights, T tasks, K a
group's sums: one for each filter and weight.
"""

from __future__ import annotations

import math

import numpy as np

from resqunn.engines.compiled.kernels.lanes import (
    apart,
    entry,
    inner,
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
from resqunn.engines.paulis.kernels.vectors import evolve, first_slopes, go_back, read_out


@inner
def fill_weights(memory, begin, weights_CFW, channels):
    """The cosines and sines of the weights of some groups of channels, one after the other."""
    first, last = channels
    at = begin.weights
    for channel in range(first, last):
        for f in range(weights_CFW.shape[1]):
            for w in range(weights_CFW.shape[2]):
                angle = np.float64(weights_CFW[channel, f, w])
                memory[at] = math.cos(angle)
                memory[at + 1] = math.sin(angle)
                at += 2


@apart
def forward(worker, workers, arrays, memories, tables, sizes):
    """The values of every task that is this worker's."""
    images, weights_CFW, out, _ = arrays
    steps, reading, begin = tables
    patches, chunk, readouts = sizes
    memory, runs = memories.numbers_WM[worker], memories.runs_WM[worker]
    numbers, lanes = reading.numbers, width(memory)
    channels, filters, weights = weights_CFW.shape
    block, outputs, members = BLOCK * lanes, filters * readouts, numbers[MEMBERS]
    tasks, ready = -(-patches // chunk), -1
    for item in range(worker, channels // members * tasks, workers):
        group, task = item // tasks, item % tasks * chunk
        if group != ready:
            fill_weights(memory, begin, weights_CFW, (group * members, (group + 1) * members))
            ready = group
        end = min(task + chunk, patches)
        for first in range(task, end, block):
            count = min(block, end - first)
            for o in range(outputs):
                store_block(memory, begin.totals + o * block, spread_block(0.0, memory))
            places = runs, input_runs(runs, numbers, first, count), count
            for m in range(members):
                read_sines(memory, begin.spare, images, reading, group * members + m, places)
                for part in range(0, count, lanes):
                    for f in range(filters):
                        at = (part, begin.weights + 2 * (m * filters + f) * weights, 0)
                        evolve(memory, begin, steps, at)
                        read_out(memory, begin, steps, begin.totals + f * readouts * block, part)
            places = runs, output_runs(runs, numbers, first, count)
            for o in range(outputs):
                offset = (group * outputs + o) * numbers[OUT_CHANNEL_STEP]
                write(out, offset, numbers[OUT_STEP], memory, begin.totals + o * block, places)


@apart
def backward(worker, workers, arrays, sums_CTK, memories, tables, sizes):
    """Sums for the weights of each task, and derivatives by images, given those by the values.

    Either is skipped if the array for it is empty; that for the images is zero at first unless
    each of their values is in one patch.
    """
    images, weights_CFW, cotangents, gradients = arrays
    steps, reading, begin = tables
    patches, chunk, readouts = sizes
    memory, runs = memories.numbers_WM[worker], memories.runs_WM[worker]
    numbers, lanes = reading.numbers, width(memory)
    channels, filters, weights = weights_CFW.shape
    block, outputs = BLOCK * lanes, filters * readouts
    inputs = reading.offsets_CN.shape[1]
    by_images, by_weights = gradients.size > 0, sums_CTK.size > 0
    tasks, ready = -(-patches // chunk), -1
    for item in range(worker, channels * tasks, workers):
        channel, task = item // tasks, item % tasks * chunk
        if channel != ready:
            fill_weights(memory, begin, weights_CFW, (channel, channel + 1))
            ready = channel
        for k in range(filters * weights):
            store(memory, begin.sums + k * lanes, spread(0.0, memory))
        end = min(task + chunk, patches)
        for first in range(task, end, block):
            count = min(block, end - first)
            places = runs, output_runs(runs, numbers, first, count)
            for o in range(outputs):
                channel_out = channel // numbers[MEMBERS] * outputs + o
                offset, at_o = channel_out * numbers[OUT_CHANNEL_STEP], begin.totals + o * block
                read_row(memory, at_o, cotangents, offset, numbers[OUT_STEP], places)
                clear(memory, at_o, count, block)
            places = runs, input_runs(runs, numbers, first, count), count
            read_sines(memory, begin.spare, images, reading, channel, places)
            for n in range(inputs):
                store_block(memory, begin.by_inputs + n * block, spread_block(0.0, memory))
            for part in range(0, count, lanes):
                for f in range(filters):
                    of_filter = f * weights
                    at = part, begin.weights + 2 * of_filter, begin.sums + of_filter * lanes
                    evolve(memory, begin, steps, at)
                    first_slopes(memory, begin, steps, begin.totals + f * readouts * block, part)
                    go_back(memory, begin, steps, at)
            if by_images:
                for n in range(inputs):
                    place = begin.by_inputs + n * block
                    scale = spread_block(reading.scale[0], memory)
                    store_block(memory, place, load_block(memory, place) * scale)
                rows = (begin.by_inputs, block)
                write_gradients(gradients, memory, rows, reading, channel, places[:2])
        if by_weights:
            for k in range(filters * weights):
                total = 0.0
                for lane in range(lanes):
                    total += entry(memory, begin.sums + k * lanes + lane)
                sums_CTK[channel, item % tasks, k] = total


@apart
def weight_gradients(weights_CFW, gradient_CFW, sums_CTK, memories):
    """The derivatives by the weights: the sums added up over tasks in order."""
    channels, filters, weights = weights_CFW.shape
    for c in range(channels):
        for f in range(filters):
            for w in range(weights):
                total = 0.0
                for task in range(sums_CTK.shape[1]):
                    total += sums_CTK[c, task, f * weights + w]
                gradient_CFW[c, f, w] = total
