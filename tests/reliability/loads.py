"""Loads of `test_load.py`, each in a process of its own: `python -m reliability.loads NAME ...`.

Prints what was measured as one line of JSON.
"""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from resqunn.data.datasets import LabelledImages
from resqunn.lab.study.execution import execute
from resqunn.lab.study.executors.choice import executor as choose
from resqunn.lab.study.folder import opened
from resqunn.lab.study.plan import Series, Study
from resqunn.lab.training.config import PRESETS, TrainConfig
from resqunn.lab.training.evaluation import evaluate, prepare
from resqunn.lab.training.run import build_model, load_data, train
from resqunn.lab.training.stack import Learner, Stack

PROC = Path("/proc")
CONFIGS = {
    "defaults": TrainConfig(data="mnist", per_class="all", batch_size=64, epochs=1),
    "paper": replace(PRESETS["paper"], data="mnist", per_class="all", batch_size=64, epochs=1),
}


def status(entry: str, pid: int | str = "self") -> int:
    """A number of a process, memory in bytes; 0 if the process is gone."""
    try:
        lines = (PROC / str(pid) / "status").read_text().splitlines()
    except FileNotFoundError:
        return 0
    found = next((line.split()[1] for line in lines if line.startswith(f"{entry}:")), "0")
    return int(found) * (1024 if entry.startswith("Vm") else 1)


def descriptors(pid: int | str = "self") -> int:
    """How many files, pipes and sockets a process has open."""
    try:
        return len(os.listdir(PROC / str(pid) / "fd"))  # noqa: PTH208 - a Path may vanish
    except FileNotFoundError:
        return 0


def children() -> list[int]:
    """The processes that this one has started, without the standard library's own.

    `multiprocessing` starts one resource tracker, which ends with this process.
    """
    tasks = PROC.glob("self/task/*/children")
    found = [pid for task in tasks for pid in task.read_text().split()]
    return [int(pid) for pid in found if "resource_tracker" not in command(pid)]


def command(pid: str) -> str:
    try:
        return (PROC / pid / "cmdline").read_text()
    except FileNotFoundError:
        return ""


def growth(work: Callable[[], Any]) -> int:
    """How far the peak of memory during `work` lies above the memory before it, in bytes."""
    (PROC / "self/clear_refs").write_text("5")  # the peak starts anew from here
    before = status("VmRSS")
    work()
    return status("VmHWM") - before


def images(count: int) -> LabelledImages:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand(count, 1, 28, 28, generator=generator)
    labels = torch.randint(10, (count,), generator=generator)
    return LabelledImages(pixels, labels, tuple("0123456789"))


def network(name: str, count: str) -> dict[str, int]:
    """Forward passes, evaluation and an epoch of training on random images."""
    config = CONFIGS[name]
    torch.set_num_threads(1)
    model, few = build_model(config), images(512)
    optimizer = None

    def epoch(data: LabelledImages) -> None:
        prepared = prepare(model, data)
        Stack([Learner(model, optimizer, prepared, seed=0)], config.batch_size).train_epoch([1])

    @torch.no_grad()
    def forward(data: LabelledImages) -> None:
        model(data.images)

    def scores(data: LabelledImages) -> None:
        evaluate(model, prepare(model, data))

    forward(few)
    optimizer = torch.optim.Adam(model.parameters())
    for warm in (epoch, scores):
        warm(few)
    data = images(int(count))
    found = {"data": data.images.nbytes, "checked": growth(lambda: replace(data))}
    for work in (forward, scores, epoch):
        found[work.__name__] = growth(lambda work=work: work(data))
    return found


def mnist(name: str, folder: str) -> dict[str, int]:
    """Loading MNIST, and a whole run on all of it."""
    config = CONFIGS[name]
    train(replace(config, per_class=2), Path(folder) / "warm")
    loaded = []
    found = {"loading": growth(lambda: loaded.append(load_data(config)))}
    found["data"] = sum(part.images.nbytes for part in (loaded[0].train, loaded[0].validation))
    found["checksum"] = growth(lambda: loaded[0].sha256)
    loaded.clear()
    found["run"] = growth(lambda: train(config, Path(folder) / "run"))
    return found


def study(workers: str, seeds: str, folder: str) -> dict[str, Any]:
    """A study of tiny runs: memory, files and processes after each of them."""
    config = TrainConfig(per_class=2, classes=2, depths=(1,), wiring="X+O1", epochs=2)
    series = Series("tiny", config, tuple(range(int(seeds))))
    runs = Study("load", "A load", (series,)).runs(series)
    samples: list[dict[str, Any]] = []

    def sample(_: object) -> None:
        started = children()
        samples.append(
            {
                "memory": status("VmRSS"),
                "files": descriptors(),
                "threads": status("Threads"),
                "children": started,
                "their memory": max((status("VmRSS", pid) for pid in started), default=0),
                "their files": max((descriptors(pid) for pid in started), default=0),
            }
        )

    with opened(Path(folder), {"load": True}):
        executor = choose(int(workers), None)
        failed = execute(executor, runs, Path(folder), sample)
        executor.close()
    sample(None)
    return {"failed": len(failed), "samples": samples}


if __name__ == "__main__":
    task = {"network": network, "mnist": mnist, "study": study}[sys.argv[1]]
    sys.stdout.write(json.dumps(task(*sys.argv[2:])))
