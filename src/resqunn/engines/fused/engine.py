r"""Compiled state-vector kernels for the CPU: circuits of up to 20 qubits, values and
first derivatives.

`schedule.py` turns the circuit into tables and `kernels/` carries them out, one patch a lane
of the vector unit: code is compiled for a number type, not for a circuit (`compiled/`). Images,
and rows of amplitudes, are read as they lie; amplitudes are normalised on the way.

The way back computes the forward states again and then undoes pass after pass with one bra
for all outputs (adjoint differentiation, Jones and Gacon, arXiv:2009.02823); nothing but
inputs and weights is kept in between.

Shape suffixes as in `base.py` and `kernels/programs.py`.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from resqunn.circuits.circuit import Circuit
from resqunn.circuits.operations import Input
from resqunn.engines.base import DTYPES, size_obstacle
from resqunn.engines.compiled.engine import Gradients
from resqunn.engines.compiled.images import ImageEngine
from resqunn.engines.compiled.kernel import Constants, Flat, Kernel
from resqunn.engines.compiled.registers import LANE_BYTES
from resqunn.engines.compiled.scratch import scratch
from resqunn.engines.compiled.threads import share, useful_workers
from resqunn.engines.fused.layout import COEFFICIENTS, Begin, Reading
from resqunn.engines.fused.schedule import Schedule, schedule
from resqunn.engines.places import Places

KEPT_BYTES = 2**23
"""Up to this size the states after all passes are kept in a worker's memory on the way back."""

MAX_QUBITS = 20
"""Circuits with more are refused: a worker's memory would be over 256 MB."""

TASK = 8
"""Registers of a task at least."""

WORK_PER_THREAD = 2**18
"""One more thread for each of this many updates of an amplitude: about a tenth of a millisecond."""

RUN = Kernel("resqunn.engines.fused.kernels.programs", "run")
COMPOSE = Kernel("resqunn.engines.fused.kernels.turns", "compose")
WEIGHT_GRADIENTS = Kernel("resqunn.engines.fused.kernels.turns", "weight_gradients")

_NONE = {dtype: torch.empty(0, dtype=dtype, device="cpu") for dtype in DTYPES}
"""In place of derivatives that nobody asked for."""


@dataclass(frozen=True)
class FusedEngine(ImageEngine):
    """Compiled CPU kernels in float32 or float64, on as many threads as torch uses.

    Results do not depend on the number of threads, down to the last bit.

    Raises:
        CircuitError: for more than 20 qubits.
        ConfigurationError: for tensors that are not on the CPU.
    """

    name: str = "fused"

    def obstacle(self, circuit: Circuit) -> str | None:
        if _rotated_by_amplitudes(circuit):
            return "its inputs are amplitudes and angles at once"
        return size_obstacle(circuit, MAX_QUBITS)

    def cost(self, circuit: Circuit) -> float | None:
        """In proportion to the passes, and to the states that each of them updates."""
        if self.obstacle(circuit) is not None:
            return None
        table = schedule(circuit)
        return (1 + len(table.passes_S3)) * (4.2 + (0.2 if table.real else 0.5) * table.rows)

    def images_forward(
        self,
        circuit: Circuit,
        places: Places,
        scale: float,
        images: Tensor,
        weights_CFW: Tensor,
        out: Tensor,
    ) -> Any:
        table = schedule(circuit)
        channels, filters, _ = weights_CFW.shape
        shape = (channels, filters, len(table.turns_K4), COEFFICIENTS)
        coefficients_CFKC = images.new_empty(shape)
        COMPOSE(weights_CFW, table.gates, coefficients_CFKC)
        call = _call(table, places, scale, images.dtype, images.numel(), channels, filters)
        nothing = (False, Flat(out), Flat(_NONE[images.dtype]), call.no_sums)
        call.run(Flat(images), coefficients_CFKC, nothing)
        return coefficients_CFKC, call

    def images_backward(
        self,
        circuit: Circuit,
        kept: Any,
        images: Tensor,
        weights_CFW: Tensor,
        cotangents: Tensor,
        wanted: tuple[bool, bool],
    ) -> Gradients:
        coefficients_CFKC, call = kept
        by_images = by_weights = None
        if wanted[0]:
            by_images = torch.empty_like(images) if call.whole else torch.zeros_like(images)
        into = Flat(_NONE[images.dtype] if by_images is None else by_images)
        sums_CTFK6 = torch.empty(call.sums, dtype=torch.float64, device="cpu")
        call.run(Flat(images), coefficients_CFKC, (True, Flat(cotangents), into, sums_CTFK6))
        if wanted[1]:
            by_weights = torch.empty_like(weights_CFW)
            WEIGHT_GRADIENTS(weights_CFW, call.table.gates, sums_CTFK6, by_weights)
        return by_images, by_weights


