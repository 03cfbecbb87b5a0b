"""Ctrl-C and SIGTERM at any moment: one line, the status that shells expect, work that goes on."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143}
SIGNALS = pytest.mark.parametrize("number", STATUS, ids=lambda s: s.name)

SIGNAL_AT_IMPORT = """
import os, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), {number})
sys.meta_path.insert(0, Finder())
from resqunn.cli import main
main({arguments!r})
"""

IMPORTS = [
    "resqunn.cli.command_line", "tyro", "rich.console", "resqunn.lab.training.config",
    "resqunn.lab.training.run", "torch", "torch.nn", "numpy", "numba", "numba.core.types",
    "resqunn.engines.fused.engine", "llvmlite.binding",
]  # fmt: skip


PATIENCE = 600
"""Seconds; a busy machine must not look like a process that hangs."""

Command = Callable[..., subprocess.Popen]


def heed_signals() -> None:
    """Shells let what they start in the background ignore SIGINT, and these tests may be there."""
    for number in STATUS:
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    """Starts the command in the test's folder; it does not outlive the test."""
    started: list[subprocess.Popen] = []

    def start(*arguments: str) -> subprocess.Popen:
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "resqunn", *arguments], cwd=tmp_path, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=heed_signals,
            )
        )  # fmt: skip
        return started[-1]

    yield start
    for process in started:
        with process:
            process.kill()


def until(condition: Callable[[], object], process: subprocess.Popen) -> None:
    while not condition():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


@SIGNALS
def test_while_modules_are_imported(
    size: Callable,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    number: signal.Signals,
) -> None:
    # Without compiled kernels, so that the compiler is imported too.
    environment = os.environ | {"RESQUNN_CACHE": str(tmp_path_factory.mktemp("cache"))}
    modules = IMPORTS[:: size(5, 1)]
    for module in modules:
        code = SIGNAL_AT_IMPORT.format(
            module=module, number=int(number), arguments=["train", "--out", "run"]
        )
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, env=environment, preexec_fn=heed_signals,
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.stderr == "resqunn: interrupted\n", module
        assert done.returncode == STATUS[number], module
        assert not list(tmp_path.iterdir())


@SIGNALS
def test_a_training_says_how_it_goes_on(
    command: Command, tmp_path: Path, number: signal.Signals
) -> None:
    options = ["--per-class", "10", "--epochs", "200", "--depths", "1", "1", "--out", "demo"]
    process = command("train", *options)
    until(lambda: process.stdout.readline().startswith("epoch 2/200 "), process)
    process.send_signal(number)
    shown, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == STATUS[number]
    stopped = re.fullmatch(
        r"resqunn: stopped after (\d+) of 200 whole epochs; continue with: resqunn resume demo\n",
        errors,
    )
    assert stopped, errors
    # The signal may come between an epoch's checkpoint and its line.
    last = int(stopped[1])
    shown = "epoch 2/200 \n" + shown
    assert f"epoch {last}/200 " in shown or f"epoch {last - 1}/200 " in shown
    done = command("resume", "demo")
    shown, _ = done.communicate(timeout=PATIENCE)
    assert done.returncode == 0
    assert f"epoch {last + 2}/200 " in shown
    assert f"epoch {last}/200 " not in shown
    assert len((tmp_path / "demo/metrics.jsonl").read_text().splitlines()) == 200


@pytest.mark.parametrize("workers", [1, 2])
@SIGNALS
def test_a_reproduction_says_how_it_goes_on(
    form: str,
    command: Command,
    tmp_path: Path,
    number: signal.Signals,
    workers: int,
) -> None:
    if form == "short" and (number, workers) != (15, 2):
        pytest.skip("in the long form")
    line = ["reproduce", "--quick", "--epochs", "1", "--seeds", "2", "--figures", "2", "7"]
    line += ["--workers", str(workers), "--out", "here"]
    process = command(*line)
    until(lambda: list(tmp_path.glob("here/runs/*/config.json")), process)
    process.send_signal(number)
    shown, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == STATUS[number]
    assert errors == (
        "resqunn: stopped; finished runs are kept in here: repeat the command to go on\n"
    )
    assert "runs done, " in shown
    process = command(*line)
    shown, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    assert (tmp_path / "here/summary.json").exists()


def test_ignored_signals_stay_ignored(tmp_path: Path) -> None:
    code = (
        "import os, signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "from resqunn.cli import main; import resqunn.cli.command_line as c\n"
        "c.parsed = lambda _: os.kill(os.getpid(), signal.SIGINT) or sys.exit(7)\n"
        "import sys; main(['wirings'])"
    )
    assert subprocess.run([sys.executable, "-c", code], env=os.environ).returncode == 7
