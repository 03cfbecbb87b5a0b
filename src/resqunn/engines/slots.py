"""Inputs and weights of engines, computed of a circuit's own.

Shape suffixes: G groups, F filters in a group, N values of a patch, P patches, W weights.
"""

from __future__ import annotations

import torch
from torch import Tensor

from resqunn.circuits.lowering import Multiples, Slots
from resqunn.engines.expressions import computed


def weight_slots(slots: Slots, weights_W: Tensor) -> Tensor:
    """The slots of weights (..., W), along the last axis."""
    if slots.multiples is not None:
        index, scale, shift = _on(weights_W, slots.multiples)
        return weights_W.index_select(-1, index) * scale + shift
    weights_W1 = weights_W.unsqueeze(-1)
    rows = computed(slots.angles, weights_W1[..., :0, :], weights_W1)
    return rows.expand(*weights_W.shape[:-1], -1, 1).squeeze(-1)


def input_slots(slots: Slots, inputs_GNP: Tensor, weights_GFW: Tensor, joint: bool) -> Tensor:
    """The slots of inputs (G, N', P), or, where they read weights, (G F, N', P)."""
    groups, _, patches = inputs_GNP.shape
    if slots.multiples is not None:
        index, scale, shift = _on(inputs_GNP, slots.multiples)
        return inputs_GNP.index_select(1, index) * scale[:, None] + shift[:, None]
    if not joint:
        rows = computed(slots.angles, inputs_GNP, inputs_GNP[:, :0])
        return rows.expand(groups, -1, patches)
    rows = computed(slots.angles, inputs_GNP.unsqueeze(1), weights_GFW.unsqueeze(-1))
    return rows.expand(groups, weights_GFW.shape[1], -1, patches).flatten(0, 1)


def _on(like: Tensor, multiples: Multiples) -> tuple[Tensor, Tensor, Tensor]:
    """Indices, factors and shifts, where another tensor is."""
    index, scale, shift = zip(*multiples, strict=True)
    device, dtype = like.device, like.dtype
    return (
        torch.tensor(index, device=device),
        torch.tensor(scale, device=device, dtype=dtype),
        torch.tensor(shift, device=device, dtype=dtype),
    )
