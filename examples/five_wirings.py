"""Trains the paper's five two-layer networks on MNIST and prints a table of their accuracy.

    python examples/five_wirings.py --seeds 3 --out runs/five

A run that is already there is not trained again; one that was stopped is continued.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from dataclasses import replace
from pathlib import Path

from resqunn import Wiring
from resqunn.lab.training.config import PRESETS
from resqunn.lab.training.run import Run, resume, train


def trained(folder: Path, **options: object) -> Run:
    """The run in `folder`, trained if it is not there yet."""
    if (folder / "config.json").exists():
        return resume(folder)
    return train(replace(PRESETS["paper"], **options), folder)


def percent(values: list[float]) -> str:
    """Mean and standard deviation over seeds."""
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{100 * statistics.mean(values):.1f} ± {100 * spread:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--out", type=Path, default=Path("runs/five"))
    arguments = parser.parse_args()
    print("| wiring | train | validation | layers that learn |")
    print("| --- | --- | --- | --- |")
    for wiring in Wiring.all(layers=2):
        runs = []
        for seed in range(arguments.seeds):
            folder = arguments.out / str(wiring).replace("+", "_") / f"seed{seed}"
            sys.stderr.write(f"{wiring}, seed {seed}\n")
            options = {"data": arguments.data, "epochs": arguments.epochs, "reupload": False}
            runs.append(trained(folder, wiring=str(wiring), seed=seed, **options))
        last = [run.epochs[-1] for run in runs]
        learn = [f"O{k}" for k, r in enumerate(wiring.reached(input_gradients=False), 1) if r]
        print(
            f"| `{wiring}` | {percent([e.train_accuracy for e in last])} | "
            f"{percent([e.validation_accuracy for e in last])} | {', '.join(learn)} |"
        )


if __name__ == "__main__":
    main()
