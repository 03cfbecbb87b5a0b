"""Networks trained and evaluated under noise and shots."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from resqunn import Noise, Quanv2d, load_dataset, paper_model, with_noise
from resqunn.cli import main
from resqunn.errors import CircuitError, ConfigurationError
from resqunn.lab import load_model
from resqunn.lab.report.noise_figures import accuracy_under_noise
from resqunn.lab.training.config import TrainConfig
from resqunn.lab.training.noisy_evaluation import evaluate_under_noise
from resqunn.lab.training.run import Callbacks, evaluate_run, resume, train, train_several

from support import run_bytes

TINY = TrainConfig(classes=3, per_class=20, epochs=2, depths=(1, 1), batch_size=8)
NOISY = replace(TINY, noise="depolarizing=0.05,readout=0.02", shots=50)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "clean"
    train(replace(TINY, epochs=4), folder)
    return folder


def test_with_noise_is_for_a_while() -> None:
    model = paper_model("O1+O2")
    images = torch.rand(4, 1, 8, 8)
    before = model(images)
    noise = Noise(bit_flip=0.1)
    with with_noise(model, noise) as same:
        assert same is model
        assert all(layer.noise == noise for layer in model.layers)
        assert not torch.equal(model(images), before)
        with with_noise(model, "readout=0.5"):  # flips that leave nothing
            assert torch.equal(model.layers[0](images), torch.zeros(4, 1, 4, 4))
        assert model.layers[0].noise == noise
    assert torch.equal(model(images), before)
    assert "noise" not in repr(model)


def test_with_noise_draws_from_its_generator() -> None:
    layer = Quanv2d(1, 4, 2, 2)
    images = torch.rand(2, 1, 4, 4)

    def drawn(seed: int) -> torch.Tensor:
        with with_noise(layer, shots=100, generator=torch.Generator().manual_seed(seed)):
            return layer(images)

    assert torch.equal(drawn(1), drawn(1))
    assert not torch.equal(drawn(1), drawn(2))
    assert layer.shots is None


def test_with_noise_restores_what_was_there_after_an_error() -> None:
    layer = Quanv2d(1, 4, 2, 2, noise="readout=0.1", engine="fused")
    with (
        pytest.raises(CircuitError, match="engine must be one that simulates noise"),
        with_noise(layer, Noise(depolarizing=0.1)),
    ):
        raise AssertionError("not reached")
    assert layer.noise == Noise(readout=0.1)
    with pytest.raises(ZeroDivisionError), with_noise(layer, "readout=0.2", shots=3):
        _ = 1 / 0
    assert (layer.noise, layer.shots) == (Noise(readout=0.1), None)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"shots": 0}, "shots must be 1 or more"), ({"noise": "x=1"}, "unknown noise 'x'")],
)
def test_with_noise_refuses(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message), with_noise(Quanv2d(1, 4, 2), **options):
        pass
    with (
        pytest.raises(ConfigurationError, match="must have quanvolutional layers"),
        with_noise(torch.nn.Linear(2, 2)),
    ):
        pass


def test_a_noisy_run_is_the_same_bytes_alone_together_and_interrupted(tmp_path: Path) -> None:
    others = [replace(NOISY, seed=seed) for seed in range(3)]
    found = train_several({tmp_path / f"together{c.seed}": c for c in others})
    assert len(found) == 3
    train(NOISY, tmp_path / "alone")
    assert run_bytes(tmp_path / "alone") == run_bytes(tmp_path / "together0")
    assert run_bytes(tmp_path / "alone") != run_bytes(tmp_path / "together1")

    class StopError(Exception):
        pass

    steps = 0

    def stop(*_: object) -> None:
        nonlocal steps
        steps += 1
        if steps == 9:  # in the second epoch
            raise StopError

    with pytest.raises(StopError):
        train(NOISY, tmp_path / "stopped", Callbacks(on_batch=stop))
    resume(tmp_path / "stopped")
    assert run_bytes(tmp_path / "alone") == run_bytes(tmp_path / "stopped")
    model = load_model(tmp_path / "alone")
    assert model.layers[0].noise == Noise(depolarizing=0.05, readout=0.02)
    assert model.layers[0].shots == 50


def test_frozen_layers_with_shots_are_drawn_anew(tmp_path: Path) -> None:
    config = replace(NOISY, trainable=False)
    run = train(config, tmp_path / "frozen")
    assert run.finished
    assert load_model(tmp_path / "frozen").fixed_layers() == 0
    exact = replace(config, shots=None)
    train(exact, tmp_path / "exact")
    assert load_model(tmp_path / "exact").fixed_layers() == 2


def test_scores_under_several_noises_and_shots(trained: Path) -> None:
    epoch, clean = evaluate_run(trained)
    found_epoch, rows = evaluate_under_noise(
        trained, ("none", "depolarizing=0.2", "readout=0.5"), ("exact", "100")
    )
    assert found_epoch == epoch
    assert [(str(r.noise), r.shots) for r in rows] == [
        ("", None),
        ("", 100),
        ("depolarizing=0.2", None),
        ("depolarizing=0.2", 100),
        ("readout=0.5", None),
        ("readout=0.5", 100),
    ]
    assert rows[0].scores == clean
    assert rows[2].scores.loss > clean.loss
    # Flips with probability one half leave no information: one class is said of all.
    assert max(rows[4].scores.total) / sum(rows[4].scores.total) == pytest.approx(1 / 3, abs=0.05)
    assert sorted(rows[4].scores.right)[:2] == [0, 0]
    again = evaluate_under_noise(trained, ("none",), ("100",))[1]
    assert again[0].scores == rows[1].scores
    assert evaluate_under_noise(trained, shots=("100",), seed=1)[1][0].scores != rows[1].scores
    assert evaluate_under_noise(trained)[1][0].scores == clean


def test_a_run_is_evaluated_as_it_was_trained(tmp_path: Path) -> None:
    train(NOISY, tmp_path / "noisy")
    rows = evaluate_under_noise(tmp_path / "noisy")[1]
    assert (str(rows[0].noise), rows[0].shots) == (NOISY.noise, 50)
    assert evaluate_run(tmp_path / "noisy") == evaluate_run(tmp_path / "noisy")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((("depolarizing=2",), ()), r"depolarizing must be in \[0, 1\]"),
        ((("what=1",), ()), "unknown noise 'what'"),
        (((), ("0",)), "shots must be whole numbers, 1 or more, or 'exact', got '0'"),
        (((), ("1e3",)), "whole numbers"),
    ],
)
def test_what_is_no_noise_and_no_shots(trained: Path, arguments: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        evaluate_under_noise(trained, *arguments)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"noise": "depolarizing"}, "NAME=STRENGTH"),
        ({"noise": "where=nowhere"}, "unknown where"),
        ({"shots": 0}, "shots must be 1 or more"),
        ({"shot_gradient": "shift"}, "did you mean 'parameter-shift'"),
        ({"shot_sampling": "both"}, "unknown shot_sampling"),
    ],
)
def test_configurations_that_do_not_fit(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        replace(TINY, **options).check()


def test_options_that_came_later_change_no_older_run() -> None:
    assert TrainConfig().sha256 == (
        "0876eef34232dcf00d575981e89b8dedbaedff5f0ab43f239c954cef9dd60e97"
    )
    assert len({TINY.sha256, NOISY.sha256, replace(NOISY, shots=None).sha256}) == 3


def lines(figure: Any) -> list[tuple[str, list[float], list[float]]]:
    """Each line's label and its points."""
    return [
        (line.get_label(), list(line.get_xdata()), list(line.get_ydata()))
        for line in figure.axes[0].lines
        if not line.get_label().startswith("_")
    ]


