"""Compiled loops shared among threads.

The loops release the interpreter's lock, so plain Python threads run them side by side. In
contrast to numba's own parallel loops there is one compilation for any number of threads,
nothing to start as long as one thread is enough, and no state that a fork could break.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import torch


@lru_cache(maxsize=1)
def pool() -> ThreadPoolExecutor:
    """The threads of this process, started when first needed."""
    return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="resqunn")


# A forked process inherits the pool without its threads.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=pool.cache_clear)


def useful_workers(tasks: int, busy: int) -> int:
    """How many threads are to share `tasks` tasks, which keep `busy` threads busy: at most
    `torch.get_num_threads()`."""
    return max(1, min(torch.get_num_threads(), tasks, busy))


def share(kernel: Callable[..., None], workers: int, *arguments: Any) -> None:
    """Calls `kernel(worker, workers, *arguments)` for each worker at the same time."""
    others = [pool().submit(kernel, worker, workers, *arguments) for worker in range(1, workers)]
    kernel(0, workers, *arguments)
    for other in others:
        other.result()
