"""Damaged files are refused in one line that names them, or were not really changed.

Nothing in them is executed, and nothing that decides or reports a result is silently accepted.
"""

import gzip
import hashlib
import random
import shutil
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resqunn import load_dataset
from resqunn.data import sources
from resqunn.data.idx import decompressed, parse_idx
from resqunn.data.sources import SOURCES, IdxFile
from resqunn.errors import (
    CheckpointError,
    DataError,
    ReportError,
    ResqunnError,
    RunError,
    StudyError,
)
from resqunn.report.summary import read_summary
from resqunn.studies.catalogue import plan
from resqunn.studies.evidence import read_run
from resqunn.studies.folder import opened
from resqunn.studies.plan import Options
from resqunn.studies.reproduce import reproduce
from resqunn.training.checkpoint import load_checkpoint
from resqunn.training.config import TrainConfig
from resqunn.training.files import sealed
from resqunn.training.records import read_record
from resqunn.training.run import Callbacks, evaluate_run, open_run, resume, train

from reliability import mutations

CONFIG = TrainConfig(per_class=4, epochs=2, depths=(1,), wiring="none")
OPTIONS = Options("digits", seeds=1, epochs=1, figures=("2", "7"), quick=True)


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


def runs() -> list[Any]:
    """A network, another one, and a survey."""
    planned = plan(OPTIONS).runs
    trained = [run for run in planned if run.kind == "train"]
    return [*trained[:2], next(run for run in planned if run.kind == "survey")]


def continued(folder: Path) -> None:
    with opened(folder / "results", OPTIONS):
        pass