def test_the_curve_is_the_table(trained: Path) -> None:
    strengths = ("depolarizing=0.1", "none", "depolarizing=0.02")
    _, rows = evaluate_under_noise(trained, strengths, ("exact", "100"))
    of = {(str(r.noise), r.shots): r.scores.accuracy for r in rows}
    ordered = ("", "depolarizing=0.02", "depolarizing=0.1")
    figure = accuracy_under_noise(rows)
    assert lines(figure) == [
        ("exact values", [0.0, 0.02, 0.1], [of[noise, None] for noise in ordered]),
        ("100 shots", [0.0, 0.02, 0.1], [of[noise, 100] for noise in ordered]),
    ]
    assert figure.axes[0].get_xlabel() == "strength of depolarizing noise"
    _, rows = evaluate_under_noise(trained, ("bit_flip=0.1", "phase_flip=0.1"))
    labels = [t.get_text() for t in accuracy_under_noise(rows).axes[0].get_xticklabels()]
    assert labels == ["bit_flip=0.1", "phase_flip=0.1"]


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., tuple[int, str, str]]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments: object) -> tuple[int, str, str]:
        try:
            main(list(map(str, arguments)))
            status = 0
        except SystemExit as end:
            status = int(end.code or 0)
        return status, *capsys.readouterr()

    return run


