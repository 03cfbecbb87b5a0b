"""What long commands tell a log file, where no terminal shows a bar."""

import re
from pathlib import Path

import pytest

from resqunn.cli import main, progress
from resqunn.lab.study.execution import Progress


def test_training_tells_each_epoch_on_a_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    options = ["--per-class", "10", "--epochs", "13", "--depths", "1", "1"]
    main(["train", *options, "--out", str(tmp_path / "run")])
    told = capsys.readouterr()
    number = r"[\d.]+%"
    found = re.findall(
        rf"^epoch (\d+)/13  loss [\d.]+  train {number}  validation {number}$", told.out, re.M
    )
    assert list(map(int, found)) == list(range(1, 14))
    assert told.err == ""


def test_studies_tell_every_twentieth_and_every_half_minute(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clock = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])

    def told(seconds: float) -> list[str]:
        def go(report):
            for done in range(201):
                clock[0] += seconds
                report(Progress(200, done=done, running=200 - done and 2, seconds_left=600.0))

        progress.reproducing(tmp_path, go)
        return capsys.readouterr().out.splitlines()

    fast, slow = told(0.1), told(29.0)
    assert [int(line.split()[1]) for line in fast] == list(range(0, 201, 10))
    assert fast[1] == "training: 10 of 200 runs done, 2 running, 188 left, about 10 min to go"
    assert fast[-1] == "training: 200 of 200 runs done, 0 running, 0 left"
    assert len(slow) > 100
