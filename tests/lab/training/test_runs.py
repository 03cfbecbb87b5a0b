"""Runs: their folder, their determinism, interruption, and mistakes."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import fields, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import torch

from resqunn import AngleEncoding
from resqunn.errors import ConfigurationError, RunError, WrongTypeError
from resqunn.lab.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from resqunn.lab.training.config import PRESETS, TrainConfig
from resqunn.lab.training.files import read_sealed, sealed
from resqunn.lab.training.lock import exclusive
from resqunn.lab.training.run import (
    Callbacks,
    build_model,
    evaluate_run,
    load_data,
    load_model,
    open_run,
    resume,
    train,
)
from resqunn.lab.training.stack import batch_order

from support import run_bytes as contents

SMALL = TrainConfig(per_class=20, epochs=3, depths=(1, 1))


def test_a_run_leaves_everything_needed_to_repeat_it(tmp_path: Path) -> None:
    run = train(SMALL, tmp_path / "run")
    assert [epoch.epoch for epoch in run.epochs] == [1, 2, 3]
    assert run.finished
    assert run.epochs[-1].loss < run.epochs[0].loss
    manifest = json.loads((tmp_path / "run/manifest.json").read_text())
    assert manifest["versions"]["torch"] == version("torch")
    assert manifest["images"] == {"train": 160, "validation": 40}
    assert manifest["threads"] == manifest["seed"] + 1 == 1
    assert len(manifest["data_sha256"]) == 64
    assert TrainConfig.from_json(tmp_path / "run/config.json") == SMALL
    lines = (tmp_path / "run/metrics.jsonl").read_text().splitlines()
    assert set(json.loads(lines[-1])["gradient_norms"]) == {"O1", "O2", "head"}
    assert json.loads((tmp_path / "run/result.json").read_text())["final"]["epoch"] == 3
    assert open_run(tmp_path / "run") == run


def test_the_paper_trains_only_the_layers_that_its_wiring_reaches(tmp_path: Path) -> None:
    config = replace(PRESETS["paper"], per_class=20, epochs=1, wiring="X+O1")
    norms = train(config, tmp_path / "run").epochs[0].gradient_norms
    assert norms["O1"] is None
    assert norms["O2"] > 0
    assert norms["head"] > 0
    frozen = train(replace(config, trainable=False), tmp_path / "frozen").epochs[0]
    assert frozen.gradient_norms["O2"] is None


class StopError(Exception):
    pass


def stop_at_once(*_: object) -> None:
    raise StopError


@pytest.mark.parametrize("after", [1, 9, 10, 11, 25])
def test_a_run_that_was_stopped_anywhere_resumes_to_the_same_bytes(
    tmp_path: Path, after: int
) -> None:
    train(SMALL, tmp_path / "whole")
    seen = 0

    def stop(*_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == after:
            raise StopError

    with pytest.raises(StopError):
        train(SMALL, tmp_path / "run", Callbacks(on_batch=stop))
    assert not (tmp_path / "run/result.json").exists()
    assert not open_run(tmp_path / "run").finished
    resume(tmp_path / "run")
    assert contents(tmp_path / "run") == contents(tmp_path / "whole")


@pytest.mark.parametrize("delay", [0.0, 0.15, 0.4])
def test_a_run_that_was_killed_resumes_to_the_same_bytes(tmp_path: Path, delay: float) -> None:
    config = replace(SMALL, epochs=12)
    train(config, tmp_path / "whole")
    code = (
        "import sys; from pathlib import Path; from resqunn.lab.training import run, config;"
        "run.train(config.TrainConfig(per_class=20, epochs=12, depths=(1, 1)), Path(sys.argv[1]))"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "run")])
    while not (tmp_path / "run/checkpoints/latest.json").exists():
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(delay)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    resume(tmp_path / "run")
    assert contents(tmp_path / "run") == contents(tmp_path / "whole")


def test_a_finished_run_is_left_alone(tmp_path: Path) -> None:
    run = train(SMALL, tmp_path / "run")
    before = contents(tmp_path / "run")
    assert resume(tmp_path / "run") == run
    assert contents(tmp_path / "run") == before


def test_evaluation_repeats_what_training_measured(tmp_path: Path) -> None:
    run = train(SMALL, tmp_path / "run")
    epoch, scores = evaluate_run(tmp_path / "run", "latest")
    assert epoch == 3
    assert scores.accuracy == run.epochs[-1].validation_accuracy
    assert scores.loss == run.epochs[-1].validation_loss
    assert sum(scores.total) == 40
    epoch, scores = evaluate_run(tmp_path / "run")
    assert (epoch, scores.accuracy) == (run.best.epoch, run.best.validation_accuracy)


@pytest.mark.parametrize("options", [{}, {"head": "quantum", "classes": 4, "readout": "mean_z"}])
def test_a_trained_network_is_loaded_for_predictions(
    tmp_path: Path, options: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(SMALL, **options)
    run = train(config, tmp_path / "run")
    data = load_data(config).validation
    # It needs no data.
    monkeypatch.setattr("resqunn.lab.training.inputs.load_dataset", None)
    for checkpoint, epoch in (("best", run.best), ("latest", run.epochs[-1])):
        model = load_model(tmp_path / "run", checkpoint)
        assert not model.training
        with torch.no_grad():
            right = (model(data.images).argmax(dim=1) == data.labels).sum()
        assert int(right) / len(data) == epoch.validation_accuracy
    with pytest.raises(RunError, match="holds no checkpoint 'last'"):
        load_model(tmp_path / "run", "last")
    with pytest.raises(RunError, match="holds no run"):
        load_model(tmp_path)


def test_a_field_reaches_what_has_a_parameter_of_its_name() -> None:
    config = TrainConfig(
        wiring="X+O1", depths=(3, 1), kernel_size=3, ansatz="ry_ring", readout="mean_z",
        encoding="rx", reupload=True, angle_scale=2.0, input_gradients=False, trainable=False,
        head="quantum", classes=2, measured=(1, 0), softmax=True, align="zero_pad_center",
        engine="statevector", dtype="float64",
    )  # fmt: skip
    model = build_model(config)
    first = model.layers[0]
    circuit = first.circuit
    parts = circuit.ansatz.name, circuit.encoding.name, circuit.readout.name, circuit.depth
    assert parts == ("ry_ring", "rx", "mean_z", 3)
    assert (first.kernel_size, first.angle_scale, circuit.reupload) == ((3, 3), 2.0, True)
    assert not first.input_gradients
    assert not first.weight.requires_grad
    assert first.weight.dtype == model.head.weight.dtype == torch.float64
    assert first.engine.name == model.head.engine.name == "statevector"
    assert (str(model.wiring), model.align) == ("X+O1", "zero_pad_center")
    assert (model.head.classes, model.head.measured, model.head.softmax) == (2, (1, 0), True)


@pytest.mark.parametrize("options", [{"dtype": "float64"}, {"head": "quantum", "classes": 4}])
def test_other_networks_train_too(tmp_path: Path, options: dict) -> None:
    run = train(replace(SMALL, readout="mean_z", **options), tmp_path / "run")
    assert run.epochs[-1].loss < run.epochs[0].loss


def test_batches_depend_on_seed_and_epoch_alone() -> None:
    torch.manual_seed(0)
    first = batch_order(50, seed=3, epoch=7)
    torch.manual_seed(1)
    assert torch.equal(batch_order(50, seed=3, epoch=7), first)
    assert not torch.equal(batch_order(50, seed=3, epoch=8), first)
    assert not torch.equal(batch_order(50, seed=4, epoch=7), first)
    assert first.sort().values.tolist() == list(range(50))


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    train(SMALL, tmp_path / "run")
    before = contents(tmp_path / "run")
    with pytest.raises(RunError, match="already holds a run: continue it with `resqunn resume"):
        train(SMALL, tmp_path / "run")
    assert contents(tmp_path / "run") == before
    (tmp_path / "other").mkdir()
    (tmp_path / "other/thesis.txt").write_text("mine")
    with pytest.raises(RunError, match="not an empty folder"):
        train(SMALL, tmp_path / "other")
    with pytest.raises(RunError, match="not an empty folder"):
        train(SMALL, tmp_path / "other/thesis.txt")
    with pytest.raises(RunError, match="cannot write to"):
        train(SMALL, tmp_path / "other/thesis.txt/run")


def test_a_mistake_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="fewer than per_class"):
        train(replace(SMALL, per_class=10_000), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_divergence_names_epoch_and_batch(tmp_path: Path) -> None:
    config = replace(SMALL, angle_scale=1e39)
    with pytest.raises(RunError, match=r"the loss became nan in epoch \d+, batch \d+ of 10"):
        train(config, tmp_path / "run")


def test_checkpoints_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no checkpoint 'best'"):
        load_checkpoint(tmp_path, "best")
    save_checkpoint(tmp_path, Checkpoint(1, {"a": torch.rand(3)}), "best")
    pointer = tmp_path / "best.json"
    entry = json.loads(pointer.read_text())
    pointer.write_text(json.dumps(entry | {"format": 3}))
    with pytest.raises(RunError, match="has format 3, but this version reads format 2"):
        load_checkpoint(tmp_path, "best")
    pointer.write_text("{")
    with pytest.raises(RunError, match="cannot be read: it is damaged"):
        load_checkpoint(tmp_path, "best")
    pointer.write_text(json.dumps(entry))
    (tmp_path / entry["file"]).unlink()
    with pytest.raises(RunError, match=r"cannot be read \(No such file"):
        load_checkpoint(tmp_path, "best")


def test_only_the_current_checkpoint_is_kept(tmp_path: Path) -> None:
    for epoch in (1, 2):
        save_checkpoint(tmp_path, Checkpoint(epoch, {"a": torch.full((2,), epoch)}), "latest")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["latest-00002.safetensors", "latest.json"]
    loaded = load_checkpoint(tmp_path, "latest")
    assert loaded.epoch == 2
    assert torch.equal(loaded.tensors["a"], torch.full((2,), 2))


def test_a_run_whose_data_changed_is_not_continued(tmp_path: Path) -> None:
    with pytest.raises(StopError):
        train(SMALL, tmp_path / "run", Callbacks(on_epoch=stop_at_once))
    manifest = tmp_path / "run/manifest.json"
    entries = read_sealed(manifest, RunError, "")
    manifest.write_bytes(sealed("manifest.json", entries | {"data_sha256": "0"}))
    with pytest.raises(RunError, match=r"the data of .* have changed"):
        resume(tmp_path / "run")


def test_folders_that_hold_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no run"):
        resume(tmp_path)
    (tmp_path / "config.json").write_bytes(sealed("config.json", {"wirring": "none"}))
    with pytest.raises(RunError, match=r"cannot be read: .*wirring"):
        resume(tmp_path)
    (tmp_path / "config.json").write_text('{"format": 99}')
    with pytest.raises(RunError, match="has format 99, but this version reads format 2"):
        open_run(tmp_path)
    train(SMALL, tmp_path / "run")
    (tmp_path / "run/metrics.jsonl").write_text("{}\n")
    with pytest.raises(RunError, match="does not hold the 3 epochs"):
        open_run(tmp_path / "run")


BAD_VALUES = {
    "control": ("no_circut", "unknown control 'no_circut'; did you mean 'no_circuit'"),
    "preset": ("papper", "unknown preset"),
    "wiring": ("X+O3", "there is no O3"),
    "data_root": (3, "data_root must be a string or None, got 3"),
    "reupload": ("yes", "reupload must be True or False, got 'yes'"),
    "input_gradients": (None, "input_gradients must be True or False"),
    "trainable": (1, "trainable must be True or False"),
    "softmax": ("no", "softmax must be True or False"),
    "measured": ("012", "measured must be a sequence of whole numbers or None"),
    "data": ("mnits", "did you mean 'mnist'"),
    "classes": (1, "classes must be 2 to 10,000, got 1"),
    "per_class": (1, "per_class must be 2 or more"),
    "size": (0, "size must be 1 to 4,096, got 0"),
    "antialias": (False, "size must be given with antialias False"),
    "train_images": (100, "train_images and validation_images must be given together, got 100 and"),
    "validation_images": (0, "validation_images must be 1 or more, got 0"),
    "split_seed": (-1, "split_seed must be 0 or more, below"),
    "initial_weights": ((0.1,), "initial_weights must be 8, as many as each circuit has, got 1"),
    "train_scores": ("before", "unknown train_scores"),
    "depths": ((), "depths must be one number a layer"),
    "stride": (0, "stride must be 1 or more, got 0"),
    "groups": (3, "groups must divide the channels of each layer, got 3 for the 1 of layer 1"),
    "filters": (0, "filters must be 1 or more, got 0"),
    "channel_mode": ("add", "unknown channel_mode"),
    "normalization": ("instance", "unknown normalization"),
    "activation": ("swish", "unknown activation"),
    "model": ("my_module", "model must be a function's address, package.module:function"),
    "steps_per_epoch": (10**6, "steps_per_epoch must be 90 at most, as many as there are batches"),
    "patience": (0, "patience must be 1 or more, got 0"),
    "metric": ("acuracy", "did you mean 'accuracy'"),
    "test": ("yes", "test must be True or False"),
    "optimizer": ("rmsprop", "unknown optimizer"),
    "quantum_learning_rate": (0.0, "quantum_learning_rate must be above 0"),
    "momentum": (0.9, "momentum must be 0 with optimizer 'adam', .* choose optimizer 'sgd'"),
    "weight_decay": (-0.1, "weight_decay must be 0 or more"),
    "schedule": ("linear", "unknown schedule"),
    "step_epochs": (5, "must be left out with schedule 'constant'"),
    "step_factor": (2.0, "step_factor must be above 0 and 1 at most, got 2.0"),
    "clip_norm": (0.0, "clip_norm must be above 0"),
    "label_smoothing": (1.0, "label_smoothing must be 0 or more and below 1"),
    "class_weights": ("even", "unknown class_weights"),
    "kernel_size": (0, "kernel_size must be 1 or more"),
    "encoding": ("ryy", "unknown encoding"),
    "ansatz": ("ry", "unknown ansatz"),
    "readout": ("w", "unknown readout"),
    "noise": ("depolarizing=2", "depolarizing must be in"),
    "shots": (0, "shots must be 1 or more"),
    "shot_gradient": ("shift", "unknown shot_gradient"),
    "shot_sampling": ("both", "unknown shot_sampling"),
    "angle_scale": (float("nan"), "angle_scale must be a number of 1e.100 at most"),
    "head": ("dense", "unknown head"),
    "align": ("centre", "unknown align"),
    "epochs": (0, "epochs must be 1 or more"),
    "batch_size": (0, "batch_size must be 1 or more"),
    "learning_rate": (-1.0, "learning_rate must be above 0 and 1e.100 at most"),
    "seed": (-1, "seed must be 0 or more"),
    "engine": ("fast", "unknown engine"),
    "dtype": ("float16", "unknown dtype"),
    "device": ("tpu?", "device must be a torch device"),
    "threads": (0, "threads must be 1 or more"),
}


def test_a_run_whose_numbers_could_not_be_read_back_ends_before_they_are_written(
    tmp_path: Path,
) -> None:
    config = replace(SMALL, learning_rate=1e100, dtype="float64", wiring="none")
    with pytest.raises(RunError, match=r"became \d\.\d+e\+1\d\d"):
        train(config, tmp_path / "run")
    assert open_run(tmp_path / "run").epochs == ()


def test_no_option_is_without_a_bad_value() -> None:
    assert set(BAD_VALUES) == {field.name for field in fields(TrainConfig)}


@pytest.mark.parametrize("name", BAD_VALUES)
def test_every_option_has_a_message_for_a_bad_value(tmp_path: Path, name: str) -> None:
    value, message = BAD_VALUES[name]
    with pytest.raises(Exception, match=message):
        train(TrainConfig(**{name: value}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["encoding", "ansatz", "readout", "noise", "engine"])
def test_an_object_is_refused_when_the_configuration_is_made(name: str) -> None:
    """A layer takes it, and a run's files hold names."""
    message = rf"{name} must be a string in a run, got AngleEncoding\(.*\): .* model='package.modu"
    given: dict[str, Any] = {name: AngleEncoding("own", ("RY",))}
    with pytest.raises(WrongTypeError, match=message):
        TrainConfig(**given)
    with pytest.raises(WrongTypeError, match=message):
        replace(SMALL, **given)


