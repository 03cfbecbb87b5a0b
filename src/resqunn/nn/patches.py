"""Cutting images into patches, with the patch index last.

Shape suffixes: B batch, C channel, H W image height and width, G groups, N values of a
patch, P patches.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from resqunn.errors import ConfigurationError, ShapeError

Pair = tuple[int, int]


def pair(name: str, value: int | Pair, least: int) -> Pair:
    """An int or a pair of ints as a pair.

    Raises:
        ConfigurationError: for a value below `least`.
    """
    both = (value, value) if isinstance(value, int) else value
    if min(both) < least:
        raise ConfigurationError(
            f"{name} must be a whole number or a pair of them, each {least} or more, got {value!r}"
        )
    return both


@dataclass(frozen=True)
class Window:
    r"""How a kernel slides over an image, as in `torch.nn.Conv2d`.

    The output has $\lfloor (H + 2p - d(k-1) - 1)/s \rfloor + 1$ rows, and columns likewise.
    """

    kernel: Pair
    stride: Pair
    padding: Pair
    dilation: Pair

    def output_size(self, height: int, width: int) -> Pair:
        """The output's rows and columns.

        Raises:
            ShapeError: if the image has no pixels, or is smaller than the dilated kernel
                even when padded.
        """
        if 0 in (height, width):
            raise ShapeError(f"images must have pixels, got {height}x{width}: use larger images")
        spans = [d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True)]
        rooms = [n + 2 * p for n, p in zip((height, width), self.padding, strict=True)]
        if any(room < span for room, span in zip(rooms, spans, strict=True)):
            raise ShapeError(
                f"padded images must be as large as the kernel, which spans {spans[0]}x{spans[1]}, "
                f"got {rooms[0]}x{rooms[1]}: use larger images, more padding or a smaller kernel"
            )
        rows, columns = (
            (room - span) // s + 1 for room, span, s in zip(rooms, spans, self.stride, strict=True)
        )
        return rows, columns

    @property
    def _tiles(self) -> bool:
        """Whether patches tile the image without overlap or gap."""
        return self.kernel == self.stride and self.padding == (0, 0) and self.dilation == (1, 1)

    def patches(self, x_BCHW: Float[Tensor, "B C H W"], groups: int) -> Float[Tensor, "G N P"]:
        """The patches of each group of channels.

        Values of a patch run over the group's channels, then row-major over the kernel;
        patches run over the batch, then row-major over positions.
        """
        batch, channels, height, width = x_BCHW.shape
        rows, columns = self.output_size(height, width)
        if self._tiles:
            k, m = self.kernel
            if (rows * k, columns * m) != (height, width):
                x_BCHW = x_BCHW[:, :, : rows * k, : columns * m]
            tiles = x_BCHW.reshape(batch, groups, channels // groups, rows, k, columns, m)
            ordered = tiles.permute(1, 2, 4, 6, 0, 3, 5)
        else:
            columns_BNL = torch.nn.functional.unfold(
                x_BCHW,
                self.kernel,
                dilation=self.dilation,
                padding=self.padding,
                stride=self.stride,
            )
            ordered = columns_BNL.unflatten(1, (groups, -1)).permute(1, 2, 0, 3)
        values = channels // groups * self.kernel[0] * self.kernel[1]
        return ordered.reshape(groups, values, batch * rows * columns)
