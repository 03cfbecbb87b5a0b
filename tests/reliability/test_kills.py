"""Killed at any moment, on a full disk or in a read-only folder, nothing finished is lost.

Every command then goes on, to the same bytes as if nothing had happened; no half-written file
is ever visible; and where a command can say what is wrong, it does so in one line.
"""

import json
import os
import random
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load

from reliability.victims import Outcome, Victims

NETWORK = ["--per-class", "4", "--epochs", "4", "--depths", "1", "--wiring", "none"]
STUDIES = ["reproduce", "--quick", "--seeds", "1", "--epochs", "1", "--figures", "2", "7"]
TIMES = {"seconds", "created"}
OWN = {"manifest.json", "study.json"}
"""Files that hold times alone, or the command line."""


@dataclass(frozen=True)
class Command:
    """A command, the one that goes on with it, and the kills of its short and long form."""

    begin: Callable[[Path], list[object]]
    go_on: Callable[[Path], list[object]]
    kills: tuple[int, int]


def train(folder: Path) -> list[object]:
    return ["train", "--out", folder, *NETWORK]


def resume(folder: Path) -> list[object]:
    return ["resume", folder] if (folder / "config.json").exists() else train(folder)


def report(folder: Path) -> list[object]:
    return ["report", folder]


def reproduce(folder: Path) -> list[object]:
    return [*STUDIES, "--workers", 1, "--out", folder]


COMMANDS = {
    "train": Command(train, resume, (14, 300)),
    "report": Command(report, report, (4, 80)),
    "reproduce": Command(reproduce, reproduce, (4, 80)),
}

TIMED = r"rerun with.*?in all|Time taken.*?added|[\d.,]+\W+m?s\b"
"""What the page says of times."""

WHOLE: dict[str, Callable[[bytes], Any]] = {
    ".json": json.loads,
    ".safetensors": load,
    ".svg": lambda content: content.index(b"</svg>", -10),
    ".html": lambda content: content.index(b"</html>", -10),
    ".png": lambda content: content.index(b"IEND", -10),
    ".csv": lambda content: content.index(b"\n", -1),
}


def check_whole(folder: Path) -> None:
    """Reads every file that can be seen; lines of epochs alone are added one by one."""
    for file in folder.rglob("*"):
        if file.suffix in WHOLE and not file.name.startswith("."):
            WHOLE[file.suffix](file.read_bytes())


def results(folder: Path) -> dict[str, Any]:
    """What must be the same whatever happened, by file; without times."""
    found: dict[str, Any] = {}
    for file in folder.rglob("*"):
        if file.is_file() and "locks" not in file.parts:
            found[str(file.relative_to(folder))] = None if file.name in OWN else comparable(file)
    return found


def comparable(file: Path) -> Any:
    if file.name == "summary.json":
        return without_times(json.loads(file.read_bytes()))
    if file.name == "timings.jsonl":
        return [json.loads(line)["epoch"] for line in file.read_bytes().splitlines()]
    if file.name == "index.html":
        return re.sub(
            r"rerun with.*?in all|Time taken.*?added|[\d.,]+\W+m?s\b", "", file.read_text()
        )
    return file.read_bytes()


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        free = TIMES | ({"sha256"} if "created" in value else set())
        return {key: without_times(entry) for key, entry in value.items() if key not in free}
    return [without_times(entry) for entry in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def victims() -> Iterator[Victims]:
    with Victims() as found:
        yield found


@dataclass(frozen=True)
class Undisturbed:
    """What the command gives when nothing happens, how long it takes, and from what it starts."""

    results: dict[str, Any]
    outcome: Outcome
    summary: bytes | None

    def start(self, folder: Path) -> Path:
        if self.summary is not None:
            folder.mkdir(parents=True)
            (folder / "summary.json").write_bytes(self.summary)
        return folder


@pytest.fixture(scope="module")
def whole(victims: Victims, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Undisturbed]:
    """Every command, undisturbed."""
    found, summary = {}, None
    for name in ("train", "reproduce", "report"):
        folder = tmp_path_factory.mktemp("undisturbed") / name
        if name == "report":
            folder.mkdir()
            (folder / "summary.json").write_bytes(summary or b"")
        outcome = victims.run(*COMMANDS[name].begin(folder))
        assert outcome.code == 0, outcome.errors
        found[name] = Undisturbed(results(folder), outcome, summary if name == "report" else None)
        if name == "reproduce":
            summary = (folder / "summary.json").read_bytes()
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_killed_at_any_moment(
    name: str,
    victims: Victims,
    whole: dict[str, Undisturbed],
    tmp_path: Path,
    size: Callable[[int, int], int],
    tally: Callable[[str, int], None],
) -> None:
    command, usual, rng, kills = COMMANDS[name], whole[name], random.Random(name), 0

    moments = rng.sample(range(1, usual.outcome.moments + 1), usual.outcome.moments)

    def kill() -> dict[str, Any]:
        """At a step of writing, or at a time: most of it goes into computing."""
        if moments and rng.random() < 0.6:
            return {"moment": moments.pop()}
        return {"after": rng.uniform(0, usual.outcome.seconds)}

    while kills < size(*command.kills):
        folder = usual.start(tmp_path / "folder")
        outcome = victims.run(*command.begin(folder), **kill())
        while outcome.killed:
            kills += 1
            check_whole(folder)
            again = kill() if rng.random() < 0.3 else {}
            outcome = victims.run(*command.go_on(folder), **again)
        assert outcome.code == 0, outcome.errors
        assert results(folder) == usual.results
        shutil.rmtree(folder)
    tally(f"killed: {name}", kills)


def test_workers_killed_at_any_moment(
    victims: Victims,
    whole: dict[str, Undisturbed],
    tmp_path: Path,
    size: Callable[[int, int], int],
    tally: Callable[[str, int], None],
) -> None:
    usual, rng = whole["reproduce"], random.Random(0)
    kills = size(3, 40)
    for _ in range(kills):
        folder = tmp_path / "folder"
        when = rng.uniform(0, usual.outcome.seconds / 2)
        outcome = victims.run(*STUDIES, "--workers", 2, "--out", folder, worker=when)
        assert outcome.code == 0, outcome.errors
        assert results(folder) == usual.results
        shutil.rmtree(folder)
    tally("killed: worker of a study", kills)


def stopped(outcome: Outcome, why: str) -> bool:
    """Whether the command failed; then it says why in one line, the last one."""
    if outcome.code == 0:
        return False
    assert outcome.code == 2, outcome.errors
    assert "Traceback" not in outcome.errors
    line = outcome.errors.strip().splitlines()[-1]
    assert line.startswith("resqunn: error: "), outcome.errors
    assert why in line, line
    return True


class Disk:
    """A small file system in memory, which can be filled and made read-only."""

    SIZE = 8 << 20

    def __init__(self, folder: Path) -> None:
        self.folder, self.filler = folder, folder / "filler"

    def mount(self, *options: str) -> bool:
        command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(self.folder)]
        return subprocess.run(command, capture_output=True).returncode == 0

    def leave(self, room: int) -> None:
        """Fills the disk but for so many bytes."""
        found = os.statvfs(self.folder)
        self.filler.write_bytes(bytes(max(0, found.f_bavail * found.f_frsize - room)))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    found = Disk(tmp_path / "disk")
    found.folder.mkdir()
    if os.geteuid() != 0 or not found.mount(f"size={Disk.SIZE}"):
        pytest.skip("only root may mount a file system, and not in every container")
    yield found
    subprocess.run(["umount", "-l", str(found.folder)], check=True)


