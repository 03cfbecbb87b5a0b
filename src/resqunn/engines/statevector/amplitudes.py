r"""Amplitude encoding: patches as normalised vectors.

Shape suffixes as in `base.py`, and A amplitudes.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from resqunn.engines.guard import ordinary


def normalised_amplitudes(
    inputs_GNP: Float[Tensor, "G N P"], amplitudes: int
) -> Float[Tensor, "G A P"]:
    r"""$\psi = x / \lVert x \rVert$, zero-padded to A values.

    A zero vector becomes $|0\ldots0\rangle$ with a zero derivative.
    """
    room = amplitudes - inputs_GNP.shape[1]
    if room:
        inputs_GNP = torch.nn.functional.pad(inputs_GNP, (0, 0, 0, room))
    if ordinary(inputs_GNP):
        return _Normalised.apply(inputs_GNP)
    return _normalised(inputs_GNP)


def _normalised(x_GAP: Tensor) -> Tensor:
    """In differentiable torch operations, safe for vectors of any size."""
    # Dividing by the largest value first changes nothing but keeps tiny vectors from
    # underflowing.
    largest = x_GAP.detach().abs().amax(dim=1, keepdim=True)
    empty = largest == 0
    scaled = x_GAP / torch.where(empty, torch.ones_like(largest), largest)
    # Not by writing in place, which torch.func.linearize folds to zeros.
    rest = torch.zeros_like(x_GAP[:, 1:, :1])
    first = torch.cat([torch.ones_like(x_GAP[:, :1, :1]), rest], dim=1)
    vector = torch.where(empty, first, scaled)
    return vector / torch.linalg.vector_norm(vector, dim=1, keepdim=True)


class _Normalised(torch.autograd.Function):
    r"""The same in few operations where no norm is extreme, with the derivative
    $\bar x = (\bar\psi - \psi\,\langle\psi, \bar\psi\rangle) / \lVert x \rVert$."""

    @staticmethod
    def forward(ctx: Any, x_GAP: Tensor) -> Tensor:
        norm_G1P = torch.linalg.vector_norm(x_GAP, dim=1, keepdim=True)
        smallest, largest = torch.aminmax(norm_G1P) if norm_G1P.numel() else (norm_G1P, norm_G1P)
        ctx.plain = bool(norm_G1P.numel() and 1e-12 < smallest <= largest < 1e12)
        psi_GAP = x_GAP / norm_G1P
        if not ctx.plain:  # patches of a plain norm do not see that others have none
            psi_GAP = torch.where(_plain(norm_G1P), psi_GAP, _normalised(x_GAP))
        ctx.save_for_backward(x_GAP, psi_GAP, norm_G1P)
        return psi_GAP

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        x_GAP, psi_GAP, norm_G1P = ctx.saved_tensors
        if torch.is_grad_enabled():
            return _derivative(x_GAP, gradients[0])
        along_G1P = (psi_GAP * gradients[0]).sum(dim=1, keepdim=True)
        plain_GAP = torch.addcmul(gradients[0], psi_GAP, along_G1P, value=-1).div_(norm_G1P)
        if ctx.plain:
            return plain_GAP
        return torch.where(_plain(norm_G1P), plain_GAP, _derivative(x_GAP, gradients[0]))


def _derivative(x_GAP: Tensor, gradient_GAP: Tensor) -> Tensor:
    """The derivative by autograd, which has derivatives itself."""
    with torch.enable_grad():
        # A view, so that derivatives by the gradient's own inputs keep their history.
        x_GAP = x_GAP.view_as(x_GAP)
        (found,) = torch.autograd.grad(_normalised(x_GAP), x_GAP, gradient_GAP, create_graph=True)
    return found


def _plain(norm_G1P: Tensor) -> Tensor:
    """Where nothing over- or underflows in the ordinary formula."""
    return (norm_G1P > 1e-12) & (norm_G1P < 1e12)
