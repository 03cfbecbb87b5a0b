"""Blocks of patches, read from images and from the derivatives by outputs, and written back.

A block has a row of one number a patch for each input $x_n$ (times `scale`): its cosine in row
$1 + 2n$, its sine in the next one. Where patches lie, `positions.py` says.
"""

from __future__ import annotations

import math

from resqunn.engines.compiled.kernels.lanes import (
    any_beyond,
    apart,
    entry,
    inner,
    load,
    set_entry,
    spread,
    spread_block,
    store,
    store_block,
    width,
)
from resqunn.engines.compiled.kernels.positions import DISJOINT
from resqunn.engines.compiled.kernels.sines import LARGE, rounded, sines
from resqunn.engines.compiled.registers import BLOCK


@inner
def _sines(memory, angles, cosines_at, sines_at, scale):
    """The cosines and sines of a register of angles times `scale`, which may be overwritten."""
    lanes = width(memory)
    angle = load(memory, angles) * spread(scale, memory)
    store(memory, angles, angle)
    large = any_beyond(angle, LARGE)
    cosine, sine, turns = sines(angle, memory)
    odd = turns - spread(2.0, memory) * rounded(spread(0.5, memory) * turns, memory)
    sign = spread(1.0, memory) - spread(2.0, memory) * odd * odd
    store(memory, cosines_at, cosine * sign)
    store(memory, sines_at, sine * sign)
    if large:
        for lane in range(lanes):
            x = 1.0 * entry(memory, angles + lane)
            if abs(x) > LARGE:  # and no other lane: patches do not see their neighbours
                finite = abs(x) < math.inf
                memory[cosines_at + lane] = math.cos(x) if finite else math.nan
                memory[sines_at + lane] = math.sin(x) if finite else math.nan


@apart
def read_inputs(memory, spare, images, places_2L, reading, channel):
    """The cosines and sines of a block of patches of one group of channels."""
    lanes = BLOCK * width(memory)
    for n in range(reading.offsets_CN.shape[1]):
        offset, at = reading.offsets_CN[channel, n], (1 + 2 * n) * lanes
        for lane in range(lanes):
            set_entry(memory, spare + lane, entry(images, entry(places_2L, lane) + offset))
        for part in range(0, lanes, width(memory)):
            _sines(memory, spare + part, at + part, at + lanes + part, reading.scale[0])


@apart
def read_cotangent(memory, at, cotangents, places_2L, offset, count):
    """The derivatives by one output channel of a block; zero for lanes of no patch."""
    lanes = BLOCK * width(memory)
    store_block(memory, at, spread_block(0.0, memory))
    for lane in range(count):
        value = entry(cotangents, entry(places_2L, lanes + lane) + offset)
        set_entry(memory, at + lane, value)


@apart
def write_derivatives(memory, slopes, gradients, places_2L, reading, channel, count):
    """Adds a block's derivatives by its inputs to the images', patch after patch."""
    lanes = BLOCK * width(memory)
    offsets_CN, disjoint = reading.offsets_CN, reading.numbers[DISJOINT] != 0
    for lane in range(count):
        begin = entry(places_2L, lane)
        for n in range(offsets_CN.shape[1]):
            at = begin + offsets_CN[channel, n]
            value = entry(memory, slopes + (1 + 2 * n) * lanes + lane)
            set_entry(gradients, at, value if disjoint else entry(gradients, at) + value)
