"""Complex products in what `torch.jit.trace` records.

TorchScript differentiates products by formulas of its own, which forget to conjugate; what it
has no formula for, such as `einsum`, it leaves to autograd.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_PRODUCTS = {"mul": "..., ... -> ...", "matmul": "...ij, ...jk -> ...ik"}


def recording() -> bool:
    """Whether `torch.jit.trace` is at work."""
    return torch._C._get_tracing_state() is not None


class ComplexProducts(TorchFunctionMode):
    """Within it, products of complex tensors are einsums."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        indices = _PRODUCTS.get(func.__name__.strip("_"))
        if indices and all(isinstance(factor, Tensor) for factor in args):
            dtype = torch.result_type(*args)
            if dtype.is_complex:
                return torch.einsum(indices, *(factor.to(dtype) for factor in args))
        return func(*args, **kwargs or {})
