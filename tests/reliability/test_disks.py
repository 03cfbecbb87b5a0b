"""On a full disk or in a read-only folder, commands say so in one line, and lose nothing.

With room again, they go on, to the same bytes as if nothing had happened.
"""

import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reliability.commands import COMMANDS, Commands, check_whole, results
from reliability.victims import Outcome

FULL = "No space left on device"
READ_ONLY = "Read-only file system"


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


def finish(name: str, folder: Path, commands: Commands) -> None:
    """Goes on where the command was stopped, to the same results; what was done is not touched."""
    check_whole(folder)
    done = {
        file: file.stat().st_mtime_ns
        for result in folder.glob("runs/*/result.json")
        for file in result.parent.iterdir()
    }
    commands.check(name, folder, commands.go_on(name, folder))
    assert done == {file: file.stat().st_mtime_ns for file in done}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_disk_that_is_full_at_any_byte(
    name: str, commands: Commands, tmp_path: Path, size: Callable
) -> None:
    rng, count, folder = random.Random(name), size(2, 30), tmp_path / "folder"
    for _ in range(count):
        room = rng.randrange(commands.undisturbed[name].outcome.written)
        assert stopped(commands.begin(name, folder, room=room), FULL)
        finish(name, folder, commands)
        shutil.rmtree(folder)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_disk_that_is_really_full(
    name: str, commands: Commands, disk: Disk, size: Callable
) -> None:
    rng, count, folder = random.Random(name), size(1, 20), disk.folder / "folder"
    for _ in range(count):
        commands.prepare(name, folder)
        disk.leave(rng.randrange(commands.undisturbed[name].outcome.written))
        stopped(commands.begin(name, folder), FULL)  # blocks are whole: there may be room
        disk.filler.unlink()
        finish(name, folder, commands)
        shutil.rmtree(folder)


def test_a_folder_that_is_read_only(commands: Commands, disk: Disk) -> None:
    done, half, study = (disk.folder / name for name in ("done", "half", "study"))
    report = disk.folder / "report"
    middle = commands.undisturbed["train"].outcome.moments // 2
    assert commands.begin("train", done).code == 0
    assert commands.begin("train", half, moment=middle).killed
    assert commands.begin("report", report, moment=1).killed
    assert commands.begin("reproduce", study, moment=50).killed
    before = results(disk.folder)
    assert disk.mount("remount", "ro")
    refused = (
        COMMANDS["train"][0](disk.folder / "new"),
        ["resume", half],
        ["report", report],
        COMMANDS["reproduce"][0](study),
        COMMANDS["reproduce"][0](disk.folder / "new"),
    )
    for arguments in refused:
        assert stopped(commands.victims.run(*arguments), READ_ONLY), arguments
    reading = (["resume", done], ["evaluate", done], ["evaluate", half])
    for arguments in reading:
        outcome = commands.victims.run(*arguments)
        assert outcome.code == 0, outcome.errors
    assert results(disk.folder) == before
    assert disk.mount("remount", "rw")
    for name, folder in (("train", half), ("report", report), ("reproduce", study)):
        commands.check(name, folder, commands.go_on(name, folder))
