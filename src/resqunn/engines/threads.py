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
from itertools import pairwise
from typing import Any

import torch

OPERATIONS_PER_THREAD = 8_000_000
"""A thread is worth waking for so many multiplications (about a millisecond)."""


@lru_cache(maxsize=1)
def pool() -> ThreadPoolExecutor:
    """The threads of this process, started when first needed."""
    return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="resqunn")


# A forked process inherits the pool without its threads.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=pool.cache_clear)


def share(
    kernel: Callable[..., None], arguments: tuple[Any, ...], tasks: int, operations: int
) -> None:
    """Calls `kernel(*arguments, first, last)` so that tasks 0 to `tasks` - 1 are done.

    At most `torch.get_num_threads()` threads work, and only as many as `operations`, the
    multiplications of all tasks, keep busy.
    """
    threads = min(torch.get_num_threads(), tasks, operations // OPERATIONS_PER_THREAD + 1)
    if threads <= 1:
        kernel(*arguments, 0, tasks)
        return
    bounds = [tasks * k // threads for k in range(threads + 1)]
    others = [
        pool().submit(kernel, *arguments, first, last) for first, last in pairwise(bounds[1:])
    ]
    kernel(*arguments, 0, bounds[1])
    for other in others:
        other.result()
