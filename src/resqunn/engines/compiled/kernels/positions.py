"""Reading and writing the values of patches where they lie; the formula is in `places.py`.

A *run* is a row of neighbouring patches whose values lie a constant step apart: for images one
row of positions, for outputs one image. A block of patches is a few runs. Each is three numbers:
its first patch's lane, how many patches it has, and where that of the first one lies.
"""

from __future__ import annotations

from resqunn.engines.compiled.kernels.lanes import (
    add,
    entry,
    even_lanes,
    inner,
    load,
    odd_lanes,
    set_entry,
    store,
    width,
)
from resqunn.engines.compiled.registers import RUN

POSITIONS, STEPS, IMAGE_STEP = 0, 3, 6
OUT_IMAGE_STEP, OUT_STEP, OUT_CHANNEL_STEP, MEMBERS, DISJOINT = 7, 8, 9, 10, 11
"""What stands where in `Places.numbers`."""

STEP = STEPS + 2
"""Where the step between the values of neighbouring patches stands."""


@inner
def _set_run(runs, count, lane, size, at):
    set_entry(runs, RUN * count, lane)
    set_entry(runs, RUN * count + 1, size)
    set_entry(runs, RUN * count + 2, at)


@inner
def input_runs(runs, numbers, first, count):
    """The runs of patches `first` to `first + count` in the images; returns how many."""
    size_i, size_j, size_k = numbers[POSITIONS], numbers[POSITIONS + 1], numbers[POSITIONS + 2]
    step_i, step_j, step_k = numbers[STEPS], numbers[STEPS + 1], numbers[STEPS + 2]
    image, position = divmod(first, size_i * size_j * size_k)
    i, rest = divmod(position, size_j * size_k)
    j, k = divmod(rest, size_k)
    found, lane = 0, 0
    while lane < count:
        size = min(size_k - k, count - lane)
        at = image * numbers[IMAGE_STEP] + i * step_i + j * step_j + k * step_k
        _set_run(runs, found, lane, size, at)
        found, lane, k, j = found + 1, lane + size, 0, j + 1
        if j == size_j:
            j, i = 0, i + 1
            if i == size_i:
                i, image = 0, image + 1
    return found


@inner
def output_runs(runs, numbers, first, count):
    """The runs of patches `first` to `first + count` in the outputs; returns how many."""
    positions = numbers[POSITIONS] * numbers[POSITIONS + 1] * numbers[POSITIONS + 2]
    image, position = divmod(first, positions)
    found, lane = 0, 0
    while lane < count:
        size = min(positions - position, count - lane)
        at = image * numbers[OUT_IMAGE_STEP] + position * numbers[OUT_STEP]
        _set_run(runs, found, lane, size, at)
        found, lane, position, image = found + 1, lane + size, 0, image + 1
    return found


@inner
def locate(places_2L, numbers, first, count):
    """Where patches `first` to `first + count` begin, and where their results go, one by one.

    What is beyond stays at the last of them.
    """
    lanes = places_2L.shape[0] // 2
    size_i, size_j, size_k = numbers[POSITIONS], numbers[POSITIONS + 1], numbers[POSITIONS + 2]
    step_i, step_j, step_k = numbers[STEPS], numbers[STEPS + 1], numbers[STEPS + 2]
    image, position = divmod(first, size_i * size_j * size_k)
    i, rest = divmod(position, size_j * size_k)
    j, k = divmod(rest, size_k)
    begin = image * numbers[IMAGE_STEP] + i * step_i + j * step_j
    at = begin + k * step_k
    to = image * numbers[OUT_IMAGE_STEP] + position * numbers[OUT_STEP]
    for lane in range(lanes):
        set_entry(places_2L, lane, at)
        set_entry(places_2L, lanes + lane, to)
        if lane + 1 >= count:
            continue
        k, at, to = k + 1, at + step_k, to + numbers[OUT_STEP]
        if k == size_k:
            k, j = 0, j + 1
            if j == size_j:
                j, i = 0, i + 1
                if i == size_i:
                    i, image = 0, image + 1
                    to = image * numbers[OUT_IMAGE_STEP]
            begin = image * numbers[IMAGE_STEP] + i * step_i + j * step_j
            at = begin


