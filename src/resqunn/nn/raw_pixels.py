"""A warning for images in [0, 255], whose angles go around the circle many times."""

from __future__ import annotations

import math
import warnings

import torch
from torch import Tensor

from resqunn.engines.guard import ordinary

LOOKS = 10
"""How many batches of a layer are looked at."""

LINE = 64
"""How many values of a batch at most."""

_LEAST, _MOST = 16.0, 255.0

_warned = False


def warn_of_raw_pixels(x_BCS: Tensor, angle_scale: float) -> None:
    """Warns, once a process, if a batch looks like 8-bit images that were not scaled to [0, 1].

    Looked at are the middle values, 64 at most, of the middle line of the first image's first
    channel, on the CPU: they are within [0, 255], and the largest is above 16 and turned by more
    than once around the circle.
    """
    global _warned
    if _warned or x_BCS.numel() == 0 or not ordinary(x_BCS):
        return
    line = x_BCS.detach()[0, 0]
    while line.ndim > 1:
        line = line[len(line) // 2]
    start = max(0, (len(line) - LINE) // 2)
    least, most = (float(value) for value in torch.aminmax(line[start : start + LINE]))
    if least >= 0 and _LEAST < most <= _MOST and most * abs(angle_scale) > 2 * math.pi:
        _warned = True
        warnings.warn(
            f"images should lie in [0, 1], got a pixel of {most:g}, an angle of "
            f"{most * angle_scale:.4g} radians: divide 8-bit images by 255, or set angle_scale",
            stacklevel=4,
        )
