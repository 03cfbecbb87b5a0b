r"""The Fourier engine: encode-once circuits as trigonometric polynomials, compiled.

If every input enters by one rotation of one qubit, before all trainable gates, then each
expectation value is

$$f_r(x; w) = \sum_m C_{rm}(w) \prod_{i \in m} \{\cos x_i, \sin x_i\}$$

(Schuld, Sweke and Meyer, arXiv:2008.08605). `heisenberg.py` finds which products occur and
how the coefficients follow from the weights; `monomials.py` lays that out as arrays;
`kernels/polynomial.py` evaluates and differentiates it. The coefficients are computed once for
all patches, so that the cost per patch does not grow with depth once all products occur.

Shape suffixes as in `base.py`, and C groups of channels that one circuit reads, T tasks of a
group, S slots, K coefficients.
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
from resqunn.engines.compiled.engine import Gradients
from resqunn.engines.compiled.images import ImageEngine
from resqunn.engines.compiled.kernel import Constants, Flat, Kernel
from resqunn.engines.compiled.registers import BLOCK, LANE_BYTES
from resqunn.engines.compiled.scratch import scratch
from resqunn.engines.compiled.threads import share, useful_workers
from resqunn.engines.fourier.heisenberg import propagate
from resqunn.engines.fourier.monomials import TASK, FourierPlan, fourier_plan
from resqunn.engines.places import Places
from resqunn.errors import CircuitError

OPERATIONS_PER_THREAD = 8_000_000
"""A thread is started for at least this many multiplications (about a millisecond)."""

_NONE = {dtype: torch.empty(0, 0, 0, dtype=dtype, device="cpu") for dtype in DTYPES}
"""In place of gradients that nobody asked for."""

COEFFICIENTS = Kernel("resqunn.engines.fourier.kernels.coefficients", "coefficients")
WEIGHT_GRADIENTS = Kernel("resqunn.engines.fourier.kernels.coefficients", "weight_gradients")
FORWARD = Kernel("resqunn.engines.fourier.kernels.polynomial", "forward")
BACKWARD = Kernel("resqunn.engines.fourier.kernels.polynomial", "backward")


class Reading(NamedTuple):
    """Where and how the kernels read: the arrays of `Places`, and what images are multiplied by."""

    numbers: Any
    offsets_CN: Any
    scale: Any


def obstacle(circuit: Circuit) -> str | None:
    """Why the engine cannot evaluate a circuit; None if it can.

    >>> obstacle(Circuit("ry", "rx_chain", "z", inputs=4, depth=2, reupload=True))
    'qubit 0 is rotated by an input after another input'
    """
    try:
        propagate(circuit)
    except CircuitError as error:
        return str(error)
    return None


@dataclass(frozen=True)
class FourierEngine(ImageEngine):
    """Trigonometric polynomials in compiled code on the CPU, float32 and float64.

    First derivatives are computed by compiled code too.

    Raises:
        CircuitError: for a circuit that has an `obstacle`.
        ConfigurationError: for tensors that are not on the CPU.
    """

    name: str = "fourier"

    def obstacle(self, circuit: Circuit) -> str | None:
        return obstacle(circuit)

    def cost(self, circuit: Circuit) -> float | None:
        """In proportion to the monomials and their coefficients (`FourierPlan.operations`)."""
        if obstacle(circuit) is not None:
            return None
        plan = fourier_plan(circuit)
        # The rotations are done once a call: shared among the patches of 16 images, 28x28.
        return 0.28 * plan.operations(1, 1) + 6.0 * len(plan.pairs) / 3136

    def images_forward(
        self,
        circuit: Circuit,
        places: Places,
        scale: float,
        images: Tensor,
        weights_CFW: Tensor,
        out: Tensor,
    ) -> Any:
        plan = fourier_plan(circuit)
        groups, filters, _ = weights_CFW.shape
        state_CFS = _doubles(groups, filters, plan.slots)
        values_CK = images.new_empty(groups, filters * plan.coefficients)
        COEFFICIENTS(weights_CFW, plan.rotations, state_CFS, values_CK)
        call = _call(plan, places, scale, images.dtype, images.numel(), groups, filters)
        share(
            FORWARD,
            call.workers_forward,
            Flat(images),
            values_CK,
            call.tables,
            call.work(call.workers_forward, call.size_forward),
            Flat(out),
        )
        return state_CFS, values_CK, call

    def images_backward(
        self,
        circuit: Circuit,
        kept: Any,
        images: Tensor,
        weights_CFW: Tensor,
        cotangents: Tensor,
        wanted: tuple[bool, bool],
    ) -> Gradients:
        state_CFS, values_CK, call = kept
        plan = call.plan
        need_images, need_weights = wanted
        groups, coefficients = values_CK.shape
        sums_CTK = images.new_empty(groups, call.tasks, coefficients if need_weights else 0)
        by_images = _NONE[images.dtype]
        if need_images:
            by_images = torch.empty_like(images) if call.whole else torch.zeros_like(images)
        share(
            BACKWARD,
            call.workers_backward,
            Flat(images),
            values_CK,
            call.tables,
            call.work(call.workers_backward, call.size_backward),
            (Flat(cotangents), Flat(by_images), sums_CTK),
        )
        by_weights = None
        if need_weights:
            by_weights = torch.empty_like(weights_CFW)
            memory = _doubles(2 * plan.slots + plan.coefficients)
            WEIGHT_GRADIENTS(weights_CFW, plan.rotations, state_CFS, sums_CTK, memory, by_weights)
        return by_images if need_images else None, by_weights


class _Call:
    """The sizes and tables of a call of the kernels and its way back."""

    def __init__(
        self,
        plan: FourierPlan,
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
        outputs = filters * (len(plan.polynomial.begin_R) - 1)
        coefficients = filters * plan.coefficients
        self.size_forward = (plan.nodes + 1 + outputs) * self.lanes
        self.size_backward = (2 * plan.nodes + 1 + outputs) * self.lanes
        self.size_backward += coefficients * self.lanes // BLOCK
        self.operations = groups * plan.operations(patches, filters)
        self.most_forward = groups // places.members * self.tasks
        self.most_backward = groups * self.tasks

    @property
    def workers_forward(self) -> int:
        return useful_workers(self.most_forward, self.operations // OPERATIONS_PER_THREAD + 1)

    @property
    def workers_backward(self) -> int:
        return useful_workers(self.most_backward, 3 * self.operations // OPERATIONS_PER_THREAD + 1)

    def work(self, workers: int, size: int) -> tuple[Any, ...]:
        """The workers' memory and the sizes of the work."""
        memory = scratch("numbers", workers, size, self.dtype)
        return memory, scratch("places", workers, 2 * self.lanes, torch.int64), *self.sizes


_call = lru_cache(maxsize=256)(_Call)


def _doubles(*shape: int) -> Tensor:
    return torch.empty(shape, dtype=torch.float64, device="cpu")
