"""Folders and files that somebody else has made: nothing outside them is touched, nothing is lost
that we did not write, and what does not fit is told in one line before it is used."""

import gzip
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import requests
import torch
from safetensors.torch import load_file, save
from torch import Tensor

from resqunn import Circuit, Quanv2d, load_dataset
from resqunn.data.idx import decompressed, parse_idx
from resqunn.data.sources import SOURCES
from resqunn.errors import CircuitError, ConfigurationError, DataError, RunError
from resqunn.lab.report.figure_folder import FigureFolder
from resqunn.lab.study import folder as study_folder
from resqunn.lab.study.executors import dask_cluster
from resqunn.lab.study.finished import read_run
from resqunn.lab.study.plan import PlannedRun
from resqunn.lab.study.results import open_results, write_results
from resqunn.lab.study.tasks import perform
from resqunn.lab.training import checkpoint, session
from resqunn.lab.training.config import TrainConfig
from resqunn.lab.training.files import as_line, parsed, sealed, write_atomically
from resqunn.lab.training.provenance import versions
from resqunn.lab.training.run import Callbacks, evaluate_run, load_model, resume, train

import sample_results
from support import small_mnist

SMALL = TrainConfig(per_class=4, epochs=3, depths=(1,), wiring="none")


class StopError(Exception):
    pass


def interrupted(folder: Path, config: TrainConfig = SMALL, after: int = 1) -> Path:
    """A run that was stopped after so many epochs."""

    def stop(epoch: Any) -> None:
        if epoch.epoch == after:
            raise StopError

    with pytest.raises(StopError):
        train(config, folder, Callbacks(on_epoch=stop))
    return folder


def change(folder: Path, changes: Callable[[dict[str, Tensor]], None], name: str) -> None:
    """Changes the tensors of a checkpoint, with sums that fit."""
    place = folder / "checkpoints"
    saved = checkpoint.load_checkpoint(place, name)
    tensors = dict(saved.tensors)
    changes(tensors)
    checkpoint.save_checkpoint(place, replace(saved, tensors=tensors), name)


def put(name: str, made: Callable[[Tensor], Tensor]) -> Callable[[dict[str, Tensor]], None]:
    return lambda tensors: tensors.update({name: made(tensors[name])})


SPOILT = {
    "one number": put("adam/0/exp_avg", lambda t: t.flatten()[:1]),
    "dtype": put("adam/0/exp_avg", lambda t: t.double()),
    "step": put("adam/0/step", lambda t: t + 1),
    "step shape": put("adam/0/step", lambda t: t.reshape(1)),
    "below zero": put("adam/0/exp_avg_sq", lambda t: t - 1),
    "not finite": put("adam/0/exp_avg", lambda t: t * float("inf")),
    "missing entry": lambda tensors: tensors.pop("adam/0/exp_avg"),
    "missing weight": lambda tensors: [tensors.pop(k) for k in list(tensors) if "adam/0/" in k],
    "another weight": lambda tensors: tensors.update({"adam/99/step": torch.ones(())}),
    "another kind": lambda tensors: tensors.update({"sgd/0/step": torch.ones(())}),
    "weights dtype": put("model/layers.0.weight", lambda t: t.double()),
    "weights not finite": put("model/layers.0.weight", lambda t: t * float("nan")),
    "weights shape": put("model/layers.0.weight", lambda t: t.flatten()),
}


@pytest.mark.parametrize("spoilt", SPOILT)
def test_case_2_a_checkpoint_is_checked_entry_by_entry(tmp_path: Path, spoilt: str) -> None:
    run = interrupted(tmp_path / "run")
    change(run, SPOILT[spoilt], "latest")
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    with pytest.raises(RunError, match="does not fit its configuration") as caught:
        resume(run)
    assert "\n" not in str(caught.value)
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    if spoilt.startswith("weights"):
        with pytest.raises(RunError, match="does not fit its configuration"):
            load_model(run, "latest")


