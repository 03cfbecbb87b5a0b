"""Cutting signals, images and volumes into patches, with the patch index last.

Shape suffixes: B batch, C channel, S spatial dimensions (L, or H and W, or D, H and W), G groups,
N values of a patch, P patches.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from resqunn.checks import shown
from resqunn.engines.guard import interpreted
from resqunn.engines.places import DIMENSIONS, Places
from resqunn.errors import ConfigurationError, ShapeError, WrongTypeError, unknown_name

Sizes = tuple[int, ...]
if TYPE_CHECKING:
    OneOrEach = int | Sequence[int]
    PaddingOption = int | Sequence[int] | str
else:
    OneOrEach = PaddingOption = Any  # how many are right depends on the rank: `sizes` asks

AXES = {1: "L", 2: "H, W", 3: "D, H, W"}
"""The spatial dimensions of each rank, in the order of a tensor's shape."""

PADDING_NAMES = ("same", "valid")
PADDING_MODES = ("zeros", "reflect", "replicate", "circular")

_SEVERAL = {1: "a tuple of one whole number", 2: "a pair of whole numbers", 3: "three of them"}


def sizes(name: str, value: OneOrEach, rank: int, least: int) -> Sizes:
    """A whole number, or one for each spatial dimension, as a tuple.

    Raises:
        WrongTypeError: for anything else.
        ConfigurationError: for a number below `least`.
    """
    each: Any = (value,) * rank if isinstance(value, Integral) else value
    message = (
        f"{name} must be a whole number or {_SEVERAL[rank]}, each {least} or more, "
        f"got {shown(value)}"
    )
    if isinstance(each, str) or not isinstance(each, Sequence) or len(each) != rank:
        raise WrongTypeError(message)
    if not all(isinstance(number, Integral) and not isinstance(number, bool) for number in each):
        raise WrongTypeError(message)
    if min(each) < least:
        raise ConfigurationError(message)
    return tuple(map(int, each))


def padding_of(value: PaddingOption, rank: int) -> Sizes | str:
    """A padding as `nn.Conv2d` takes it: a name is kept, everything else is as for `sizes`.

    Raises:
        ConfigurationError: for an unknown name, or as `sizes`.
    """
    if not isinstance(value, str):
        return sizes("padding", value, rank, 0)
    if value not in PADDING_NAMES:
        raise unknown_name("padding", value, PADDING_NAMES)
    return value