def finish(
    name: str, folder: Path, victims: Victims, usual: Undisturbed, outcome: Outcome, errors: str
) -> None:
    """After a command that failed, perhaps: goes on where it was, to the same results."""
    stopped(outcome, errors)
    check_whole(folder)
    done = {file: file.stat().st_mtime_ns for file in folder.glob("runs/*/result.json")}
    outcome = victims.run(*COMMANDS[name].go_on(folder))
    assert outcome.code == 0, outcome.errors
    assert results(folder) == usual.results
    assert done.items() <= {f: f.stat().st_mtime_ns for f in folder.glob("runs/*/*")}.items()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_disk_that_is_full_at_any_byte(
    name: str,
    victims: Victims,
    whole: dict[str, Undisturbed],
    tmp_path: Path,
    size: Callable[[int, int], int],
    tally: Callable[[str, int], None],
) -> None:
    usual, rng, count = whole[name], random.Random(name), size(2, 30)
    for _ in range(count):
        folder = usual.start(tmp_path / "folder")
        room = rng.randrange(usual.outcome.written)
        outcome = victims.run(*COMMANDS[name].begin(folder), room=room)
        assert outcome.code == 2
        finish(name, folder, victims, usual, outcome, "No space left on device")
        shutil.rmtree(folder)
    tally(f"disk full (simulated): {name}", count)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_disk_that_is_really_full(
    name: str,
    victims: Victims,
    whole: dict[str, Undisturbed],
    disk: Disk,
    size: Callable[[int, int], int],
    tally: Callable[[str, int], None],
) -> None:
    usual, rng, count = whole[name], random.Random(name), size(1, 20)
    for _ in range(count):
        folder = usual.start(disk.folder / "folder")
        disk.leave(rng.randrange(usual.outcome.written))
        outcome = victims.run(*COMMANDS[name].begin(folder))
        disk.filler.unlink()
        finish(name, folder, victims, usual, outcome, "No space left on device")
        shutil.rmtree(folder)
    tally(f"disk full: {name}", count)


def test_a_folder_that_is_read_only(
    victims: Victims, whole: dict[str, Undisturbed], disk: Disk
) -> None:
    moment = whole["train"].outcome.moments // 2
    done, half, study = (disk.folder / name for name in ("done", "half", "study"))
    assert victims.run(*COMMANDS["train"].begin(done)).code == 0
    assert victims.run(*COMMANDS["train"].begin(half), moment=moment).killed
    report = whole["report"].start(study / "report-of")
    assert victims.run(*COMMANDS["reproduce"].begin(study / "folder"), moment=50).killed
    before = results(disk.folder)
    assert disk.mount("remount", "ro")
    for arguments in (
        COMMANDS["train"].begin(disk.folder / "new"),
        COMMANDS["train"].go_on(half),
        COMMANDS["report"].begin(report),
        COMMANDS["reproduce"].begin(study / "folder"),
        COMMANDS["reproduce"].begin(disk.folder / "new"),
    ):
        assert stopped(victims.run(*arguments), "Read-only file system"), arguments
    for arguments in (["resume", done], ["evaluate", done], ["evaluate", half]):
        outcome = victims.run(*arguments)
        assert outcome.code == 0, outcome.errors
    assert results(disk.folder) == before
    assert disk.mount("remount", "rw")
    for name, folder in (("train", half), ("report", report), ("reproduce", study / "folder")):
        assert victims.run(*COMMANDS[name].go_on(folder)).code == 0
        assert results(folder) == whole[name].results
