r"""From images to outputs and back: what `states.py` does, for each register of patches.

Registers are grouped into tasks. A task's sums over patches are kept apart and are added up in
order, so that results do not depend on how tasks are shared among threads. Derivatives by images
are added patch after patch, those of one image by one worker. Patches are read, and results
written, where `places.py` says.

Shape suffixes as in `schedule.py`, and C groups of channels that one circuit reads, F filters,
T tasks, W workers.
"""

from __future__ import annotations

import math

import numpy as np

from resqunn.engines.alternating.kernels.states import evolve, first_bra, go_back, read_out
from resqunn.engines.compiled.kernels.lanes import (
    any_beyond,
    apart,
    entry,
    inner,
    load,
    set_entry,
    spread,
    store,
    width,
)
from resqunn.engines.compiled.kernels.positions import DISJOINT, MEMBERS, OUT_CHANNEL_STEP, locate
from resqunn.engines.compiled.kernels.sines import LARGE, sines


@inner
def _half_angle(memory, angle_at, cosine_at, sine_at):
    r"""$\cos\frac{x}{2}$ and $\sin\frac{x}{2}$ up to a common sign, the cosine not negative; the
    angle may be overwritten."""
    lanes = width(memory)
    half = load(memory, angle_at)
    large = any_beyond(half, LARGE)
    cosine, sine, _ = sines(half, memory)
    store(memory, cosine_at, cosine)
    store(memory, sine_at, sine)
    if large:
        for lane in range(lanes):
            x = 1.0 * entry(memory, angle_at + lane)
            if abs(x) > LARGE:  # and no other lane: patches do not see their neighbours
                finite = abs(x) < math.inf
                sign = math.copysign(1.0, math.cos(x)) if finite else math.nan
                memory[cosine_at + lane] = sign * math.cos(x) if finite else math.nan
                memory[sine_at + lane] = sign * math.sin(x) if finite else math.nan


@apart
def fill(memory, images, places, reading, channel, begin, uses_N):
    """The rotations by a register's inputs, and the factor of its expectation values.

    `places` also says afterwards by which inputs some patch is turned far.
    """
    lanes, inputs = width(memory), uses_N.shape[0]
    one = spread(1.0, memory)
    factor = spread(reading.scale[1], memory)
    store(memory, begin.cosines + inputs * lanes, one)
    store(memory, begin.sines + inputs * lanes, spread(0.0, memory))
    set_entry(places, 2 * lanes + inputs, 0)
    for n in range(inputs):
        c, s = begin.cosines + n * lanes, begin.sines + n * lanes
        offset = reading.offsets_CN[channel, n]
        for lane in range(lanes):
            value = entry(images, entry(places, lane) + offset)
            set_entry(memory, begin.scale + lane, value)
        half = load(memory, begin.scale) * spread(0.5 * reading.scale[0], memory)
        store(memory, begin.scale, half)
        _half_angle(memory, begin.scale, begin.spare, begin.spare + lanes)
        cosine, sine = load(memory, begin.spare), load(memory, begin.spare + lanes)
        store(memory, c, one)
        store(memory, s, sine / cosine)
        store(memory, begin.scale, cosine)
        far = any_beyond(sine / cosine, reading.scale[2])
        for lane in range(lanes * far):
            if abs(entry(memory, s + lane)) > reading.scale[2]:
                x, y = entry(memory, begin.spare + lane), entry(memory, begin.spare + lanes + lane)
                set_entry(memory, c + lane, x / y)
                set_entry(memory, s + lane, y / y)
                set_entry(memory, begin.scale + lane, y)
        set_entry(places, 2 * lanes + n, np.int64(far))
        norm = load(memory, begin.scale) * load(memory, begin.scale)
        for _ in range(uses_N[n]):
            factor = factor * norm
    store(memory, begin.scale, factor)


