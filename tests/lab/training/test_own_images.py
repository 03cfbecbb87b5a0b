"""Runs on anybody's images: the same bytes in every form, colour, paths that move, and mistakes."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from resqunn import Images, load_dataset
from resqunn.data.sources import SOURCES, IdxFile
from resqunn.errors import ConfigurationError, DataError, ResqunnError, RunError
from resqunn.lab.report.page import write_report
from resqunn.lab.study.controls import convolution, convolutional_model, monomials, pixels
from resqunn.lab.study.plan import Plan, Series, Study
from resqunn.lab.study.results import Source, open_results
from resqunn.lab.study.running import run as run_plan
from resqunn.lab.training.config import GIVEN, TrainConfig
from resqunn.lab.training.inputs import Shape
from resqunn.lab.training.run import (
    Callbacks,
    build_model,
    evaluate_run,
    load_model,
    resume,
    train,
    train_several,
)

from support import idx, own_images, run_bytes, write_folder

SMALL = TrainConfig(wiring="none", depths=(1,), epochs=2, batch_size=8)
SPLITS = {"train": 8, "validation": 4}


class StopError(Exception):
    pass


def stop_at_once(*_: object) -> None:
    raise StopError


def npz(path: Path, splits: dict[str, Any]) -> Path:
    short = {"train": "train", "validation": "val", "test": "test"}
    arrays = {f"{short[split]}_images": pair[0] for split, pair in splits.items()}
    np.savez(path, **arrays, **{f"{short[s]}_labels": pair[1] for s, pair in splits.items()})
    return path


def idx_row(folder: Path, splits: dict[str, Any]) -> Any:
    """MNIST's row, of images that are written in its files; the second split is for tests."""
    import hashlib

    folder.mkdir()
    files = []
    for part, (images, labels) in zip(("train", "t10k"), splits.values(), strict=True):
        for name, array in (("images-idx3", images[:, 0]), ("labels-idx1", labels)):
            content = idx(array.astype(np.uint8))
            (folder / f"{part}-{name}-ubyte").write_bytes(content)
            sums = [hashlib.sha256(content).hexdigest()] * 2
            files.append(IdxFile(f"{part}-{name}-ubyte", *sums))
    return replace(SOURCES["mnist"], files=tuple(files), classes=("0", "1", "2"), shape=(1, 8, 8))


def test_every_form_gives_the_same_bytes_of_metrics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    splits = own_images(SPLITS)
    monkeypatch.setitem(SOURCES, "mnist", idx_row(tmp_path / "mnist", splits))
    write_folder(tmp_path / "tiles", splits)
    npz(tmp_path / "tiles.npz", splits)
    (images, labels), validation = splits.values()
    tensors = Images.from_arrays(
        torch.as_tensor(images / np.float32(255)),
        torch.as_tensor(labels),
        validation=tuple(map(torch.as_tensor, validation)),
    )
    configs = {
        "folder": replace(SMALL, data=str(tmp_path / "tiles")),
        "npz": replace(SMALL, data="tiles.npz", data_root=str(tmp_path)),
        "idx": replace(SMALL, data="mnist", data_root=str(tmp_path), per_class="all"),
    }
    for name, config in configs.items():
        train(config, tmp_path / "runs" / name)
    train(SMALL, tmp_path / "runs/tensors", data=tensors)
    train(SMALL, tmp_path / "runs/dataset", data=load_dataset(tensors))
    found = {
        folder.name: (folder / "metrics.jsonl").read_bytes()
        for folder in (tmp_path / "runs").iterdir()
    }
    assert set(found) == {"folder", "npz", "idx", "tensors", "dataset"}
    assert len(set(found.values())) == 1
    manifests = [json.loads((tmp_path / "runs" / n / "manifest.json").read_text()) for n in found]
    assert len({manifest["data_sha256"] for manifest in manifests}) == 1
    assert {json.dumps(manifest["images"]) for manifest in manifests} == {
        '{"train": 24, "validation": 12}'
    }


@pytest.fixture
def tiles(tmp_path: Path) -> Path:
    """A folder of colour tiles without splits."""
    return write_folder(tmp_path / "tiles", own_images({"train": 10}, channels=3))