@inner
def _whole(size, memory):
    """Lanes of whole registers for so many patches."""
    return -(-size // width(memory)) * width(memory)


@inner
def _last(places, memory, step):
    """Where the values end that whole registers read of a block's last run."""
    runs, count = places
    size, at = entry(runs, RUN * count - 2), entry(runs, RUN * count - 1)
    return at + step * _whole(size, memory)


@inner
def _read_both(memory, rows, array, offset, places):
    """Reads two neighbouring values of each patch of a block, whose step is two."""
    to, distance = rows
    runs, count = places
    lanes = width(memory)
    for r in range(count):
        begin, size = to + entry(runs, RUN * r), entry(runs, RUN * r + 1)
        at = entry(runs, RUN * r + 2) + offset
        for lane in range(0, size, lanes):
            low, high = load(array, at + 2 * lane), load(array, at + 2 * lane + lanes)
            store(memory, begin + lane, even_lanes(low, high))
            store(memory, begin + distance + lane, odd_lanes(low, high))


@inner
def read_row(memory, to, array, offset, step, places):
    """Reads one value of each patch of a block, from images or from outputs.

    What comes after the row is overwritten, up to a register of it.
    """
    runs, count = places
    lanes = width(memory)
    whole = offset + _last(places, memory, step) <= array.size
    for r in range(count):
        begin, size = to + entry(runs, RUN * r), entry(runs, RUN * r + 1)
        at = entry(runs, RUN * r + 2) + offset
        if whole and step == 1:
            for lane in range(0, size, lanes):
                store(memory, begin + lane, load(array, at + lane))
        elif whole and step == 2:
            for lane in range(0, size, lanes):
                low, high = load(array, at + 2 * lane), load(array, at + 2 * lane + lanes)
                store(memory, begin + lane, even_lanes(low, high))
        else:
            for lane in range(size):
                set_entry(memory, begin + lane, entry(array, at + step * lane))


@inner
def read_inputs(memory, rows, images, reading, channel, places):
    """Reads the values of a block of patches.

    `rows` are where the first value's row begins and how far apart they begin. What comes after a
    row is overwritten, up to a register of it.
    """
    first, distance = rows
    step, offsets_CN = reading.numbers[STEP], reading.offsets_CN
    end, n = images.size - _last(places, memory, step), 0
    while n < offsets_CN.shape[1]:
        to, offset = first + n * distance, offsets_CN[channel, n]
        both = step == 2 and n + 1 < offsets_CN.shape[1] and offset <= end
        if both and offsets_CN[channel, n + 1] == offset + 1:
            _read_both(memory, (to, distance), images, offset, places)
            n += 2
        else:
            read_row(memory, to, images, offset, step, places)
            n += 1


@inner
def clear(memory, to, count, lanes):
    """Zero in the lanes of a row that have no patch."""
    for lane in range(count, lanes):
        set_entry(memory, to + lane, 0.0)


@inner
def write(array, offset, step, memory, source, runs):
    """Writes a row, which begins at `source`, to where one value of each patch belongs."""
    numbers, count = runs
    lanes = width(memory)
    for r in range(count):
        begin, size = source + entry(numbers, RUN * r), entry(numbers, RUN * r + 1)
        at = entry(numbers, RUN * r + 2) + offset
        done = 0
        if step == 1:
            done = size // lanes * lanes
            for lane in range(0, done, lanes):
                store(array, at + lane, load(memory, begin + lane))
        for lane in range(done, size):
            set_entry(array, at + step * lane, entry(memory, begin + lane))


@inner
def add_to(array, offset, step, memory, source, run):
    """Adds the lanes of one run of a row to where one value of each patch belongs."""
    numbers, r = run
    lanes = width(memory)
    begin, size = source + entry(numbers, RUN * r), entry(numbers, RUN * r + 1)
    at = entry(numbers, RUN * r + 2) + offset
    done = 0
    if step == 1:
        done = size // lanes * lanes
        for lane in range(0, done, lanes):
            add(array, at + lane, load(memory, begin + lane))
    for lane in range(done, size):
        there = at + step * lane
        set_entry(array, there, entry(array, there) + entry(memory, begin + lane))


@inner
def write_gradients(gradients, memory, rows, reading, channel, runs):
    """Brings a block's derivatives by the inputs to the images.

    `rows` are where the first input's row begins and how far apart the others' begin. Where
    values are in several patches, derivatives are added in the order of patches: a run has the
    one with the larger $n$ first.
    """
    first, apart_by = rows
    numbers, offsets_CN = reading.numbers, reading.offsets_CN
    step, inputs = numbers[STEP], offsets_CN.shape[1]
    if numbers[DISJOINT] != 0:
        for n in range(inputs):
            offset = offsets_CN[channel, n]
            write(gradients, offset, step, memory, first + n * apart_by, runs)
    else:
        for r in range(runs[1]):
            for n in range(inputs - 1, -1, -1):
                offset = offsets_CN[channel, n]
                add_to(gradients, offset, step, memory, first + n * apart_by, (runs[0], r))
