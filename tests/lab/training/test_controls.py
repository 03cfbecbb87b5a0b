"""Classical controls: what each computes, how many weights it has, and what of it is trained."""

import math
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from lab.study.questions import images
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    confusion_matrix,
    f1_score,
    log_loss,
    matthews_corrcoef,
    roc_auc_score,
)
from torch import nn

from resqunn import Quanv2d
from resqunn.analysis.dead_weights import num_dead_weights
from resqunn.analysis.spectrum import spectrum
from resqunn.errors import CircuitError, ConfigurationError
from resqunn.lab.study.controls import logistic_regression
from resqunn.lab.training.config import TrainConfig
from resqunn.lab.training.control_networks import FreeSeries, convolution
from resqunn.lab.training.controls import CONTROLS, IMAGES_ALONE
from resqunn.lab.training.inputs import load_data
from resqunn.lab.training.run import build_model, load_model, train

TINY = TrainConfig(
    wiring="none", depths=(1,), classes=2, per_class=12, epochs=2, dtype="float64", ansatz="rx_ring"
)


def of(control: str | None, **options) -> TrainConfig:
    """The configuration of a control, as a study makes it."""
    config = replace(TINY, **options)
    return config if control is None else CONTROLS[control].applied(control, config)


@pytest.mark.parametrize(
    "options",
    [
        {"ansatz": "rx_ring", "readout": "z0", "depth": 2},
        {"ansatz": "rx_chain", "readout": "z1", "depth": 1},
        {"ansatz": "strongly_entangling", "readout": "z", "depth": 3},
        {"ansatz": "ry_chain", "readout": "z", "depth": 4, "groups": 2, "channels": 2},
    ],
)
def test_a_matched_convolution_has_about_as_many_weights_as_matter(options) -> None:
    channels = options.pop("channels", 1)
    filters = 4 if options["readout"] == "z" else 1
    layer = Quanv2d(channels, channels * filters, 2, 2, **options)
    found = convolution(layer, matched=True)
    live = layer.weight.numel() - num_dead_weights(layer)
    of_filters = found.weight.numel() // found.out_channels * found.groups  # one for each group
    assert abs(found.weight.numel() - live) <= max(of_filters / 2, of_filters - live)
    assert found.weight.requires_grad
    assert (found.kernel_size, found.stride) == ((2, 2), (2, 2))


def test_dead_weights_are_not_matched() -> None:
    layer = Quanv2d(1, 1, 2, 2, ansatz="rx_chain", readout="z0", depth=4)
    assert num_dead_weights(layer) > 4
    found = convolution(layer, matched=True)
    assert found.weight.numel() < layer.weight.numel() - 2


def test_a_random_convolution_never_changes(tmp_path: Path) -> None:
    config = of("random_convolution", readout="z")
    before = build_model(config)
    assert isinstance(before.layers[0][0], nn.Conv2d)
    assert before.layers[0][0].out_channels == 4  # as the layer has
    train(config, tmp_path / "run")
    after = load_model(tmp_path / "run", "latest")
    assert torch.equal(after.layers[0][0].weight, before.layers[0][0].weight)
    assert (
        build_model(replace(config, seed=1))
        .layers[0][0]
        .weight.ne(before.layers[0][0].weight)
        .all()
    )


@pytest.mark.parametrize(
    "options",
    [
        {"ansatz": "rx_chain", "readout": "z", "depth": 2},
        {"ansatz": "strongly_entangling", "encoding": "rx", "readout": "z", "depth": 1},
        {"ansatz": "ry_chain", "readout": "z0", "depth": 2, "reupload": True, "kernel_size": 1},
        {"ansatz": "rx_ring", "readout": "mean_z", "depth": 1, "groups": 2, "channels": 2,
         "stride": 1},
    ],
)  # fmt: skip
def test_free_coefficients_can_be_the_circuits_own(options) -> None:
    channels, kernel = options.pop("channels", 1), options.pop("kernel_size", 2)
    stride = options.pop("stride", kernel)
    values = {"z": 4, "z0": 1, "mean_z": 1}[options["readout"]]
    layer = Quanv2d(
        channels, values * channels, kernel, stride, angle_scale=1.3, dtype=torch.float64, **options
    )
    free = FreeSeries(layer)
    found = spectrum(layer)  # coefficients (groups, R, K), or (filters, R, K)
    coefficients = found.coefficients.reshape(layer.groups, -1, len(found.frequencies))
    weight = np.zeros(free.weight.shape)
    half = free.frequencies.numpy()
    for k, omega in enumerate(half):
        (place,) = np.flatnonzero(np.abs(found.frequencies - omega).max(axis=1) < 1e-9)
        c = coefficients[:, :, place] * (1 if np.allclose(omega, 0) else 2)
        weight[:, :, k], weight[:, :, len(half) + k] = c.real, -c.imag
    with torch.no_grad():
        free.weight.copy_(torch.from_numpy(weight))
    pictures = torch.rand(3, channels, 7, 6, dtype=torch.float64)
    assert free.weight.requires_grad
    torch.testing.assert_close(free(pictures), layer(pictures), rtol=0, atol=1e-10)


