r"""The cosines and sines of the inputs of a block of patches: $\cos \alpha x_n$, $\sin \alpha x_n$.

Of each input $x_n$ a block has two rows of one number a patch, in rows $1 + 2n$ and $2 + 2n$ of a
worker's memory; $\alpha$ is what images are multiplied by. Where patches lie, `positions.py` says.
"""

from __future__ import annotations

import math

from resqunn.engines.compiled.kernels.lanes import (
    any_beyond,
    entry,
    inner,
    load,
    spread,
    store,
    width,
)
from resqunn.engines.compiled.kernels.positions import clear, read_inputs
from resqunn.engines.compiled.kernels.sines import LARGE, NEAR, near_sines, signed_sines
from resqunn.engines.compiled.registers import BLOCK


@inner
def _sines(memory, cosines, spare, scale):
    """The cosines of a block of angles times `scale` in their place, and the sines after them."""
    lanes = BLOCK * width(memory)
    far = large = False
    for part in range(0, lanes, width(memory)):
        angle = load(memory, cosines + part) * spread(scale, memory)
        far |= any_beyond(angle, NEAR)
        large |= any_beyond(angle, LARGE)
        store(memory, spare + part, angle)
    for part in range(0, lanes, width(memory)):
        angle = load(memory, spare + part)
        if far:
            cosine, sine = signed_sines(angle, memory)
        else:  # the same bits in less time
            cosine, sine = near_sines(angle, memory)
        store(memory, cosines + part, cosine)
        store(memory, cosines + lanes + part, sine)
    if large:
        for lane in range(lanes):
            x = 1.0 * entry(memory, spare + lane)
            if abs(x) > LARGE:  # and no other lane: patches do not see their neighbours
                finite = abs(x) < math.inf
                memory[cosines + lane] = math.cos(x) if finite else math.nan
                memory[cosines + lanes + lane] = math.sin(x) if finite else math.nan


@inner
def read_sines(memory, spare, images, reading, channel, places):
    """The cosines and sines of a block of one group of channels.

    `spare` is a row to work in; `places` are the runs of the images, how many, and the number of
    patches.
    """
    runs, count, patches = places
    lanes = BLOCK * width(memory)
    read_inputs(memory, (lanes, 2 * lanes), images, reading, channel, (runs, count))
    for n in range(reading.offsets_CN.shape[1]):
        clear(memory, (1 + 2 * n) * lanes, patches, lanes)
        _sines(memory, (1 + 2 * n) * lanes, spare, reading.scale[0])
