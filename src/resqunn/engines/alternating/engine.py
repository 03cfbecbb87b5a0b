r"""The alternating engine: re-uploading circuits of RY by inputs and RX by weights, compiled.

Layers of rotations by inputs alternate with layers of rotations by weights and CNOTs. Where the
latter are diagonal, up to the order of rows (`schedule.py`), a layer takes little more than half
of the arithmetic that it takes a general engine. The way back computes the states again and keeps
them, and then undoes layer after layer with one bra for all outputs (adjoint differentiation,
Jones and Gacon, arXiv:2009.02823): all derivatives of a layer are read off one pair of bra and
state.

Shape suffixes as in `base.py` and `schedule.py`, and C groups of channels that one circuit reads.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from resqunn.circuits.circuit import Circuit
from resqunn.engines.alternating.schedule import Schedule, schedule
from resqunn.engines.base import DTYPES
from resqunn.engines.compiled.engine import Gradients
from resqunn.engines.compiled.images import ImageEngine
from resqunn.engines.compiled.kernel import Constants, Flat, Kernel
from resqunn.engines.compiled.registers import LANE_BYTES
from resqunn.engines.compiled.scratch import scratch
from resqunn.engines.compiled.threads import share, useful_workers
from resqunn.engines.places import Places
from resqunn.errors import CircuitError

OPERATIONS_PER_THREAD = 8_000_000
"""A thread is started for at least this many multiplications (about a millisecond)."""

TASK = 8
"""Registers of a task of small circuits at least."""

LARGEST = {torch.float32: 1e34, torch.float64: 1e290}
"""What the squared norm of a state may become before its factor is put in."""

PHASES = Kernel("resqunn.engines.alternating.kernels.phases", "phases")
WEIGHT_GRADIENTS = Kernel("resqunn.engines.alternating.kernels.phases", "weight_gradients")
FORWARD = Kernel("resqunn.engines.alternating.kernels.program", "forward")
BACKWARD = Kernel("resqunn.engines.alternating.kernels.program", "backward")

_NONE = {dtype: torch.empty(0, dtype=dtype, device="cpu") for dtype in DTYPES}
"""In place of gradients that nobody asked for."""


class Reading(NamedTuple):
    """Where and how the kernels read: the arrays of `Places`; what images are multiplied by, the
    factor of all values, and up to which tangent an angle counts as small."""

    numbers: Any
    offsets_CN: Any
    scale: Any


class Begin(NamedTuple):
    """Where in a worker's memory what begins."""

    kets: int
    bra: int
    cosines: int
    sines: int
    spare: int
    scale: int
    totals: int
    gradients: int
    sums: int
    size: int


@dataclass(frozen=True)
class AlternatingEngine(ImageEngine):
    """Compiled CPU kernels in float32 and float64 for circuits of RY(x), RX(w) and CNOTs.

    Raises:
        CircuitError: for a circuit that has an `obstacle`.
        ConfigurationError: for tensors that are not on the CPU.
    """

    name: str = "alternating"

    def obstacle(self, circuit: Circuit) -> str | None:
        return _obstacle(circuit)

    def cost(self, circuit: Circuit) -> float | None:
        """In proportion to the rows of all layers."""
        if _obstacle(circuit) is not None:
            return None
        plan = schedule(circuit)
        return 0.4 * plan.amplitudes * (plan.rotations + 2 * plan.count)

    def images_forward(
        self,
        circuit: Circuit,
        places: Places,
        scale: float,
        images: Tensor,
        weights_CFW: Tensor,
        out: Tensor,
    ) -> Any:
        plan = schedule(circuit)
        groups, filters, _ = weights_CFW.shape
        shape = (groups, filters, plan.count, plan.amplitudes, 2)
        phases_CFLA2 = images.new_empty(shape)
        PHASES(weights_CFW, plan.weights, _doubles(*shape[2:4]), phases_CFLA2)
        call = _call(plan, places, scale, images.dtype, images.numel(), groups, filters)
        share(
            FORWARD,
            call.workers_forward,
            Flat(images),
            phases_CFLA2,
            call.tables,
            call.work(call.workers_forward, 0),
            Flat(out),
        )
        return phases_CFLA2, call

    def images_backward(
        self,
        circuit: Circuit,
        kept: Any,
        images: Tensor,
        weights_CFW: Tensor,
        cotangents: Tensor,
        wanted: tuple[bool, bool],
    ) -> Gradients:
        phases_CFLA2, call = kept
        plan = call.plan
        need_images, need_weights = wanted
        groups, filters, *shape = phases_CFLA2.shape[:4]
        count = filters * plan.count * plan.amplitudes
        sums_CTK = images.new_empty(groups, call.tasks, count if need_weights else 0)
        by_images = _NONE[images.dtype]
        if need_images:
            by_images = torch.empty_like(images) if call.whole else torch.zeros_like(images)
        share(
            BACKWARD,
            call.workers_backward,
            Flat(images),
            phases_CFLA2,
            call.tables,
            call.work(call.workers_backward, 2 * plan.amplitudes * call.lanes),
            (Flat(cotangents), Flat(by_images), sums_CTK),
        )
        by_weights = None
        if need_weights:
            by_weights = torch.empty_like(weights_CFW)
            sums = sums_CTK.view(groups, call.tasks, filters, *shape)
            WEIGHT_GRADIENTS(plan.weights, sums, _doubles(*shape), by_weights)
        return by_images if need_images else None, by_weights