def test_case_2_weights_without_a_gradient_have_no_entries_and_resume(tmp_path: Path) -> None:
    config = replace(SMALL, depths=(1, 1), wiring="X+O1", input_gradients=False)
    whole = train(config, tmp_path / "whole")
    assert whole.epochs[0].gradient_norms["O1"] is None
    resume(interrupted(tmp_path / "run", config))
    for name in ("metrics.jsonl", "result.json", "checkpoints/latest.json"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.parametrize("entry", [{"file": "../elsewhere"}, {"epoch": "1"}, {"file_sha256": 3}])
def test_case_2_a_pointer_names_a_checkpoint_of_its_folder(tmp_path: Path, entry: dict) -> None:
    run = interrupted(tmp_path / "run")
    path = run / "checkpoints/latest.json"
    content = {k: v for k, v in json.loads(path.read_text()).items() if k != "sha256"}
    path.write_bytes(sealed(path.name, content | entry))
    with pytest.raises(RunError, match="does not name a checkpoint of its folder"):
        resume(run)


def outside(place: Path) -> dict[str, Any]:
    return {path.name: path.read_bytes() for path in sorted(place.iterdir()) if path.is_file()}


def test_case_16_checkpoints_that_are_a_link_are_refused(tmp_path: Path) -> None:
    run, models = interrupted(tmp_path / "run"), tmp_path / "models"
    (run / "checkpoints").rename(models)
    for name in ("best-of-all", "latest-00000", "best-00000"):
        (models / f"{name}.safetensors").write_bytes(b"mine")
    (run / "checkpoints").symlink_to(models)
    before = outside(models)
    with pytest.raises(RunError, match="checkpoints is a symbolic link"):
        resume(run)
    assert outside(models) == before


def test_case_16_only_files_of_our_names_are_removed(tmp_path: Path) -> None:
    run = interrupted(tmp_path / "run")
    mine = run / "checkpoints/best-of-all.safetensors"
    mine.write_bytes(b"mine")
    resume(run)
    assert mine.read_bytes() == b"mine"


PARTS = ("config.json", "manifest.json", "metrics.jsonl", "timings.jsonl", "result.json")


@pytest.mark.parametrize("part", [*PARTS, "stretches.jsonl", "checkpoints/best.json"])
def test_case_16_parts_of_a_run_that_are_links_are_refused(tmp_path: Path, part: str) -> None:
    run, target = interrupted(tmp_path / "run"), tmp_path / "target"
    target.write_bytes((run / part).read_bytes() if (run / part).exists() else b"")
    (run / part).unlink(missing_ok=True)
    (run / part).symlink_to(target)
    before = target.read_bytes()
    with pytest.raises(RunError, match=f"{Path(part).name} is a symbolic link"):
        resume(run)
    assert target.read_bytes() == before


def test_case_16_a_file_with_a_second_name_outside_is_not_written_to(tmp_path: Path) -> None:
    run, target = interrupted(tmp_path / "run"), tmp_path / "target"
    for name in PARTS[1:4]:
        (target / name).parent.mkdir(exist_ok=True)
        os.link(run / name, target / name)
    (target / "stretches.jsonl").write_text("{}\n")
    os.link(target / "stretches.jsonl", run / "stretches.jsonl")
    before = outside(target)
    resume(run)
    assert outside(target) == before
    assert len((run / "stretches.jsonl").read_text().splitlines()) == 2


def test_case_16_a_file_is_not_written_through_a_link_in_the_place_of_its_first_form(
    tmp_path: Path,
) -> None:
    (tmp_path / "target").write_bytes(b"mine")
    (tmp_path / f".x.json.{os.getpid()}.partial").symlink_to(tmp_path / "target")
    write_atomically(tmp_path / "x.json", b"{}")
    assert (tmp_path / "target").read_bytes() == b"mine"
    assert (tmp_path / "x.json").read_bytes() == b"{}"


@pytest.mark.parametrize("part", ["locks", "locks/probe", "locks/command", "runs", "tables"])
def test_case_15_links_in_a_results_folder_are_refused(tmp_path: Path, part: str) -> None:
    results, target = tmp_path / "results", tmp_path / "target"
    with study_folder.opened(results, {}):
        pass
    if (results / part).is_dir():
        target.mkdir()
        (results / part).rename(tmp_path / "before")
    else:
        (results / part).unlink(missing_ok=True)
        target.write_bytes(b"mine")
    (results / part).symlink_to(target)
    with (
        pytest.raises(RunError, match=f"{part} is a symbolic link"),
        study_folder.opened(results, {}),
    ):
        pass
    assert list(target.iterdir()) == [] if target.is_dir() else target.read_bytes() == b"mine"


def test_case_14_a_picture_of_the_users_own_is_not_overwritten(tmp_path: Path) -> None:
    figures = FigureFolder(tmp_path / "report")
    mine = tmp_path / "report/figures/loss.png"
    mine.write_bytes(b"mine")
    assert figures.stem("loss").name != "loss"
    figures.tidy()
    assert mine.read_bytes() == b"mine"


def begun(folder: Path, config: TrainConfig, after: int = 1) -> tuple[PlannedRun, Path]:
    """An unfinished run of a study."""
    with study_folder.opened(folder, {}):
        pass
    run = PlannedRun("s", "l", 0, config)
    return run, interrupted(folder / "runs" / run.key, config, after)


def test_case_18_a_run_whose_data_have_moved_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = tmp_path / "a", tmp_path / "b"
    monkeypatch.setitem(SOURCES, "mnist", small_mnist(before / "mnist"))
    monkeypatch.delenv("RESQUNN_DATA", raising=False)
    config = replace(SMALL, data="mnist", data_root=str(before))
    run, place = begun(tmp_path / "results", config, 2)
    before.rename(after)
    (place / "notes.txt").write_text("mine")
    lines = (place / "timings.jsonl").read_text().splitlines()
    moved = replace(run, config=replace(run.config, data_root=str(after)))
    assert moved.key == run.key
    assert perform([moved], tmp_path / "results") == {moved.key: None}
    assert (place / "notes.txt").read_text() == "mine"
    assert (place / "timings.jsonl").read_text().splitlines()[:2] == lines
    assert TrainConfig.from_json(place / "config.json").data_root == str(after)
    assert (place / "result.json").exists()


def test_case_18_a_folder_with_files_that_we_did_not_write_is_not_removed(tmp_path: Path) -> None:
    with study_folder.opened(tmp_path, {}):
        pass
    run = PlannedRun("s", "l", 0, SMALL)
    place = tmp_path / "runs" / run.key
    place.mkdir()
    (place / "notes.txt").write_text("mine")
    error = perform([run], tmp_path)[run.key]
    assert isinstance(error, RunError)
    assert "is not an empty folder" in str(error)
    assert (place / "notes.txt").read_text() == "mine"


def test_case_19_other_versions_are_said_and_each_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = interrupted(tmp_path / "run")
    real = metadata.version
    other = {"torch": "0.1"}
    monkeypatch.setattr(metadata, "version", lambda name: other.get(name) or real(name))
    with pytest.warns(UserWarning, match=rf"torch 0\.1 in place of {real('torch').split('+')[0]}"):
        resume(run)
    (line,) = (run / "stretches.jsonl").read_text().splitlines()
    stretch = json.loads(line)
    assert (stretch["first_epoch"], stretch["versions"]["torch"]) == (2, "0.1")
    assert stretch["threads"] == 1


def test_case_19_the_same_versions_are_recorded_without_a_word(tmp_path: Path) -> None:
    run = resume(interrupted(tmp_path / "run")).folder
    assert len((run / "stretches.jsonl").read_text().splitlines()) == 1


@pytest.mark.parametrize("package", ["resqunn", "torch", "numpy", "numba"])
def test_case_19_workers_with_other_versions_are_refused(tmp_path: Path, package: str) -> None:
    class Client:
        def run(self, *_: Any, **__: Any) -> dict[str, Any]:
            return {"tcp://w": (versions() | {package: "0.1"}, True)}

    cluster = object.__new__(dask_cluster.DaskCluster)
    cluster.address, cluster.client = "tcp://s", Client()
    with pytest.raises(RunError, match=rf"the Dask worker tcp://w has {package} 0\.1, not"):
        cluster._check_workers(tmp_path)


def test_case_21_a_scheduler_that_dies_is_one_line() -> None:
    class Client:
        def scheduler_info(self, **_: Any) -> None:
            raise OSError("Timed out trying to connect\nafter 5 s")

    cluster = object.__new__(dask_cluster.DaskCluster)
    cluster.address, cluster.client = "tcp://s", Client()
    with pytest.raises(RunError, match=r"the Dask scheduler at tcp://s is gone") as caught:
        _ = cluster.width
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Quanv2d(1, 4, 2, 2, depth=50_000_000), CircuitError, "262,144 gates or fewer"),
        (lambda: Quanv2d(1, 4, 100_000), CircuitError, "inputs must be 1,048,576 or fewer"),
        (lambda: Quanv2d(1, 4, 2, ansatz="random:" + "1" * 5000), ConfigurationError, "digits"),
        (lambda: Circuit("ry", "ry_chain", "z", inputs=10**5, depth=1), CircuitError, "qubits or"),
        (lambda: session.build_model(replace(SMALL, kernel_size=2**30)), CircuitError, "inputs"),
        (
            lambda: Circuit("ry", "ry_chain", "z", inputs=64, depth=1).diagonals(),
            CircuitError,
            "30 qubits or fewer",
        ),
    ],
)
def test_case_23_sizes_are_bounded_before_memory_is_used(
    make: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make()


def test_case_23_a_gzip_bomb_is_refused() -> None:
    bomb = gzip.compress(bytes(2**20)) * 80
    with pytest.raises(DataError, match="unpacks to more than"):
        decompressed(bomb, Path("bomb.gz"))
    with pytest.raises(DataError, match="8 dimensions or fewer, got 255"):
        parse_idx(b"\0\0\x08\xff" + b"\0\0\0\1" * 255 + b"\0", Path("deep"))


def test_case_23_an_endless_answer_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Endless(io.RawIOBase):
        given = 0

        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            self.given += size
            assert self.given < 2**30
            return bytes(size)

    def send(_: object, request: requests.PreparedRequest, **__: object) -> requests.Response:
        response = requests.Response()
        response.url, response.request = str(request.url), request
        response.status_code, response.raw = 200, Endless()
        return response

    monkeypatch.delenv("RESQUNN_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    with pytest.raises(DataError, match="it answers more than 67,108,864 bytes"):
        load_dataset("kmnist", mirror="https://a.test")


@pytest.mark.parametrize("text", ["NaN", "1e999", "-Infinity", "[{}, 1e999]"])
def test_case_24_numbers_that_are_not_finite_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no finite number"):
        parsed(f'{{"a": {text}}}'.encode())


def test_case_24_metrics_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    run = train(replace(SMALL, epochs=1), tmp_path / "run").folder
    path = run / "metrics.jsonl"
    path.write_text(path.read_text().replace('"loss": ', '"loss": NaN, "was": '))
    with pytest.raises(RunError, match=r"metrics\.jsonl"):
        resume(run)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epoch": 7}, "its line 1 is of epoch 7"),
        ({"gradient_norms": {"O1": 1.0}}, "gradient norms of O1, head"),
        ({"gradient_norms": {"O1": 1.0, "head": 1.0, "x": 1.0}}, "gradient norms of O1, head"),
        ({"\x1b[31m\n": 1.0}, "unexpected keyword"),
    ],
)
def test_case_24_metrics_that_do_not_fit_are_refused_although_their_sums_do(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    run = train(replace(SMALL, epochs=1), tmp_path / "run").folder
    line = as_line(json.loads((run / "metrics.jsonl").read_text()) | changes)
    (run / "metrics.jsonl").write_bytes(line)
    for name in ("result.json", "checkpoints/latest.json"):
        held = json.loads((run / name).read_text()) | {"metrics_sha256": sha256(line).hexdigest()}
        del held["sha256"]
        (run / name).write_bytes(sealed(Path(name).name, held))
    planned = PlannedRun("s", "l", 0, replace(SMALL, epochs=1))
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / planned.key).symlink_to(run)
    for use in (lambda: resume(run), lambda: read_run(tmp_path, planned)):
        with pytest.raises(RunError, match=message) as caught:
            use()
        assert str(caught.value).isprintable()