def test_the_command_shows_a_table_a_curve_and_json(
    trained: Path, command: Callable, tmp_path: Path
) -> None:
    noise = ("--noise", "none", "depolarizing=0.1", "--shots", "exact", "100")
    status, shown, _ = command("evaluate", trained, *noise, "--figure", "curve.svg")
    assert status == 0
    assert [line.split()[:2] for line in shown.splitlines()[2:]] == [
        ["none", "exact"],
        ["none", "100"],
        ["depolarizing=0.1", "exact"],
        ["depolarizing=0.1", "100"],
    ]
    assert (tmp_path / "curve.svg").read_text().startswith("<?xml")
    status, shown, _ = command("evaluate", trained, *noise, "--json")
    rows = json.loads(shown)["rows"]
    assert [row["shots"] for row in rows] == [None, 100, None, 100]
    found = evaluate_under_noise(trained, ("none", "depolarizing=0.1"), ("exact", "100"))[1]
    assert [row["accuracy"] for row in rows] == [each.scores.accuracy for each in found]


def test_other_images_are_scored(trained: Path, command: Callable, tmp_path: Path) -> None:
    digits = load_dataset("digits", classes=3, per_class=20, seed=0)
    part = digits.validation
    np.savez("others.npz", images=(255 * part.images[:, 0]).numpy().round().astype("uint8"),
             labels=part.labels.numpy())  # fmt: skip
    found = evaluate_under_noise(trained, others="others.npz")[1][0].scores
    assert sum(found.total) == len(part)
    own = evaluate_under_noise(trained)[1][0].scores
    assert found.right == own.right  # grey values in sixteenths are whole in bytes, up to rounding
    status, shown, _ = command("evaluate", trained, "--data", tmp_path / "others.npz")
    assert status == 0
    assert "images of" in shown
    status, _, error = command("evaluate", trained, "--data", "nowhere.npz")
    assert (status, "Traceback" in error) == (2, False)
    np.savez("two.npz", images=np.zeros((8, 8, 8), "uint8"), labels=np.arange(8) % 2)
    status, _, error = command("evaluate", trained, "--data", "two.npz")
    assert status == 2
    assert "classes must be 2 to 2 for two.npz, got 3" in error


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--noise", "depolarizing=2"), "depolarizing must be in [0, 1], got 2.0"),
        (("--shots", "none"), "shots must be whole numbers"),
        (("--noise", "none", "--figure", "curve.gif"), "must be a file .svg or .png"),
        (("--noise", "none", "--seed", "-1"), "seed must be 0 or more"),
    ],
)
def test_the_command_refuses_in_one_line(
    trained: Path, command: Callable, options: tuple[str, ...], message: str
) -> None:
    status, _, error = command("evaluate", trained, *options)
    assert status == 2
    assert message in error
    assert "Traceback" not in error
