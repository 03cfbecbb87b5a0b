"""What is done with one planned run, wherever it is executed.

Every kind leaves a folder `runs/KEY` that ends with a `result.json`; that file says that the
run is done. Networks are trained by `training.run`, which writes the whole folder.
"""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from resqunn.analysis.gradient_flow import GradientFlow, gradient_flow, survey
from resqunn.errors import RunError
from resqunn.lab.study import controls
from resqunn.lab.study.plan import PlannedRun
from resqunn.lab.training.config import TrainConfig
from resqunn.lab.training.files import sealed, write_atomically
from resqunn.lab.training.lock import lock
from resqunn.lab.training.records import append
from resqunn.lab.training.run import build_model, resume, train
from resqunn.lab.training.session import threads
from resqunn.nn.wiring import Wiring

_ONE_AT_A_TIME = threading.Lock()
"""Torch's number of threads belongs to the process, so that a process has one run at a time."""

BATCH, SIDE = 4, 128
"""Random images of the study of depth: large enough to be halved six times."""


def finished(folder: Path, key: str) -> bool:
    """Whether the run is done."""
    return (folder / "runs" / key / "result.json").exists()


def perform(run: PlannedRun, folder: Path) -> None:
    """Does a run, continues it, or finds it done.

    Raises:
        RunError: if `folder` is no results folder, as seen from where the run is executed.
    """
    if not (folder / "study.json").exists():
        raise RunError(f"{folder} is not a results folder here: do all workers share it?")
    with _ONE_AT_A_TIME, locked(folder / "locks" / run.key):
        if finished(folder, run.key):
            return
        place = folder / "runs" / run.key
        if run.kind == "train":
            _train(run.config, place)
            return
        start = time.perf_counter()
        result = {"kind": run.kind, "config_sha256": run.config.sha256}
        with threads(1):
            result |= _measure(run.kind, run.config)
        seconds = round(time.perf_counter() - start, 4)
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        write_atomically(place / "config.json", run.config.to_json())
        append(place / "timings.jsonl", {"epoch": 0, "seconds": seconds})
        write_atomically(place / "result.json", sealed("result.json", result))


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Waits until no other process is at the same run.

    A scheduler may take a slow worker for a dead one and start its run elsewhere.
    """
    path.parent.mkdir(exist_ok=True)
    with path.open("ab") as file:
        lock(file.fileno(), wait=True)
        yield


def _train(config: TrainConfig, place: Path) -> None:
    if (place / "config.json").exists() and TrainConfig.from_json(place / "config.json") == config:
        resume(place)
        return
    # Begun with data in another place, or stopped before it was a run: nothing to keep.
    shutil.rmtree(place, ignore_errors=True)
    train(config, place)


def _measure(kind: str, config: TrainConfig) -> dict[str, Any]:
    if kind in controls.CONTROLS:
        return controls.measure(kind, config)
    return KINDS[kind](config)


def _survey(config: TrainConfig) -> dict[str, Any]:
    """The state of every layer's gradient, for every wiring, on one random batch."""
    rows = [
        {"wiring": str(wiring), "cut": _layers(cut), "true": _layers(true)}
        for wiring, cut, true in survey(
            len(config.depths),
            depth=config.depths[0],
            ansatz=config.ansatz,
            readout=config.readout,
            reupload=config.reupload,
            seed=config.seed,
        )
    ]
    return {"rows": rows}


def _layers(flow: GradientFlow) -> list[dict[str, Any]]:
    return [{"layer": f.name, "status": f.status, "norm": f.norm} for f in flow.layers]


def all_residual(layers: int) -> Wiring:
    """All outputs in one block, ((O1+O2)+O3)+...: each layer reaches the loss along skips."""
    return Wiring(layers, ((0,), tuple(range(1, layers + 1))))


def _depth(config: TrainConfig) -> dict[str, Any]:
    """Gradient norms of networks of 1, 2, ... layers, up to those of `config`."""
    generator = torch.Generator().manual_seed(config.seed)
    images = torch.rand(BATCH, 1, SIDE, SIDE, generator=generator)
    labels = torch.randint(config.classes, (BATCH,), generator=generator)
    rows = []
    for layers in range(1, len(config.depths) + 1):
        plain = Wiring.parse("none", layers)
        for name, wiring in (("none", plain), ("all residual", all_residual(layers))):
            model = build_model(replace(config, wiring=str(wiring), depths=config.depths[:layers]))
            norms = [layer.norm for layer in gradient_flow(model, images, labels).layers]
            rows.append({"wiring": name, "layers": layers, "norms": norms})
    return {"rows": rows}


KINDS: dict[str, Callable[[TrainConfig], dict[str, Any]]] = {"survey": _survey, "depth": _depth}
"""Beside "train" and the names of `controls.CONTROLS`."""
