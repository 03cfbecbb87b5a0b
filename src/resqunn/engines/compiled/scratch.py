"""Memory that kernels work in, kept from call to call."""

from __future__ import annotations

import threading

import torch
from torch import Tensor

KEPT_BYTES = 2**20
"""Of each thread at most; what is larger is allocated anew in each call."""

ALIGNMENT = 64
"""Where arrays begin, in bytes."""


class _Kept(threading.local):
    def __init__(self) -> None:
        self.tensor: Tensor | None = None


_kept = _Kept()


def aligned(size: int) -> int:
    """So many bytes, and up to the next place where an array may begin."""
    return -(-size // ALIGNMENT) * ALIGNMENT


def scratch(size: int) -> Tensor:
    """So many bytes or more of any values, which are this thread's until its next call."""
    found = _kept.tensor
    if found is None or found.numel() < size:
        found = torch.empty(size, dtype=torch.uint8, device="cpu")
        if size <= KEPT_BYTES:
            _kept.tensor = found
    return found
