"""Quanvolutions under `torch.vmap` and `torch.func.grad`, by compiled code.

Under `torch.vmap` the axis that is mapped over becomes groups of channels: V networks' images
(B, C, S) are V C channels, their weights V K filters, and one call of compiled code evaluates all
of them. First derivatives likewise; second ones go through the reference engine.

Shape suffixes as in `quanvolution.py`, and V the axis that is mapped over.
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor
from torch._C import _functorch  # pyright: ignore[reportAttributeAccessIssue]
from torch._functorch.pyfunctorch import temporarily_pop_interpreter_stack

from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.engines.base import Engine
from resqunn.engines.compiled.engine import Gradients
from resqunn.engines.compiled.images import ImageEngine, Wanted
from resqunn.engines.guard import require_memory, transformed
from resqunn.engines.reference import reference
from resqunn.nn.placement import memory_format

Axis = int | None
"""Where a tensor has the axis that is mapped over, if it has it."""


@runtime_checkable
class Operation(Protocol):
    """What is known here of a `Quanvolution`."""

    @property
    def groups(self) -> int: ...

    @property
    def circuit(self) -> GateCircuit: ...

    def __call__(self, engine: Engine, x_BCS: Tensor, weight: Tensor) -> Tensor: ...

    def side_by_side(self, count: int) -> Operation:
        """The operation of so many networks, in groups of channels."""
        ...

    def values(self, engine: ImageEngine, x_BCS: Tensor, weight: Tensor) -> tuple[Tensor, Any]: ...

    def gradients(
        self, engine: ImageEngine, tensors: tuple[Tensor, ...], layout: Any, wanted: Wanted
    ) -> Gradients: ...

    def by_patches(self, engine: Engine, x_BCS: Tensor, weight: Tensor) -> Tensor: ...


def transformed_values(
    operation: Operation, engine: ImageEngine, x_BCS: Tensor, weight: Tensor
) -> Tensor:
    """The output channels of unpadded images, of which at least one tensor, or the call itself,
    stands under transformations of `torch.func`."""
    top = _functorch.peek_interpreter_stack()
    if top is None or top.key() != _functorch.TransformType.Vmap:
        return Stacked.apply(operation, engine, x_BCS, weight)
    # What torch does around `Stacked.vmap`, in a quarter of a millisecond less.
    level = top.level()
    (x, x_axis), (w, w_axis) = (_functorch._unwrap_batched(t, level) for t in (x_BCS, weight))
    with temporarily_pop_interpreter_stack():
        if x_axis is None and w_axis is None:
            return operation(engine, x, w)
        count = (x if x_axis is not None else w).shape[w_axis if x_axis is None else x_axis]
        out, axis = _mapped(operation, engine, (x, x_axis), (w, w_axis), count)
    return _functorch._add_batch_dim(out, axis, level)


class Stacked(torch.autograd.Function):
    """The output channels of unpadded images."""

    @staticmethod
    def forward(operation: Operation, engine: ImageEngine, x_BCS: Tensor, weight: Tensor) -> Tensor:
        return operation.values(engine, x_BCS, weight)[0]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        operation, engine, x_BCS, weight = inputs
        ctx.operation, ctx.engine = operation, engine
        ctx.save_for_backward(x_BCS, weight)

    @staticmethod
    def backward(ctx: Any, cotangents: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        wanted = ctx.needs_input_grad[2:]
        tensors = (*ctx.saved_tensors, cotangents)
        if transformed(*tensors):
            found = iter(_Gradients.apply(ctx.operation, ctx.engine, wanted, *tensors))
        else:  # what is done with the derivatives may be more than what was done with the values
            found = iter(_by_reference(ctx.operation, wanted, tensors))
        return None, None, *(next(found) if want else None for want in wanted)

    @staticmethod
    def vmap(  # pyright: ignore[reportIncompatibleMethodOverride]
        info: Any,
        axes: tuple[Axis, ...],
        operation: Operation,
        engine: ImageEngine,
        x_BCS: Tensor,
        weight: Tensor,
    ) -> tuple[Tensor, int]:
        return _mapped(operation, engine, (x_BCS, axes[2]), (weight, axes[3]), info.batch_size)


class _Gradients(torch.autograd.Function):
    """Those by images and by weights, as far as they are wanted, given the derivatives by the
    output channels."""

    @staticmethod
    def forward(
        operation: Operation,
        engine: ImageEngine,
        wanted: Wanted,
        x_BCS: Tensor,
        weight: Tensor,
        cotangents: Tensor,
    ) -> tuple[Tensor, ...]:
        tensors = (x_BCS, weight, cotangents)
        require_memory(*tensors)
        found = operation.gradients(engine, tensors, memory_format(x_BCS), wanted)
        return tuple(gradient for gradient in found if gradient is not None)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        operation, _, wanted, *tensors = inputs
        ctx.operation, ctx.wanted = operation, wanted
        ctx.save_for_backward(*tensors)

    @staticmethod
    def backward(ctx: Any, *directions: Tensor) -> tuple[Tensor | None, ...]:
        def gradients(*tensors: Tensor) -> tuple[Tensor, ...]:
            return _by_reference(ctx.operation, ctx.wanted, tensors)

        return None, None, None, *torch.func.vjp(gradients, *ctx.saved_tensors)[1](directions)

    @staticmethod
    def vmap(  # pyright: ignore[reportIncompatibleMethodOverride]
        info: Any,
        axes: tuple[Any, ...],
        operation: Operation,
        engine: ImageEngine,
        wanted: Wanted,
        x_BCS: Tensor,
        weight: Tensor,
        cotangents: Tensor,
    ) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
        count = info.batch_size
        x = _in_groups(x_BCS, axes[3], 1, count)
        w = _in_groups(weight, axes[4], 0, count)
        c = _in_groups(cotangents, axes[5], 1, count)
        stacked = operation.side_by_side(_members(count))
        found = _Gradients.apply(stacked, engine, wanted, x, w, c)
        places = [place for place, want in zip((1, 0), wanted, strict=True) if want]
        apart = (_apart(g, place, count) for g, place in zip(found, places, strict=True))
        return tuple(apart), tuple(places)


def _mapped(
    operation: Operation,
    engine: ImageEngine,
    images: tuple[Tensor, Axis],
    weights: tuple[Tensor, Axis],
    count: int,
) -> tuple[Tensor, int]:
    """The output channels, and the axis of those that are mapped over, of so many."""
    (x_BCS, x_axis), (weight, w_axis) = images, weights
    if w_axis is None:  # more images for the same filters
        found = operation(engine, _in_groups(x_BCS, x_axis, 0, count), weight)
        return _apart(found, 0, count), 0
    filters = _in_groups(weight, w_axis, 0, count)
    if x_axis is None and operation.groups == 1:  # more filters for the same images
        found = operation(engine, x_BCS, filters)
    else:
        stacked = operation.side_by_side(_members(count))
        found = stacked(engine, _in_groups(x_BCS, x_axis, 1, count), filters)
    return _apart(found, 1, count), 1


def _by_reference(
    operation: Operation, wanted: Wanted, tensors: tuple[Tensor, ...]
) -> tuple[Tensor, ...]:
    """What `_Gradients` gives, by operations of torch."""
    x_BCS, weight, cotangents = tensors

    def values(x_BCS: Tensor, weight: Tensor) -> Tensor:
        return operation.by_patches(reference(operation.circuit), x_BCS, weight)

    found = torch.func.vjp(values, x_BCS, weight)[1](cotangents)
    return tuple(gradient for gradient, want in zip(found, wanted, strict=True) if want)


def _members(count: int) -> int:
    """Networks of a stack: where there are none, there is one of zeros, left out in the end."""
    return max(count, 1)


def _in_groups(tensor: Tensor, axis: Axis, place: int, count: int) -> Tensor:
    """The axis that is mapped over as the outer part of another one; what has none is repeated."""
    if axis is None:
        sizes = [-1] * (tensor.ndim + 1)
        sizes[place] = _members(count)
        stacked = tensor.unsqueeze(place).expand(sizes)
    else:
        stacked = tensor if axis == place else tensor.movedim(axis, place)
        if not count:
            shape = list(stacked.shape)
            shape[place] = 1
            stacked = stacked.new_zeros(shape)
    return stacked.flatten(place, place + 1)


def _apart(tensor: Tensor, place: int, count: int) -> Tensor:
    """The opposite of `_in_groups`."""
    split = tensor.unflatten(place, (_members(count), -1))
    return split if count else split.narrow(place, 0, 0)
