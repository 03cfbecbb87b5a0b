"""A Dask scheduler may die whenever it likes: one line, exit code 2, and finished runs are kept."""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from reliability.commands import STUDIES

pytest.importorskip("distributed")

Moment = Callable[[Path, float], bool]
"""Of a results folder and the seconds since the command began: whether it has come."""


def in_the_first_run(folder: Path, _: float) -> bool:
    return any(file.suffix == "" and len(file.name) == 16 for file in folder.glob("locks/*"))


def midway(folder: Path, _: float) -> bool:
    return any(folder.glob("runs/*/result.json"))


RUNS = 4
"""Of `STUDIES`."""


def at_the_end(folder: Path, _: float) -> bool:
    return len(list(folder.glob("runs/*/result.json"))) >= RUNS


def after(seconds: float) -> Moment:
    return lambda _, passed: passed >= seconds


@contextmanager
def cluster(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The address and the process of a scheduler; it has one worker, a process of its own."""
    from distributed import Client

    file = folder / "scheduler.json"

    def started(*arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", *arguments, "--no-dashboard"]
        quiet = subprocess.DEVNULL
        return subprocess.Popen(command, cwd=folder, stdout=quiet, stderr=quiet)

    scheduler = started(
        *("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"),
        *("--scheduler-file", str(file)),
    )
    processes = [scheduler]
    try:
        address = _read(file)
        processes.append(
            started("distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny")
        )
        with Client(address, set_as_default=False) as client:
            client.wait_for_workers(1, timeout=120)
        yield address, scheduler
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _read(file: Path) -> str:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with suppress(OSError, ValueError):
            return json.loads(file.read_text())["address"]
        time.sleep(0.05)
    raise TimeoutError(file)


def killed(folder: Path, moment: Moment) -> None:
    """The command on a cluster whose scheduler is killed at some moment."""
    folder.mkdir()
    results = folder / "results"
    with cluster(folder) as (address, scheduler):
        begun = time.monotonic()
        command = subprocess.Popen(
            [sys.executable, "-m", "resqunn", *STUDIES, "--dask", address, "--out", str(results)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"COLUMNS": "200"},
        )
        try:
            while not moment(results, time.monotonic() - begun) and command.poll() is None:
                time.sleep(0.002)
            scheduler.kill()
            shown, errors = command.communicate(timeout=180)
        finally:
            command.kill()
            command.wait()
    if command.returncode == 0:  # it was done before the scheduler was
        assert errors == ""
        assert (results / "summary.json").exists()
        return
    assert command.returncode == 2, errors
    assert errors.startswith("resqunn: error: "), errors
    assert errors.count("\n") == 1, errors
    assert f"scheduler at {address}" in errors or f"answers at {address}" in errors
    assert "Traceback" not in shown


def test_case_21_a_scheduler_that_dies_is_one_line_and_what_was_finished_is_kept(
    tmp_path: Path,
) -> None:
    killed(tmp_path / "here", midway)
    results = tmp_path / "here" / "results"
    done = {file: file.stat().st_mtime_ns for file in results.glob("runs/*/result.json")}
    assert done
    again = subprocess.run(
        [sys.executable, "-m", "resqunn", *STUDIES, "--workers", "1", "--out", str(results)],
        capture_output=True,
        text=True,
    )
    assert again.returncode == 0, again.stderr
    assert {file: file.stat().st_mtime_ns for file in done} == done


@pytest.mark.slow
@pytest.mark.parametrize("moment", [after(0), in_the_first_run, at_the_end])
def test_case_21_a_scheduler_that_dies_first_or_last_is_one_line(
    tmp_path: Path, moment: Moment
) -> None:
    killed(tmp_path / "here", moment)


@pytest.mark.slow
def test_case_21_a_scheduler_that_dies_at_any_moment_is_one_line(tmp_path: Path) -> None:
    rng = random.Random(21)
    for number in range(20):
        killed(tmp_path / str(number), after(rng.uniform(0, 25)))