@lru_cache(maxsize=256)
def _rotated_by_amplitudes(circuit: Circuit) -> bool:
    angles = (operation.angle for operation in circuit.operations)
    return circuit.encoding.prepares_amplitudes and any(isinstance(a, Input) for a in angles)


class _Call:
    """The sizes and tables of a call of the kernels and its way back."""

    def __init__(
        self,
        table: Schedule,
        places: Places,
        scale: float,
        dtype: torch.dtype,
        values: int,
        channels: int,
        filters: int,
    ) -> None:
        self.table, self.dtype = table, dtype
        self.lanes = LANE_BYTES // dtype.itemsize
        self.program = table.program(dtype)
        consecutive = int(np.all(np.diff(places.offsets_CN) == 1))
        reading = Reading(places.numbers, places.offsets_CN, np.array([scale]), consecutive)
        self.reading = Constants(reading)
        patches = places.patches(values)
        chunk = TASK * self.lanes
        if not places.disjoint:  # then whole images
            chunk = -(-chunk // places.positions) * places.positions
        self.patches, self.chunk = patches, chunk
        self.whole = places.disjoint and places.covering
        tasks = -(-patches // chunk)
        self.sums = (channels, tasks, filters, len(table.turns_K4), 6)
        self.no_sums = torch.empty((0, 0, 0, 0, 6), dtype=torch.float64, device="cpu")
        self.most = {False: channels // places.members * tasks, True: channels * tasks}
        updates = channels * filters * patches * table.rows
        self.threads = updates * (len(table.passes_S3) + 1) // WORK_PER_THREAD
        slots = 1 + len(table.passes_S3) - table.product
        state = table.rows * len(table.parts)
        keep = slots * state * LANE_BYTES <= KEPT_BYTES
        self.slots = {False: 1, True: slots if keep else 1}
        inputs = places.offsets_CN.shape[1]
        self.begin, self.size = {}, {}
        for back in (False, True):
            begin = self._begin(self.slots[back], state, inputs, filters)
            self.begin[back], self.size[back] = Constants(begin), begin.size

    def _begin(self, slots: int, state: int, inputs: int, filters: int) -> Begin:
        parts, turns = len(self.table.parts), len(self.table.turns_K4)
        registers = (
            slots * state,
            state,
            turns * 2 * parts,
            inputs,
            inputs,
            self.lanes,
            2,
            filters * len(self.table.diagonals_RA),
            inputs,
            turns * (2 * parts - 1),
            filters * turns * 6,
        )
        begin = itertools.accumulate((n * self.lanes for n in registers), initial=0)
        first = self.table.product % slots * state
        return Begin._make((*begin, first * self.lanes, state * self.lanes))

    def run(self, images: Flat, coefficients_CFKC: Tensor, results: tuple[Any, ...]) -> None:
        """Calls the kernel, there or back, as the first of the results says."""
        back = results[0]
        workers = useful_workers(self.most[back], self.threads)
        kind = "rows back" if back else "rows"  # of two sizes, each kept
        memory = scratch(kind, workers, self.size[back], self.dtype)
        marks = scratch("places", workers, 2 * self.lanes, torch.int64)
        share(
            RUN,
            workers,
            images,
            coefficients_CFKC,
            (self.program, self.reading, self.begin[back]),
            (memory, marks, self.slots[back], self.patches, self.chunk),
            results,
        )


_call = lru_cache(maxsize=256)(_Call)
