"""What runs and studies share with others: their folders, the caller's callbacks and threads."""

import errno
import fcntl
import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from resqunn.errors import RunError
from resqunn.lab.study.folder import opened
from resqunn.lab.study.plan import PlannedRun
from resqunn.lab.study.tasks import perform
from resqunn.lab.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from resqunn.lab.training.config import TrainConfig
from resqunn.lab.training.lock import exclusive
from resqunn.lab.training.run import Callbacks, train

SMALL = TrainConfig(per_class=4, epochs=1, depths=(1,), wiring="none")
OPTIONS = {"figures": ["7"]}


def test_a_checkpoint_is_read_while_it_is_replaced(tmp_path: Path) -> None:
    """Whoever reads has one that was whole, though the file that he was told of is gone."""
    done = threading.Event()
    save_checkpoint(tmp_path, Checkpoint(0, {"a": torch.zeros(1)}), "latest")

    def save() -> None:
        for epoch in range(1, 200):
            save_checkpoint(tmp_path, Checkpoint(epoch, {"a": torch.full((1,), epoch)}), "latest")
        done.set()

    thread = threading.Thread(target=save)
    thread.start()
    seen = []
    while not done.is_set():
        found = load_checkpoint(tmp_path, "latest")
        assert float(found.tensors["a"]) == found.epoch
        seen.append(found.epoch)
    thread.join()
    assert seen == sorted(seen)
    assert len(set(seen)) > 10


def test_a_checkpoint_whose_file_is_gone_for_good(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, Checkpoint(3, {"a": torch.zeros(1)}), "latest")
    (tmp_path / "latest-00003.safetensors").unlink()
    with pytest.raises(RunError, match=r"latest-00003\.safetensors cannot be read"):
        load_checkpoint(tmp_path, "latest")


def test_a_second_command_leaves_the_firsts_files_alone(tmp_path: Path) -> None:
    half = tmp_path / "results" / ".summary.json.7.partial"
    with opened(tmp_path / "results", OPTIONS):
        half.write_text("half")
        with (
            pytest.raises(RunError, match="another command is working in"),
            opened(tmp_path / "results", OPTIONS),
        ):
            pass
        assert half.exists()
    with opened(tmp_path / "results", OPTIONS):
        assert not half.exists()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_file_systems_without_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def none(*_: object) -> None:
        raise OSError(number, "no locks")

    monkeypatch.setattr(fcntl, "flock", none)
    assert train(SMALL, tmp_path / "run").finished
    with opened(tmp_path / "results", OPTIONS):
        run = PlannedRun("s", "a", 0, SMALL)
        assert perform([run], tmp_path / "results") == {run.key: None}


def test_other_errors_of_locks_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(fcntl, "flock", broken)
    with pytest.raises(RunError, match="Input/output error"), opened(tmp_path / "a", OPTIONS):
        pass
    with pytest.raises(OSError, match="Input/output error"), exclusive(tmp_path):
        pass


@pytest.mark.parametrize("name", ["on_start", "on_batch", "on_epoch"])
def test_a_callbacks_own_error_is_not_taken_for_the_disks(tmp_path: Path, name: str) -> None:
    def mistake(*_: object) -> None:
        (tmp_path / "nowhere" / "file").write_text("")

    with pytest.raises(FileNotFoundError, match="nowhere"):
        train(SMALL, tmp_path / "run", Callbacks(**{name: mistake}))


def test_torch_keeps_its_threads(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with opened(tmp_path / "results", OPTIONS):
            survey = PlannedRun(
                "s", "a", 0, SMALL, "resqunn.papers.resqunns.gradients:every_wiring"
            )
            assert perform([survey], tmp_path / "results") == {survey.key: None}
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_weights_that_the_last_step_ruined_are_no_result(tmp_path: Path) -> None:
    config = replace(SMALL, learning_rate=3e38, batch_size=10_000)
    with pytest.raises(RunError, match="after the last step of epoch 1"):
        train(config, tmp_path / "run")
    assert not (tmp_path / "run/result.json").exists()
    lines = (tmp_path / "run/metrics.jsonl").read_text().splitlines()
    assert all(json.loads(line, parse_constant=pytest.fail) for line in lines)
