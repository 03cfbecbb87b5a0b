"""Networks of one shape side by side: one call of compiled code a layer for all of them.

A small network's time is mostly fixed cost of Python and autograd, which many networks can share.
Each has images, weights and a head of its own, and its numbers are the same bits whatever
stands beside it: compiled code computes each group of channels, and each head, by itself.

Shape suffixes: B batch, M members, C channel, S spatial dimensions, K classes, D features.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from resqunn.engines.compiled.arguments import plain
from resqunn.engines.compiled.images import ImageEngine
from resqunn.engines.compiled.products import linear, linear_by_rows, linear_by_weights
from resqunn.nn.heads import LinearHead, QuantumHead
from resqunn.nn.layer import Quanv
from resqunn.nn.network import ResQuNN
from resqunn.nn.quanv import Quanv1d, Quanv2d, Quanv3d
from resqunn.nn.quanvolution import Quanvolution

ALIGNMENT = 64
"""Bytes: where torch's own memory begins, on which last bits may depend."""


class SideBySide(ResQuNN):
    r"""Networks of one shape as one network: (B M, C, S) -> (B M, K).

    Image and scores b M + m are of member m. The members' weights become parts of this network's,
    so that what changes one changes the other; `joined` hands gradients on to the members.

    Args:
        members: networks with the same `shape_of`, which is not None.
    """

    def __init__(self, members: Sequence[ResQuNN]) -> None:
        first = members[0]
        layers = [_Layers(each) for each in zip(*(m.layers for m in members), strict=True)]
        head = _HEADS[type(first.head)]([member.head for member in members])
        super().__init__(layers, first.wiring, head, align=first.align)

    @property
    def joined(self) -> list[Joined]:
        """The members' parameters, one after the other."""
        parts = [module for module in self.modules() if isinstance(module, _Joining)]
        return [joined for part in parts for joined in part.joined]


def shape_of(model: nn.Module) -> Hashable | None:
    """What networks must have in common to stand side by side, or None if this one cannot.

    Layers must be quanvolutional and evaluated by compiled code, without shots, as a quantum head
    must; hooks and classes derived from ours stand alone.
    """
    if type(model) is not ResQuNN or _hooked(model):
        return None
    layers = [_layer_shape(layer) for layer in model.layers]
    head = _head_shape(model.head)
    if None in layers or head is None:
        return None
    return (*layers, head, model.wiring, model.align)


def _hooked(model: nn.Module) -> bool:
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    hooks = [getattr(module, kind) for module in model.modules() for kind in kinds]
    return any(hooks) or any(p._backward_hooks for p in model.parameters())


