"""Networks of one's own: the same loop, the same bytes, imported only when the caller says so."""

from __future__ import annotations

import importlib
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from lab.training.test_choices import uneven
from torch import nn

from resqunn.errors import ConfigurationError, ResqunnError, RunError
from resqunn.lab.training.config import GIVEN, TrainConfig
from resqunn.lab.training.records import open_run
from resqunn.lab.training.run import (
    Callbacks,
    evaluate_run,
    load_model,
    measure_run,
    resume,
    train,
    train_several,
)
from resqunn.lab.training.scores import read_scores
from resqunn.lab.training.stack import batch_order

from support import run_bytes

HERE = "lab.training.own_networks"
TIED = f"{HERE}:tied"
TINY = TrainConfig(epochs=2, batch_size=8)


class StopError(Exception):
    pass


def small() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 4), nn.Tanh(), nn.Linear(4, 3))


def test_a_module_is_trained_as_torch_would(tmp_path: Path) -> None:
    data, model, other = uneven(), small(), small().double()
    config = replace(TINY, dtype="float64", learning_rate=0.1)
    run = train(config, tmp_path / "run", data=data, model=model)
    adam = torch.optim.Adam(other.parameters(), lr=0.1)
    for epoch in (1, 2):
        for index in batch_order(len(data.train), 0, epoch).split(8):
            adam.zero_grad()
            scores = other(data.train.images[index])
            nn.functional.cross_entropy(scores, data.train.labels[index]).backward()
            adam.step()
    for found, expected in zip(model.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)
    assert run.config.model == GIVEN
    assert set(run.epochs[0].gradient_norms) == {"model"}
    loaded = load_model(tmp_path / "run", "latest", model=small())
    images = data.validation.images
    torch.testing.assert_close(loaded(images), model.eval()(images), rtol=0, atol=0)
    for function in (resume, evaluate_run, measure_run, load_model):
        place = tmp_path / "run"
        if function is resume:
            continue
        with pytest.raises(RunError, match="was given in Python: give an untrained one again"):
            function(place) if function is load_model else function(place, data=data)
    scores = read_scores(open_run(tmp_path / "run"))
    assert scores is not None
    assert measure_run(tmp_path / "run", data=data, model=small())[0] == scores.best


@pytest.mark.parametrize("after", [2, 7])
@pytest.mark.parametrize("name", ["tied", "residual"])
def test_a_factorys_network_resumes_to_the_same_bytes(
    tmp_path: Path, name: str, after: int
) -> None:
    """With dropout, whose random numbers are the process's."""
    config, data = replace(TINY, model=f"{HERE}:{name}", patience=1, epochs=4), uneven()
    seen = 0

    def stop(*_: object) -> None:
        nonlocal seen
        torch.rand(1)
        seen += 1
        if seen == after:
            raise StopError

    before = torch.random.get_rng_state()
    train(config, tmp_path / "whole", data=data)
    assert torch.equal(torch.random.get_rng_state(), before)
    with pytest.raises(StopError):
        train(config, tmp_path / "run", Callbacks(on_batch=stop), data=data)
    torch.rand(7)
    resume(tmp_path / "run", data=data, model=config.model)
    assert run_bytes(tmp_path / "run") == run_bytes(tmp_path / "whole")
    parts = {"tied": {"model"}, "residual": {"O1", "O2", "O3", "head"}}[name]
    assert set(open_run(tmp_path / "run").epochs[0].gradient_norms) == parts


def test_a_factory_makes_a_fresh_network_for_each_seed(tmp_path: Path) -> None:
    data = uneven()
    configs = {tmp_path / str(seed): replace(TINY, model=TIED, seed=seed) for seed in (0, 1)}
    own = importlib.import_module(HERE)
    own.CALLS.clear()
    found = train_several(dict(configs), data=data)
    assert [shape.image for shape in own.CALLS] == [(1, 8, 8)] * 2
    assert len({str(run) for run in found.values()}) == 2
    for path, config in configs.items():
        train(config, tmp_path / "alone" / path.name, data=data)
        assert run_bytes(path) == run_bytes(tmp_path / "alone" / path.name)
    assert run_bytes(tmp_path / "0")["metrics.jsonl"] != run_bytes(tmp_path / "1")["metrics.jsonl"]


def test_no_folder_makes_a_factory_run(tmp_path: Path) -> None:
    data = uneven()
    with pytest.raises(StopError):
        train(replace(TINY, model=TIED), tmp_path / "run", Callbacks(on_epoch=_stop), data=data)
    sys.modules.pop(HERE, None)
    for go in (
        lambda: resume(tmp_path / "run", data=data),
        lambda: resume(tmp_path / "run", data=data, model=small()),
        lambda: resume(tmp_path / "run", data=data, model=f"{HERE}:residual"),
        lambda: evaluate_run(tmp_path / "run", data=data),
        lambda: load_model(tmp_path / "run"),
    ):
        with pytest.raises(RunError, match=r"is made by .*: if you trust that code, name it"):
            go()
        assert HERE not in sys.modules
    assert resume(tmp_path / "run", data=data, model=TIED).finished
    plain = train(replace(TINY, epochs=1), tmp_path / "plain", data=data)
    with pytest.raises(RunError, match="leave model out"):
        load_model(plain.folder, model=TIED)


def _stop(*_: object) -> None:
    raise StopError


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("no.such.package:make", "cannot be imported .ModuleNotFoundError"),
        (f"{HERE}:missing", "cannot be imported .AttributeError"),
        (f"{HERE}:number", "must be a function, got 3"),
        (f"{HERE}:none", "must give a torch.nn.Module, got str"),
        (f"{HERE}:failing", "cannot make a network .KeyError: 'no such"),
        (f"{HERE}:flat", r"must give scores \(B, 3\), one for each class, got \(2, 64\)"),
        (f"{HERE}:unfitting", r"fails on images \(B, 1, 8, 8\)"),
        (f"{HERE}:untrained", "must have weights to train"),
        ("own_networks", "must be a function's address, package.module:function"),
    ],
)
def test_a_factory_that_is_none_is_one_line_before_training(
    tmp_path: Path, model: str, message: str
) -> None:
    with pytest.raises(ResqunnError, match=message) as caught:
        train(replace(TINY, model=model), tmp_path / "run", data=uneven())
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_module_is_given_by_the_caller_alone(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="must be left out of the configuration"):
        train(replace(TINY, model=TIED), tmp_path / "run", data=uneven(), model=small())
    with pytest.raises(ResqunnError, match="given in Python"):
        train(replace(TINY, model=GIVEN), tmp_path / "run", data=uneven())
