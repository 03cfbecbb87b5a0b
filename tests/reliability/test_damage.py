"""Damaged files are refused in one line that names them, or were not really changed.

Nothing in them is executed, and nothing that decides or reports a result is silently accepted.
"""

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest

from resqunn.errors import ResqunnError, RunError
from resqunn.lab.study.finished import read_run
from resqunn.lab.study.folder import opened
from resqunn.lab.study.results import open_results
from resqunn.lab.training.checkpoint import load_checkpoint
from resqunn.lab.training.config import TrainConfig
from resqunn.lab.training.files import sealed
from resqunn.lab.training.records import read_record
from resqunn.lab.training.run import Callbacks, evaluate_run, open_run, resume, train
from resqunn.lab.training.scores import read_scores
from resqunn.papers import Options
from resqunn.papers.resqunns import PAPER

from reliability import mutations
from reliability.damage import damage
from support import reproduce

CONFIG = TrainConfig(per_class=4, epochs=2, depths=(1,), wiring="none")
OPTIONS = Options("digits", seeds=(0,), epochs=1, figures=("2", "7"), quick=True)


@dataclass(frozen=True)
class Target:
    """A file, by the name that it has in the folder of a fixture, and how it is used."""

    file: str
    load: Callable[[Path], Any]
    error: type[ResqunnError] | tuple[type[ResqunnError], ...]
    other: str
    kind: str = "json"


def checkpoint(folder: Path) -> Any:
    found = load_checkpoint(folder / "run/checkpoints", "latest")
    digest = hashlib.sha256()
    for key, tensor in sorted(found.tensors.items()):
        digest.update(f"{key}{tensor.dtype}{tuple(tensor.shape)}".encode())
        digest.update(tensor.numpy().tobytes())
    return found.epoch, found.config_sha256, found.metrics_sha256, digest.hexdigest()


def resumed(folder: Path) -> tuple[Any, bytes]:
    """The result of a finished run, which is written anew if need be."""
    return resume(folder / "run"), (folder / "run/result.json").read_bytes()


def study_run(folder: Path, number: int) -> Any:
    return read_run(folder / "results", runs()[number])


@cache
def runs() -> list[Any]:
    """A network, another one, and a survey."""
    planned = PAPER.plan(OPTIONS).runs
    trained = [run for run in planned if run.task == "train"]
    return [*trained[:2], next(run for run in planned if run.task != "train")]


def continued(folder: Path) -> None:
    plan = PAPER.plan(OPTIONS)
    with opened(folder / "results", plan.options, plan.limits):
        pass


ONE, TWO, SURVEY = (f"results/runs/{run.key}/" for run in runs())
STUDY = (RunError,)
RUN = RunError
TARGETS = {
    "checkpoint": Target(
        "run/checkpoints/latest-00002.safetensors", checkpoint, RunError,
        "other/checkpoints/latest-00002.safetensors", "safetensors",
    ),
    "checkpoint's pointer": Target(
        "run/checkpoints/latest.json", checkpoint, RunError, "run/checkpoints/best.json"
    ),
    "configuration": Target("run/config.json", lambda f: open_run(f / "run"), RUN,
                            "other/config.json"),
    "metrics": Target("run/metrics.jsonl", lambda f: open_run(f / "run"), RUN,
                      "other/metrics.jsonl", "lines"),
    "manifest": Target("run/manifest.json", lambda f: read_record(f / "run", "manifest.json"), RUN,
                       "run/result.json"),
    "result": Target("run/result.json", resumed, RUN, "other/result.json"),
    "scores": Target("run/scores.json", lambda f: read_scores(open_run(f / "run")), RUN,
                     "other/scores.json"),
    "study": Target("results/study.json", continued, STUDY, "results/summary.json"),
    "study's configuration": Target(f"{ONE}config.json", lambda f: study_run(f, 0), STUDY,
                                    f"{TWO}config.json"),
    "study's metrics": Target(f"{ONE}metrics.jsonl", lambda f: study_run(f, 0), STUDY,
                              f"{TWO}metrics.jsonl", "lines"),
    "study's result": Target(f"{ONE}result.json", lambda f: study_run(f, 0), STUDY,
                             f"{TWO}result.json"),
    "study's manifest": Target(f"{ONE}manifest.json", lambda f: study_run(f, 0), STUDY,
                               f"{ONE}result.json"),
    "survey's result": Target(f"{SURVEY}result.json", lambda f: study_run(f, 2), STUDY,
                              f"{ONE}result.json"),
    "summary": Target("results/summary.json", lambda f: open_results(f / "results"), RunError,
                      "results/study.json"),
}  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two finished runs and a results folder."""
    folder = tmp_path_factory.mktemp("made")
    train(CONFIG, folder / "run")
    train(replace(CONFIG, learning_rate=0.02), folder / "other")
    reproduce(OPTIONS, folder / "results")
    return folder


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_files_of_runs_and_results(made: Path, name: str, size: Callable) -> None:
    target = TARGETS[name]
    place = made / target.file
    ways = mutations.of_bytes(place.with_name("mark"), (made / target.other).read_bytes())
    if target.kind == "json":
        ways |= mutations.of_json(partial(sealed, place.name))
    if target.kind == "safetensors":
        ways |= mutations.of_safetensors()
    count = size(300, 5000) if name == "checkpoint" else size(100, 1000)
    damage(place, ways, count, lambda: target.load(made), target.error)


def test_checkpoints_whose_checksums_were_made_to_fit(tmp_path: Path) -> None:
    """What is no checkpoint of this network is refused even then, and never executed."""

    class StopError(Exception):
        pass

    def stop(_: object) -> None:
        raise StopError

    folder = tmp_path / "run"
    with pytest.raises(StopError):
        train(CONFIG, folder, Callbacks(on_epoch=stop))
    pointer = folder / "checkpoints/latest.json"
    entry = read_record(folder / "checkpoints", "latest.json")
    file = folder / "checkpoints" / entry["file"]
    content, rng = file.read_bytes(), random.Random(0)
    ways = mutations.of_safetensors() | mutations.of_bytes(tmp_path / "mark", b"{}")
    for name in ("tensor renamed", "offsets", "huge header", "no header", "a pickle",
                 "a torch file", "another's"):  # fmt: skip
        for _ in range(4):
            changed = ways[name](content, rng)
            file.write_bytes(changed)
            fitting = entry | {"file_sha256": hashlib.sha256(changed).hexdigest()}
            pointer.write_bytes(sealed(pointer.name, fitting))
            for use in (resume, lambda at: evaluate_run(at, "latest")):
                with pytest.raises(RunError) as caught:
                    use(folder)
                assert "\n" not in str(caught.value), name
                assert str(folder) in str(caught.value), name
            assert not (tmp_path / "mark").exists(), name
