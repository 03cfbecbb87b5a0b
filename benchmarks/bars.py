"""What the library is to hold: a limit for each quantity of a case, and whether it is met."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import torch

from benchmarks import imported, noisy, seeds
from benchmarks.layers import CONV, ONCE, OURS, REUPLOAD, on_256
from benchmarks.networks import head_case
from benchmarks.processes import ENGINES, LAYERS

OVER_CONV, MILLISECONDS, OVER_TORCH = "over Conv2d", "ms", "over torch"
EVER, LATER = "s, first use ever", "s, first call of a later process"
TIMES_LESS, OVER_STACK = "times less than one after another", "over a stack made by hand"
OVER_QNODE, OVER_HAND = "times as fast as the QNode", "over a circuit written by hand"
OVER_CLEAN, SAMPLED = "over the same without noise", "ms, with samples"
AT_LEAST = (TIMES_LESS, OVER_QNODE)
"""What is to be large; everything else is to be small."""


class Bar(NamedTuple):
    """The most, or the least, that a quantity of a case may be."""

    case: str
    quantity: str
    limit: float


def _pair(case: Any, small: float, large: float) -> list[Bar]:
    """On 16 and on 256 images."""
    limits = zip(on_256(case), (small, large), strict=True)
    return [Bar(str(one), OVER_CONV, limit) for one, limit in limits]


BARS: tuple[Bar, ...] = (
    *_pair(ONCE, 0.45, 0.40),
    *_pair(REUPLOAD, 0.85, 1.15),
    *_pair(replace(REUPLOAD, largest=math.pi), 1.1, 1.6),
    *_pair(replace(ONCE, by_images=False), 0.75, 0.75),
    *_pair(replace(REUPLOAD, by_images=False), 1.3, 2.5),
    *_pair(replace(ONCE, frozen=True), 0.8, 0.7),
    Bar(str(replace(ONCE, kernel=3)), OVER_CONV, 1.1),
    Bar(str(replace(ONCE, channels=3)), OVER_CONV, 4.5),
    Bar(str(replace(ONCE, filters=16)), OVER_CONV, 0.65),
    Bar(str(replace(REUPLOAD, kernel=3)), OVER_CONV, 11),
    Bar(str(replace(ONCE, dtype=torch.float64)), OVER_CONV, 3.2),
    Bar(str(replace(ONCE, kernel=4)), MILLISECONDS, 6),
    Bar(str(replace(REUPLOAD, channels=3, depth=2)), MILLISECONDS, 5),
    Bar(head_case(16), MILLISECONDS, 0.4),
    Bar(head_case(1024), MILLISECONDS, 8),
    *(Bar(kind, EVER, 15) for kind in ENGINES),
    *(Bar(kind, LATER, 0.15) for kind in ENGINES),
    *(Bar(kind, OVER_TORCH, 1.35) for kind, options in LAYERS.items() if options),
    *(Bar(kind, TIMES_LESS, limit) for kind, limit in seeds.BARS.items()),
    *(Bar(kind, OVER_STACK, 1.3) for kind in seeds.VMAP),
    *(Bar(kind, OVER_QNODE, row.least) for kind, row in imported.ROWS.items()),
    *(Bar(kind, OVER_HAND, 1.3) for kind, row in imported.ROWS.items() if row.by_hand),
    *(Bar(kind, OVER_CLEAN, row.most) for kind, row in noisy.NOISES.items()),
    *(Bar(kind, SAMPLED, most) for kind, (_, most) in noisy.SAMPLES.items()),
)


class Judged(NamedTuple):
    """A bar and what was measured; `excess` is by what part of the limit it is missed."""

    case: str
    quantity: str
    measured: float
    limit: float
    met: bool
    excess: float


def judged(data: dict[str, Any]) -> list[Judged]:
    """The bars of whatever was measured (`report.collected`)."""
    measured = dict(_measured(data))
    found = []
    for bar in BARS:
        value = measured.get(bar[:2])
        if value is not None:
            excess = (bar.limit / value if bar.quantity in AT_LEAST else value / bar.limit) - 1
            found.append(Judged(bar.case, bar.quantity, value, bar.limit, excess <= 0, excess))
    return found


def _measured(data: dict[str, Any]) -> Iterator[tuple[tuple[str, str], float]]:
    for entry in data["cases"]:
        cpu = entry.get("cpu_milliseconds", {})
        if OURS in cpu:
            yield (entry["case"], MILLISECONDS), cpu[OURS]
        if CONV in cpu:
            yield (entry["case"], OVER_CONV), cpu[OURS] / cpu[CONV]
    for kind, seconds in data.get("compilation", {}).items():
        yield (kind, EVER), seconds["ever"]
        yield (kind, LATER), seconds["later"]
    for kind, ratio in data.get("memory", {}).items():
        yield (kind, OVER_TORCH), ratio
    for kind, found in data.get("seeds", {}).items():
        yield (kind, TIMES_LESS), found["alone"] / found["together"]
    for kind, row in data.get("imported", {}).items():
        yield (kind, OVER_QNODE), row[imported.QNODE] / row[imported.OURS]
        if imported.BY_HAND in row:
            yield (kind, OVER_HAND), row[imported.OURS] / row[imported.BY_HAND]
    for kind, row in data.get("noise", {}).items():
        yield (kind, OVER_CLEAN), row[noisy.NOISY] / row[noisy.CLEAN]
    for kind, row in data.get("shots", {}).items():
        yield (kind, SAMPLED), row[noisy.SAMPLED]
    for kind, found in data.get("vmap", {}).items():
        yield (kind, OVER_STACK), found["vmap"] / found["by hand"]
