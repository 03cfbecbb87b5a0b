"""What torch is doing around a call: tracing it, batching it, or lowering its precision."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd import forward_ad


def traced() -> bool:
    """Whether torch runs its own interpreters (`torch.export`, `torch.compile`, `torch.func`,
    forward-mode derivatives), to which compiled code and decisions by value are opaque."""
    return (
        torch.compiler.is_compiling()
        or torch._C._are_functorch_transforms_active()
        or forward_ad._current_level >= 0
    )


def autocasting(device: torch.device) -> bool:
    """Whether torch computes matrix products and convolutions in half precision."""
    return torch.amp.is_autocast_available(device.type) and torch.is_autocast_enabled(device.type)


def batched(gradient: Tensor) -> bool:
    """Whether a gradient stands for many (`is_grads_batched`), and so has no memory to read."""
    return torch._C._functorch.is_legacy_batchedtensor(gradient)  # pyright: ignore
