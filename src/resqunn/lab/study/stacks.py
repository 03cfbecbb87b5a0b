"""Which runs are trained together: stacks that share a process, and keep all processes busy.

Runs that are alike cost less together, but a stack is one process's. Its time is taken to be
`FIXED` and a share for each run; both were measured (`benchmarks/`), and only their ratio counts.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Hashable, Sequence

from resqunn.lab.study.executors.base import Stack
from resqunn.lab.study.plan import TRAIN, PlannedRun
from resqunn.lab.training.several import alike

FIXED = 0.75
"""Of the time of a run that is trained alone, what runs of a stack share."""

LARGEST = 20
"""Runs of a stack: more of them hardly gain."""


def plan_stacks(runs: Sequence[PlannedRun], width: int) -> list[Stack]:
    """Stacks in the order in which they should be begun, the longest first.

    They are as large as can be without leaving some of `width` processes idle in the end while
    others are busy.
    """
    kinds: dict[Hashable, list[PlannedRun]] = defaultdict(list)
    for run in runs:
        kinds[alike(run.config) if run.task == TRAIN else run.key].append(run)
    sizes = range(min(LARGEST, len(runs)), 0, -1)
    plans = [_split(list(kinds.values()), size) for size in sizes]
    best = min(plans, key=lambda stacks: _time(stacks, width), default=[])
    return sorted(best, key=_cost, reverse=True)


def _split(kinds: Sequence[Sequence[PlannedRun]], size: int) -> list[Stack]:
    """Each kind in as few stacks of at most `size` runs as can be, alike in size."""
    stacks = []
    for runs in kinds:
        count = -(-len(runs) // size)
        stacks += [tuple(runs[number::count]) for number in range(count)]
    return stacks


def _cost(stack: Stack) -> float:
    config = stack[0].config
    images = config.per_class if isinstance(config.per_class, int) else 200
    classes = config.num_classes or 10
    weight = config.epochs * classes * images if stack[0].task == TRAIN else 1
    return weight * (FIXED + (1 - FIXED) * len(stack))


def _time(stacks: Sequence[Stack], width: int) -> float:
    """Until the last of so many processes is done, of which each takes the longest that is left."""
    ends = [0.0] * max(1, width)
    for cost in sorted(map(_cost, stacks), reverse=True):
        heapq.heapreplace(ends, ends[0] + cost)
    return max(ends)
