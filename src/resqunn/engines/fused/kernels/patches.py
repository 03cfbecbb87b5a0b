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

from resqunn.engines.compiled.kernels.lanes import (
    entry,
    inner,
    load,
    root,
    set_entry,
    spread,
    store,
    width,
)
from resqunn.engines.compiled.kernels.positions import DISJOINT
from resqunn.engines.compiled.kernels.sines import half_angle
from resqunn.engines.fused.layout import BASE, PLAIN, SLOPE

TERMS = 16
"""So many products are summed up before they are added to the total, which then has few terms."""


@inner
def gather(memory, at, step, inputs):
    """Reads the patches, a few values of one after the other: the n-th go to `at + n * step`."""
    images, places, reading, channel = inputs
    lanes, values = width(memory), reading.offsets_CN.shape[1]
    for first in range(0, values, lanes):
        last = min(first + lanes, values)
        for lane in range(lanes):
            start, to = entry(places, lane), at + lane
            for n in range(first, last):
                value = entry(images, start + entry(reading.offsets_CN, channel * values + n))
                set_entry(memory, to + n * step, value)


@inner
def read_angles(memory, inputs, begin):
    """The cosines and sines of half of each angle."""
    lanes, reading = width(memory), inputs[2]
    gather(memory, begin.sines, lanes, inputs)
    for n in range(reading.offsets_CN.shape[1]):
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


@inner
def read_amplitudes(memory, state, inputs, norms, amplitudes, parts):
    """The first state from given amplitudes; the rest of them are zero."""
    lanes, values = width(memory), inputs[2].offsets_CN.shape[1]
    stride, nothing = len(parts) * lanes, spread(0.0, memory)
    gather(memory, state, stride, inputs)
    for a in range(values, amplitudes):
        store(memory, state + a * stride, nothing)
    if len(parts) == 2:
        for a in range(amplitudes):
            store(memory, state + a * stride + lanes, nothing)
    _normalise(memory, state, norms, values, stride)


@inner
def _sum_of_products(memory, a, a_step, b, b_step, values):
    """The sum over n of the products of registers `a + n * a_step` and `b + n * b_step`."""
    total = spread(0.0, memory)
    for first in range(0, values, TERMS):
        part = spread(0.0, memory)
        for n in range(first, min(first + TERMS, values)):
            part = part + load(memory, a + n * a_step) * load(memory, b + n * b_step)
        total = total + part
    return total


@inner
def _normalise(memory, state, norms, values, stride):
    """Divides by the norm. At `norms` are left 1 / norm, and what was divided by before: 1, or of
    lanes with an extreme norm their largest value, which is 0 for a zero vector."""
    lanes = width(memory)
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


@inner
def add_first_bra(memory, begin, values, f, parts):
    """Adds the derivatives by a filter's amplitudes: twice the real part of the bra before them."""
    lanes, two = width(memory), spread(2.0, memory)
    for n in range(values):
        at, change = begin.gradients + n * lanes, load(memory, begin.bra + n * len(parts) * lanes)
        store(memory, at, two * change + load(memory, at) if f else two * change)


@inner
def through_norm(memory, state, begin, values, parts):
    """From the derivatives by amplitudes of norm 1 to those by the given ones."""
    lanes = width(memory)
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


@inner
def scatter(memory, at, out, inputs, count):
    """Adds the derivatives at `at` to the images', patch after patch.

    Where no value is in two patches they are written, a few values of each after the other.
    """
    _, places, reading, channel = inputs
    lanes, values = width(memory), reading.offsets_CN.shape[1]
    disjoint = reading.numbers[DISJOINT] != 0
    together = lanes if disjoint else values
    for first in range(0, values, together):
        last = min(first + together, values)
        for lane in range(count):
            start = entry(places, lane)
            for n in range(first, last):
                to = start + entry(reading.offsets_CN, channel * values + n)
                value = entry(memory, at + n * lanes + lane)
                set_entry(out, to, value if disjoint else entry(out, to) + value)