@apart
def forward(worker, workers, images, phases_CFLA2, tables, work, out):
    """The values of every task that is this worker's."""
    layers, reading, begin = tables
    memory_WM, places_W, patches, chunk, step = work
    memory, places, numbers = memory_WM[worker], places_W[worker], reading.numbers
    lanes, filters = width(memory), phases_CFLA2.shape[1]
    ends, odd_N = places[: 2 * lanes], places[2 * lanes :]
    readouts, members = layers.mix_RJ.shape[0], numbers[MEMBERS]
    tasks = -(-patches // chunk)
    for item in range(worker, phases_CFLA2.shape[0] // members * tasks, workers):
        group, first_of_task = item // tasks, item % tasks * chunk
        for first in range(first_of_task, min(first_of_task + chunk, patches), lanes):
            count = min(lanes, patches - first)
            locate(ends, numbers, first, count)
            for o in range(filters * readouts):
                store(memory, begin.totals + o * lanes, spread(0.0, memory))
            for channel in range(group * members, (group + 1) * members):
                fill(memory, images, places, reading, channel, begin, layers.uses_N)
                for f in range(filters):
                    state = evolve(memory, begin, layers, odd_N, phases_CFLA2[channel, f], step)
                    totals = begin.totals + f * readouts * lanes
                    read_out(memory, state, totals, begin, layers)
            for o in range(filters * readouts):
                offset = (group * filters * readouts + o) * numbers[OUT_CHANNEL_STEP]
                for lane in range(count):
                    value = entry(memory, begin.totals + o * lanes + lane)
                    set_entry(out, entry(places, lanes + lane) + offset, value)


@inner
def _read_cotangents(memory, at, cotangents, places, offset, count):
    """The derivatives by one output channel of a register; zero for lanes of no patch."""
    store(memory, at, spread(0.0, memory))
    for lane in range(count):
        value = entry(cotangents, entry(places, width(memory) + lane) + offset)
        set_entry(memory, at + lane, value)


@inner
def _write_derivatives(memory, gradients, places, reading, channel, begin, count):
    """Adds a register's derivatives by its inputs to the images', patch after patch."""
    lanes, offsets_CN = width(memory), reading.offsets_CN
    disjoint = reading.numbers[DISJOINT] != 0
    for n in range(offsets_CN.shape[1]):
        at = begin.gradients + n * lanes
        store(memory, at, load(memory, at) * spread(reading.scale[0], memory))
    for lane in range(count):
        start = entry(places, lane)
        for n in range(offsets_CN.shape[1]):
            at = start + offsets_CN[channel, n]
            value = entry(memory, begin.gradients + n * lanes + lane)
            set_entry(gradients, at, value if disjoint else entry(gradients, at) + value)


@apart
def backward(worker, workers, images, phases_CFLA2, tables, work, results):
    """Sums for the weights of each task, and derivatives by images, given those by the values.

    Either is skipped if the array for it is empty; that for the images is zero at first unless
    each of their values is in one patch.
    """
    layers, reading, begin = tables
    memory_WM, places_W, patches, chunk, step = work
    cotangents, gradients, sums_CTK = results
    memory, places, numbers = memory_WM[worker], places_W[worker], reading.numbers
    lanes, filters = width(memory), phases_CFLA2.shape[1]
    ends, odd_N = places[: 2 * lanes], places[2 * lanes :]
    readouts, members = layers.mix_RJ.shape[0], numbers[MEMBERS]
    by_images, by_weights = gradients.size > 0, sums_CTK.size > 0
    kept = phases_CFLA2.shape[2] * phases_CFLA2.shape[3]
    tasks = -(-patches // chunk)
    for item in range(worker, phases_CFLA2.shape[0] * tasks, workers):
        channel, first_of_task = item // tasks, item % tasks * chunk
        group = channel // members
        for k in range(filters * kept * by_weights):
            store(memory, begin.sums + k * lanes, spread(0.0, memory))
        for first in range(first_of_task, min(first_of_task + chunk, patches), lanes):
            count = min(lanes, patches - first)
            locate(ends, numbers, first, count)
            fill(memory, images, places, reading, channel, begin, layers.uses_N)
            for n in range(odd_N.shape[0]):
                store(memory, begin.gradients + n * lanes, spread(0.0, memory))
            for f in range(filters):
                for r in range(readouts):
                    o = (group * filters + f) * readouts + r
                    offset = o * numbers[OUT_CHANNEL_STEP]
                    at = begin.totals + r * lanes
                    _read_cotangents(memory, at, cotangents, places, offset, count)
                phases_LA2 = phases_CFLA2[channel, f]
                state = evolve(memory, begin, layers, odd_N, phases_LA2, step)
                first_bra(memory, state, begin.totals, begin, layers)
                wanted = (step, begin.sums + f * kept * lanes, by_images, by_weights)
                go_back(memory, begin, layers, odd_N, phases_LA2, wanted)
            if by_images:
                _write_derivatives(memory, gradients, places, reading, channel, begin, count)
        for k in range(filters * kept * by_weights):
            total = 0.0
            for lane in range(lanes):
                total += entry(memory, begin.sums + k * lanes + lane)
            sums_CTK[channel, item % tasks, k] = total