@dataclass(frozen=True)
class Window:
    r"""How a kernel slides over an image, as in `nn.Conv1d`, `nn.Conv2d` and `nn.Conv3d`.

    In each dimension the output has $\lfloor (n + p - d(k-1) - 1)/s \rfloor + 1$ values, with
    $p$ the padding on both sides together.

    Raises:
        ConfigurationError: for an unknown padding mode, or `"same"` with a stride.
    """

    kernel: Sizes
    stride: Sizes
    padding: Sizes | str
    dilation: Sizes
    padding_mode: str = "zeros"

    def __post_init__(self) -> None:
        if self.padding_mode not in PADDING_MODES:
            raise unknown_name("padding_mode", self.padding_mode, PADDING_MODES)
        if self.padding == "same" and set(self.stride) != {1}:
            raise ConfigurationError(
                f"stride must be 1 with padding='same', got {self.stride}: give the padding as "
                "numbers"
            )
        # Known from the start: torch.compile cannot enter the lock that Python 3.11 has here.
        _ = self.margins, self._tiles

    @property
    def rank(self) -> int:
        """How many spatial dimensions there are."""
        return len(self.kernel)

    @cached_property
    def unpadded(self) -> Window:
        """The same without padding: for images that have their margins."""
        return replace(self, padding=(0,) * self.rank, padding_mode="zeros")

    @cached_property
    def margins(self) -> tuple[tuple[int, int], ...]:
        """How many values are added before and after, in each dimension.

        `"same"` adds the odd one after, as torch does.
        """
        if self.padding == "valid":
            return ((0, 0),) * len(self.kernel)
        if self.padding == "same":
            totals = [d * (k - 1) for k, d in zip(self.kernel, self.dilation, strict=True)]
            return tuple((total // 2, total - total // 2) for total in totals)
        return tuple((int(each), int(each)) for each in self.padding)

    def output_size(self, *image: int) -> Sizes:
        """The output's spatial sizes for those of an image.

        Raises:
            ShapeError: if the image has no pixels, is smaller than the dilated kernel even when
                padded, or too small for its padding mode.
        """
        if 0 in image:
            raise ShapeError(f"images must have pixels, got {_times(image)}: use larger images")
        if self.padding_mode in ("reflect", "circular"):
            # Reflection leaves out the border itself; circular padding goes around once.
            spare = 1 if self.padding_mode == "reflect" else 0
            if any(max(m) + spare > n for n, m in zip(image, self.margins, strict=True)):
                raise ShapeError(
                    f"images must be {'larger than' if spare else 'at least as large as'} their "
                    f"padding {_times([max(m) for m in self.margins])} with padding_mode="
                    f"{self.padding_mode!r}, got {_times(image)}: use larger images or less padding"
                )
        spans = [d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True)]
        rooms = [n + sum(m) for n, m in zip(image, self.margins, strict=True)]
        if any(room < span for room, span in zip(rooms, spans, strict=True)):
            raise ShapeError(
                f"padded images must be as large as the kernel, which spans {_times(spans)}, "
                f"got {_times(rooms)}: use larger images, more padding or a smaller kernel"
            )
        steps = zip(rooms, spans, self.stride, strict=True)
        return tuple((room - span) // s + 1 for room, span, s in steps)

    @cached_property
    def _tiles(self) -> bool:
        """Whether patches tile the image without overlap or gap."""
        unpadded = all(margin == (0, 0) for margin in self.margins)
        return self.kernel == self.stride and unpadded and set(self.dilation) <= {1}

    def patches(self, x_BCS: Float[Tensor, "B C *S"], groups: int) -> Float[Tensor, "G N P"]:
        """The patches of each group of channels.

        Values of a patch run over the group's channels, then row-major over the kernel;
        patches run over the batch, then row-major over positions.
        """
        batch, channels, *image = x_BCS.shape
        outputs = self.output_size(*image)
        rank = len(outputs)
        members = channels // groups
        values, patches = members * math.prod(self.kernel), batch * math.prod(outputs)
        if rank == 2 and not self._tiles:
            before, after = zip(*self.margins, strict=True)
            alike = self.padding_mode == "zeros" and before == after  # unfold adds these itself
            columns_BNL = torch.nn.functional.unfold(
                x_BCS if alike else self.padded(x_BCS),
                self.kernel,
                dilation=self.dilation,
                padding=before if alike else 0,
                stride=self.stride,
            )
            ordered = columns_BNL.unflatten(1, (groups, -1)).permute(1, 2, 0, 3)
            return ordered.reshape(groups, values, patches)
        if self._tiles:
            covered = [n * k for n, k in zip(outputs, self.kernel, strict=True)]
            if covered != image or interpreted():  # a traced layer may be given other sizes
                x_BCS = x_BCS[(slice(None), slice(None), *map(slice, covered))]
        else:
            x_BCS = self._windows(self.padded(x_BCS), outputs)
        split = [size for both in zip(outputs, self.kernel, strict=True) for size in both]
        tiles = x_BCS.reshape(batch, groups, members, *split)
        inside, across = range(4, 4 + 2 * rank, 2), range(3, 3 + 2 * rank, 2)
        return tiles.permute(1, 2, *inside, 0, *across).reshape(groups, values, patches)

    def padded(self, x_BCS: Tensor) -> Tensor:
        """The images with their margins."""
        if all(margin == (0, 0) for margin in self.margins):
            return x_BCS
        if self.padding_mode == "circular":
            return self._around(x_BCS)
        mode = "constant" if self.padding_mode == "zeros" else self.padding_mode
        last_first = [size for margin in reversed(self.margins) for size in margin]
        return torch.nn.functional.pad(x_BCS, last_first, mode=mode)

    def _around(self, x_BCS: Tensor) -> Tensor:
        """Circular padding. Torch's writes in place, which torch.func.linearize folds away."""
        for axis, (before, after) in enumerate(self.margins, 2):
            if before == after == 0:
                continue
            size = x_BCS.shape[axis]
            ends = x_BCS.narrow(axis, size - before, before), x_BCS.narrow(axis, 0, after)
            x_BCS = torch.cat([ends[0], x_BCS, ends[1]], dim=axis)
        return x_BCS

    def places(
        self, image: Sizes, channels_last: bool, groups: int, members: int, outputs: int
    ) -> Places:
        """Where dense images that need no padding have their patches.

        Args:
            image: the sizes of one, (C, S).
            channels_last: whether its channels are the last in memory, of images and outputs.
            groups: of channels that one circuit reads.
            members: how many of these are summed up.
            outputs: how many channels the output has.
        """
        channels, *sizes = image
        found = self.output_size(*sizes)
        inner = channels if channels_last else 1
        steps = [inner * math.prod(sizes[axis + 1 :]) for axis in range(self.rank)]
        channel_step = 1 if channels_last else math.prod(sizes)
        offsets = np.arange(channels).reshape(groups, -1) * channel_step
        for k, d, step in zip(self.kernel, self.dilation, steps, strict=True):
            offsets = (offsets[..., None] + np.arange(k) * (d * step)).reshape(groups, -1)
        positions = math.prod(found)
        spans = [d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True)]
        before = (0,) * (DIMENSIONS - self.rank)
        covered = [n * k for n, k in zip(found, self.kernel, strict=True)]
        return Places(
            sizes=(*(1 for _ in before), *found),
            steps=(*before, *(s * step for s, step in zip(self.stride, steps, strict=True))),
            image_step=channels * math.prod(sizes),
            out_image_step=outputs * positions,
            out_step=outputs if channels_last else 1,
            out_channel_step=1 if channels_last else positions,
            offsets_CN=offsets,
            members=members,
            disjoint=all(s >= span for s, span in zip(self.stride, spans, strict=True)),
            covering=self._tiles and covered == sizes,
        )

    def _windows(self, x_BCS: Tensor, outputs: Sizes) -> Tensor:
        """(B, C, positions, kernel, positions, kernel, ...), axis by axis.

        Of slices, whose derivatives torch can batch (`torch.func.vmap`) and adds up in a fixed
        order, unlike those of `Tensor.unfold`.
        """
        steps = zip(outputs, self.kernel, self.stride, self.dilation, strict=True)
        for axis, (n, k, s, d) in zip(range(2, 2 + 2 * len(outputs), 2), steps, strict=True):
            before = (slice(None),) * axis
            reads = [(*before, slice(i * d, i * d + s * (n - 1) + 1, s)) for i in range(k)]
            x_BCS = torch.stack([x_BCS[read] for read in reads], dim=axis + 1)
        return x_BCS


def _times(numbers: Sequence[int]) -> str:
    return "x".join(map(str, numbers))
