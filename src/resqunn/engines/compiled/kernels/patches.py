r"""The cosines and sines of the inputs of a block of patches: $\cos \alpha x_n$, $\sin \alpha x_n$.

Of each input $x_n$ a block has two rows of one number a patch, in rows $1 + 2n$ and $2 + 2n$ of a
worker's memory; $\alpha$ is what images are multiplied by. Where patches lie, `positions.py` says.
"""

from __future__ import annotations

from resqunn.engines.compiled.kernels.lanes import inner, width
from resqunn.engines.compiled.kernels.positions import clear, read_inputs
from resqunn.engines.compiled.kernels.sines import block_sines
from resqunn.engines.compiled.registers import BLOCK


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
        block_sines(memory, (1 + 2 * n) * lanes, spare, reading.scale[0], True)
