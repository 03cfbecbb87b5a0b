r"""From images to outputs and back: what `states.py` does, for each block of patches.

A block is a few registers: inputs are read, and results written, for the block, and states are
those of one register. A task's sums over patches are kept apart and are added up in order, so that
results do not depend on how tasks are shared among threads. Derivatives by images are added patch
after patch, those of one image by one worker. Patches are read, and results written, where
`places.py` says; what lies where in a worker's memory says `Begin`.

Shape suffixes as in `schedule.py`, and C groups of channels that one circuit reads, F filters,
W weights, T tasks.
"""

from __future__ import annotations

import numpy as np

from resqunn.engines.alternating.kernels.phases import phases
from resqunn.engines.alternating.kernels.states import evolve, first_bra, go_back, read_out
from resqunn.engines.compiled.kernels.lanes import (
    any_beyond,
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
from resqunn.engines.compiled.kernels.positions import (
    MEMBERS,
    OUT_CHANNEL_STEP,
    OUT_STEP,
    clear,
    input_runs,
    output_runs,
    read_inputs,
    read_row,
    write,
    write_gradients,
)
from resqunn.engines.compiled.kernels.sines import block_sines
from resqunn.engines.compiled.registers import BLOCK


@inner
def _tangents(memory, cosines, begin, part, limit):
    """Puts what is used in place of cosines and sines of one register, and leaves the factor of
    amplitudes in `spare`; whether some patch has a large tangent."""
    lanes = BLOCK * width(memory)
    cosine, sine = load(memory, cosines + part), load(memory, cosines + lanes + part)
    tangent = sine / cosine
    far = any_beyond(tangent, limit)
    store(memory, begin.spare, cosine)
    store(memory, cosines + part, spread(1.0, memory))
    store(memory, cosines + lanes + part, tangent)
    if far:
        store(memory, begin.spare + lanes, cosine)
        store(memory, begin.spare + lanes + width(memory), sine)
        for lane in range(width(memory)):
            if abs(entry(memory, cosines + lanes + part + lane)) > limit:
                x = entry(memory, begin.spare + lanes + lane)
                y = entry(memory, begin.spare + lanes + width(memory) + lane)
                set_entry(memory, cosines + part + lane, x / y)
                set_entry(memory, cosines + lanes + part + lane, y / y)
                set_entry(memory, begin.spare + lane, y)
    return far


@inner
def fill(memory, marks, images, tables, channel, places):
    """The rotations by a block's inputs, and the factors of its expectation values.

    `marks` says afterwards by which inputs some patch of each register is turned far.
    """
    layers, _, reading, begin, (norms,) = tables
    runs, count, size = places
    lanes, inputs = BLOCK * width(memory), layers.uses_N.shape[0]
    read_inputs(memory, (begin.turns, 2 * lanes), images, reading, channel, (runs, count))
    store_block(memory, begin.factors, spread_block(norms[0], memory))
    for n in range(inputs):
        at = begin.turns + 2 * n * lanes
        clear(memory, at, size, lanes)
        block_sines(memory, at, begin.spare, 0.5 * reading.scale[0], False)
        for register in range(BLOCK):
            part = register * width(memory)
            far = _tangents(memory, at, begin, part, norms[1])
            set_entry(marks, register * (inputs + 1) + n, np.int64(far))
            factor, cosine = load(memory, begin.factors + part), load(memory, begin.spare)
            for _ in range(layers.uses_N[n]):
                factor = factor * (cosine * cosine)
            store(memory, begin.factors + part, factor)
    # In place of an input where there is none.
    at = begin.turns + 2 * inputs * lanes
    store_block(memory, at, spread_block(1.0, memory))
    store_block(memory, at + lanes, spread_block(0.0, memory))
    for register in range(BLOCK):
        set_entry(marks, register * (inputs + 1) + inputs, 0)


@inner
def fill_phases(memory, doubles, weights_CFW, channels, tables):
    """The phases of all filters of some groups of channels, one after the other."""
    _, diagonals, _, begin, _ = tables
    first, last = channels
    at = begin.phases
    for channel in range(first, last):
        for f in range(weights_CFW.shape[1]):
            phases(weights_CFW[channel, f], diagonals, doubles, memory, at)
            at += 2 * diagonals.layers * diagonals.parts_EA.shape[1]


@apart
def forward(worker, workers, arrays, memories, tables, sizes):
    """The values of every task that is this worker's."""
    images, weights_CFW, out, _ = arrays
    layers, diagonals, reading, begin, _ = tables
    patches, chunk = sizes
    memory, doubles = memories.numbers_WM[worker], memories.doubles_WM[worker]
    marks, numbers, lanes = memories.runs_WM[worker], reading.numbers, width(memory)
    runs, inputs = marks[BLOCK * (layers.uses_N.shape[0] + 1) :], layers.uses_N.shape[0] + 1
    channels, filters, _ = weights_CFW.shape
    readouts, members = layers.mix_RJ.shape[0], numbers[MEMBERS]
    outputs = filters * readouts
    phases_of_filter = 2 * diagonals.layers * diagonals.parts_EA.shape[1]
    tasks, ready = -(-patches // chunk), -1
    for item in range(worker, channels // members * tasks, workers):
        group, task = item // tasks, item % tasks * chunk
        if group != ready:
            ends = group * members, (group + 1) * members
            fill_phases(memory, doubles, weights_CFW, ends, tables)
            ready = group
        end = min(task + chunk, patches)
        for first in range(task, end, BLOCK * lanes):
            count = min(BLOCK * lanes, end - first)
            for o in range(outputs):
                store_block(memory, begin.totals + o * BLOCK * lanes, spread_block(0.0, memory))
            places = runs, input_runs(runs, numbers, first, count), count
            for m in range(members):
                fill(memory, marks, images, tables, group * members + m, places)
                for register in range(-(-count // lanes)):
                    odd_N = marks[register * inputs : (register + 1) * inputs]
                    part = register * lanes
                    for f in range(filters):
                        at = begin.phases + (m * filters + f) * phases_of_filter
                        state = evolve(memory, begin, layers, (odd_N, part), at, 0)
                        totals = begin.totals + f * readouts * BLOCK * lanes + part
                        factor = load(memory, begin.factors + part)
                        read_out(memory, state, totals, factor, layers)
            places = runs, output_runs(runs, numbers, first, count)
            for o in range(outputs):
                offset = (group * outputs + o) * numbers[OUT_CHANNEL_STEP]
                at = begin.totals + o * BLOCK * lanes
                write(out, offset, numbers[OUT_STEP], memory, at, places)


@apart
def backward(worker, workers, arrays, sums_CTK, memories, tables, sizes):
    """Sums for the weights of each task, and derivatives by images, given those by the values.

    Either is skipped if the array for it is empty; that for the images is zero at first unless
    each of their values is in one patch.
    """
    images, weights_CFW, cotangents, gradients = arrays
    layers, diagonals, reading, begin, _ = tables
    patches, chunk = sizes
    memory, doubles = memories.numbers_WM[worker], memories.doubles_WM[worker]
    marks, numbers, lanes = memories.runs_WM[worker], reading.numbers, width(memory)
    runs, inputs = marks[BLOCK * (layers.uses_N.shape[0] + 1) :], layers.uses_N.shape[0] + 1
    channels, filters, _ = weights_CFW.shape
    readouts, outputs = layers.mix_RJ.shape[0], filters * layers.mix_RJ.shape[0]
    kept = diagonals.layers * diagonals.parts_EA.shape[1]
    by_images, by_weights = gradients.size > 0, sums_CTK.size > 0
    tasks, ready = -(-patches // chunk), -1
    for item in range(worker, channels * tasks, workers):
        channel, task = item // tasks, item % tasks * chunk
        if channel != ready:
            fill_phases(memory, doubles, weights_CFW, (channel, channel + 1), tables)
            ready = channel
        for k in range(filters * kept * by_weights):
            store(memory, begin.sums + k * lanes, spread(0.0, memory))
        end = min(task + chunk, patches)
        for first in range(task, end, BLOCK * lanes):
            count = min(BLOCK * lanes, end - first)
            places = runs, output_runs(runs, numbers, first, count)
            for o in range(outputs):
                out_channel = channel // numbers[MEMBERS] * outputs + o
                offset, at = (
                    out_channel * numbers[OUT_CHANNEL_STEP],
                    begin.totals + o * BLOCK * lanes,
                )
                read_row(memory, at, cotangents, offset, numbers[OUT_STEP], places)
                clear(memory, at, count, BLOCK * lanes)
            places = runs, input_runs(runs, numbers, first, count), count
            fill(memory, marks, images, tables, channel, places)
            for n in range(inputs):
                store_block(memory, begin.slopes + n * BLOCK * lanes, spread_block(0.0, memory))
            for register in range(-(-count // lanes)):
                odd_N = marks[register * inputs : (register + 1) * inputs]
                part = register * lanes
                for f in range(filters):
                    at = begin.phases + 2 * f * kept
                    state = evolve(memory, begin, layers, (odd_N, part), at, begin.step)
                    totals = begin.totals + f * readouts * BLOCK * lanes + part
                    first_bra(memory, state, totals, begin, part, layers)
                    wanted = (begin.sums + f * kept * lanes, by_images, by_weights)
                    go_back(memory, begin, layers, (odd_N, part), at, wanted)
            if by_images:
                for n in range(inputs - 1):
                    at = begin.slopes + n * BLOCK * lanes
                    scaled = load_block(memory, at) * spread_block(reading.scale[0], memory)
                    store_block(memory, at, scaled)
                rows = (begin.slopes, BLOCK * lanes)
                write_gradients(gradients, memory, rows, reading, channel, places[:2])
        for k in range(filters * kept * by_weights):
            total = 0.0
            for lane in range(lanes):
                total += entry(memory, begin.sums + k * lanes + lane)
            sums_CTK[channel, item % tasks, k] = total
