"""How the time of a step grows: with images, qubits, depth, filters and the size of images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from benchmarks.steps import with_gradients
from benchmarks.timing import Patience, race
from resqunn import Quanv2d
from resqunn.engines.auto import cheapest

ONCE, REUPLOAD, CONV = "once", "re-upload", "nn.Conv2d"
PATIENCE = Patience(rounds=9, least=3, seconds=1.0)
LONGEST = 2.0
"""A curve ends before a step is estimated to take so many seconds."""


class Point(NamedTuple):
    """One size of everything. An image of `size` has half as many patches along each side: of 2x2
    pixels for four qubits, else one pixel high and as wide as there are qubits."""

    images: int = 16
    qubits: int = 4
    depth: int = 4
    filters: int = 1
    size: int = 28

    @property
    def kernel(self) -> tuple[int, int]:
        return (2, 2) if self.qubits == 4 else (1, self.qubits)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Of all images."""
        height, width = (self.size // 2 * side for side in self.kernel)
        return self.images, 1, height, width

    @property
    def patches(self) -> int:
        return self.images * (self.size // 2) ** 2


class Panel(NamedTuple):
    """What varies, over which values, and from which value on the slope is fitted."""

    field: str
    title: str
    values: tuple[int, ...]
    linear_from: int
    others: Point = Point()
    conv: bool = True


PANELS: tuple[Panel, ...] = (
    Panel("images", "images", (1, 4, 16, 64, 256, 1024, 4096), 256),
    Panel("qubits", "qubits", (1, 2, 3, 4, 6, 8, 10, 12, 14, 16, 18, 20), 14, Point(images=4)),
    Panel("depth", "depth", (1, 2, 3, 4, 6, 8, 12, 16), 4, conv=False),
    Panel("filters", "filters", (1, 2, 4, 8, 16, 32, 64), 16),
    Panel("size", "side of an image, pixels", (8, 16, 28, 56, 112, 224), 56),
)


def _modules(point: Point, conv: bool) -> Iterator[tuple[str, nn.Module]]:
    """What is timed at a point, but for layers that are estimated to take too long."""
    outputs = point.filters * point.qubits
    for name in (ONCE, REUPLOAD):
        layer = Quanv2d(
            1,
            outputs,
            point.kernel,
            point.kernel,
            ansatz="rx_chain",
            depth=point.depth,
            reupload=name == REUPLOAD,
            angle_scale=1.0,
        )
        engine = cheapest(layer.circuit, point.filters)
        cost = engine.cost(layer.circuit, point.filters) if engine else None
        if cost is not None and 1e-9 * cost * point.patches < LONGEST:
            yield name, layer
    if conv:
        yield CONV, nn.Conv2d(1, outputs, point.kernel, point.kernel)


def curves(panels: tuple[Panel, ...] = PANELS) -> list[dict[str, Any]]:
    """Milliseconds of the processor over what varies, panel by panel."""
    return [_curves(panel) for panel in panels]


def _curves(panel: Panel) -> dict[str, Any]:
    times: dict[str, list[tuple[int, float]]] = {}
    for value in panel.values:
        point = panel.others._replace(**{panel.field: value})
        images = torch.rand(point.shape)
        contestants: dict[str, Callable[[], None]] = {
            name: with_gradients(module, images) for name, module in _modules(point, panel.conv)
        }
        for name, timing in race(contestants, PATIENCE).items():
            times.setdefault(name, []).append((value, 1e3 * timing.cpu))
    return {
        "varies": panel.field,
        "title": panel.title,
        "linear_from": panel.linear_from,
        "fixed": {k: v for k, v in panel.others._asdict().items() if k != panel.field},
        "milliseconds": {name: [list(pair) for pair in found] for name, found in times.items()},
        "slopes": {name: slope(found, panel.linear_from) for name, found in times.items()},
    }


def slope(found: list[tuple[int, float]], linear_from: int) -> float | None:
    """Of the logarithm of the time over that of what varies, fitted from a value on; None where
    there are fewer than three points."""
    tail = [pair for pair in found if pair[0] >= linear_from]
    if len(tail) < 3:
        return None
    x, y = np.log(np.array(tail, dtype=float)).T
    return float(np.polyfit(x, y, 1)[0])
