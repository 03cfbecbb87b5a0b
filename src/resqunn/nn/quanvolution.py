"""The operation of a quanvolutional layer, as a function of images and weights.

Where images and weights are ordinary tensors and the engine can read images as they lie, one
kernel goes from image to output and one back. Everything else goes patch by patch: the patches
are cut out by torch, and any engine evaluates them. Padding is torch's either way.

Shape suffixes: B batch, C channel, S spatial dimensions, K output channels, G groups, F filters
in a group, N values of a patch, P patches, R readout values, W weights of a circuit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import torch
from torch import Tensor

from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.engines.base import Engine, in_runs, measured
from resqunn.engines.compiled.engine import Gradients
from resqunn.engines.compiled.images import ImageEngine, Job, Program, Wanted
from resqunn.engines.derivatives import differentiable_gradients
from resqunn.engines.guard import compiling, has_memory, ordinary, require_memory, transformed
from resqunn.engines.reference import reference
from resqunn.engines.slots import weight_slots
from resqunn.nn.patches import Sizes, Window
from resqunn.nn.placement import memory_format
from resqunn.nn.stacking import transformed_values


@dataclass(frozen=True, eq=False)
class Quanvolution:
    """What a layer computes.

    Attributes:
        circuit, window: of each filter, and how it slides.
        groups: of channels, as in `nn.Conv2d`.
        summed: whether a filter has a circuit for each channel and adds up their values.
        angle_scale: what images are multiplied by, unless they are amplitudes.
    """

    circuit: GateCircuit
    window: Window
    groups: int
    summed: bool
    angle_scale: float

    def __call__(self, engine: Engine, x_BCS: Tensor, weight: Tensor) -> Tensor:
        """The output channels (B, K, S') of images, in their memory format."""
        lowered, alone = in_runs(self.circuit)[1:]
        if not alone:
            # Inputs are computed of patches, and variances are those of each channel.
            if lowered.inputs is not None or compiling() or (self.summed and self._variances):
                return self.by_patches(engine, x_BCS, weight)
            return self._by_runs(engine, x_BCS, weight)
        plain = ordinary(x_BCS, weight)
        if x_BCS.shape[0] and (plain or transformed(x_BCS, weight)):
            reader = engine.reader(self.circuit, weight.shape[0] // self.groups)
            if isinstance(reader, ImageEngine):
                unpadded = self.unpadded
                if unpadded is not self:
                    self.window.output_size(*x_BCS.shape[2:])  # asks what can be padded
                    layout = memory_format(x_BCS)
                    x_BCS = self.window.padded(x_BCS).contiguous(memory_format=layout)
                if not plain:
                    return transformed_values(unpadded, reader, x_BCS, weight)
                if torch.is_grad_enabled() and (x_BCS.requires_grad or weight.requires_grad):
                    return _InPlace.apply(unpadded, reader, x_BCS, weight)
                return unpadded.values(reader, x_BCS, weight)[0]
        return self.by_patches(engine, x_BCS, weight)

    def values(
        self, engine: ImageEngine, x_BCS: Tensor, weight: Tensor
    ) -> tuple[Tensor, torch.memory_format]:
        """The output channels of unpadded images by compiled code, and the images' layout."""
        require_memory(x_BCS, weight)
        layout = memory_format(x_BCS)
        x_BCS = dense(x_BCS, layout)
        program, shape = _program(self, engine, x_BCS.shape, layout, x_BCS.dtype, weight.shape)
        out = x_BCS.new_empty(shape)  # made of the images, to be of their class
        program.values(x_BCS, self.weights_in_memory(weight, x_BCS.shape[1]), out)
        return out if layout == torch.contiguous_format else out.movedim(-1, 1), layout

    def gradients(
        self, engine: ImageEngine, tensors: tuple[Tensor, ...], layout: Any, wanted: Wanted
    ) -> Gradients:
        """Those by images and by weight, given both and the derivatives by the output."""
        x_BCS, weight, cotangents = tensors
        x_BCS, cotangents = dense(x_BCS, layout), dense(cotangents, layout)
        shape, channels = weight.shape, x_BCS.shape[1]
        program, _ = _program(self, engine, x_BCS.shape, layout, x_BCS.dtype, shape)
        weights_CFW = self.weights_in_memory(weight, channels)
        by_images, by_weights = program.gradients(x_BCS, weights_CFW, cotangents, wanted)
        if by_weights is not None and self.summed:
            split = by_weights.unflatten(0, (self.groups, -1)).transpose(1, 2)
            by_weights = split.reshape(shape)
        return by_images, by_weights

    def by_patches(self, engine: Engine, x_BCS: Tensor, weight: Tensor) -> Tensor:
        """The same by any engine, through patches that are cut out."""
        weights_GFW = self.weights(weight, x_BCS.shape[1])
        values = engine.expectation_values(self.circuit, self.inputs(x_BCS), weights_GFW)
        return self.outputs(values, x_BCS)

    def inputs(self, x_BCS: Tensor) -> Tensor:
        """The patches of images as a circuit reads them (G, N, P)."""
        groups = x_BCS.shape[1] if self.summed else self.groups
        inputs_GNP = self.window.patches(x_BCS, groups)
        if self.angle_scale != 1.0 and not self.circuit.prepares_amplitudes:
            inputs_GNP = inputs_GNP * self.angle_scale
        room = self.circuit.num_inputs - inputs_GNP.shape[1]
        if room:  # amplitudes may be fewer
            inputs_GNP = torch.nn.functional.pad(inputs_GNP, (0, 0, 0, room))
        return inputs_GNP

    def outputs(self, values_GFRP: Tensor, x_BCS: Tensor) -> Tensor:
        """A circuit's values on the patches of images as output channels (B, K, S')."""
        sizes = self.window.output_size(*x_BCS.shape[2:])
        if self.summed:
            values_GFRP = values_GFRP.unflatten(0, (self.groups, -1)).sum(1)
        channels = math.prod(values_GFRP.shape[:3])
        y_KBS = values_GFRP.reshape(channels, x_BCS.shape[0], *sizes)
        return y_KBS.transpose(0, 1).contiguous(memory_format=memory_format(x_BCS))

    @cached_property
    def _variances(self) -> bool:
        return any(observable.variance for observable in self.circuit.observables)

    @cached_property
    def runs(self) -> tuple[Quanvolution, ...]:
        """The same for each of the circuit's runs."""
        scale = self.angle_scale * self.circuit.lowered.scale
        runs = self.circuit.runs
        return tuple(replace(self, circuit=run.circuit, angle_scale=scale) for run in runs)

    @cached_property
    def _in_one_run(self) -> bool:
        """Whether the values are those of the only run."""
        rows = [run.rows for run in self.circuit.runs]
        return rows == [tuple(range(self.circuit.num_outputs))] and not self._variances

    def reader(self, engine: Engine, filters: int) -> tuple[Engine | None, ...]:
        """What evaluates each run's circuit on images as they lie."""
        if self.circuit.lowered.inputs is not None:
            return (None,)
        return tuple(engine.reader(run.circuit, filters) for run in self.circuit.runs)

    def _by_runs(self, engine: Engine, x_BCS: Tensor, weight: Tensor) -> Tensor:
        filters, slots = weight.shape[0], self.circuit.lowered.weights
        if slots is not None:
            if has_memory(weight):
                require_memory(weight)
            shape = weight.shape[: 1 + self.summed]
            weight = weight_slots(slots, weight.reshape(*shape, -1))
        if self._in_one_run:
            return self.runs[0](engine, x_BCS, weight)
        values = [run(engine, x_BCS, weight).unflatten(1, (filters, -1)) for run in self.runs]
        whole = measured(self.circuit, values, 2).flatten(1, 2)
        return whole.contiguous(memory_format=memory_format(x_BCS))

    @cached_property
    def unpadded(self) -> Quanvolution:
        """The same of images that have their margins."""
        if not any(map(any, self.window.margins)):
            return self
        return replace(self, window=self.window.unpadded)

    def side_by_side(self, count: int) -> Quanvolution:
        """The operation of so many networks, in groups of channels."""
        return _side_by_side(self, count)

    def weights(self, weight: Tensor, channels: int) -> Tensor:
        """A layer's weights as engines take them: (C, F, W), for each group of channels that one
        circuit reads."""
        count, filters = self.circuit.num_weights, weight.shape[0] // self.groups
        if not self.summed:
            return weight.reshape(self.groups, filters, count)
        members = channels // self.groups
        weights = weight.reshape(self.groups, filters, members, count).transpose(1, 2)
        return weights.reshape(channels, filters, count)

    def weights_in_memory(self, weight: Tensor, channels: int) -> Tensor:
        """The same for compiled code, of any shape."""
        return dense(self.weights(weight, channels) if self.summed else weight)


def dense(tensor: Tensor, layout: torch.memory_format = torch.contiguous_format) -> Tensor:
    """The tensor, or a copy, in this memory format, with nothing put off."""
    return tensor.resolve_neg().contiguous(memory_format=layout)


class _InPlace(torch.autograd.Function):
    """Images to outputs by compiled code, with its own first derivatives."""

    @staticmethod
    def forward(
        ctx: Any, operation: Quanvolution, engine: ImageEngine, x_BCS: Tensor, weight: Tensor
    ) -> Tensor:
        ctx.save_for_backward(x_BCS, weight)
        ctx.operation, ctx.engine = operation, engine
        out, ctx.layout = operation.values(engine, x_BCS, weight)
        return out

    @staticmethod
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, cotangents: Tensor
    ) -> tuple[None, None, Tensor | None, Tensor | None]:
        x_BCS, weight = ctx.saved_tensors
        operation, wanted = ctx.operation, ctx.needs_input_grad[2:]
        tensors = (x_BCS, weight, cotangents)
        plain = ordinary(*tensors)
        if plain:
            require_memory(*tensors)
        if not plain or torch.is_grad_enabled():

            def values(x_BCS: Tensor, weight: Tensor) -> Tensor:
                return operation.by_patches(reference(operation.circuit), x_BCS, weight)

            return None, None, *differentiable_gradients(values, tensors[:2], cotangents, wanted)
        return None, None, *operation.gradients(ctx.engine, tensors, ctx.layout, wanted)


@lru_cache(maxsize=256)
def _side_by_side(operation: Quanvolution, count: int) -> Quanvolution:
    """One for each count, since programs are kept for each operation."""
    return replace(operation, groups=count * operation.groups)


@lru_cache(maxsize=256)
def _program(
    operation: Quanvolution,
    engine: ImageEngine,
    images: Sizes,
    layout: torch.memory_format,
    dtype: torch.dtype,
    weight: Sizes,
) -> tuple[Program, Sizes]:
    """What the engine does for unpadded images (B, C, S) of that memory format and a weight, and
    the output's shape in memory."""
    batch, *image = images
    circuit, groups = operation.circuit, operation.groups
    inner = image[0] if operation.summed else groups
    outputs, channels_last = weight[0] * circuit.num_outputs, layout != torch.contiguous_format
    places = operation.window.places(tuple(image), channels_last, inner, inner // groups, outputs)
    values, filters = math.prod(images), weight[0] // groups
    job = Job(circuit, places, values, dtype, operation.angle_scale, inner, filters)
    sizes = places.sizes[3 - operation.window.rank :]
    shape = (batch, *sizes, outputs) if channels_last else (batch, outputs, *sizes)
    return engine.program(job), shape