def test_measured_needs_a_quantum_head_that_fits(tmp_path: Path) -> None:
    config = replace(SMALL, head="quantum", classes=4, measured=(0, 1, 2))
    with pytest.raises(ConfigurationError, match="measured must be 4 different"):
        train(config, tmp_path / "run")


def test_a_run_killed_after_its_last_checkpoint_is_completed(tmp_path: Path) -> None:
    train(SMALL, tmp_path / "run")
    expected = contents(tmp_path / "run")
    checkpoints = tmp_path / "run/checkpoints"
    (tmp_path / "run/result.json").unlink()
    (checkpoints / "latest-00002.safetensors").write_bytes(b"the one before")
    (checkpoints / ".latest.json.77.partial").write_bytes(b"half")
    resume(tmp_path / "run")
    assert contents(tmp_path / "run") == expected


def test_two_processes_do_not_share_a_run(tmp_path: Path) -> None:
    with pytest.raises(StopError):
        train(SMALL, tmp_path / "run", Callbacks(on_epoch=stop_at_once))
    with exclusive(tmp_path / "run"), pytest.raises(RunError, match="by another process"):
        resume(tmp_path / "run")
    (tmp_path / "new").mkdir()
    with exclusive(tmp_path / "new"), pytest.raises(RunError, match="by another process"):
        train(SMALL, tmp_path / "new")
    assert resume(tmp_path / "run").finished


