"""Inputs and weights of engines, computed of a circuit's own.

Shape suffixes: G groups, F filters in a group, N values of a patch, P patches, W weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from resqunn.circuits.angles import Angle, AnyAngle, Expression, Input, Weight
from resqunn.circuits.lowering import Multiples, Slots


def _greater(a: Tensor, b: Tensor) -> Tensor:
    """By functions whose derivative is zero, not by a comparison, which has none; 0 for nan."""
    return torch.relu(torch.sign(torch.nan_to_num(a - b)))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "add": torch.add,
    "subtract": torch.sub,
    "multiply": torch.mul,
    "divide": torch.div,
    "power": torch.pow,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "greater": _greater,
    "greater_equal": lambda a, b: _greater(a, b) + (a == b).to(a.dtype),
    "equal": lambda a, b: (a == b).to(a.dtype),
    "arctan2": torch.arctan2,
    "negative": torch.neg,
    "detach": torch.detach,
    "absolute": torch.abs,
    "sign": torch.sign,
    "square": torch.square,
    "sqrt": torch.sqrt,
    "exp": torch.exp,
    "log": torch.log,
    "sin": torch.sin,
    "cos": torch.cos,
    "tan": torch.tan,
    "arcsin": torch.arcsin,
    "arccos": torch.arccos,
    "arctan": torch.arctan,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "where": lambda c, a, b: torch.where(c != 0, a, b),
}
"""What torch computes for `circuits.angles.FUNCTIONS`."""


def weight_slots(slots: Slots, weights_W: Tensor) -> Tensor:
    """The slots of weights (..., W), along the last axis."""
    shape = weights_W.shape[:-1]
    if slots.multiples is not None:
        index, scale, shift = _on(weights_W, slots.multiples)
        return weights_W.index_select(-1, index) * scale + shift
    rows = computed(slots.angles, lambda leaf: weights_W[..., leaf.index], weights_W)
    return torch.stack([row.expand(shape) for row in rows], dim=-1)


def input_slots(slots: Slots, inputs_GNP: Tensor, weights_GFW: Tensor, joint: bool) -> Tensor:
    """The slots of inputs (G, N', P), or, where they read weights, (G F, N', P)."""
    groups, _, patches = inputs_GNP.shape
    if slots.multiples is not None:
        index, scale, shift = _on(inputs_GNP, slots.multiples)
        return inputs_GNP.index_select(1, index) * scale[:, None] + shift[:, None]

    def leaf(of: Input | Weight) -> Tensor:
        if isinstance(of, Input):
            return inputs_GNP[:, None, of.index]
        return weights_GFW[:, :, of.index, None]

    filters = weights_GFW.shape[1] if joint else 1
    rows = computed(slots.angles, leaf, inputs_GNP)
    whole = torch.stack([row.expand(groups, filters, patches) for row in rows], dim=2)
    return whole.flatten(0, 1)


def _on(like: Tensor, multiples: Multiples) -> tuple[Tensor, Tensor, Tensor]:
    """Indices, factors and shifts, where another tensor is."""
    index, scale, shift = zip(*multiples, strict=True)
    device, dtype = like.device, like.dtype
    return (
        torch.tensor(index, device=device),
        torch.tensor(scale, device=device, dtype=dtype),
        torch.tensor(shift, device=device, dtype=dtype),
    )


def computed(
    angles: Sequence[AnyAngle], leaf: Callable[[Input | Weight], Tensor], like: Tensor
) -> list[Tensor]:
    """Each angle, given the inputs and weights; what occurs several times is computed once."""
    known: dict[AnyAngle, Tensor] = {}

    def of(angle: AnyAngle) -> Tensor:
        found = known.get(angle)
        if found is None:
            if isinstance(angle, Input | Weight):
                found = leaf(angle)
            elif isinstance(angle, Expression):
                found = FUNCTIONS[angle.function](*map(of, angle.arguments))
            else:
                assert not isinstance(angle, Angle)
                found = torch.full((), float(angle), dtype=like.dtype, device=like.device)
            known[angle] = found
        return found

    return [of(angle) for angle in angles]
