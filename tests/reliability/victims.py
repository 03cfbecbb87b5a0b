"""A process that does commands in forks of itself, which are killed or refused the disk.

It has loaded and warmed everything and has a single thread, so that a command costs what it
does, not what starting Python costs. Run as a script it reads one order a line, does it and
answers with a line; `Victims` is the other side.
"""

import io
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LIMIT = 120
"""Seconds after which a command counts as hanging."""


@dataclass(frozen=True)
class Outcome:
    """What became of a command.

    Attributes:
        code: exit code; negative, the signal that killed it.
        errors: what it printed as errors.
        moments, written: at how many moments it could have been killed, and the bytes that it
            wrote; 0 if it was killed.
    """

    code: int
    errors: str
    seconds: float
    moments: int
    written: int

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL


class Victims:
    """Does commands in forks of a warm process."""

    def __enter__(self) -> "Victims":
        single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        self.process = subprocess.Popen(
            [sys.executable, __file__], env=os.environ | single | {"COLUMNS": "200"}, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate("", timeout=LIMIT)

    def run(self, *arguments: object, **order: Any) -> Outcome:
        """`resqunn ARGUMENTS`, undisturbed, or

        after: killed after so many seconds, unless it ends before;
        moment: killed at the so manieth step of writing: before or after a file or folder is
            made, renamed, removed or synchronised, or in the middle of its being written;
        room: with a disk that takes so many bytes more;
        worker: with a pool of two, one of which is killed after so many seconds.
        """
        order["arguments"] = [str(argument) for argument in arguments]
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return Outcome(**json.loads(self.process.stdout.readline()))


class Saboteur:
    """Counts the steps of writing, and dies or runs out of space at one."""

    def __init__(self, moment: int = 0, room: int | None = None) -> None:
        self.moment, self.room, self.count, self.written = moment, room, 0, 0
        for name in ("fsync", "replace", "unlink", "mkdir"):
            setattr(os, name, self.watched(getattr(os, name)))
        self.open = io.open
        io.open = self.opened

    def step(self) -> None:
        self.count += 1
        if self.count == self.moment:
            os.kill(os.getpid(), signal.SIGKILL)

    def watched(self, function: Any) -> Any:
        def inner(*arguments: Any, **options: Any) -> Any:
            self.step()
            result = function(*arguments, **options)
            self.step()
            return result

        return inner

    def opened(self, file: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        found = self.open(file, mode, *arguments, **options)
        if mode in ("wb", "ab"):
            self.step()
            write = found.write
            found = Sabotaged(found, lambda content: self.write(write, found, content))
        return found

    def write(self, write: Any, file: Any, content: bytes) -> int:
        if self.room is not None and self.written + len(content) > self.room:
            write(content[: max(0, self.room - self.written)])
            file.flush()
            self.written = self.room
            raise OSError(28, "No space left on device")
        self.written += len(content)
        half = len(content) // 2
        write(content[:half])
        file.flush()
        self.step()
        write(content[half:])
        return len(content)


class Sabotaged:
    """A file whose `write` is another one."""

    def __init__(self, file: Any, write: Any) -> None:
        self.file, self.write = file, write

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def __enter__(self) -> "Sabotaged":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()


def command(order: dict[str, Any], errors: int, counts: int) -> int:
    """In the fork: the command, and its exit code."""
    from resqunn.cli import main
    from resqunn.lab.study.executors import pool

    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(errors, 2)
    if "worker" in order:
        pool._CONTEXT = pool.multiprocessing.get_context("fork")
    saboteur = Saboteur(order.get("moment", 0), order.get("room"))
    try:
        main(order["arguments"])
    except SystemExit as end:
        return int(end.code or 0)
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        os.write(counts, f"{saboteur.count} {saboteur.written}".encode())
    return 0


def obeyed(order: dict[str, Any]) -> dict[str, Any]:
    """Does an order, and answers."""
    start = time.monotonic()
    with tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as counts:
        child = os.fork()
        if child == 0:
            os._exit(command(order, errors.fileno(), counts.fileno()))
        if "after" in order:
            time.sleep(order["after"])
            os.kill(child, signal.SIGKILL)
        if "worker" in order:
            kill_worker(child, start + order["worker"])
        _, status = os.waitpid(child, 0)
        seconds = time.monotonic() - start
        for file in (errors, counts):
            file.seek(0)
        moments, written = map(int, counts.read().split() or (0, 0))
        return {
            "code": os.waitstatus_to_exitcode(status),
            "errors": errors.read().decode(),
            "seconds": seconds,
            "moments": moments,
            "written": written,
        }


def kill_worker(parent: int, when: float) -> None:
    """Kills a child of a process at some time, or as soon after that as it has one."""
    while os.waitid(os.P_PID, parent, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        if children and time.monotonic() >= when:
            os.kill(int(random.choice(children)), signal.SIGKILL)
            return
        time.sleep(0.005)


def warm() -> None:
    """Does once, here, what the commands do, so that forks find it done."""

    from resqunn.lab.report import write_report
    from resqunn.lab.study.running import run
    from resqunn.papers import Options
    from resqunn.papers.resqunns import PAPER

    with tempfile.TemporaryDirectory() as folder:
        options = Options("digits", seeds=(0,), epochs=1, figures=("2", "7"), quick=True)
        run(PAPER.plan(options), folder)
        write_report(Path(folder))
    tasks = len(list(Path("/proc/self/task").iterdir()))
    assert tasks == 1, f"a process with {tasks} threads cannot be forked"


def main() -> None:
    warm()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(obeyed(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
