"""The sum of two maps of different sizes, each padded with zeros.

Shape suffixes: B batch, C channel, S spatial dimensions.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from resqunn.engines.guard import ordinary
from resqunn.errors import ShapeError

ALIGNMENTS = ("zero_pad", "zero_pad_center")


def add_aligned(
    a_BCS: Float[Tensor, "B C1 *S1"], b_BCS: Float[Tensor, "B C2 *S2"], align: str
) -> Float[Tensor, "B C *S"]:
    """The sum of two maps of one rank, each zero-padded to the larger size in every dimension.

    Channels are padded at the end. Rows and columns (any spatial dimension) are padded at the
    bottom and right (`"zero_pad"`), or on both sides with the odd one at the bottom and right
    (`"zero_pad_center"`).

    Raises:
        ShapeError: for maps of different ranks.
    """
    if a_BCS.ndim != b_BCS.ndim:
        raise ShapeError(
            "maps must have as many dimensions to be summed, got "
            f"{tuple(a_BCS.shape)} and {tuple(b_BCS.shape)}"
        )
    sizes = [max(p, q) for p, q in zip(a_BCS.shape[1:], b_BCS.shape[1:], strict=True)]
    if _can_be_filled_in(a_BCS, b_BCS):
        return _FilledIn.apply(a_BCS, b_BCS, sizes, align)
    return _padded(a_BCS, sizes, align) + _padded(b_BCS, sizes, align)


def _padded(x_BCS: Tensor, sizes: list[int], align: str) -> Tensor:
    missing = [size - have for size, have in zip(sizes, x_BCS.shape[1:], strict=True)]
    if not any(missing):
        return x_BCS
    margins = []
    for zeros in reversed(missing[1:]):  # as pad takes them: the last dimension first
        before = _before(zeros, align)
        margins += [before, zeros - before]
    return nn.functional.pad(x_BCS, [*margins, 0, missing[0]])


def _before(zeros: int, align: str) -> int:
    """How many of the zeros of a spatial dimension come first."""
    return zeros // 2 if align == "zero_pad_center" else 0


def _can_be_filled_in(a_BCS: Tensor, b_BCS: Tensor) -> bool:
    """Whether `_FilledIn` takes these maps, and pays: a padded copy of either is saved."""
    return (
        ordinary(a_BCS, b_BCS)
        and a_BCS.shape[0] == b_BCS.shape[0]
        and a_BCS.shape != b_BCS.shape
        and a_BCS.dtype == b_BCS.dtype
        and a_BCS.is_contiguous()
        and b_BCS.is_contiguous()
    )


class _FilledIn(torch.autograd.Function):
    """The sum in one piece of memory, into which each map goes in its place.

    Padded copies of both would be three times as much memory to write, and their sum to read.
    """

    @staticmethod
    def forward(ctx: Any, a_BCS: Tensor, b_BCS: Tensor, sizes: list[int], align: str) -> Tensor:
        ctx.places = [_place(x, sizes, align) for x in (a_BCS, b_BCS)]
        sum_BCS = a_BCS.new_zeros(a_BCS.shape[0], *sizes)
        sum_BCS[ctx.places[0]] = a_BCS
        sum_BCS[ctx.places[1]] += b_BCS
        return sum_BCS

    @staticmethod
    def backward(ctx: Any, cotangents: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        pairs = zip(ctx.needs_input_grad[:2], ctx.places, strict=True)
        return *(cotangents[place] if wanted else None for wanted, place in pairs), None, None


def _place(x_BCS: Tensor, sizes: list[int], align: str) -> tuple[slice, ...]:
    """Where a map lies in the sum."""
    channels, *spatial = x_BCS.shape[1:]
    starts = [_before(size - have, align) for size, have in zip(sizes[1:], spatial, strict=True)]
    within = [slice(start, start + have) for start, have in zip(starts, spatial, strict=True)]
    return slice(None), slice(channels), *within
