"""Compiled engines that read images as they lie, and write outputs where they belong."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import lru_cache
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.engines.base import Engine
from resqunn.engines.compiled.arguments import Constants, Varying
from resqunn.engines.compiled.engine import CompiledEngine, Gradients
from resqunn.engines.compiled.scratch import aligned, scratch
from resqunn.engines.compiled.threads import share, useful_workers
from resqunn.engines.places import Places, of_rows

OPERATIONS_PER_THREAD = 8_000_000
"""A thread is started for at least this many multiplications (about a millisecond)."""

Wanted = tuple[bool, bool]
"""Whether gradients by images and by weights are asked for."""


class Job(NamedTuple):
    """One kind of call of an engine.

    Attributes:
        circuit: what is evaluated on each patch.
        places: where patches lie, in images of `values` numbers of `dtype` in all.
        scale: what the images are multiplied by.
        groups: of channels that one circuit reads.
        filters: of each group, circuits with weights of their own.
    """

    circuit: GateCircuit
    places: Places
    values: int
    dtype: torch.dtype
    scale: float
    groups: int
    filters: int


class Reading(NamedTuple):
    """Where and how kernels read: the arrays of `Places`, and what images are multiplied by."""

    numbers: Any
    offsets_CN: Any
    scale: Any


class Memory(NamedTuple):
    """What kernels work in, a row for each worker: numbers of the images' type, others in double
    precision, and where patches lie."""

    numbers_WM: Any
    doubles_WM: Any
    runs_WM: Any


class Step(NamedTuple):
    """A kernel with its tables, as a function of numbers and addresses.

    Attributes:
        first: what is done before, if anything, of the addresses of weights and of the arrays to
            work in, the shared ones first.
        run: of a worker's number, how many there are, and addresses: of images, weights, outputs
            or the derivatives by them, derivatives by the images, and the same arrays.
        finish: what is done afterwards, of the addresses of weights, the derivatives by them, and
            the same arrays.
        shared, each: how many bytes of the arrays there are in all, or for each worker.
    """

    first: Callable[..., None] | None
    run: Callable[..., None]
    finish: Callable[..., None] | None
    shared: tuple[int, ...]
    each: tuple[int, ...]


class Program(ABC):
    """What an engine does for one kind of call, prepared as far as it can be.

    Patches are grouped into tasks, each group of channels its own, which threads share. Tasks do
    not depend on how many threads there are.

    Attributes:
        patches, chunk, tasks: how many there are, how many a task has, and how many tasks.
        most: how many workers there may be.
        reading: the tables of where and how kernels read.
        operations: about how many multiplications the values of all patches take.
    """

    def __init__(self, job: Job, chunk: int, operations: int) -> None:
        """
        Args:
            chunk: how many patches a task has at least.
            operations: about how many multiplications the values of one patch take.
        """
        self.job, places = job, job.places
        self.reading = Constants(Reading(places.numbers, places.offsets_CN, np.array([job.scale])))
        self.patches = places.patches(job.values)
        if not places.disjoint:  # whole images, whose derivatives are one worker's
            chunk = -(-chunk // places.positions) * places.positions
        self.chunk, self.tasks = chunk, -(-self.patches // chunk)
        self.most = job.groups * self.tasks
        self.operations = job.groups * self.patches * operations
        # Threads that are kept busy, by values and by gradients.
        self._busy = tuple(n * self.operations // OPERATIONS_PER_THREAD + 1 for n in (1, 3))
        self._tasks_of_values = self.most // places.members
        self._writes_all = places.disjoint and places.covering
        self._steps: dict[Wanted | None, Step] = {}

    @abstractmethod
    def step(self, wanted: Wanted | None) -> Step:
        """The kernel for these gradients, or for None that for the values."""

    def arrays(self, wanted: Wanted | None) -> tuple[Varying, ...]:
        """Images, weights, outputs or the derivatives by them, and derivatives by the images."""
        (circuit, places, values, dtype, _, groups, filters) = self.job
        outputs = groups // places.members * filters * circuit.num_outputs * self.patches
        return (
            Varying(dtype, values),
            Varying(dtype, groups, filters, circuit.num_weights),
            Varying(dtype, outputs),
            Varying(dtype, values if wanted and wanted[0] else 0),
        )

    def memory(self, numbers: int, doubles: int, runs: int) -> tuple[Memory, tuple[int, ...]]:
        """The arrays of so many entries for each worker, and the bytes of each."""
        dtype = self.job.dtype
        arrays = ((dtype, numbers), (torch.float64, doubles), (torch.int64, runs))
        # Rows begin where arrays may begin.
        rounded = [(kind, aligned(kind.itemsize * size)) for kind, size in arrays]
        found = (Varying(kind, self.most, size // kind.itemsize) for kind, size in rounded)
        return Memory(*found), tuple(size for _, size in rounded)

    def values(self, images: Tensor, weights: Tensor, out: Tensor) -> None:
        """Writes the values of all patches.

        Args:
            images, out: dense, of any shape; `places` counts their values as they lie in memory.
            weights: as (groups, filters, W) in memory.
        """
        step = self._step(None)
        workers = useful_workers(self._tasks_of_values, self._busy[0])
        _kept, memory = _places(step, workers)
        if step.first is not None:
            step.first(weights.data_ptr(), *memory)
        addresses = images.data_ptr(), weights.data_ptr(), out.data_ptr()
        share(step.run, workers, *addresses, 0, *memory)

    def gradients(
        self, images: Tensor, weights: Tensor, cotangents: Tensor, wanted: Wanted
    ) -> Gradients:
        """The gradients by images and by weights, which lie in memory as these do."""
        step, workers = self._step(wanted), useful_workers(self.most, self._busy[1])
        _kept, memory = _places(step, workers)
        by_images = by_weights = None
        addresses = images.data_ptr(), weights.data_ptr(), cotangents.data_ptr()
        if wanted[0]:
            by_images = (torch.empty_like if self._writes_all else torch.zeros_like)(images)
        at = 0 if by_images is None else by_images.data_ptr()
        if step.first is not None:
            step.first(weights.data_ptr(), *memory)
        share(step.run, workers, *addresses, at, *memory)
        if step.finish is not None:
            by_weights = torch.empty_like(weights)
            step.finish(weights.data_ptr(), by_weights.data_ptr(), *memory)
        return by_images, by_weights

    def _step(self, wanted: Wanted | None) -> Step:
        found = self._steps.get(wanted)
        if found is None:
            found = self._steps[wanted] = self.step(wanted)
        return found


@lru_cache(maxsize=256)
def _offsets(shared: tuple[int, ...], each: tuple[int, ...], workers: int) -> tuple[int, ...]:
    """Where the arrays of a step begin in its memory, and where the last one ends."""
    return tuple(accumulate((*shared, *(workers * size for size in each)), initial=0))


def _places(step: Step, workers: int) -> tuple[Tensor, list[int]]:
    """Memory for the arrays of a step, and where they begin."""
    *begin, end = _offsets(step.shared, step.each, workers)
    kept = scratch(end)
    first = kept.data_ptr()
    return kept, [first + offset for offset in begin]


class ImageEngine(CompiledEngine):
    """Reads the values of patches, and writes results, where `Places` says."""

    @abstractmethod
    def program(self, job: Job) -> Program:
        """What is done for one kind of call."""

    def reader(self, circuit: GateCircuit, filters: int) -> Engine | None:
        return self

    def forward(self, circuit: GateCircuit, inputs_GNP: Tensor, weights_GFW: Tensor) -> Tensor:
        groups, filters, _ = weights_GFW.shape
        out_GFRP = inputs_GNP.new_empty(groups, filters, circuit.num_outputs, inputs_GNP.shape[2])
        self._on_rows(circuit, inputs_GNP, filters).values(inputs_GNP, weights_GFW, out_GFRP)
        return out_GFRP

    def backward(
        self,
        circuit: GateCircuit,
        inputs_GNP: Tensor,
        weights_GFW: Tensor,
        cotangents_GFRP: Tensor,
        wanted: Wanted,
    ) -> Gradients:
        program = self._on_rows(circuit, inputs_GNP, weights_GFW.shape[1])
        return program.gradients(inputs_GNP, weights_GFW, cotangents_GFRP, wanted)

    def _on_rows(self, circuit: GateCircuit, inputs_GNP: Tensor, filters: int) -> Program:
        groups, values, patches = inputs_GNP.shape
        places, dtype = of_rows(groups, values, patches), inputs_GNP.dtype
        job = Job(circuit, places, groups * values * patches, dtype, 1.0, groups, filters)
        return program_of(self, job)


@lru_cache(maxsize=256)
def program_of(engine: ImageEngine, job: Job) -> Program:
    """An engine's program for a job, prepared once."""
    return engine.program(job)
