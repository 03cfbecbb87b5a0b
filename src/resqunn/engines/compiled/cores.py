"""How many cores this process may use, which on shared machines are fewer than there are."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")


def allowed_cores() -> int:
    """At least 1: the cores that the process is bound to (`taskset`, batch systems), and no more
    than the quota of its control groups (containers) comes to, rounded up."""
    return max(1, min([_bound(), *(math.ceil(quota) for quota in _quotas())]))


def _bound() -> int:
    count = getattr(os, "process_cpu_count", None)  # Python 3.13; heeds PYTHON_CPU_COUNT too
    if count is not None:
        return count() or 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quotas() -> Iterator[float]:
    """Cores that each control group above the process may use at once; nothing elsewhere."""
    try:
        lines = OWN_GROUPS.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = CGROUPS / controllers if controllers else CGROUPS
        group = root / path.lstrip("/")
        # Inside a container the path may be that of the machine outside: its root is looked at too.
        for place in {root, group, *(p for p in group.parents if root in p.parents)}:
            try:
                if controllers:
                    quota, period = (
                        (place / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period")
                    )
                else:
                    quota, period = (place / "cpu.max").read_text().split()
                if float(quota) > 0:
                    yield float(quota) / float(period)
            except (OSError, ValueError, ZeroDivisionError):  # no limit, "max" or -1
                continue