def test_a_folder_that_cannot_be_written_any_more_leaves_a_run_that_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(SMALL, tmp_path / "whole")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("resqunn.lab.training.session.save_checkpoint", full)
        with pytest.raises(RunError, match=r"\(No space left on device\): .*resqunn resume"):
            train(SMALL, tmp_path / "run")
    resume(tmp_path / "run")
    assert contents(tmp_path / "run") == contents(tmp_path / "whole")


@pytest.mark.parametrize("mutation", ["shrunk", "missing", "renamed", "double", "nan", "negative"])
def test_case_2_an_optimiser_that_does_not_fit_is_refused(tmp_path: Path, mutation: str) -> None:
    """Sums recomputed: what is in the file is compared with what the network needs."""

    def stop(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(SMALL, tmp_path / "run", Callbacks(on_epoch=stop))
    folder = tmp_path / "run/checkpoints"
    saved = load_checkpoint(folder, "latest")
    tensors = dict(saved.tensors)
    name = next(key for key in tensors if key.endswith("exp_avg_sq"))
    value = tensors.pop(name)
    replaced = {
        "shrunk": {name: value.flatten()[:1]},
        "missing": {},
        "renamed": {name.replace("exp_avg_sq", "exp_avg_2"): value},
        "double": {name: value.double()},
        "nan": {name: value * float("nan")},
        "negative": {name: -value - 1},
    }[mutation]
    save_checkpoint(folder, replace(saved, tensors=tensors | replaced), "latest")
    with pytest.raises(RunError, match="does not fit its configuration"):
        resume(tmp_path / "run")
