"""Whether torch is watching."""

from __future__ import annotations

import torch


def traced() -> bool:
    """Whether torch runs its own interpreters (`torch.export`, `torch.compile`, `torch.func`),
    to which compiled code and decisions by value are opaque."""
    return torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active()
