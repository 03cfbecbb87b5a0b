"""Folders of runs that somebody has changed to do harm: whatever uses them is done, or says in one
line what is wrong; nothing outside changes, and nothing inside that we did not write."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reliability import hostile_folders

if os.name != "posix":
    pytest.skip("pipes, owners and bounds of memory are POSIX's", allow_module_level=True)

TESTS = Path(__file__).parents[1]


def worked(templates: Path, first: int, last: int) -> Iterator[dict[str, Any]]:
    """What `hostile_folders` says of these numbers; one at which it dies is wrong."""
    while first < last:
        command = [sys.executable, "-m", "reliability.hostile_folders", str(templates)]
        begun = None
        with subprocess.Popen(
            [*command, str(first), str(last)],
            cwd=TESTS,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            for line in process.stdout:
                told = json.loads(line)
                begun = told.get("begins", begun)
                if "wrong" in told:
                    first = told["number"] + 1
                    yield told
            errors = process.stderr.read()
        if process.returncode == 0:
            return
        assert begun is not None, errors
        first = begun + 1
        yield {"number": begun, "wrong": [f"dies with {process.returncode}: {errors[-500:]}"]}


@pytest.mark.usefixtures("form")
def test_hostile_folders(
    tmp_path_factory: pytest.TempPathFactory, size: Callable[[int, int], int]
) -> None:
    count, wrong = 0, []
    for found in worked(tmp_path_factory.mktemp("templates"), 0, size(24, 5000)):
        count += 1
        if found["wrong"]:
            wrong.append(found)
    assert count == size(24, 5000)
    assert not wrong, json.dumps(wrong, indent=1)


def test_what_is_wrong_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test of the test: uses that harm a folder's surroundings, hang, crash or say too much."""
    hostile_folders.make_templates(tmp_path)

    def harm(folder: Path) -> None:
        (folder.parent / "outside/same/config.json").write_text("{}")

    def forget(folder: Path) -> None:
        for path in folder.rglob("notes.txt"):
            path.unlink()

    def hang(_: Path) -> None:
        time.sleep(60)

    def shout(_: Path) -> None:
        raise hostile_folders.ResqunnError("two\nlines")

    def crash(_: Path) -> None:
        raise KeyError("config")

    expected = {harm: "outside", forget: "notes.txt", hang: "Hangs", shout: "more than one line"}
    monkeypatch.setattr(hostile_folders, "SECONDS", 1)
    monkeypatch.setattr(hostile_folders, "CHANGES", [lambda _: "nothing"])
    signal.signal(signal.SIGALRM, hostile_folders.stop_hanging)
    for use, word in {**expected, crash: "KeyError"}.items():
        uses = {use.__name__: use}
        monkeypatch.setattr(hostile_folders, "KINDS", dict.fromkeys(hostile_folders.KINDS, uses))
        found = hostile_folders.tried(1, tmp_path)  # an unfinished run
        assert any(word in text for text in found["wrong"]), (use, found)