def _layer_shape(layer: nn.Module) -> Hashable | None:
    if type(layer) not in (Quanv1d, Quanv2d, Quanv3d):
        return None
    assert isinstance(layer, Quanv)
    if layer.shots is not None:
        return None
    operation = layer.operation
    readers = operation.reader(layer.engine, layer.weight.shape[0] // layer.groups)
    parameters = [layer.weight, *([] if layer.bias is None else [layer.bias])]
    if not all(isinstance(each, ImageEngine) for each in readers) or not _plain(parameters):
        return None
    options = (operation.window, operation.groups, operation.summed, operation.angle_scale)
    return (
        type(layer),
        layer.noisy_circuit,
        *options,
        layer.input_gradients,
        readers,
        *_kinds(parameters),
    )


def _head_shape(head: Any) -> Hashable | None:
    if type(head) is LinearHead:
        parameters = [head.weight, head.bias]
        if not _plain(parameters):  # as those are that have no shape yet
            return None
        return (LinearHead, head.softmax, *_kinds(parameters))
    if type(head) is QuantumHead:
        circuit = head.noisy_circuit
        readers = head.operation.reader(head.engine, 1)
        able = all(isinstance(each, ImageEngine) for each in readers)
        if head.shots is not None or not able or not _plain([head.weight]):
            return None
        return (QuantumHead, circuit, head.softmax, readers, *_kinds([head.weight]))
    return None


def _plain(parameters: Sequence[Any]) -> bool:
    return all(type(p) is nn.Parameter and p.device.type == "cpu" for p in parameters)


def _kinds(parameters: Sequence[Any]) -> tuple[Hashable, ...]:
    return tuple((p.shape, p.dtype, p.requires_grad) for p in parameters)


class Joined:
    """One parameter of each member, in one piece of memory.

    Every member's part begins where torch's own memory would, with zeros up to the next one, on
    which neither a matrix product's nor an optimiser's last bits can depend.

    Attributes:
        parts: the members' parameters.
        whole: all of them (M, ...), which derivatives are taken by.
        flat: all that memory as one parameter, for an optimiser.
    """

    def __init__(self, parts: Sequence[Any]) -> None:
        self.parts: list[nn.Parameter] = list(parts)
        like, trained = self.parts[0], self.parts[0].requires_grad
        self._shape, self._size = like.shape, like.numel()
        memory = _aligned(like.detach(), len(parts), self._size).zero_()
        self.flat = nn.Parameter(memory.flatten(), requires_grad=trained)
        self._gradients = torch.zeros_like(self.flat.detach())
        self._rows = self.rows(self._gradients)
        with torch.no_grad():
            whole = self.rows(self.flat.detach())
            for part, row in zip(self.parts, whole, strict=True):
                part.data = row.copy_(part)
        self.whole = nn.Parameter(whole, requires_grad=trained)

    def rows(self, flat: Tensor) -> Tensor:
        """What belongs to the members (M, ...), of a tensor like `flat`."""
        return flat.view(len(self.parts), -1)[:, : self._size].unflatten(1, self._shape)

    def gradient_norms(self) -> Tensor:
        """The L2 norm of each part's gradient (M,), once they are handed on."""
        return torch.linalg.vector_norm(self._gradients.view(len(self.parts), -1), dim=1)

    def scale(self, factors: Sequence[float]) -> None:
        """Multiplies each part's gradient by a factor, once they are handed on."""
        rows = self._gradients.view(len(self.parts), -1)
        rows.mul_(rows.new_tensor(factors).unsqueeze(1))

    def hand_on(self) -> None:
        """Gives the gradient, or None, to `flat` and to the members' parameters."""
        found = self.whole.grad
        if found is None:
            if self.flat.grad is not None:
                for parameter in (self.flat, *self.parts):
                    parameter.grad = None
            return
        self._rows.copy_(found)
        self.whole.grad = None
        if self.flat.grad is None:
            self.flat.grad = self._gradients
            for part, row in zip(self.parts, self._rows, strict=True):
                part.grad = row


class _Joining(nn.Module):
    """Some module of each member."""

    weight: Tensor
    bias: Tensor

    def __init__(self, modules: Sequence[Any], names: Sequence[str]) -> None:
        super().__init__()
        self.count = len(modules)
        self.joined = [Joined([getattr(module, name) for module in modules]) for name in names]
        for name, each in zip(names, self.joined, strict=True):
            self.register_parameter(name, each.whole)


class _Layers(_Joining):
    """A layer of each member."""

    operation: Quanvolution

    def __init__(self, layers: Sequence[Quanv]) -> None:
        first = layers[0]
        super().__init__(layers, ("weight",) if first.bias is None else ("weight", "bias"))
        self.engine, self.input_gradients = first.engine, first.input_gradients
        self.operation = first.operation.side_by_side(self.count)
        self.biased = first.bias is not None

    def forward(self, x: Tensor) -> Tensor:
        images, channels, *sizes = x.shape
        x_BCS = x.reshape(images // self.count, self.count * channels, *sizes)
        if not self.input_gradients:
            x_BCS = x_BCS.detach()
        y_BCS = self.operation(self.engine, x_BCS, self.weight.flatten(0, 1))
        if self.biased:
            y_BCS = y_BCS + self.bias.reshape(-1, *[1] * len(sizes))
        return y_BCS.reshape(images, -1, *y_BCS.shape[2:])


class _LinearHeads(_Joining):
    """A linear head of each member."""

    def __init__(self, heads: Sequence[Any]) -> None:
        super().__init__(heads, ("weight", "bias"))
        self.softmax = heads[0].softmax

    def forward(self, features: Tensor) -> Tensor:
        scores = _Products.apply(features.flatten(1), self.weight, self.bias)
        return scores.softmax(dim=1) if self.softmax else scores


class _Products(torch.autograd.Function):
    """x W^T + b of each member."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w_MKD: Tensor, b_MK: Tensor) -> Tensor:
        count, classes, features = w_MKD.shape
        x_BMD = plain(x).view(-1, count, features)
        ctx.save_for_backward(x_BMD, w_MKD)
        return linear(x_BMD, w_MKD, b_MK).view(-1, classes)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, cotangents: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        x_BMD, w_MKD = ctx.saved_tensors
        c_BMK = plain(cotangents)
        dx = dw = db = None
        if ctx.needs_input_grad[0]:
            dx = linear_by_rows(c_BMK, x_BMD, w_MKD).flatten(0, 1)
        if any(ctx.needs_input_grad[1:]):
            dw, db = linear_by_weights(c_BMK, x_BMD, w_MKD)
        return dx, dw, db


def _aligned(like: Tensor, count: int, size: int) -> Tensor:
    """Memory (count, `size` or a few more): each row begins where torch's own would."""
    step = max(1, -(-size * like.itemsize // ALIGNMENT)) * ALIGNMENT // like.itemsize
    return like.new_empty(count, step)


class _QuantumHeads(_Joining):
    """A quantum head of each member."""

    operation: Quanvolution

    def __init__(self, heads: Sequence[Any]) -> None:
        super().__init__(heads, ("weight",))
        first = heads[0]
        self.engine, self.classes, self.softmax = first.engine, first.classes, first.softmax
        self.operation = first.operation.side_by_side(self.count)

    def forward(self, features: Tensor) -> Tensor:
        x = features.reshape(len(features) // self.count, -1)
        scores = self.operation(self.engine, x, self.weight.flatten(0, 1))
        scores = scores.reshape(-1, self.classes)
        return scores.softmax(dim=1) if self.softmax else scores


_HEADS: dict[type[nn.Module], Any] = {LinearHead: _LinearHeads, QuantumHead: _QuantumHeads}
