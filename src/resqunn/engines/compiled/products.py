"""Linear maps of many networks by compiled code, each to the same bits whatever stands beside it.

A library's matrix products promise no order of sums: of one batch of matrices it depends on how
many there are, on where they lie, and on threads.

Shape suffixes: B rows of a member, M members, K values, D features.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

from resqunn.engines.compiled.arguments import Constants, Varying
from resqunn.engines.compiled.kernel import Kernel

FORWARD = Kernel("resqunn.engines.compiled.kernels.products", "forward")
BY_ROWS = Kernel("resqunn.engines.compiled.kernels.products", "by_rows")
BY_WEIGHTS = Kernel("resqunn.engines.compiled.kernels.products", "by_weights")

Sizes = tuple[int, int, int, int, int, int]
"""B, M, K, D, and how far apart in memory the members' weights and biases begin."""


def linear(x_BMD: Tensor, w_MKD: Tensor, b_MK: Tensor) -> Tensor:
    """$x W^T + b$ of each member, (B, M, K).

    Args:
        x_BMD: contiguous.
        w_MKD, b_MK: contiguous for each member.
    """
    out = x_BMD.new_empty(*x_BMD.shape[:2], w_MKD.shape[1])
    run = _prepared(FORWARD, x_BMD.dtype, 4, _sizes(x_BMD, w_MKD, b_MK.stride(0)))
    run(x_BMD.data_ptr(), w_MKD.data_ptr(), b_MK.data_ptr(), out.data_ptr())
    return out


def linear_by_rows(c_BMK: Tensor, x_BMD: Tensor, w_MKD: Tensor) -> Tensor:
    """The derivatives by the rows, where c are those by the values, contiguous."""
    out = torch.empty_like(x_BMD)
    run = _prepared(BY_ROWS, x_BMD.dtype, 3, _sizes(x_BMD, w_MKD, 0))
    run(c_BMK.data_ptr(), w_MKD.data_ptr(), out.data_ptr())
    return out


def linear_by_weights(c_BMK: Tensor, x_BMD: Tensor, w_MKD: Tensor) -> tuple[Tensor, Tensor]:
    """The derivatives by weights and biases, contiguous."""
    by_weights, by_biases = x_BMD.new_empty(w_MKD.shape), x_BMD.new_empty(w_MKD.shape[:2])
    run = _prepared(BY_WEIGHTS, x_BMD.dtype, 4, _sizes(x_BMD, w_MKD, 0))
    run(c_BMK.data_ptr(), x_BMD.data_ptr(), by_weights.data_ptr(), by_biases.data_ptr())
    return by_weights, by_biases


def _sizes(x_BMD: Tensor, w_MKD: Tensor, v_step: int) -> Sizes:
    rows, members, features = x_BMD.shape
    return rows, members, w_MKD.shape[1], features, w_MKD.stride(0), v_step


@lru_cache(maxsize=256)
def _prepared(kernel: Kernel, dtype: torch.dtype, arrays: int, sizes: Sizes) -> Callable[..., None]:
    """A kernel as a function of the addresses of so many arrays. Their lengths, which it does not
    ask for, are given as 0."""
    return kernel.prepared(*[Varying(dtype, 0)] * arrays, Constants(*sizes))
