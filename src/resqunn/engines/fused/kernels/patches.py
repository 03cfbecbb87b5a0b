r"""A register of patches: their inputs as turns and first states, and derivatives by inputs.

With an angle $x$ a turn is $\cos\frac{x}{2}\,B + \sin\frac{x}{2}\,S$ (`turns.py`). Amplitudes $x$
become $\psi = x / \lVert x \rVert$, and of derivatives $g$ by $\psi$

$\bar x = \frac{g - \psi\,\langle\psi, g\rangle}{\lVert x \rVert}$.

Where the norm is so small or large that squares would be lost, $x$ is first divided by its largest
value; a zero vector becomes $|0\ldots0\rangle$ with zero derivatives.

Patches lie in images where `places.py` says. In memory the n-th values of a register of patches
are one register. The last register of a call may have more lanes than patches are left; these are
copies of the last patch, and what comes of them is left out.
"""

from __future__ import annotations

import math

import numpy as np

from resqunn.engines.compiled.kernels.lanes import (
    apart,
    entry,
    inner,
    load,
    root,
    set_entry,
    spread,
    store,
    transpose,
    width,
)
from resqunn.engines.compiled.kernels.sines import half_angle
from resqunn.engines.fused.layout import BASE, PLAIN, SLOPE

TERMS = 16
"""So many products are summed up before they are added to the total, which then has few terms."""


@apart
def gather(memory, at, step, spare, patches, offsets_N, consecutive):
    """Reads a register of patches: their n-th values go to `at + n * step`.

    Values that lie side by side are read a register at a time, since patches that lie a power of
    two apart would push each other out of the first cache.
    """
    images, places = patches
    lanes, n = width(memory), np.intp(0)
    while consecutive and n + lanes <= offsets_N.size:
        offset = entry(offsets_N, n)
        for lane in range(lanes):
            store(memory, spare + lane * lanes, load(images, entry(places, lane) + offset))
        transpose(memory, spare, at + n * step, step)
        n += lanes
    while n < offsets_N.size:
        offset, to = entry(offsets_N, n), at + n * step
        for lane in range(lanes):
            set_entry(memory, to + lane, entry(images, entry(places, lane) + offset))
        n += 1


@inner
def read_angles(memory, images, places, reading, channel, begin):
    """The cosines and sines of half of each angle."""
    lanes, offsets_N = np.intp(width(memory)), reading.offsets_CN[channel]
    patches = images, places
    gather(memory, begin.sines, lanes, begin.spare, patches, offsets_N, reading.consecutive)
    for n in range(offsets_N.size):
        cosine, sine = begin.cosines + n * lanes, begin.sines + n * lanes
        angle = load(memory, sine) * spread(reading.scale[0], memory)
        store(memory, begin.spare, angle * spread(0.5, memory))
        half_angle(memory, begin.spare, cosine, sine)


@inner
def fill_turns(memory, coefficients_KC, turns_K4, begin, parts):
    """The turns of a register."""
    lanes, at = width(memory), begin.turns
    for k in range(turns_K4.shape[0]):
        n = turns_K4[k, 0]
        # A real turn has no parts x and z.
        for c in range(0, 4, 3 - len(parts)):
            value = spread(coefficients_KC[k, BASE + c], memory)
            if n >= 0:
                slope = spread(coefficients_KC[k, SLOPE + c], memory)
                cosine = load(memory, begin.cosines + n * lanes)
                value = cosine * value + load(memory, begin.sines + n * lanes) * slope
            store(memory, at, value)
            at += lanes


@apart
def _sum_of_products(memory, a, a_step, b, b_step, values):
    """The sum over n of the products of registers `a + n * a_step` and `b + n * b_step`."""
    total = spread(0.0, memory)
    for first in range(0, values, TERMS):
        part = spread(0.0, memory)
        for n in range(first, min(first + TERMS, values)):
            part = part + load(memory, a + n * a_step) * load(memory, b + n * b_step)
        total = total + part
    return total


