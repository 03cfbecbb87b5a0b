"""How much memory there is left for a process."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

UNKNOWN = 2**31
"""Bytes that are taken to be there where the system does not say."""

_SYSTEM = Path("/proc/meminfo")
_LIMITS = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (
        Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ),
)
"""Of a container, by both versions of Linux's control groups."""


def available_memory() -> int:
    """Bytes that can be had: of the machine, or of a container's limit."""
    found = []
    with contextlib.suppress(OSError, ValueError, StopIteration):
        line = next(s for s in _SYSTEM.read_text().splitlines() if s.startswith("MemAvailable:"))
        found.append(int(line.split()[1]) * 1024)
    for limit, used in _LIMITS:
        with contextlib.suppress(OSError, ValueError):  # "max": there is none
            found.append(int(limit.read_text()) - int(used.read_text()))
    if not found:
        with contextlib.suppress(OSError, ValueError, AttributeError):
            found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2)
    return max(0, min(found)) if found else UNKNOWN
