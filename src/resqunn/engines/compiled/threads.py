"""Compiled loops shared among threads.

The loops release the interpreter's lock, so plain Python threads run them side by side. In
contrast to numba's own parallel loops there is one compilation for any number of threads,
nothing to start as long as one thread is enough, and no state that a fork could break.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import torch

from resqunn.engines.compiled.cores import allowed_cores


@lru_cache(maxsize=1)
def pool() -> ThreadPoolExecutor:
    """The threads of this process, started when first needed."""
    return ThreadPoolExecutor(allowed_cores(), thread_name_prefix="resqunn")


# A forked process inherits the pool without its threads.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=pool.cache_clear)


def useful_workers(tasks: int, busy: int) -> int:
    """How many threads are to share `tasks` tasks, which keep `busy` threads busy: at most
    `torch.get_num_threads()`."""
    return max(1, min(torch.get_num_threads(), tasks, busy))


def share(kernel: Callable[..., None], workers: int, *arguments: Any) -> None:
    """Calls `kernel(worker, workers, *arguments)` for each worker at the same time, or, when
    Python is shutting down and starts nothing any more, one after the other."""
    if workers == 1:
        kernel(0, 1, *arguments)
        return
    others: list[Future[None]] = []
    own = [0]
    for worker in range(1, workers):
        try:
            others.append(pool().submit(kernel, worker, workers, *arguments))
        except RuntimeError as error:
            if "shutdown" not in str(error):
                raise
            own.append(worker)
    for worker in own:
        kernel(worker, workers, *arguments)
    for other in others:
        other.result()
