"""The operation of a quanvolutional layer, as a function of images and weights.

Where images and weights are ordinary tensors and the engine can read images as they lie, one
kernel goes from image to output and one back. Everything else goes patch by patch: the patches
are cut out by torch, and any engine evaluates them. Padding is torch's either way.

Shape suffixes: B batch, C channel, S spatial dimensions, K output channels, G groups, F filters
in a group, N values of a patch, P patches, R readout values, W weights of a circuit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import torch
from torch import Tensor

from resqunn.circuits.circuit import Circuit
from resqunn.engines.base import Engine
from resqunn.engines.compiled.images import ImageEngine
from resqunn.engines.guard import ordinary, require_memory
from resqunn.engines.places import Places
from resqunn.engines.statevector.gradients import REFERENCE, differentiable_gradients
from resqunn.nn.patches import Window
from resqunn.nn.placement import memory_format


@dataclass(frozen=True, eq=False)
class Quanvolution:
    """What a layer computes.

    Attributes:
        circuit, window: of each filter, and how it slides.
        groups: of channels, as in `nn.Conv2d`.
        summed: whether a filter has a circuit for each channel and adds up their values.
        angle_scale: what images are multiplied by, unless they are amplitudes.
    """

    circuit: Circuit
    window: Window
    groups: int
    summed: bool
    angle_scale: float

    def __call__(self, engine: Engine, x_BCS: Tensor, weight: Tensor) -> Tensor:
        """The output channels (B, K, S') of images, in their memory format."""
        if x_BCS.shape[0] and ordinary(x_BCS, weight):
            reader = engine.reader(self.circuit, x_BCS.dtype)
            if reader is not None:
                unpadded = self.unpadded
                if unpadded is not self:
                    self.window.output_size(*x_BCS.shape[2:])  # asks what can be padded
                    layout = memory_format(x_BCS)
                    x_BCS = self.window.padded(x_BCS).contiguous(memory_format=layout)
                return _InPlace.apply(unpadded, reader, x_BCS, weight)
        return self.by_patches(engine, x_BCS, weight)

    def by_patches(self, engine: Engine, x_BCS: Tensor, weight: Tensor) -> Tensor:
        """The same by any engine, through patches that are cut out."""
        channels, outputs = x_BCS.shape[1], self.window.output_size(*x_BCS.shape[2:])
        inputs_GNP = self.window.patches(x_BCS, channels if self.summed else self.groups)
        if self.angle_scale != 1.0 and not self.circuit.encoding.prepares_amplitudes:
            inputs_GNP = inputs_GNP * self.angle_scale
        room = self.circuit.num_inputs - inputs_GNP.shape[1]
        if room:  # amplitudes may be fewer
            inputs_GNP = torch.nn.functional.pad(inputs_GNP, (0, 0, 0, room))
        weights_GFW = self.weights(weight, channels)
        values_GFRP = engine.expectation_values(self.circuit, inputs_GNP, weights_GFW)
        if self.summed:
            values_GFRP = values_GFRP.unflatten(0, (self.groups, -1)).sum(1)
        channels = weight.shape[0] * self.circuit.num_outputs
        y_KBS = values_GFRP.reshape(channels, x_BCS.shape[0], *outputs)
        return y_KBS.transpose(0, 1).contiguous(memory_format=memory_format(x_BCS))

    @cached_property
    def unpadded(self) -> Quanvolution:
        """The same of images that have their margins."""
        if not any(map(any, self.window.margins)):
            return self
        return replace(self, window=self.window.unpadded)

    def weights(self, weight: Tensor, channels: int) -> Tensor:
        """A layer's weights as engines take them: (C, F, W), for each group of channels that one
        circuit reads."""
        count, filters = self.circuit.num_weights, weight.shape[0] // self.groups
        if not self.summed:
            return weight.reshape(self.groups, filters, count)
        members = channels // self.groups
        weights = weight.reshape(self.groups, filters, members, count).transpose(1, 2)
        return weights.reshape(channels, filters, count)

    def as_weight(self, weights_CFW: Tensor, like: Tensor) -> Tensor:
        """The inverse of `weights`."""
        if not self.summed:
            return weights_CFW.view(like.shape)
        split = weights_CFW.unflatten(0, (self.groups, -1)).transpose(1, 2)
        return split.reshape(like.shape)


class _InPlace(torch.autograd.Function):
    """Images to outputs by compiled code, with its own first derivatives."""

    @staticmethod
    def forward(
        ctx: Any, operation: Quanvolution, engine: ImageEngine, x_BCS: Tensor, weight: Tensor
    ) -> Tensor:
        require_memory(x_BCS, weight)
        ctx.save_for_backward(x_BCS, weight)
        x_BCS = x_BCS.resolve_neg()
        layout = memory_format(x_BCS)
        channels = x_BCS.shape[1]
        if layout == torch.contiguous_format:
            x_BCS = x_BCS.contiguous()
        weights_CFW = operation.weights(weight.resolve_neg(), channels).contiguous()
        outputs = weight.shape[0] * operation.circuit.num_outputs
        places = _places(operation, tuple(x_BCS.shape[1:]), layout, outputs)
        sizes = places.sizes[3 - operation.window.rank :]
        if layout == torch.contiguous_format:  # made of the images, to be of their class
            out = x_BCS.new_empty(x_BCS.shape[0], outputs, *sizes)
        else:
            out = x_BCS.new_empty(x_BCS.shape[0], *sizes, outputs).movedim(-1, 1)
        scale = operation.angle_scale
        ctx.kept = engine.images_forward(operation.circuit, places, scale, x_BCS, weights_CFW, out)
        ctx.operation, ctx.engine, ctx.layout = operation, engine, layout
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
                return operation.by_patches(REFERENCE, x_BCS, weight)

            return None, None, *differentiable_gradients(values, tensors[:2], cotangents, wanted)
        x_BCS = x_BCS.resolve_neg()
        if ctx.layout == torch.contiguous_format:
            x_BCS = x_BCS.contiguous()
        weights_CFW = operation.weights(weight.resolve_neg(), x_BCS.shape[1]).contiguous()
        cotangents = cotangents.resolve_neg().contiguous(memory_format=ctx.layout)
        by_images, by_weights = ctx.engine.images_backward(
            operation.circuit, ctx.kept, x_BCS, weights_CFW, cotangents, wanted
        )
        if by_weights is not None:
            by_weights = operation.as_weight(by_weights, weight)
        return None, None, by_images, by_weights


@lru_cache(maxsize=256)
def _places(
    operation: Quanvolution, image: tuple[int, ...], layout: torch.memory_format, outputs: int
) -> Places:
    """Where an unpadded image (C, S) of that memory format has its patches."""
    groups = image[0] if operation.summed else operation.groups
    members = groups // operation.groups
    return operation.window.places(
        image, layout != torch.contiguous_format, groups, members, outputs
    )
