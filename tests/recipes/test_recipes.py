"""The recipes of docs/recipes.md are run, and what they give is compared with something else."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jaxtyping
import numpy as np
import pytest
import torch
from torch import nn

from resqunn import LinearHead, Quanv2d, ResQuNN, load_dataset

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]  # those of others

PAGE = (Path(__file__).parents[2] / "docs/recipes.md").read_text(encoding="utf-8")
Recipe = Callable[..., dict[str, Any]]


def code_of(title: str) -> str:
    section = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", section, re.DOTALL)[0]


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """Runs the code of a section in an empty folder, and gives its names."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)

    def run(title: str) -> dict[str, Any]:
        names: dict[str, Any] = {"__name__": "recipe"}
        exec(compile(code_of(title), title, "exec"), names)
        return names

    return run


def trained(batches: list[torch.Tensor], epochs: int, optimizer: Any, **options: Any) -> ResQuNN:
    """The network of two recipes, trained by a loop of one's own in one process."""
    generator = torch.Generator().manual_seed(0)
    layer = Quanv2d(1, 4, 2, 2, depth=2, generator=generator)
    network = ResQuNN([layer], "none", LinearHead(4, 64, generator=generator))
    digits = load_dataset("digits", classes=4, per_class=40).train
    steps = optimizer(network.parameters(), **options)
    for _ in range(epochs):
        for batch in batches:
            scores = network(digits.images[batch])
            steps.zero_grad()
            nn.functional.cross_entropy(scores, digits.labels[batch]).backward()
            steps.step()
    return network


def test_skorch_searches_a_grid(recipe: Recipe) -> None:
    pytest.importorskip("skorch")
    names = recipe("scikit-learn, through skorch")
    search, digits = names["search"], names["digits"]
    results = search.cv_results_
    assert len(results["params"]) == 4
    folds = np.array([results[f"split{k}_test_score"] for k in range(3)])
    assert search.best_score_ == pytest.approx(folds.mean(axis=0).max())
    assert search.best_score_ > 0.8
    module = search.best_estimator_.module_.eval()
    assert type(module[0]) is Quanv2d
    with torch.no_grad():
        expected = module(digits.images).argmax(1)
    assert search.predict(digits.images.numpy()).tolist() == expected.tolist()


def test_lightning_trains_as_a_loop_does(recipe: Recipe) -> None:
    pytest.importorskip("lightning")
    found = recipe("Lightning")["model"].network
    batches = list(
        torch.arange(len(load_dataset("digits", classes=4, per_class=40).train)).split(32)
    )
    expected = trained(batches, 2, torch.optim.Adam, lr=0.02)
    for ours, theirs in zip(found.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_optuna_goes_on_where_it_stopped(recipe: Recipe, tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    study = recipe("Optuna")["study"]
    assert len(study.trials) == 6
    assert study.best_value == max(trial.value for trial in study.trials)
    written = {path: path.stat().st_mtime_ns for path in tmp_path.glob("runs/*/metrics.jsonl")}
    assert written
    again = recipe("Optuna")["study"]
    assert [trial.value for trial in again.trials] == [trial.value for trial in study.trials]
    assert {path: path.stat().st_mtime_ns for path in written} == written


def test_tensorboard_holds_what_the_run_holds(recipe: Recipe) -> None:
    pytest.importorskip("tensorboard")
    run = recipe("TensorBoard")["run"]
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator("logs/first").Reload()
    for tag, values in {
        "accuracy/validation": [epoch.validation_accuracy for epoch in run.epochs],
        "gradient/O1": [epoch.gradient_norms["O1"] for epoch in run.epochs],
    }.items():
        found = events.Scalars(tag)
        assert [event.step for event in found] == [1, 2, 3]
        assert [event.value for event in found] == pytest.approx(values)


def test_mlflow_holds_what_the_run_holds(recipe: Recipe) -> None:
    pytest.importorskip("mlflow")
    names = recipe("MLflow")
    client = names["mlflow"].tracking.MlflowClient()
    run_id = names["tracked"].info.run_id
    found = client.get_metric_history(run_id, "validation_accuracy")
    expected = [(epoch.epoch, epoch.validation_accuracy) for epoch in names["run"].epochs]
    assert [(metric.step, metric.value) for metric in found] == expected
    assert client.get_run(run_id).data.params["wiring"] == "O1+O2"


def test_attributions_add_up_to_the_score(recipe: Recipe) -> None:
    pytest.importorskip("captum")
    names = recipe("Captum")
    model, images, target = (names[name] for name in ("model", "images", "target"))
    with torch.no_grad():
        change = model(images) - model(torch.zeros_like(images))
    total = names["attributions"].sum(dim=(1, 2, 3))
    torch.testing.assert_close(
        total, change.gather(1, target[:, None])[:, 0].to(total), atol=0.02, rtol=0.02
    )


def test_two_processes_train_as_one(tmp_path: Path) -> None:
    script = tmp_path / "ddp.py"
    script.write_text(code_of("Several processes (DDP)"), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
    ]
    done = subprocess.run(
        [*command, str(script)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    found = torch.tensor(json.loads(done.stdout.splitlines()[-1]))
    expected = trained(list(torch.arange(96).split(32)), 1, torch.optim.SGD, lr=0.5)
    weight = expected.layers[0].weight.detach().flatten()
    torch.testing.assert_close(found, weight, atol=1e-5, rtol=1e-5)


def test_each_recipe_is_run_here() -> None:
    titles = [
        section.partition("\n")[0] for section in PAGE.split("\n## ")[1:] if "```python" in section
    ]
    text = Path(__file__).read_text(encoding="utf-8")
    assert len(titles) == 7
    for title in titles:
        assert f'"{title}"' in text, title
