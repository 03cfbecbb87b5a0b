"""The physical limit: how long the processor alone would need for a layer's arithmetic and bytes.

Neither is a count of instructions. Multiplications are what the engine's plan says
(`Program.operations`), done at the rate of a large matrix product; bytes are those of images,
outputs and the derivatives by them, each moved once, at the rate of a copy from main memory.
"""

from __future__ import annotations

import statistics
from functools import lru_cache
from typing import Any, NamedTuple

import torch

from benchmarks.timing import spent
from resqunn import Quanv2d
from resqunn.engines.compiled.images import ImageEngine, Job, program_of
from resqunn.engines.places import of_rows

WAY_BACK = 3
"""The way back takes about so many times the multiplications of the way forward: it computes the
values again, and two kinds of derivatives."""

MATRIX = 1024
COPIED_BYTES = 2**28


class Peak(NamedTuple):
    """What one core does in a second: multiply-adds, and bytes read or written."""

    multiplications: float
    bytes: float


class Work(NamedTuple):
    """What a call has to do at least."""

    multiplications: float
    bytes: float

    def milliseconds(self, peak: Peak) -> float:
        """Of the slower of the two, since a processor does both at once."""
        return 1e3 * max(
            self.multiplications / peak.multiplications,
            self.bytes / peak.bytes,
        )


@lru_cache(maxsize=2)
def peak(dtype: torch.dtype) -> Peak:
    """Of this core, measured: a matrix product, and a copy far larger than the caches."""
    a = torch.rand(MATRIX, MATRIX, dtype=dtype)
    product = torch.empty_like(a)
    source = torch.rand(COPIED_BYTES // dtype.itemsize, dtype=dtype)
    target = torch.empty_like(source)
    return Peak(
        MATRIX**3 / _seconds(lambda: torch.mm(a, a, out=product)),
        2 * COPIED_BYTES / _seconds(lambda: target.copy_(source)),
    )


def _seconds(call: Any) -> float:
    call()
    return statistics.median(spent(call).cpu for _ in range(9))


def work(
    layer: Quanv2d, images: torch.Tensor, outputs: int, by_images: bool, frozen: bool
) -> Work | None:
    """Of a layer of one group, whose output has so many numbers; None if it is not evaluated by
    compiled code."""
    circuit, filters = layer.circuit, len(layer.weight)
    patches = outputs // (filters * circuit.num_outputs)
    engine = layer.engine.reader(circuit, filters)
    if not isinstance(engine, ImageEngine):
        return None
    places, inputs = of_rows(1, circuit.num_inputs, patches), circuit.num_inputs
    job = Job(circuit, places, inputs * patches, images.dtype, 1.0, 1, filters)
    forward = program_of(engine, job).operations
    numbers = images.numel() + outputs  # read, and written
    if not frozen:
        numbers += images.numel() * (1 + by_images) + outputs
    return Work(forward * (1 if frozen else 1 + WAY_BACK), numbers * images.element_size())