def test_colour_reaches_the_network(tmp_path: Path, tiles: Path) -> None:
    config = replace(SMALL, data=str(tiles), depths=(1, 1), wiring="O1+O2", size=6)
    run = train(config, tmp_path / "run")
    assert run.finished
    manifest = json.loads((tmp_path / "run/manifest.json").read_text())
    assert manifest["image_shape"] == [3, 6, 6]
    assert manifest["classes"] == ["0", "1", "2"]
    assert manifest["images"] == {"train": 18, "validation": 6, "test": 6}
    assert len(manifest["test_sha256"]) == 64
    epoch, scores = evaluate_run(tmp_path / "run")
    assert scores.accuracy == run.epochs[epoch - 1].validation_accuracy
    assert (scores.classes, scores.total) == (("0", "1", "2"), (2, 2, 2))
    shutil.rmtree(tiles)  # a trained network needs no images
    model = load_model(tmp_path / "run")
    assert model.layers[0].in_channels == 3
    assert model(torch.rand(5, 3, 6, 6)).shape == (5, 3)


def test_a_relative_path_is_found_from_everywhere(
    tmp_path: Path, tiles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RESQUNN_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    config = replace(SMALL, data="tiles")
    with pytest.raises(StopError):
        train(config, tmp_path / "run", Callbacks(on_epoch=stop_at_once))
    train(config, tmp_path / "whole")
    stored = TrainConfig.from_json(tmp_path / "run/config.json")
    assert (stored.data, stored.data_root) == ("tiles", str(tmp_path))
    assert stored.sha256 == config.sha256  # where the images are is not what they are
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert resume(tmp_path / "run").finished
    assert run_bytes(tmp_path / "run") == run_bytes(tmp_path / "whole")
    assert evaluate_run(tmp_path / "run")[1].total == (2, 2, 2)


def test_images_that_have_moved_or_changed(tmp_path: Path, tiles: Path) -> None:
    config = replace(SMALL, data="tiles", data_root=str(tmp_path))
    for name in ("run", "other", "third"):
        with pytest.raises(StopError):
            train(config, tmp_path / name, Callbacks(on_epoch=stop_at_once))
    (tmp_path / "moved").mkdir()
    tiles.rename(tmp_path / "moved/tiles")
    with pytest.raises(ResqunnError, match="tiles"):
        resume(tmp_path / "run")
    run = resume(tmp_path / "run", data_root=tmp_path / "moved")
    assert run.finished
    assert TrainConfig.from_json(tmp_path / "run/config.json").data_root == str(tmp_path / "moved")
    next((tmp_path / "moved/tiles/1").iterdir()).unlink()
    with pytest.raises(RunError, match=r"the data of .*other have changed: SHA-256 \w+, but"):
        resume(tmp_path / "other", data_root=tmp_path / "moved")
    with pytest.raises(RunError, match=r"the data of .*run have changed"):
        evaluate_run(tmp_path / "run")


def test_test_images_that_have_changed_are_noticed(tmp_path: Path) -> None:
    splits = own_images({"train": 4, "validation": 2, "test": 2})
    config = replace(SMALL, data=str(npz(tmp_path / "own.npz", splits)))
    train(config, tmp_path / "run")
    splits["test"][0][0, 0, 0, 0] += 1
    npz(tmp_path / "own.npz", splits)
    with pytest.raises(RunError, match=r"the data of .* have changed"):
        evaluate_run(tmp_path / "run")


def test_images_given_in_python(tmp_path: Path) -> None:
    images = Images.from_arrays(*own_images({"train": 10})["train"])
    train(SMALL, tmp_path / "whole", data=images)
    with pytest.raises(StopError):
        train(SMALL, tmp_path / "run", Callbacks(on_epoch=stop_at_once), data=images)
    assert TrainConfig.from_json(tmp_path / "run/config.json").data == GIVEN
    with pytest.raises(RunError, match="given in Python: give them again as data="):
        resume(tmp_path / "run")
    other = Images.from_arrays(*own_images({"train": 10}, seed=1)["train"])
    with pytest.raises(RunError, match="have changed"):
        resume(tmp_path / "run", data=other)
    resume(tmp_path / "run", data=images)
    assert run_bytes(tmp_path / "run") == run_bytes(tmp_path / "whole")
    assert evaluate_run(tmp_path / "run", data=images)[1].total == (2, 2, 2)
    assert load_model(tmp_path / "run")(images.train.at(torch.arange(4), (0, 1, 2), "abc").images)[
        0
    ].shape == (3,)
    runs = train_several({tmp_path / f"{n}": replace(SMALL, seed=n) for n in (0, 1)}, data=images)
    assert all(run.finished for run in runs.values())
    assert run_bytes(tmp_path / "0") == run_bytes(tmp_path / "whole")


@pytest.mark.parametrize(
    ("options", "whole", "message"),
    [
        ({"data": "mnist"}, False, "must be left out of the configuration where images are given"),
        ({"data_root": "."}, False, "must be left out of the configuration where images are given"),
        ({"per_class": 5}, True, "per_class must be left out for a Dataset"),
        ({"classes": 2}, True, "classes must be left out for a Dataset"),
        ({"size": 4}, True, "size must be left out for a Dataset"),
    ],
)
def test_options_that_images_in_python_leave_out(
    tmp_path: Path, options: dict[str, Any], whole: bool, message: str
) -> None:
    images = Images.from_arrays(*own_images({"train": 10})["train"])
    data = load_dataset(images) if whole else images
    with pytest.raises(ConfigurationError, match=message):
        train(replace(SMALL, **options), tmp_path / "run", data=data)
    assert not (tmp_path / "run").exists()


def test_other_images_than_the_run_has_are_refused(tmp_path: Path) -> None:
    train(replace(SMALL, per_class=5), tmp_path / "run")
    images = Images.from_arrays(*own_images({"train": 10})["train"])
    with pytest.raises(RunError, match="was trained on digits: leave data out"):
        evaluate_run(tmp_path / "run", data=images)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"data": "gone.npz"}, DataError, "there is no gone.npz"),
        ({"classes": 4}, ConfigurationError, "classes must be 2 to 3"),
        ({"classes": ("0", "cat")}, ConfigurationError, "got 'cat'"),
        ({"per_class": 11}, DataError, "fewer than per_class=11"),
        ({"size": 1}, ResqunnError, "1x1"),
        ({"head": "quantum", "measured": (0, 1)}, ConfigurationError, "measured must be 3"),
    ],
)
def test_mistakes_are_told_before_a_folder_is_made(
    tmp_path: Path, tiles: Path, options: dict[str, Any], error: type, message: str
) -> None:
    config = replace(SMALL, **({"data": str(tiles)} | options))
    with pytest.raises(error, match=message) as caught:
        train(config, tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_which_classes_a_configuration_has() -> None:
    assert TrainConfig(data="mnist").num_classes == 10
    assert TrainConfig(data="pathmnist").num_classes == 9
    assert TrainConfig(data="tiles/").num_classes is None
    assert TrainConfig(data="tiles/", classes=(3, "cat")).num_classes == 2
    assert TrainConfig(classes=4).num_classes == 4


def test_configurations_of_before_keep_their_sum() -> None:
    """So that results folders go on: all classes of a named set count as their number."""
    # Taken of the version that had neither `size` nor a choice of classes.
    assert TrainConfig().sha256.startswith("0876eef34232")
    assert TrainConfig(data="mnist", classes=10).sha256 == TrainConfig(data="mnist").sha256
    assert TrainConfig(data="mnist", classes=4).sha256 != TrainConfig(data="mnist").sha256
    assert replace(SMALL, size=8).sha256 != SMALL.sha256
    assert replace(SMALL, data="a/tiles").sha256 != replace(SMALL, data="b/tiles").sha256
    assert replace(SMALL, classes=(0, 1)).sha256 != replace(SMALL, classes=2).sha256


def test_an_older_configuration_is_read(tmp_path: Path) -> None:
    from resqunn.lab.training.files import read_sealed, sealed

    path = tmp_path / "config.json"
    path.write_bytes(SMALL.to_json())
    values = read_sealed(path, RunError, "")
    del values["size"]
    path.write_bytes(sealed("config.json", values | {"classes": 10}))
    read = TrainConfig.from_json(path)
    assert read == replace(SMALL, classes=10)
    assert read.sha256 == SMALL.sha256


def test_a_hostile_manifest_makes_no_network(tmp_path: Path, tiles: Path) -> None:
    from resqunn.lab.training.files import read_sealed, sealed

    train(replace(SMALL, data=str(tiles), epochs=1), tmp_path / "run")
    path = tmp_path / "run/manifest.json"
    values = read_sealed(path, RunError, "")
    for change in (
        {"image_shape": [2**40, 8, 8]},
        {"image_shape": [3, 8]},
        {"image_shape": None},
        {"image_shape": ["3", 8, 8]},
        {"classes": 3},
        {"classes": []},
    ):
        path.write_bytes(sealed("manifest.json", values | change))
        with pytest.raises(RunError, match="does not say what images the run is for"):
            load_model(tmp_path / "run")
    path.write_bytes(sealed("manifest.json", values | {"image_shape": [1, 8, 8]}))
    with pytest.raises(RunError, match="does not fit its configuration"):
        load_model(tmp_path / "run")


def test_a_study_reads_a_path(tmp_path: Path, tiles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = replace(SMALL, data="tiles", epochs=1)
    series = (
        Series("trained", config, (0, 1)),
        Series("two", replace(config, classes=("0", "2")), (0,)),
        Series("pixels", config, (0,), task="resqunn.lab.study.controls:pixels"),
    )
    plan = Plan(
        Source("own", "Own images", sections={"studies": "Studies"}),
        (Study("tiles", "Tiles", series),),
    )
    results = run_plan(plan, tmp_path / "results").results
    assert not results.failures
    found = {each.label: each for each in results.studies[0].series}
    assert found["trained"].config["classes"] == 3
    assert found["two"].config["classes"] == ("0", "2")
    assert {record.classes for record in results.environment.data} == {3, ("0", "2")}
    assert open_results(tmp_path / "results").environment == results.environment
    page = write_report(tmp_path / "results").read_text()
    assert "tiles, classes 0, 2," in page
    assert "tiles, 3 classes," in page
    # Moved as a whole, the images are found again by the folder that the path starts from.
    (tmp_path / "moved").mkdir()
    tiles.rename(tmp_path / "moved/tiles")
    shutil.rmtree(next((tmp_path / "results/runs").iterdir()))
    again = run_plan(plan, tmp_path / "results", data_root="moved").results
    assert again.studies[0].series[0].final == results.studies[0].series[0].final


def test_images_of_other_sizes_are_trained_apart(tmp_path: Path) -> None:
    """Two folders of one path: as many images, and as many features, of 8x8 and of 9x9."""
    configs = {}
    for side in (8, 9):
        write_folder(tmp_path / f"{side}/tiles", own_images({"train": 10}, side=side))
        configs[tmp_path / f"runs/{side}"] = replace(
            SMALL, data="tiles", data_root=str(tmp_path / f"{side}")
        )
    together = train_several(configs)
    for folder, config in configs.items():
        train(config, tmp_path / "alone" / folder.name)
        assert together[folder].epochs == train_several({folder: config})[folder].epochs
        assert run_bytes(folder) == run_bytes(tmp_path / "alone" / folder.name)


def test_controls_see_colour(tiles: Path) -> None:
    config = replace(SMALL, data=str(tiles), epochs=1)
    colour = pixels(config).num_weights
    assert colour == 3 * (3 * 64 + 1)
    assert monomials(config).num_weights == colour
    assert convolution(config).num_weights == 3 * 4 + 3 * (3 * 16 + 1)
    grey = convolutional_model(config, Shape((1, 8, 8), 3))
    model = build_model(config, Shape((3, 8, 8), 3))
    assert sum(layer.weight.numel() for layer in model.layers) == 12
    assert grey.layers[0].convolution.weight.shape == (1, 1, 2, 2)
