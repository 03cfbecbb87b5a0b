r"""A block of patches: into a worker's memory, its turns and first state, and out again.

Outside, values lie as rows of patches in flat arrays; `offset` is where the first row starts.
In memory a row is one register of lanes. The last block has fewer patches than lanes; its
other lanes hold zeros.
"""

from __future__ import annotations

import math

import numpy as np

from resqunn.engines.compiled.kernels.lanes import apart, inner, load, spread, store, width
from resqunn.engines.compiled.kernels.sines import LARGE, sines
from resqunn.engines.fused.kernels.passes import product_state
from resqunn.engines.fused.layout import BASE, SLOPE


@apart
def read_block(memory, at, flat, offset, rows, patches, start):
    """Copies patches `start`, ... of each row into memory."""
    lanes = width(memory)
    count = min(lanes, patches - start)
    for n in range(rows):
        source, target = offset + n * patches + start, at + n * lanes
        if count == lanes:
            store(memory, target, load(flat, source))
            continue
        for k in range(count):
            memory[target + k] = flat[source + k]
        for k in range(count, lanes):
            memory[target + k] = 0


@apart
def write_block(memory, at, step, factor, add, flat, offset, rows, patches, start):
    """Writes, or adds, rows of memory that are `step` apart, times `factor`."""
    lanes = width(memory)
    count = min(lanes, patches - start)
    for n in range(rows):
        source, target = at + n * step, offset + n * patches + start
        if count == lanes:
            value = load(memory, source) * spread(factor, memory)
            if add:
                value = value + load(flat, target)
            store(flat, target, value)
            continue
        for k in range(count):
            value_k = memory[source + k] * factor
            flat[target + k] = flat[target + k] + value_k if add else value_k


@apart
def half_angles(memory, angles, cosines, sines_at, tangents, rows):
    r"""cos(x/2) and sin(x/2), up to a sign that makes the cosine positive, and tan(x/4).

    Turns by $x$ and $x + 2\pi$ differ in the sign of the whole state, which is never
    measured, so that $x/2$ may be reduced modulo $\pi$. `sines_at` may be `angles`.
    """
    lanes = width(memory)
    for n in range(rows):
        large = False
        for k in range(lanes):
            large |= abs(memory[angles + n * lanes + k]) > 2 * LARGE
        half = spread(0.5, memory) * load(memory, angles + n * lanes)
        if large:
            store(memory, tangents + n * lanes, half)
        cosine, sine, _ = sines(half, memory)
        store(memory, cosines + n * lanes, cosine)
        store(memory, sines_at + n * lanes, sine)
        if large:
            for k in range(lanes):
                half_k = 1.0 * memory[tangents + n * lanes + k]
                if abs(half_k) > LARGE:  # and no other lane: patches do not see their neighbours
                    finite = abs(half_k) < math.inf
                    cosine_k = math.cos(half_k) if finite else math.nan
                    sign = math.copysign(1.0, cosine_k)
                    memory[cosines + n * lanes + k] = sign * cosine_k
                    memory[sines_at + n * lanes + k] = (
                        sign * math.sin(half_k) if finite else math.nan
                    )
        _tangent(memory, n, cosines, sines_at, tangents)


@inner
def _tangent(memory, n, cosines, sines, tangents):
    at = n * width(memory)
    cosine = spread(1.0, memory) + load(memory, cosines + at)
    store(memory, tangents + at, load(memory, sines + at) / cosine)


@inner
def fill_turns(memory, at, cosines, sines, tangents, coefficients_KC, turns_K5, parts):
    """The turns of one block: cos(x/2) base + sin(x/2) slope, or the base alone;
    of a tilt, tan(x/4) and sin(x/2)."""
    lanes = width(memory)
    for k in range(turns_K5.shape[0]):
        n = turns_K5[k, 0]
        if turns_K5[k, 4]:
            t = s = spread(0.0, memory)
            if n >= 0:
                t, s = load(memory, tangents + n * lanes), load(memory, sines + n * lanes)
            store(memory, at, t)
            store(memory, at + lanes, s)
            at += 4 * lanes
            continue
        # A real turn has no parts x and z.
        for c in range(0, 4, 3 - len(parts)):
            value = spread(coefficients_KC[k, BASE + c], memory)
            if n >= 0:
                slope = spread(coefficients_KC[k, SLOPE + c], memory)
                cosine = load(memory, cosines + n * lanes)
                value = cosine * value + load(memory, sines + n * lanes) * slope
            store(memory, at, value)
            at += lanes


@inner
def first_state(memory, state, turns, product, amplitudes, flat, offset, patches, start, parts):
    """The product state of the first turns, or else the given real amplitudes."""
    lanes = width(memory)
    if product:
        product_state(memory, state, turns, amplitudes, parts)
        return
    stride = len(parts) * lanes
    for row in range(amplitudes):
        at = state + row * stride
        read_block(memory, at, flat, offset + row * patches, np.intp(1), patches, start)
        if len(parts) == 2:
            store(memory, at + lanes, spread(0.0, memory))
