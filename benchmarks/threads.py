"""One thread against two, on two cores: what handing work to a second thread gains.

    python -m benchmarks.threads [--cores 0,1] [--json FILE] [--quick]

`--cores` are those that the process may use; without it, those that it is allowed. Times are
those of the clock, since the processor's would be those of both threads together.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import warnings
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.layers import ONCE, REUPLOAD
from benchmarks.networks import head_case
from benchmarks.steps import with_gradients
from benchmarks.timing import Patience, race
from resqunn import QuantumHead
from resqunn.engines.compiled.cores import allowed_cores

BATCHES = (1, 16, 64, 256, 1024, 4096)
PATIENCE = Patience(rounds=15, least=5, seconds=3.0)


def steps(batch: int) -> dict[str, Callable[[], None]]:
    """What is timed on so many images: values and both gradients."""
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(batch, 1, 28, 28, generator=generator)
    cases = [replace(case, kernel=k, batch=batch) for k in (2, 3) for case in (ONCE, REUPLOAD)]
    found = {str(case): with_gradients(case.layer(generator), images) for case in cases}
    head = QuantumHead(4)
    return found | {head_case(batch): with_gradients(head, images.flatten(1))}


def on_threads(step: Callable[[], None], count: int) -> Callable[[], None]:
    """The step on so many threads."""

    def run() -> None:
        torch.set_num_threads(count)
        step()

    return run


def speed_ups(batches: Iterable[int] = BATCHES) -> list[dict[str, Any]]:
    """Milliseconds of one thread and of two, and what the second gains."""
    found = []
    for batch in batches:
        for case, step in steps(batch).items():
            contestants = {str(count): on_threads(step, count) for count in (1, 2)}
            timings = race(contestants, PATIENCE)
            one, two = (1e3 * timings[count].median for count in contestants)
            found.append({"case": case, "one": one, "two": two, "speed_up": one / two})
            sys.stderr.write(f"{case}: {one:.3f}, {two:.3f} ms\n")
    return found


def table(found: list[dict[str, Any]]) -> str:
    """In Markdown."""
    rows = ["| values and gradients on two cores, ms | one thread | two threads | speed-up |"]
    rows.append("| --- | --: | --: | --: |")
    rows += [
        f"| {entry['case']} | {entry['one']:.2f} | {entry['two']:.2f} | {entry['speed_up']:.2f} |"
        for entry in found
    ]
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description="What does a second thread gain?")
    parser.add_argument("--cores", help="numbers of the cores to use, as in 0,1")
    parser.add_argument("--json", type=Path, help="where the times are written")
    parser.add_argument("--quick", action="store_true", help="the two smallest batches alone")
    arguments = parser.parse_args()
    if arguments.cores:
        os.sched_setaffinity(0, [int(core) for core in arguments.cores.split(",")])
    if allowed_cores() < 2:
        parser.error("needs two cores; this process may use one")
    warnings.simplefilter("ignore")
    found = speed_ups(BATCHES[:2] if arguments.quick else BATCHES)
    print(table(found))
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