ONE, TWO, SURVEY = (f"results/runs/{run.key}/" for run in runs())
STUDY = (StudyError,)
RUN = (RunError, CheckpointError)
TARGETS = {
    "checkpoint": Target(
        "run/checkpoints/latest-00002.safetensors", checkpoint, CheckpointError,
        "other/checkpoints/latest-00002.safetensors", "safetensors",
    ),
    "checkpoint's pointer": Target(
        "run/checkpoints/latest.json", checkpoint, CheckpointError, "run/checkpoints/best.json"
    ),
    "configuration": Target("run/config.json", lambda f: open_run(f / "run"), RUN,
                            "other/config.json"),
    "metrics": Target("run/metrics.jsonl", lambda f: open_run(f / "run"), RUN,
                      "other/metrics.jsonl", "lines"),
    "manifest": Target("run/manifest.json", lambda f: read_record(f / "run", "manifest.json"), RUN,
                       "run/result.json"),
    "result": Target("run/result.json", resumed, RUN, "other/result.json"),
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
    "summary": Target("results/summary.json", lambda f: read_summary(f / "results"), ReportError,
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


def tried(load: Callable[[], Any], error: Any) -> tuple[Any, str | None]:
    """What a file gives, or the message of the error."""
    try:
        return load(), None
    except error as mistake:
        return None, str(mistake)


def damage(
    place: Path,
    ways: dict[str, mutations.Mutation],
    count: int,
    load: Callable[[], Any],
    error: type[ResqunnError] | tuple[type[ResqunnError], ...],
) -> None:
    """Damages a file so many times, in every way in turn, and uses it."""
    content, expected, rng = place.read_bytes(), load(), random.Random(place.name)
    accepted: list[str] = []
    try:
        for number in range(count):
            name = list(ways)[number % len(ways)]
            place.write_bytes(ways[name](content, rng))
            found, mistake = tried(load, error)
            if mistake is None:
                accepted.append(name)
                assert found == expected, name
            else:
                assert place.name in mistake, name
                assert "\n" not in mistake, name
            assert not place.with_name("mark").exists(), f"{name} was executed"
    finally:
        place.write_bytes(content)
    assert len(accepted) < count / 4 or place.name == "result.json", accepted


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_files_of_runs_and_results(
    made: Path, name: str, size: Callable[[int, int], int], tally: Callable[[str, int], None]
) -> None:
    target = TARGETS[name]
    place = made / target.file
    ways = mutations.of_bytes(place.with_name("mark"), (made / target.other).read_bytes())
    if target.kind == "json":
        ways |= mutations.of_json(partial(sealed, place.name))
    if target.kind == "safetensors":
        ways |= mutations.of_safetensors()
    count = size(1000, 2500) if "checkpoint" in name else size(250, 1000)
    damage(place, ways, count, lambda: target.load(made), target.error)
    tally(f"damaged: {name}", count)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """MNIST's four files with few images, packed and not, and a row of the table for them."""
    rng = np.random.default_rng(0)
    files = []
    for file in SOURCES["mnist"].files:
        shape = (60, 6, 6) if "images" in file.name else (60,)
        values = rng.integers(0, 256, shape) if "images" in file.name else np.arange(60) % 10
        plain = struct.pack(f">4B{len(shape)}I", 0, 0, 8, len(shape), *shape)
        plain += values.astype(np.uint8).tobytes()
        packed = gzip.compress(plain, mtime=0)
        for folder, content in (("packed", packed), ("plain", plain)):
            (tmp_path / folder).mkdir(exist_ok=True)
            name = file.name if folder == "plain" else f"{file.name}.gz"
            (tmp_path / folder / name).write_bytes(content)
        sums = [hashlib.sha256(content).hexdigest() for content in (packed, plain)]
        files.append(IdxFile(file.name, *sums))
    row = replace(SOURCES["mnist"], files=tuple(files))
    monkeypatch.setitem(sources.SOURCES, "mnist", row)
    monkeypatch.delenv("RESQUNN_DATA", raising=False)
    return tmp_path


def unpacked(content: bytes, place: Path) -> np.ndarray:
    return parse_idx(decompressed(content, place), place)


@pytest.mark.parametrize("folder", ["plain", "packed"])
@pytest.mark.parametrize("part", ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"])
def test_damaged_data(
    data: Path,
    folder: str,
    part: str,
    size: Callable[[int, int], int],
    tally: Callable[[str, int], None],
) -> None:
    place = data / folder / (part if folder == "plain" else f"{part}.gz")
    other = place.with_name(place.name.replace("train", "t10k")).read_bytes()
    ways, count = mutations.of_bytes(place.with_name("mark"), other), size(250, 1000)

    def load() -> str:
        return load_dataset("mnist", per_class=2, root=data / folder).sha256

    damage(place, ways, count, load, DataError)
    tally("damaged: data files", count)
    # The format itself, of files of which no checksum is known: refused, or an array.
    content, rng = place.read_bytes(), random.Random(part)
    for number in range(count):
        changed = list(ways.values())[number % len(ways)](content, rng)
        _, mistake = tried(partial(unpacked, changed, place), DataError)
        assert mistake is None or (place.name in mistake and "\n" not in mistake)


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
                with pytest.raises(CheckpointError) as caught:
                    use(folder)
                assert "\n" not in str(caught.value), name
                assert str(folder) in str(caught.value), name
            assert not (tmp_path / "mark").exists(), name


@pytest.mark.parametrize("part", ["config.json", "metrics.jsonl", "checkpoints"])
def test_a_run_does_not_go_on_with_a_part_of_another(tmp_path: Path, part: str) -> None:
    """Each part is whole, but its learning rate, its scores or its weights are not this run's."""
    one, two = tmp_path / "one", tmp_path / "two"
    for rate, folder in ((0.01, one), (0.02, two)):
        train(replace(CONFIG, learning_rate=rate), folder)
    if (one / part).is_dir():
        shutil.rmtree(one / part)
        shutil.copytree(two / part, one / part)
    else:
        shutil.copy(two / part, one / part)
    for use in (resume, evaluate_run, open_run):
        if part != "metrics.jsonl" or use is not evaluate_run:
            with pytest.raises(RUN, match=part):
                use(one)


def test_a_damaged_run_of_a_study_is_made_anew_once_it_is_deleted(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    before = reproduce(OPTIONS, folder).summary["studies"]
    place = folder / "runs" / runs()[0].key
    (place / "result.json").write_text("{")
    with pytest.raises(StudyError, match=f"once .*{place.name} is deleted, the same command"):
        reproduce(OPTIONS, folder)
    for file in place.rglob("*"):
        if file.is_file():
            file.unlink()
    times: list[tuple[int, int]] = []
    after = reproduce(OPTIONS, folder, on_progress=lambda p: times.append((p.done, p.total)))
    assert times[0] == (len(after.plan.runs) - 1, len(after.plan.runs))
    for study in (*before, *after.summary["studies"]):
        for series in study["series"]:
            del series["seconds"]
    assert after.summary["studies"] == before


def test_results_whose_study_file_was_damaged_are_kept(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    reproduce(OPTIONS, folder)
    (folder / "study.json").write_text("{")
    with pytest.raises(StudyError, match=r"study\.json .*delete it and run the same command"):
        reproduce(OPTIONS, folder)
    (folder / "study.json").unlink()
    times: list[tuple[int, int]] = []
    found = reproduce(OPTIONS, folder, on_progress=lambda p: times.append((p.done, p.total)))
    assert set(times) == {(len(found.plan.runs), len(found.plan.runs))}
