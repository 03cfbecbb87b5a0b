"""The same tables from every executor, whatever dies; nothing is done twice."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from resqunn.cli import main
from resqunn.errors import RunError
from resqunn.lab.study import running
from resqunn.lab.study.execution import Progress, execute
from resqunn.lab.study.executors import base
from resqunn.lab.study.executors.base import Executor, Outcome
from resqunn.lab.study.executors.choice import executor as choose
from resqunn.lab.study.executors.pool import Pool
from resqunn.lab.study.folder import opened
from resqunn.lab.study.plan import PlannedRun
from resqunn.lab.training.config import TrainConfig
from resqunn.lab.training.files import read_sealed, sealed
from resqunn.papers.paper import Options
from resqunn.papers.resqunns import PAPER

from support import reproduce
from support import study_bytes as tables

SMALL = Options("digits", seeds=(0, 1), epochs=1, figures=("2", "7"), quick=True)


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("serial") / "results"
    reproduce(SMALL, folder)
    return folder


def kill_one_while_it_works(folder: Path, find: str) -> threading.Thread:
    """Kills the first child process whose command contains `find`, once runs are under way."""

    def kill() -> None:
        deadline = time.monotonic() + 60
        while not list(folder.glob("runs/*/config.json")) and time.monotonic() < deadline:
            time.sleep(0.005)
        for pid in descendants(os.getpid()):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                if find in Path(f"/proc/{pid}/cmdline").read_text():
                    os.kill(pid, signal.SIGKILL)
                    return

    thread = threading.Thread(target=kill)
    thread.start()
    return thread


def descendants(parent: int) -> list[int]:
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True)
    pairs = [tuple(map(int, line.split())) for line in listed.stdout.splitlines()]
    found, level = [], [parent]
    while level:
        level = [pid for pid, ppid in pairs if ppid in level]
        found += level
    return found


def test_a_pool_whose_worker_is_killed_gives_the_same_tables(serial: Path, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    killer = kill_one_while_it_works(folder, "spawn_main")
    found = reproduce(SMALL, folder, Pool(2))
    killer.join()
    assert not found.failed
    assert tables(folder) == tables(serial)


def test_dask_whose_worker_is_killed_gives_the_same_tables(serial: Path, tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    folder = tmp_path / "results"
    with cluster(tmp_path) as address:
        executor = choose(1, address)
        killer = kill_one_while_it_works(folder, "spawn_main")
        found = reproduce(SMALL, folder, executor)
        killer.join()
        executor.close()
    assert not found.failed
    assert tables(folder) == tables(serial)


class cluster:  # noqa: N801
    """A scheduler with two worker processes on this machine, in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> str:
        code = (
            "import sys, distributed\n"
            "if __name__ == '__main__':\n"
            "    c = distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True,\n"
            "        dashboard_address=None, host='127.0.0.1')\n"
            "    print(c.scheduler_address, flush=True)\n"
            "    sys.stdin.read()\n"
        )
        script = self.folder / "cluster.py"
        script.write_text(code)
        self.process = subprocess.Popen(
            [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, cwd=self.folder,
        )  # fmt: skip
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def __exit__(self, *_: object) -> None:
        self.process.communicate("", timeout=60)


def test_mistakes_with_dask_are_told_within_seconds() -> None:
    pytest.importorskip("distributed")
    start = time.monotonic()
    with pytest.raises(RunError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        choose(1, "tcp://127.0.0.1:9")
    with pytest.raises(RunError, match="no Dask scheduler answers"):
        choose(1, "nonsense://x")
    assert time.monotonic() - start < 20


def test_what_is_done_is_not_done_again(serial: Path) -> None:
    before = {f: f.stat().st_mtime_ns for f in serial.glob("runs/*/*")}
    done = []
    reproduce(SMALL, serial, on_progress=lambda p: done.append((p.done, p.total)))
    count = len(PAPER.plan(SMALL).runs)
    assert {f: f.stat().st_mtime_ns for f in serial.glob("runs/*/*")} == before
    assert set(done) == {(count, count)}


def test_an_interrupted_command_goes_on(serial: Path, tmp_path: Path) -> None:
    def stop(progress: Progress) -> None:
        if progress.done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reproduce(SMALL, tmp_path / "results", on_progress=stop)
    assert not (tmp_path / "results/summary.json").exists()
    found = reproduce(SMALL, tmp_path / "results", Pool(2))
    assert found.results.failures == ()
    assert tables(tmp_path / "results") == tables(serial)


def test_a_killed_command_leaves_no_workers_and_goes_on(serial: Path, tmp_path: Path) -> None:
    arguments = ["reproduce", "--quick", "--epochs", "1", "--figures", "2", "7"]
    command = [sys.executable, "-m", "resqunn", *arguments, "--workers", "2", "--out", "results"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL)
    while not list(tmp_path.glob("results/runs/*/config.json")):
        assert process.poll() is None
        time.sleep(0.01)
    workers = descendants(process.pid)
    process.kill()
    process.wait()
    time.sleep(0.5)
    assert not [pid for pid in workers if _alive(pid)]
    reproduce(SMALL, tmp_path / "results")
    assert tables(tmp_path / "results") == tables(serial)


def _alive(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_what_fails_twice_is_reported_while_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []
    perform = base.perform

    def fail(stack, folder):
        (run,) = stack
        tried.append(run.key)
        if run.task.endswith(":pixels") or (
            run.task.endswith(":monomials") and tried.count(run.key) == 1
        ):
            raise ZeroDivisionError("no luck")
        return perform(stack, folder)

    monkeypatch.setattr(base, "perform", fail)
    options = replace(SMALL, figures=("controls",), seeds=(0,))
    found = reproduce(options, tmp_path / "results")
    labels = [(f.label, f.seed, f.error) for f in found.results.failures]
    error = "ZeroDivisionError: no luck"
    assert labels == [("logistic regression on pixels", 0, error)]
    (told,) = json.loads((tmp_path / "results/failures.json").read_text())
    assert told["error"] == error
    assert len(found.results.studies[0].series) == 5
    monkeypatch.setattr(base, "perform", perform)
    assert reproduce(options, tmp_path / "results").results.failures == ()


class Scripted(Executor):
    """Says what it is told to."""

    width = 4

    def outcomes(self, stacks, folder):
        for stack in stacks:
            yield [Outcome(run, 2.0, None if run.seed else "dead") for run in stack]


def test_progress_and_its_estimate(tmp_path: Path) -> None:
    runs = [PlannedRun("s", "a", seed, TrainConfig(seed=seed), "x") for seed in range(8)]
    seen = []
    failed = execute(
        Scripted(), runs, tmp_path, lambda p: seen.append((p.done, p.failed, p.running, p.left))
    )
    assert [outcome.run.seed for outcome in failed] == [0]
    assert seen[-1] == (7, 1, 0, 0)
    assert all(sum(counts) == 8 for counts in seen)
    progress = Progress(8)
    progress.learn([Outcome(runs[0], 2.0)], {run.key: run for run in runs[1:]}, 2)
    assert progress.seconds_left == 7.0


def test_folders_that_do_not_fit(serial: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds results with epochs = 1, not 2"):
        reproduce(replace(SMALL, epochs=2), serial)
    (tmp_path / "other").mkdir()
    (tmp_path / "other/file").touch()
    with pytest.raises(RunError, match="holds other files"):
        reproduce(SMALL, tmp_path / "other")
    with pytest.raises(RunError, match=r"is a file, not a folder: choose another --out"):
        reproduce(SMALL, tmp_path / "other/file/results")
    (tmp_path / "old").mkdir()
    study = read_sealed(serial / "study.json", RunError, "") | {"resqunn": "0.0.1"}
    (tmp_path / "old/study.json").write_bytes(sealed("study.json", study))
    with pytest.raises(RunError, match=r"made by resqunn 0\.0\.1"):
        reproduce(SMALL, tmp_path / "old")
    with (
        opened(serial, PAPER.plan(SMALL).options, PAPER.plan(SMALL).limits),
        pytest.raises(RunError, match="another command is working"),
    ):
        reproduce(SMALL, serial)


def test_a_full_disk_ends_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise RunError("cannot write to results: No space left on device")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(base, "perform", fail)
    monkeypatch.setattr(running, "check_writable", full)
    with pytest.raises(RunError, match="No space left"):
        reproduce(SMALL, tmp_path / "results")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--figures", "12"], "unknown figure '12'"),
        (["--interpretations", "al"], "did you mean 'all'"),
        (["--data", "mnits"], "did you mean 'mnist'"),
        (["--workers", "0"], "workers must be 1 or more"),
        (["--seeds", "0"], "seeds must be a number from 1 to"),
        (["--out", "/dev/null/x"], "cannot write to"),
    ],
)
def test_mistakes_are_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as caught:
        main(["reproduce", "--quick", *arguments])
    assert caught.value.code == 2
    errors = capsys.readouterr().err
    assert message in errors
    assert len(errors.strip().splitlines()) == 1
