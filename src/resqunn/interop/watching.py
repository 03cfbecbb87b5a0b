"""What a function must not do with inputs and weights while it is recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, fx
from torch.fx.experimental.proxy_tensor import get_proxy_mode, get_proxy_slot
from torch.overrides import TorchFunctionMode

from resqunn.errors import CircuitError

LEAVING = ("numpy", "__array__", "tolist", "__repr__", "__format__")
"""Methods whose results no trace follows."""


class Watched(TorchFunctionMode):
    """Refuses what a trace cannot see, of values that depend on inputs or weights.

    Raises:
        CircuitError: where they leave torch, or are used without gradients.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        leaves = getattr(func, "__name__", "") in LEAVING
        if (leaves or not torch.is_grad_enabled()) and any(map(_depends, args)):
            if leaves:
                raise CircuitError(
                    "which gates there are, or an angle, depends on values that have left torch, "
                    "such as for NumPy or BasisEmbedding: use functions of torch; bits are given "
                    "by qml.RX(torch.pi * torch.where(x > 0.5, 1, 0))"
                )
            raise CircuitError(
                "an angle must be computed with torch's own gradients, got torch.no_grad or an "
                "autograd.Function: use detach for what is to have none"
            )
        return func(*args, **(kwargs or {}))


def _depends(argument: Any) -> bool:
    """Whether a tensor is computed of inputs or weights."""
    mode = get_proxy_mode()
    if not isinstance(argument, Tensor) or mode is None:
        return False
    slot = get_proxy_slot(argument, mode.tracer, None)
    return slot is not None and _reaches_arguments(slot.proxy.node)


def _reaches_arguments(node: fx.Node) -> bool:
    seen, left = set(), [node]
    while left:
        node = left.pop()
        if node.op == "placeholder":
            return True
        if node not in seen:
            seen.add(node)
            left += node.all_input_nodes
    return False