UNFITTING: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a value for each of 21 seeds": lambda s: s["series"][0]["seeds"].append(9),
    "a value each for every epoch": lambda s: s["series"][0]["curves"]["loss"]["low"].pop(),
    "num_layers must be 0 to 10,000": lambda s: s["gradients"].update(num_layers=2**40),
    "deciding must be one of": lambda s: s["claim"]["variants"][0].update(deciding=99),
    "margin must be left out": lambda s: s["claim"]["rule"].update(kind="better"),
}


@pytest.mark.parametrize("message", UNFITTING)
def test_case_24_results_that_do_not_fit_are_refused(tmp_path: Path, message: str) -> None:
    write_results(tmp_path, sample_results.results())
    path = tmp_path / "summary.json"
    held = json.loads(path.read_text())
    del held["sha256"]
    UNFITTING[message](
        {
            "series": held["studies"][0]["series"],
            "gradients": next(s["gradients"] for s in held["studies"] if s["gradients"]),
            "claim": held["claims"][0],
        }
    )
    path.write_bytes(sealed(path.name, held))
    with pytest.raises(RunError, match=rf"summary\.json is damaged \(.*{message}"):
        open_results(tmp_path)


def command(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "resqunn", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
    )


def test_case_24_names_from_outside_are_shown_as_they_are_without_escapes(tmp_path: Path) -> None:
    (tmp_path / "[bold]").mkdir()
    run = train(replace(SMALL, epochs=1), tmp_path / "[bold]" / "x[" / "x]\x1b[31m").folder
    done = command("evaluate", str(run), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "[bold]/x[/x]\ufffd[31m" in done.stdout
    assert "\x1b" not in done.stdout
    wrong = command("resume", "no\x1b[31m\nsuch", cwd=tmp_path)
    assert wrong.returncode == 2
    assert "\x1b" not in wrong.stderr
    assert wrong.stderr.count("\n") == 1


def test_case_24_a_pipe_in_the_place_of_a_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.json")
    with pytest.raises(RunError, match="it is no ordinary file"):
        evaluate_run(tmp_path)


@pytest.mark.parametrize("part", [*PARTS[1:4], "stretches.jsonl", "checkpoints/latest.json"])
def test_case_24_a_pipe_in_the_place_of_a_part_is_refused(tmp_path: Path, part: str) -> None:
    run = interrupted(tmp_path / "run")
    (run / part).unlink(missing_ok=True)
    os.mkfifo(run / part)
    with pytest.raises(RunError, match="it is no ordinary file"):
        resume(run)


def test_case_24_a_pipe_in_the_place_of_a_result_is_replaced(tmp_path: Path) -> None:
    run = train(replace(SMALL, epochs=1), tmp_path / "run").folder
    before = (run / "result.json").read_bytes()
    (run / "result.json").unlink()
    os.mkfifo(run / "result.json")
    resume(run)
    assert (run / "result.json").read_bytes() == before


@pytest.mark.parametrize("name", ["command", "run"])
def test_case_24_a_pipe_in_the_place_of_a_lock_is_refused(tmp_path: Path, name: str) -> None:
    with study_folder.opened(tmp_path, {}):
        pass
    run = PlannedRun("s", "l", 0, SMALL)
    lock = tmp_path / "locks" / (name if name == "command" else run.key)
    lock.unlink(missing_ok=True)
    os.mkfifo(lock)

    def use() -> None:
        with study_folder.opened(tmp_path, {}):
            raise perform([run], tmp_path)[run.key] or AssertionError("nothing was refused")

    # Nobody reads it; or somebody does, and it would take what is written.
    with pytest.raises(RunError, match=r"No such device|is no ordinary file"):
        use()
    reading = os.open(lock, os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(RunError, match="is no ordinary file"):
        use()
    os.close(reading)


def test_case_24_an_unknown_key_is_shown_without_escapes(tmp_path: Path) -> None:
    content = {"\x1b[31m\nred": 1}
    (tmp_path / "config.json").write_bytes(sealed("config.json", content))
    with pytest.raises(RunError, match="unexpected keyword") as caught:
        evaluate_run(tmp_path)
    assert str(caught.value).isprintable()


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_folders_that_cannot_be_looked_at_are_one_line(tmp_path: Path) -> None:
    if not os.geteuid():
        pytest.skip("root can look at every folder: see test_hostile_folders.py")
    run = interrupted(tmp_path / "run")
    for place, mode in ((run / "checkpoints", 0o600), (run, 0o111), (run, 0)):
        place.chmod(mode)
        with pytest.raises(RunError, match="cannot be"):
            resume(run)
        place.chmod(0o755)


def test_a_checkpoint_is_what_it_was_before(tmp_path: Path) -> None:
    """The check refuses nothing that training writes."""
    run = interrupted(tmp_path / "run")
    (file,) = (run / "checkpoints").glob("latest-*.safetensors")
    assert save(load_file(file)) == save(checkpoint.load_checkpoint(file.parent, "latest").tensors)
    resume(run)
