"""`scores.json`: what a run scores in the end, written once and read back with care."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from lab.training.test_choices import uneven

from resqunn.data.datasets import Dataset
from resqunn.errors import RunError
from resqunn.lab.training.config import TrainConfig
from resqunn.lab.training.files import read_sealed, sealed
from resqunn.lab.training.metrics import measures
from resqunn.lab.training.records import open_run
from resqunn.lab.training.run import (
    Callbacks,
    load_model,
    measure_run,
    resume,
    train,
    train_several,
)
from resqunn.lab.training.scores import read_scores
from resqunn.lab.training.stack import batch_order

from support import run_bytes

TINY = TrainConfig(epochs=4, depths=(1,), wiring="none", batch_size=8, learning_rate=0.1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("scores") / "run"
    train(replace(TINY, metric="auroc", seed=1), found, data=uneven())
    return found


def copied(folder: Path, to: Path) -> Path:
    for file in folder.rglob("*"):
        place = to / file.relative_to(folder)
        if file.is_file():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(file.read_bytes())
    return to


def test_scores_are_those_of_the_checkpoints(folder: Path) -> None:
    run, data = open_run(folder), uneven()
    scores = read_scores(run)
    assert scores is not None
    assert run.best.epoch < len(run.epochs)  # so that they differ
    assert (scores.best.epoch, scores.last.epoch) == (run.best.epoch, 4)
    for name, of in (("best", scores.best), ("latest", scores.last)):
        model = load_model(folder, name)
        for split in ("validation", "test"):
            part = getattr(data, split)
            with torch.no_grad():
                found = model(part.images.float())
            loss = float(torch.nn.functional.cross_entropy(found, part.labels))
            expected = measures(found, part.labels, loss)
            assert getattr(of, split) == pytest.approx(expected, rel=1e-5)
            counts = of.confusion[split]
            assert counts is not None
            assert [sum(row) for row in counts] == torch.bincount(part.labels).tolist()
        assert measure_run(folder, name, data=data) == (of, ("a", "b", "c"))
    assert scores.best.validation["auroc"] == run.best.validation_metric
    assert scores.last.validation["accuracy"] == run.epochs[-1].validation_accuracy


def test_test_images_are_scored_where_there_are_some_and_they_are_asked_for(
    tmp_path: Path,
) -> None:
    data = uneven()
    without = replace(data, test=None)
    runs = [
        train(replace(TINY, test=False), tmp_path / "a", data=data),
        train(TINY, tmp_path / "b", data=without),
    ]
    for run in runs:
        scores = read_scores(run)
        assert scores is not None
        assert scores.best.test is scores.last.test is None
        assert scores.best.confusion["test"] is None
    assert runs[0].config.sha256 == runs[1].config.sha256
    assert runs[0].epochs == runs[1].epochs


@pytest.mark.parametrize("left", ["neither", "scores", "damaged scores"])
def test_a_run_killed_between_its_last_files_is_completed_to_the_same_bytes(
    tmp_path: Path, folder: Path, left: str
) -> None:
    place = copied(folder, tmp_path / "run")
    (place / "result.json").unlink()
    if left == "neither":
        (place / "scores.json").unlink()
    if left == "damaged scores":
        (place / "scores.json").write_text("{")
    # Where the scores are there, the images are not needed.
    data = None if left == "scores" else uneven()
    assert resume(place, data=data) == replace(open_run(folder), folder=place)
    assert run_bytes(place) == run_bytes(folder)


def test_a_finished_run_of_an_earlier_version_is_finished(tmp_path: Path, folder: Path) -> None:
    place = copied(folder, tmp_path / "run")
    (place / "scores.json").unlink()
    assert resume(place).finished
    assert read_scores(open_run(place)) is None
    assert not (place / "scores.json").exists()


def test_damaged_scores_are_one_line_and_written_anew(tmp_path: Path, folder: Path) -> None:
    place = copied(folder, tmp_path / "run")
    (place / "scores.json").write_text((folder / "scores.json").read_text().replace("1", "2", 1))
    with pytest.raises(RunError, match=r"`resqunn resume .*` writes it anew") as caught:
        read_scores(open_run(place))
    assert "\n" not in str(caught.value)
    resume(place, data=uneven())
    assert run_bytes(place) == run_bytes(folder)


def _changed(at: tuple[str, ...], value: Any) -> Callable[[dict[str, Any]], None]:
    def change(entries: dict[str, Any]) -> None:
        for name in at[:-1]:
            entries = entries[name]
        entries[at[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_changed(("metrics_sha256",), "0"), "belongs to another run"),
        (_changed(("config_sha256",), "0"), "belongs to another run"),
        (_changed(("best", "epoch"), 4), "is of other epochs"),
        (_changed(("best", "epoch"), True), "must be a whole number"),
        (_changed(("best", "validation"), None), "must hold accuracy"),
        (_changed(("best", "validation", "f1"), "high"), "must be a number or null"),
        (_changed(("best", "validation", "f2"), 0.5), "must hold accuracy"),
        (_changed(("last",), []), "must hold an epoch"),
        (_changed(("more",), 1), "its entries are others"),
        (_changed(("confusion", "last", "test"), [[1, 2]]), "must be square"),
        (_changed(("confusion", "last", "test"), [[-1]]), "must hold counts"),
        (_changed(("confusion", "last", "test"), []), "a row for each class"),
        (_changed(("confusion", "last"), None), "cannot be read"),
    ],
)
def test_scores_that_were_sealed_anew_are_still_checked(
    tmp_path: Path, folder: Path, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    place = copied(folder, tmp_path / "run")
    entries = read_sealed(place / "scores.json", RunError, "")
    change(entries)
    (place / "scores.json").write_bytes(sealed("scores.json", entries))
    with pytest.raises(RunError, match=message):
        read_scores(open_run(place))


def test_runs_that_stop_at_different_epochs_are_what_each_is_alone(tmp_path: Path) -> None:
    data: Dataset = uneven()
    config = replace(TINY, epochs=12, patience=2, optimizer="sgd", momentum=0.9)
    config = replace(config, learning_rate=0.05)
    configs = {tmp_path / str(seed): replace(config, seed=seed) for seed in range(4)}
    found = train_several(dict(configs), data=data)
    lengths = {len(run.epochs) for run in found.values()}  # pyright: ignore[reportAttributeAccessIssue]
    assert len(lengths) > 1
    for path, each in configs.items():
        train(each, tmp_path / "alone" / path.name, data=data)
        assert run_bytes(path) == run_bytes(tmp_path / "alone" / path.name)


def test_the_file_is_what_its_readers_expect(folder: Path) -> None:
    value = json.loads((folder / "scores.json").read_text())
    assert set(value) == {
        "format", "config_sha256", "metrics_sha256", "best", "last", "confusion", "sha256"
    }  # fmt: skip
    assert set(value["best"]) == set(value["last"]) == {"epoch", "validation", "test"}


def test_training_accuracy_during_an_epoch_is_that_of_its_batches(tmp_path: Path) -> None:
    """Each batch scored here before its step, by the network as it is then."""
    seen: list[tuple[float, float]] = []
    kept: list[Any] = []

    def start(_: TrainConfig, data: Dataset, model: torch.nn.Module, __: int) -> None:
        kept.extend([data, model])

    def entropies(model: torch.nn.Module, batch: slice) -> None:
        order = batch_order(len(kept[0].train), 1, 1)[batch]
        images, labels = kept[0].train.images[order].float(), kept[0].train.labels[order]
        with torch.no_grad():
            scores = model(images)
        loss = torch.nn.functional.cross_entropy(scores, labels, reduction="sum")
        seen.append((float(loss), float((scores.argmax(dim=1) == labels).sum())))

    def after_batch(number: int, count: int, *_: float) -> None:
        if number < count:
            entropies(kept[1], slice(8 * number, 8 * (number + 1)))

    def begin(*arguments: Any) -> None:
        start(*arguments)
        entropies(kept[1], slice(0, 8))

    config = replace(TINY, epochs=1, steps_per_epoch=3, train_scores="during", seed=1)
    calls = Callbacks(on_start=begin, on_batch=after_batch)
    run = train(config, tmp_path / "run", calls, data=uneven())
    entropy, right = (sum(each) / 24 for each in zip(*seen, strict=True))
    assert run.epochs[0].train_accuracy == right
    assert run.epochs[0].train_loss == pytest.approx(entropy, rel=1e-5)
    scores = read_scores(run)
    assert scores is not None
    assert scores.last.train is not None
    model, data = load_model(run.folder, "latest"), uneven().train
    with torch.no_grad():
        found = model(data.images.float()).argmax(dim=1)
    assert scores.last.train["accuracy"] == int((found == data.labels).sum()) / len(data)
    assert scores.best.train is None
    for name in ("scores.json", "result.json"):
        (run.folder / name).unlink()
    resume(run.folder, data=uneven())
    assert read_scores(run) == scores
