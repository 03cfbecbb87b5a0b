"""Memory that kernels work in, kept from call to call."""

from __future__ import annotations

import threading

import torch
from torch import Tensor

KEPT_BYTES = 2**20
"""Of each thread and kind at most; what is larger is allocated anew in each call."""


class _Kept(threading.local):
    def __init__(self) -> None:
        self.tensors: dict[tuple[str, torch.dtype], Tensor] = {}


_threads = _Kept()


def scratch(kind: str, workers: int, size: int, dtype: torch.dtype) -> Tensor:
    """A tensor (workers, size) of any values, which are this thread's until its next call."""
    kept, key = _threads.tensors, (kind, dtype)
    found = kept.get(key)
    if found is None or found.shape != (workers, size):
        found = torch.empty(workers, size, dtype=dtype, device="cpu")
        if found.nbytes <= KEPT_BYTES:
            kept[key] = found
    return found