@lru_cache(maxsize=256)
def _obstacle(circuit: Circuit) -> str | None:
    try:
        schedule(circuit)
    except CircuitError as error:
        return str(error)
    return None


class _Call:
    """The sizes and tables of a call of the kernels and its way back."""

    def __init__(
        self,
        plan: Schedule,
        places: Places,
        scale: float,
        dtype: torch.dtype,
        values: int,
        groups: int,
        filters: int,
    ) -> None:
        self.plan, self.dtype = plan, dtype
        self.lanes = LANE_BYTES // dtype.itemsize
        rows, inputs = 2 * plan.amplitudes, len(plan.layers.uses_N) + 1
        readouts = len(plan.layers.constant_R)
        sizes = (
            rows * (plan.count + 1),
            rows,
            inputs,
            inputs,
            2,
            1,
            filters * readouts,
            inputs,
            filters * plan.count * plan.amplitudes,
        )
        begin = Begin(*itertools.accumulate((n * self.lanes for n in sizes), initial=0))
        self.size, self.flags = begin.size, inputs
        limit = (LARGEST[dtype] ** (1 / max(plan.rotations, 1)) - 1) ** 0.5
        factor = 0.5 ** len(plan.layers.product_Q2)
        reading = Reading(places.numbers, places.offsets_CN, np.array([scale, factor, limit]))
        self.tables = (plan.tables, Constants(reading), Constants(begin))
        patches = places.patches(values)
        chunk = max(TASK, 2**10 // plan.amplitudes) * self.lanes
        if not places.disjoint:  # then whole images
            chunk = -(-chunk // places.positions) * places.positions
        self.tasks = -(-patches // chunk)
        self.sizes = (patches, chunk)
        self.whole = places.disjoint and places.covering
        self.operations = groups * filters * patches * rows * (plan.rotations + 2 * plan.count)
        self.most_forward = groups // places.members * self.tasks
        self.most_backward = groups * self.tasks

    @property
    def workers_forward(self) -> int:
        return useful_workers(self.most_forward, self.operations // OPERATIONS_PER_THREAD + 1)

    @property
    def workers_backward(self) -> int:
        return useful_workers(self.most_backward, 3 * self.operations // OPERATIONS_PER_THREAD + 1)

    def work(self, workers: int, step: int) -> tuple[Any, ...]:
        """The workers' memory and the sizes of the work; states lie `step` apart."""
        memory = scratch("states", workers, self.size, self.dtype)
        marks = scratch("marks", workers, 2 * self.lanes + self.flags, torch.int64)
        return memory, marks, *self.sizes, step


_call = lru_cache(maxsize=256)(_Call)


def _doubles(*shape: int) -> Tensor:
    return torch.empty(shape, dtype=torch.float64, device="cpu")
