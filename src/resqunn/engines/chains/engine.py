r"""The chains engine: wide and shallow circuits, contracted qubit by qubit.

If layers of rotations alternate with chains of CNOTs 0-1, 1-2, ..., an expectation value is a
product of small matrices, one a qubit: what a qubit's neighbours see of it is, for each chain but
the last, two bits of a Pauli matrix. The cost grows linearly with the qubits and by about a
factor of four with each layer. `plan.py` reads that from a circuit; `kernels/` carries it out.

Shape suffixes as in `base.py`, and C groups of channels that one circuit reads, T tasks of a
group, K gates.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from resqunn.circuits.circuit import Circuit
from resqunn.engines.base import DTYPES
from resqunn.engines.chains.plan import ChainsPlan, chains_plan, obstacle
from resqunn.engines.compiled.engine import Gradients
from resqunn.engines.compiled.images import ImageEngine
from resqunn.engines.compiled.kernel import Constants, Flat, Kernel
from resqunn.engines.compiled.registers import BLOCK, LANE_BYTES
from resqunn.engines.compiled.scratch import scratch
from resqunn.engines.compiled.threads import share, useful_workers
from resqunn.engines.places import Places

OPERATIONS_PER_THREAD = 8_000_000
"""A thread is started for at least this many multiplications (about a millisecond)."""

TASK = 2
"""Blocks of patches in a task."""

_NONE = {dtype: torch.empty(0, 0, 0, dtype=dtype, device="cpu") for dtype in DTYPES}
"""In place of gradients that nobody asked for."""

FORWARD = Kernel("resqunn.engines.chains.kernels.passes", "forward")
BACKWARD = Kernel("resqunn.engines.chains.kernels.passes", "backward")


class Reading(NamedTuple):
    """Where and how the kernels read: the arrays of `Places`, and what images are multiplied by."""

    numbers: Any
    offsets_CN: Any
    scale: Any


@dataclass(frozen=True)
class ChainsEngine(ImageEngine):
    """Contractions along chains of qubits in compiled code on the CPU, float32 and float64.

    Raises:
        CircuitError: for a circuit that has an `obstacle`.
        ConfigurationError: for tensors that are not on the CPU.
    """

    name: str = "chains"

    def obstacle(self, circuit: Circuit) -> str | None:
        return obstacle(circuit)

    def cost(self, circuit: Circuit) -> float | None:
        """In proportion to the operations (`ChainsPlan.operations`)."""
        if obstacle(circuit) is not None:
            return None
        return NANOSECONDS * chains_plan(circuit).operations

    def images_forward(
        self,
        circuit: Circuit,
        places: Places,
        scale: float,
        images: Tensor,
        weights_CFW: Tensor,
        out: Tensor,
    ) -> Any:
        plan = chains_plan(circuit)
        groups, filters, _ = weights_CFW.shape
        sines = _sines(plan, weights_CFW, images.dtype)
        call = _call(plan, places, scale, images.dtype, images.numel(), groups, filters)
        workers = call.workers(call.most_forward, 1)
        share(
            FORWARD,
            workers,
            Flat(images),
            sines,
            call.tables,
            call.work(workers, call.size_forward),
            Flat(out),
        )
        return sines, call

    def images_backward(
        self,
        circuit: Circuit,
        kept: Any,
        images: Tensor,
        weights_CFW: Tensor,
        cotangents: Tensor,
        wanted: tuple[bool, bool],
    ) -> Gradients:
        sines, call = kept
        plan: ChainsPlan = call.plan
        need_images, need_weights = wanted
        groups, filters, _ = weights_CFW.shape
        sums_CTK = images.new_empty(groups, call.tasks, filters * plan.gates * need_weights)
        by_images = _NONE[images.dtype]
        if need_images:
            by_images = torch.empty_like(images) if call.whole else torch.zeros_like(images)
        workers = call.workers(call.most_backward, 3)
        share(
            BACKWARD,
            workers,
            Flat(images),
            sines,
            call.tables,
            call.work(workers, call.size_backward),
            (Flat(cotangents), Flat(by_images), sums_CTK),
        )
        by_weights = None
        if need_weights:
            sums = sums_CTK.double().sum(1).view(groups, filters, plan.gates)
            gates = np.flatnonzero(plan.weight_K >= 0)
            index = torch.from_numpy(plan.weight_K[gates])
            total = torch.zeros(weights_CFW.shape, dtype=torch.float64, device="cpu")
            total.index_add_(2, index, sums[:, :, torch.from_numpy(gates)])
            by_weights = total.to(weights_CFW.dtype)
        return by_images if need_images else None, by_weights


NANOSECONDS = 0.05
"""About what an operation takes, measured with 12 qubits."""


def _sines(plan: ChainsPlan, weights_CFW: Tensor, dtype: torch.dtype) -> Tensor:
    """The cosine and sine of every gate's angle (C, F, 2K), where that is not an input."""
    groups, filters, _ = weights_CFW.shape
    angles = torch.from_numpy(plan.constant_K).expand(groups, filters, plan.gates).clone()
    gates = np.flatnonzero(plan.weight_K >= 0)
    index = torch.from_numpy(plan.weight_K[gates])
    angles[:, :, torch.from_numpy(gates)] = weights_CFW.detach().double()[:, :, index]
    pairs = torch.stack((angles.cos(), angles.sin()), -1)
    return pairs.to(dtype).view(groups, filters, 2 * plan.gates)


class _Call:
    """The sizes and tables of a call of the kernels and its way back."""

    def __init__(
        self,
        plan: ChainsPlan,
        places: Places,
        scale: float,
        dtype: torch.dtype,
        values: int,
        groups: int,
        filters: int,
    ) -> None:
        self.plan, self.dtype = plan, dtype
        reading = Reading(places.numbers, places.offsets_CN, np.array([scale]))
        self.tables = (plan.tables, Constants(reading))
        self.lanes = BLOCK * LANE_BYTES // dtype.itemsize
        patches = places.patches(values)
        chunk = TASK * self.lanes
        if not places.disjoint:  # then whole images
            chunk = -(-chunk // places.positions) * places.positions
        self.tasks = -(-patches // chunk)
        self.sizes = (patches, chunk, filters)
        self.whole = places.disjoint and places.covering
        outputs = filters * len(plan.chain.constants_R)
        nodes = 1 + 2 * plan.inputs
        self.size_forward = (nodes + 1 + outputs + plan.rows_forward) * self.lanes
        self.size_backward = (2 * nodes + 1 + outputs + plan.rows_backward) * self.lanes
        self.size_backward += filters * plan.gates * self.lanes // BLOCK
        self.operations = groups * filters * patches * plan.operations // 4
        self.most_forward = groups // places.members * self.tasks
        self.most_backward = groups * self.tasks

    def workers(self, most: int, factor: int) -> int:
        """How many threads are to share so many tasks."""
        return useful_workers(most, factor * self.operations // OPERATIONS_PER_THREAD + 1)

    def work(self, workers: int, size: int) -> tuple[Any, ...]:
        """The workers' memory and the sizes of the work."""
        memory = scratch("numbers", workers, size, self.dtype)
        return memory, scratch("places", workers, 2 * self.lanes, torch.int64), *self.sizes


_call = lru_cache(maxsize=256)(_Call)
