r"""Where the values of patches lie in memory, and where the results go.

Value $n$ of patch $p$ of channel group $c$ lies at

    image * image_step + sum_d position_d * steps_d + offsets[c, n]

of a flat array, in entries, with $p$ = (image, position) and the position counted row-major.
The result of output channel $k$ for it goes to

    image * out_image_step + position * out_step + k * out_channel_step.

Images are read as they lie, and so are patches that have been cut out already (`of_rows`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from jaxtyping import Integer

DIMENSIONS = 3
"""Of a position; of images with fewer, the first ones have size 1."""


@dataclass(frozen=True, eq=False)
class Places:
    """The places of one kind of images.

    Attributes:
        sizes, steps: of positions, one for each of `DIMENSIONS`.
        image_step, out_image_step, out_step, out_channel_step: as above.
        offsets_CN: of the values of a patch, for each group of channels that one circuit reads.
        members: how many such groups are summed up in one group of output channels.
        disjoint: whether no value is in two patches.
        covering: whether every value of the images is in a patch.
    """

    sizes: tuple[int, ...]
    steps: tuple[int, ...]
    image_step: int
    out_image_step: int
    out_step: int
    out_channel_step: int
    offsets_CN: Integer[np.ndarray, "C N"]
    members: int = 1
    disjoint: bool = True
    covering: bool = True

    @cached_property
    def positions(self) -> int:
        """How many there are in an image."""
        return math.prod(self.sizes)

    def patches(self, values: int) -> int:
        """How many patches there are in images of so many values in all."""
        return self.positions * (values // self.image_step if self.image_step else min(values, 1))

    @cached_property
    def numbers(self) -> Integer[np.ndarray, " _"]:
        """All but the offsets, in the order in which kernels read them."""
        return np.array(
            [
                *self.sizes,
                *self.steps,
                self.image_step,
                self.out_image_step,
                self.out_step,
                self.out_channel_step,
                self.members,
                self.disjoint,
            ],
            dtype=np.int64,
        )


@lru_cache(maxsize=256)
def of_rows(groups: int, values: int, patches: int) -> Places:
    """The places of inputs (G, N, P) with results (G, F, R, P)."""
    return Places(
        sizes=(1, 1, patches),
        steps=(0, 0, 1),
        image_step=0,
        out_image_step=0,
        out_step=1,
        out_channel_step=patches,
        offsets_CN=np.arange(groups * values).reshape(groups, values) * patches,
    )