@apart
def _divide_lane(memory, at, divided_at, values, stride):
    """Divides one lane by its largest value, which is written to `divided_at`."""
    largest, empty = 0.0, True
    for n in range(values):
        value = abs(1.0 * entry(memory, at + n * stride))
        empty = empty and value == 0.0
        largest = value if value > largest else largest
    if not empty and largest == 0.0:
        largest = math.nan
    set_entry(memory, divided_at, largest)
    if empty:
        set_entry(memory, at, 1.0)
        return
    for n in range(values):
        set_entry(memory, at + n * stride, entry(memory, at + n * stride) / largest)


@apart
def normalise(memory, state, begin, values, amplitudes, parts):
    """The first state from `values` amplitudes as they were given; the rest of them are zero.

    At `begin.norms` are left 1 / norm, and what was divided by before: 1, or of lanes with an
    extreme norm their largest value, which is 0 for a zero vector.
    """
    lanes, norms, nothing = width(memory), begin.norms, spread(0.0, memory)
    stride = len(parts) * lanes
    for a in range(amplitudes):
        at = state + a * stride
        if a >= values:
            store(memory, at, nothing)
        if len(parts) == 2:
            store(memory, at + lanes, nothing)
    squares = _sum_of_products(memory, state, stride, state, stride, values)
    store(memory, norms, squares)
    store(memory, norms + lanes, spread(1.0, memory))
    extreme = False
    for lane in range(lanes):
        if not PLAIN[0] < entry(memory, norms + lane) < PLAIN[1]:  # and no other lane
            _divide_lane(memory, state + lane, norms + lanes + lane, values, stride)
            extreme = True
    if extreme:
        squares = _sum_of_products(memory, state, stride, state, stride, values)
    factor = spread(1.0, memory) / root(squares)
    store(memory, norms, factor)
    for n in range(values):
        at = state + n * stride
        store(memory, at, load(memory, at) * factor)


@inner
def add_first_bra(memory, begin, values, f, parts):
    """Adds the derivatives by a filter's amplitudes: twice the real part of the bra before them."""
    lanes, two = width(memory), spread(2.0, memory)
    for n in range(values):
        at, change = begin.gradients + n * lanes, load(memory, begin.bra + n * len(parts) * lanes)
        store(memory, at, two * change + load(memory, at) if f else two * change)


@inner
def through_scale(memory, begin, values, scale):
    """From the derivatives by angles to those by what was multiplied by `scale`."""
    factor = spread(scale, memory)
    for n in range(values):
        at = begin.gradients + n * width(memory)
        store(memory, at, load(memory, at) * factor)


@apart
def through_norm(memory, state, begin, values, parts):
    """From the derivatives by amplitudes of norm 1 to those by the given ones."""
    lanes = np.intp(width(memory))
    stride = len(parts) * lanes
    gradients, norms = begin.gradients, begin.norms
    along = _sum_of_products(memory, state, stride, gradients, lanes, values)
    for n in range(values):
        at = gradients + n * lanes
        rest = load(memory, at) - load(memory, state + n * stride) * along
        store(memory, at, rest * load(memory, norms))
    for lane in range(lanes):
        divided = entry(memory, norms + lanes + lane)
        if divided != 1.0:
            for n in range(values):
                at = gradients + n * lanes + lane
                set_entry(memory, at, 0.0 if divided == 0.0 else entry(memory, at) / divided)


@apart
def scatter(memory, out, places, offsets_N, ways, begin, count):
    """Adds the derivatives by a register's inputs to the images', patch after patch.

    Where no value is in two patches they are written, a few values of each after the other.
    """
    disjoint, consecutive = ways
    at, spare, lanes, values = begin.gradients, begin.spare, width(memory), offsets_N.size
    together = lanes if disjoint else values
    for first in range(0, values, together):
        last = min(first + together, values)
        if disjoint and consecutive and last == first + lanes:
            transpose(memory, at + first * lanes, spare, lanes)
            offset = entry(offsets_N, first)
            for lane in range(count):
                store(out, entry(places, lane) + offset, load(memory, spare + lane * lanes))
            continue
        for lane in range(count):
            start = entry(places, lane)
            for n in range(first, last):
                to = start + entry(offsets_N, n)
                value = entry(memory, at + n * lanes + lane)
                set_entry(out, to, value if disjoint else entry(out, to) + value)
