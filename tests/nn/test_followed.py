"""Layers that a normalization and an activation follow, in every tool that looks at layers."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch

from resqunn import LinearHead, ResQuNN, gradient_flow, to_classical, to_onnx
from resqunn.errors import ConfigurationError
from resqunn.nn.followed import FollowedQuanv
from resqunn.nn.presets import depthwise_layers
from resqunn.nn.quanv import Quanv1d, Quanv2d, Quanv3d

IMAGES = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
LABELS = torch.tensor([0, 1, 2, 0, 1, 2])


def network(normalization: str = "batch", activation: str = "relu", **options: Any) -> ResQuNN:
    generator = torch.Generator().manual_seed(1)
    layers = depthwise_layers(
        "O1+O2", (1, 1), normalization=normalization, activation=activation,
        generator=generator, dtype=torch.float64, **options,
    )  # fmt: skip
    head = LinearHead(3, generator=generator, dtype=torch.float64)
    model = ResQuNN(layers, "O1+O2", head)
    model(IMAGES)  # running statistics leave their start
    return model


def written_out(x: torch.Tensor, normalization: str, activation: str) -> torch.Tensor:
    """With the weights that normalizations start with."""
    if normalization == "batch":
        dims: tuple[int, ...] = (0, *range(2, x.ndim))
    else:
        dims = tuple(range(1, x.ndim))
    mean, variance = x.mean(dims, keepdim=True), x.var(dims, keepdim=True, correction=0)
    if normalization != "none":
        x = (x - mean) / (variance + 1e-5).sqrt()
    functions = {
        "none": lambda x: x,
        "relu": lambda x: x.clamp(min=0),
        "gelu": lambda x: x * (1 + torch.erf(x / 2**0.5)) / 2,
        "tanh": lambda x: 1 - 2 / ((2 * x).exp() + 1),
        "elu": lambda x: torch.where(x > 0, x, x.exp() - 1),
    }
    return functions[activation](x)


@pytest.mark.parametrize("normalization", ["none", "batch", "layer"])
@pytest.mark.parametrize("activation", ["none", "relu", "gelu", "tanh", "elu"])
def test_what_follows_is_what_it_is_called(normalization: str, activation: str) -> None:
    for kind, shape in ((Quanv1d, (5,)), (Quanv2d, (4, 5)), (Quanv3d, (3, 4, 3))):
        layer = kind(1, 2, 2, groups=1, encoding="amplitude", readout="z0", dtype=torch.float64)
        images = torch.rand(3, 1, *shape, dtype=torch.float64) + 0.1
        expected = written_out(layer(images), normalization, activation)
        found = FollowedQuanv(layer, normalization, activation)(images)
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


def test_exports_give_the_networks_values(tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    model = network().eval()
    classical = to_classical(model)
    torch.testing.assert_close(classical(IMAGES), model(IMAGES))
    assert not any(isinstance(part, Quanv2d) for part in classical.modules())
    single = copy.deepcopy(model).float()
    to_onnx(single, tmp_path / "network.onnx", IMAGES.float())
    session = runtime.InferenceSession(str(tmp_path / "network.onnx"))
    (found,) = session.run(None, {"images": IMAGES.float().numpy()})
    torch.testing.assert_close(
        torch.from_numpy(found), single(IMAGES.float()), rtol=1e-4, atol=1e-5
    )


def test_gradient_flow_looks_at_circuits() -> None:
    """Not at the weights of normalizations, which flow where a circuit's are cut."""
    model = network(input_gradients=False)
    flow = gradient_flow(model, IMAGES, LABELS)
    assert flow.statuses == ("flows", "flows")
    for layer, part in zip(flow.layers, model.layers, strict=True):
        assert layer.gradient is not None
        assert layer.gradient.numel() == part.quanv.weight.numel()
    without = ResQuNN(model.layers, "none", model.head)
    without.head = LinearHead(3, dtype=torch.float64)
    assert gradient_flow(without, IMAGES, LABELS).statuses == ("none", "flows")


def test_layers_that_stay_the_same_are_those_without_a_normalization() -> None:
    frozen = {"trainable": False}
    assert network("none", "relu", **frozen).fixed_layers() == 2
    assert network("batch", "relu", **frozen).fixed_layers() == 0
    assert network("layer", "none", **frozen).fixed_layers() == 0
    assert network("none", "tanh").fixed_layers() == 0


def test_a_frozen_circuits_normalization_is_trained() -> None:
    model = network(trainable=False)
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert trained == {
        "layers.0.1.weight", "layers.0.1.bias", "layers.1.1.weight", "layers.1.1.bias",
        "head.weight", "head.bias",
    }  # fmt: skip


def test_networks_are_traced_and_copied() -> None:
    model = network().eval()
    traced = torch.fx.symbolic_trace(model)
    torch.testing.assert_close(traced(IMAGES), model(IMAGES), rtol=0, atol=0)
    torch.testing.assert_close(copy.deepcopy(model)(IMAGES), model(IMAGES), rtol=0, atol=0)


def test_names_that_there_are_not() -> None:
    layer = Quanv2d(1, 4, 2, 2)
    with pytest.raises(ConfigurationError, match="unknown normalization 'bach'; did you mean"):
        FollowedQuanv(layer, "bach")
    with pytest.raises(ConfigurationError, match="unknown activation 'rleu'; did you mean"):
        FollowedQuanv(layer, "none", "rleu")


def test_groups_and_filters_shape_the_layers() -> None:
    layers = depthwise_layers("none", (1, 1), channels=4, groups=2, filters=3, readout="mean_z",
                              stride=1, encoding="amplitude")  # fmt: skip
    assert [(x.in_channels, x.out_channels, x.groups, x.stride) for x in layers] == [
        (4, 6, 2, (1, 1)), (6, 6, 2, (1, 1))
    ]  # fmt: skip
    (summed,) = depthwise_layers("none", (1,), channels=3, groups=1, channel_mode="sum")
    assert (summed.out_channels, summed.circuit.num_inputs) == (4, 4)
    (joint,) = depthwise_layers("none", (1,), channels=2, groups=1)
    assert (joint.out_channels, joint.circuit.num_inputs) == (8, 8)
    with pytest.raises(ConfigurationError, match="got 2 for the 3 of layer 1"):
        depthwise_layers("none", (1,), channels=3, groups=2)
