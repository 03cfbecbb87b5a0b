"""How a network is trained, beside a loop as anybody would write it with torch's own classes."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch import nn

from resqunn.data.datasets import Dataset
from resqunn.data.labelled import LabelledImages
from resqunn.errors import ConfigurationError, DataError
from resqunn.lab.training.config import PRESETS, TrainConfig
from resqunn.lab.training.objective import objective_of
from resqunn.lab.training.optimizer import rate_factor
from resqunn.lab.training.run import Callbacks, load_model, open_run, resume, train
from resqunn.lab.training.session import Session
from resqunn.lab.training.stack import batch_order
from resqunn.nn.heads import QuantumHead
from resqunn.nn.layer import Quanv

from support import run_bytes

TINY = TrainConfig(epochs=3, depths=(1, 1), batch_size=8, dtype="float64", test=False)

CHOICES: dict[str, dict[str, Any]] = {
    "adam": {"weight_decay": 0.1, "quantum_learning_rate": 0.1},
    "adamw": {"optimizer": "adamw", "weight_decay": 0.1, "schedule": "cosine"},
    "sgd": {"optimizer": "sgd", "learning_rate": 0.1, "schedule": "step", "step_epochs": 1,
            "step_factor": 0.3},
    "momentum": {"optimizer": "sgd", "momentum": 0.9, "weight_decay": 0.01,
                 "quantum_learning_rate": 0.2, "schedule": "cosine", "head": "quantum"},
    "clipped": {"clip_norm": 0.05, "optimizer": "sgd", "learning_rate": 1.0},
    "loosely clipped": {"clip_norm": 0.6, "optimizer": "sgd", "learning_rate": 0.5},
    "loss": {"label_smoothing": 0.2, "class_weights": "balanced"},
    "few steps": {"steps_per_epoch": 2, "schedule": "step", "step_epochs": 2},
    "batch": {"normalization": "batch", "activation": "relu", "clip_norm": 0.5},
    "layer": {"normalization": "layer", "activation": "gelu", "trainable": False},
    "activation": {"activation": "elu", "optimizer": "sgd", "momentum": 0.5},
    "channels": {"groups": 1, "channel_mode": "sum", "filters": 2, "stride": 1, "readout": "z0"},
    "joint": {"groups": 1, "filters": 2, "readout": "mean_z", "kernel_size": 2, "depths": (1,),
              "wiring": "none"},
}  # fmt: skip


def uneven(seed: int = 0) -> Dataset:
    """Images of three classes, 9, 17 and 7 to train on."""
    generator = torch.Generator().manual_seed(seed)

    def part(*counts: int) -> LabelledImages:
        labels = torch.repeat_interleave(torch.arange(3), torch.tensor(counts))
        images = torch.rand(len(labels), 1, 8, 8, generator=generator, dtype=torch.float64)
        images[:, :, :4] = (images[:, :, :4] + labels[:, None, None, None]) / 3
        return LabelledImages(images, labels, ("a", "b", "c"))

    return Dataset("uneven", part(9, 17, 7), part(3, 5, 4), part(4, 4, 3))


def optimizer_of(config: TrainConfig, model: nn.Module) -> torch.optim.Optimizer:
    circuits = [m.weight for m in model.modules() if isinstance(m, Quanv | QuantumHead)]
    rest = [w for w in model.parameters() if all(w is not c for c in circuits)]
    own = config.quantum_learning_rate
    groups: list[dict[str, Any]] = [
        {"params": [w for w in circuits if w.requires_grad]},
        {"params": rest},
    ]
    groups[0]["lr"] = config.learning_rate if own is None else own
    groups = [group for group in groups if group["params"]]
    options: dict[str, Any] = {"lr": config.learning_rate, "weight_decay": config.weight_decay}
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, momentum=config.momentum, **options)
    return {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[config.optimizer](
        groups, **options
    )


def scheduler_of(config: TrainConfig, optimizer: torch.optim.Optimizer) -> Any:
    if config.schedule == "cosine":
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.epochs)
    step = config.step_epochs if config.schedule == "step" else 10**6
    assert step is not None
    return torch.optim.lr_scheduler.StepLR(optimizer, step, config.step_factor)


def written_out(config: TrainConfig, data: Dataset) -> tuple[nn.Module, list[float]]:
    """The network and the mean loss of each epoch."""
    model = Session(config, data).model
    optimizer = optimizer_of(config, model)
    scheduler = scheduler_of(config, optimizer)
    labels = data.train.labels
    weight = None
    if config.class_weights == "balanced":
        found = compute_class_weight("balanced", classes=labels.unique().numpy(), y=labels.numpy())
        weight = torch.tensor(found)
    loss_of = nn.CrossEntropyLoss(weight, label_smoothing=config.label_smoothing)
    losses = []
    for epoch in range(1, config.epochs + 1):
        batches = batch_order(len(labels), config.seed, epoch).split(config.batch_size)
        values = []
        model.train()
        for index in batches[: config.steps_per_epoch]:
            optimizer.zero_grad()
            loss = loss_of(model(data.train.images[index]), labels[index])
            loss.backward()
            if config.clip_norm is not None:
                nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
            optimizer.step()
            values.append(loss.item())
        losses.append(sum(values) / len(values))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scheduler.step()
    return model, losses


@pytest.mark.parametrize("name", CHOICES)
def test_training_is_what_torch_would_do(tmp_path: Path, name: str) -> None:
    config, data = replace(TINY, **CHOICES[name]), uneven()
    run = train(config, tmp_path / "run", data=data)
    model, losses = written_out(replace(config, data="given in Python"), data)
    assert [epoch.loss for epoch in run.epochs] == pytest.approx(losses, rel=1e-9)
    expected = model.state_dict()
    found = load_model(tmp_path / "run", "latest").state_dict()
    assert found.keys() == expected.keys()
    for key, value in found.items():
        torch.testing.assert_close(value, expected[key], rtol=1e-8, atol=1e-9)
    # What the network scores does not come from the mode that it is trained in.
    images, labels = data.validation.images, data.validation.labels
    right = (model.eval()(images).argmax(dim=1) == labels).sum()
    assert run.epochs[-1].validation_accuracy == int(right) / len(labels)


class StopError(Exception):
    pass


@pytest.mark.parametrize("name", CHOICES)
def test_every_choice_resumes_to_the_same_bytes(tmp_path: Path, name: str) -> None:
    config, data = replace(TINY, **CHOICES[name], dtype="float32"), uneven()
    seen = 0

    def stop(*_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == 6:  # in the second epoch, or the third of few steps
            raise StopError

    train(config, tmp_path / "whole", data=data)
    with pytest.raises(StopError):
        train(config, tmp_path / "run", Callbacks(on_batch=stop), data=data)
    resume(tmp_path / "run", data=data)
    assert run_bytes(tmp_path / "run") == run_bytes(tmp_path / "whole")


@pytest.mark.parametrize(
    "options", [{"schedule": "cosine", "epochs": 7}, {"schedule": "step", "step_epochs": 3}]
)
def test_rates_are_those_of_torchs_schedulers(options: dict[str, Any]) -> None:
    config = replace(TINY, **options)
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.3)
    scheduler = scheduler_of(config, optimizer)
    for epoch in range(1, config.epochs + 1):
        assert 0.3 * rate_factor(config, epoch) == pytest.approx(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()


def test_balanced_weights_are_scikit_learns() -> None:
    labels = torch.tensor([0, 2, 2, 1, 2, 1, 0, 2, 2])
    config = replace(TINY, class_weights="balanced")
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels.numpy())
    assert objective_of(config, labels, ("a", "b", "c")).weights == pytest.approx(expected)
    with pytest.raises(DataError, match="of each class to train on, got none of class 'd'"):
        objective_of(config, labels, ("a", "b", "c", "d"))


@pytest.mark.parametrize("metric", ["loss", "auroc", "f1"])
def test_patience_ends_a_run_when_the_metric_does_not_get_better(
    tmp_path: Path, metric: str
) -> None:
    config = replace(TINY, epochs=20, patience=2, metric=metric, learning_rate=0.3)
    data = uneven()
    run = train(config, tmp_path / "run", data=data)
    values = [run.value(epoch) for epoch in run.epochs]
    if metric == "loss":
        assert values == [epoch.validation_loss for epoch in run.epochs]
        values = [-value for value in values]
    best = values.index(max(values)) + 1
    assert (run.best.epoch, len(run.epochs)) == (best, best + 2)
    assert run.finished
    assert run.stopped_early
    assert open_run(tmp_path / "run") == run
    before = run_bytes(tmp_path / "run")
    assert resume(tmp_path / "run", data=data) == run
    assert run_bytes(tmp_path / "run") == before
    whole = train(replace(config, patience=None), tmp_path / "whole", data=data)
    assert whole.epochs[: len(values)] == run.epochs


def test_the_default_metric_leaves_lines_as_they_were(tmp_path: Path) -> None:
    train(replace(TINY, epochs=1), tmp_path / "run", data=uneven())
    assert b"metric" not in (tmp_path / "run/metrics.jsonl").read_bytes()


def test_a_metric_that_the_split_does_not_have_is_refused(tmp_path: Path) -> None:
    whole = uneven()
    one = LabelledImages(whole.validation.images[:3], whole.validation.labels[:3], ("a", "b", "c"))
    data = replace(whole, validation=one)
    with pytest.raises(DataError, match="metric auroc needs validation images of each class"):
        train(replace(TINY, metric="auroc"), tmp_path / "run", data=data)
    with pytest.raises(DataError, match="metric matthews needs validation images of two classes"):
        train(replace(TINY, metric="matthews"), tmp_path / "run", data=data)
    assert not (tmp_path / "run").exists()


def test_new_options_leave_the_identity_of_old_configurations() -> None:
    """Sums of earlier versions."""
    assert TrainConfig().sha256 == OLD["resqunn"]
    assert PRESETS["paper"].sha256 == OLD["paper"]
    assert replace(TrainConfig(), test=False).sha256 == OLD["resqunn"]
    assert replace(TrainConfig(), optimizer="adamw").sha256 != OLD["resqunn"]


OLD = {
    "resqunn": "0876eef34232dcf00d575981e89b8dedbaedff5f0ab43f239c954cef9dd60e97",
    "paper": "f6829c57bf2c5691c7d1cef9e5c97e43ab9c54b0fdafca042756d3598eef0a60",
}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"schedule": "step"}, "step_epochs must be given with schedule 'step'"),
        ({"step_factor": 0.5}, "must be left out with schedule 'constant'"),
        ({"channel_mode": "sum"}, "groups must be given with channel_mode 'sum'"),
    ],
)
def test_options_that_need_each_other(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        replace(TINY, **options).check()


def test_a_frozen_layer_still_has_a_normalization_that_is_trained(tmp_path: Path) -> None:
    config = replace(TINY, normalization="batch", trainable=False)
    run = train(config, tmp_path / "run", data=uneven())
    assert run.epochs[-1].gradient_norms["O1"] is None
    start = Session(replace(config, data="given in Python"), uneven()).model.state_dict()
    end = load_model(tmp_path / "run", "latest").state_dict()
    same = {key for key, value in end.items() if torch.equal(value, start[key])}
    assert same == {"layers.0.0.weight", "layers.1.0.weight"}


def test_a_batch_of_one_value_is_refused(tmp_path: Path) -> None:
    config = replace(TINY, normalization="batch", batch_size=1, kernel_size=4, depths=(1, 1))
    config = replace(config, kernel_size=2, depths=(1, 1, 1), wiring="none", readout="mean_z")
    with pytest.raises(Exception, match="batch normalization needs more than one value"):
        train(config, tmp_path / "run", data=uneven())
