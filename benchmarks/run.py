"""Times resqunn, nn.Conv2d and peers in one process, pinned to one core, and writes the report.

    pip install -c constraints.txt -e ".[bench]"
    python -m benchmarks.run

writes docs/benchmarks.json, the tables of docs/benchmarks.md, and the pictures docs/benchmarks.svg
and docs/scaling.svg. `--quick` measures a little of everything and writes nothing; `--only seeds`
measures one part anew and leaves the others as they are.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile

# Before anything that starts threads is imported.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
CORES: set[int] = set()
if hasattr(os, "sched_setaffinity"):
    CORES = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(CORES)})

import warnings  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import torch  # noqa: E402

from benchmarks import choice, imported, limits, networks, noisy, processes, report, scaling, seeds  # noqa: E402
from benchmarks.layers import layer_cases  # noqa: E402
from benchmarks.timing import Result  # noqa: E402

QUICK_CHOICES = 8
"""How many circuits the quick form asks `auto` about."""


PARTS: dict[str, Callable[[bool], Any]] = {
    "memory": lambda quick: processes.memory(),
    "compilation": lambda quick: processes.compilation(),
    "seeds": seeds.training,
    "vmap": lambda quick: seeds.vmap(),
    "imported": imported.rows,
    "noise": noisy.noise,
    "shots": noisy.shots,
}
"""What can be measured again without the rest."""


def on_two_cores(quick: bool) -> dict[str, Any]:
    """What `threads.py` finds, in a process that is not pinned; nothing if there is one core."""
    if len(CORES) < 2:
        return {}
    cores = ",".join(map(str, sorted(CORES)[-2:]))
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "threads.json"
        command = [sys.executable, "-m", "benchmarks.threads", "--cores", cores]
        command += ["--json", str(found), *(["--quick"] if quick else [])]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return {"threads": json.loads(found.read_text())}


def results(quick: bool) -> list[Result]:
    """All rows of the first table."""
    found: list[Result] = []
    rows = [case.run for case in layer_cases() if not quick or (case.kernel, case.batch) == (2, 16)]
    rows += [lambda batch=batch: networks.quantum_head(batch) for batch in (16, 1024)]
    rows += [lambda r=reupload: networks.training_step("O1+O2", r) for reupload in (False, True)]
    for row in rows:
        found.append(row())
        sys.stderr.write(report.line(found[-1]) + "\n")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few cases; writes nothing")
    parser.add_argument("--only", nargs="+", choices=PARTS, help="measure these anew")
    options = parser.parse_args()
    quick: bool = options.quick
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    if options.only:
        again = {name: PARTS[name](quick) for name in options.only}
        if not quick:
            report.write(report.with_parts(again))
        return
    found = results(quick)
    panels = scaling.PANELS[3:4] if quick else scaling.PANELS
    extras = {
        "peaks": {
            str(dtype).removeprefix("torch."): limits.peak(dtype)._asdict()
            for dtype in (torch.float32, torch.float64)
        },
        **{name: measure(quick) for name, measure in PARTS.items()},
        "scaling": scaling.curves(panels),
        "choice": choice.choices(choice.choice_cases()[: QUICK_CHOICES if quick else None]),
        **on_two_cores(quick),
    }
    data = report.collected(found, extras)
    print(report.tables(data))
    if not quick:
        report.write(data)


if __name__ == "__main__":
    main()