def test_monomials_need_a_trigonometric_polynomial_of_all_channels() -> None:
    with pytest.raises(CircuitError, match="amplitudes"):
        build_model(of("monomials", encoding="amplitude"))
    with pytest.raises(ConfigurationError, match="channel_mode must be 'joint'"):
        build_model(of("monomials", groups=1, channel_mode="sum"))


def test_no_circuit_is_the_head_on_the_pixels(tmp_path: Path) -> None:
    config = of("no_circuit", depths=(2, 1), normalization="batch", filters=3)
    train(config, tmp_path / "run")
    model = load_model(tmp_path / "run")
    data = load_data(config).validation.images.double()
    weight, bias = model.head.weight, model.head.bias
    assert weight.shape == (2, 64)
    assert sum(p.numel() for p in model.parameters()) == 2 * 64 + 2
    torch.testing.assert_close(model(data), data.flatten(1) @ weight.T + bias, rtol=0, atol=1e-12)


def test_monomials_and_convolutions_are_trained(tmp_path: Path) -> None:
    for control in ("monomials", "matched_convolution"):
        config = of(control, wiring="O1+O2", depths=(1, 1), readout="mean_z")
        train(config, tmp_path / control)
        before, after = build_model(config), load_model(tmp_path / control, "latest")
        for a, b in zip(before.layers, after.layers, strict=True):
            for one, other in zip(a.parameters(), b.parameters(), strict=True):
                assert not torch.equal(one, other), control


def test_tanh_bounds_a_convolution_that_no_activation_follows() -> None:
    bright = 100 * torch.rand(9, 1, 8, 8).double()
    model = build_model(of("matched_convolution"))
    assert model.layers[0](bright).detach().abs().max() <= 1
    followed = build_model(of("matched_convolution", activation="relu"))
    assert followed.layers[0](bright).detach().max() > 1


@pytest.mark.parametrize("control", CONTROLS)
def test_what_a_control_does_not_read_changes_no_number(control: str, tmp_path: Path) -> None:
    other = {
        "angle_scale": 0.3, "noise": "depolarizing=0.1", "shots": 7, "trainable": False,
        "quantum_learning_rate": 0.5, "engine": "statevector", "encoding": "rx",
        "ansatz": "ry_ring", "filters": 2, "normalization": "batch", "wiring": "X+O1",
    }  # fmt: skip
    unread = {name: value for name, value in other.items() if name in CONTROLS[control].unread}
    assert unread
    plain, changed = of(control), of(control, **unread)
    assert plain.sha256 == changed.sha256
    known = {each.name for each in fields(TrainConfig)}
    assert set(CONTROLS[control].unread) <= known
    assert set(IMAGES_ALONE.unread) <= known


def test_logistic_regression_has_scikit_learns_metrics(tmp_path: Path) -> None:
    config = TrainConfig(data=str(images(tmp_path)))
    found = logistic_regression(config)
    data = load_data(config)
    model = LogisticRegression(max_iter=1000, solver="newton-cg")
    model.fit(data.train.images.flatten(1).double().numpy(), data.train.labels.numpy())
    assert data.test is not None
    for name, part in (("validation", data.validation), ("test", data.test)):
        truth = part.labels.numpy()
        p = model.predict_proba(part.images.flatten(1).double().numpy())
        taken = p.argmax(axis=1)
        expected = {
            "accuracy": (taken == truth).mean(),
            "balanced_accuracy": balanced_accuracy_score(truth, taken),
            "f1": f1_score(truth, taken, average="macro"),
            "auroc": roc_auc_score(truth, p, multi_class="ovr"),
            "average_precision": np.mean(
                [average_precision_score(truth == k, p[:, k]) for k in range(3)]
            ),
            "matthews": matthews_corrcoef(truth, taken),
            "loss": log_loss(truth, p),
        }
        for metric, value in expected.items():
            assert found.final[f"{name}_{metric}"] == pytest.approx(value, abs=1e-9), metric
        assert np.array_equal(found.confusion[name], confusion_matrix(truth, taken))
    assert found.num_weights == 3 * 64 + 3
    assert math.isfinite(found.final["test_calibration_error"])
