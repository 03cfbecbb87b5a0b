"""Times resqunn, nn.Conv2d and peers in one process, pinned to one core, and writes the report.

    pip install -r benchmarks/requirements.txt
    python -m benchmarks.run

writes docs/benchmarks.json, the tables of docs/benchmarks.md and docs/benchmarks.svg.
`--quick` times a few cases and writes nothing.
"""

from __future__ import annotations

import argparse
import math
import os
import sys

# Before anything that starts threads is imported.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import warnings  # noqa: E402

import torch  # noqa: E402

from benchmarks import cases, report  # noqa: E402


def layer_cases() -> list[cases.LayerCase]:
    """Kernels of 4 to 16 qubits, encoded once and re-uploaded, small and large batches."""
    found = [
        cases.LayerCase(2, depth, reupload, batch)
        for batch in (16, 256)
        for reupload in (False, True)
        for depth in (1, 4)
    ]
    found += [cases.LayerCase(3, 4, reupload, 16) for reupload in (False, True)]
    found += [cases.LayerCase(4, depth, False, 16) for depth in (1, 2, 4)]
    found += [
        cases.LayerCase(2, 4, reupload, batch, by_images=False)
        for batch in (16, 256)
        for reupload in (False, True)
    ]
    found += [cases.LayerCase(2, 4, False, batch, frozen=True) for batch in (16, 256)]
    found += [cases.LayerCase(2, 4, True, batch, largest=math.pi) for batch in (16, 256)]
    found += [cases.LayerCase(2, 4, False, 16, filters=16)]
    found += [cases.LayerCase(2, 4, False, 16, channels=3)]
    found += [cases.LayerCase(2, 2, True, 16, channels=3)]
    found += [cases.LayerCase(2, 4, False, 16, dtype=torch.float64)]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few cases; writes nothing")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    chosen = layer_cases()
    if arguments.quick:
        chosen = [case for case in chosen if case.batch == 16 and case.kernel == 2]
    results = []
    for case in chosen:
        results.append(case.run())
        sys.stderr.write(report.line(results[-1]) + "\n")
    results += [cases.quantum_head(batch) for batch in (16, 1024)]
    results += [cases.training_step("O1+O2", reupload) for reupload in (False, True)]
    for result in results[-4:]:
        sys.stderr.write(report.line(result) + "\n")
    extras = {
        "memory": cases.memory(),
        "compilation": cases.compilation(),
        "auto": cases.choice_is_right(),
    }
    data = report.collected(results, extras)
    print(report.tables(data))
    if not arguments.quick:
        report.write(data)


if __name__ == "__main__":
    main()
