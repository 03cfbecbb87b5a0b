"""`Quanv2d` beside `nn.Conv2d`, patch by patch, and through everything torch does to modules."""

import copy
import io
import itertools
import math
import pickle
import random

import pytest
import torch
from torch import nn

from resqunn import Quanv2d
from resqunn.engines.registry import engine
from resqunn.errors import CircuitError, ConfigurationError, ShapeError


def random_options(seed: int) -> dict:
    rng = random.Random(seed)

    def both(low: int, high: int) -> int | tuple[int, int]:
        pair = (rng.randint(low, high), rng.randint(low, high))
        return pair if rng.random() < 0.5 else pair[0]

    groups = rng.choice([1, 1, 2])
    return {
        "in_channels": groups * rng.randint(1, 2),
        "out_channels": groups * rng.randint(1, 3),
        "kernel_size": both(1, 2),
        "stride": both(1, 3),
        "padding": both(0, 2),
        "dilation": both(1, 2),
        "groups": groups,
    }


@pytest.mark.parametrize("seed", range(30))
def test_each_output_is_the_circuit_of_its_own_patch(seed: int) -> None:
    options = random_options(seed) | {"padding": 0}
    kernel, stride, dilation = (
        (v, v) if isinstance(v := options[name], int) else v
        for name in ("kernel_size", "stride", "dilation")
    )
    layer = Quanv2d(**options, depth=1, readout="mean_z", angle_scale=0.7, dtype=torch.float64)
    images = torch.rand(2, options["in_channels"], 6, 6, dtype=torch.float64)
    found = layer(images)
    per_group = options["in_channels"] // options["groups"]
    filters = options["out_channels"] // options["groups"]
    for b, k, i, j in itertools.product(*map(range, found.shape)):
        first = k // filters * per_group
        patch = images[
            b,
            first : first + per_group,
            i * stride[0] : i * stride[0] + dilation[0] * (kernel[0] - 1) + 1 : dilation[0],
            j * stride[1] : j * stride[1] + dilation[1] * (kernel[1] - 1) + 1 : dilation[1],
        ]
        value = engine("statevector").expectation_values(
            layer.circuit,
            0.7 * patch.reshape(1, -1, 1),
            layer.weight[k].reshape(1, 1, -1),
        )
        assert torch.isclose(found[b, k, i, j], value.squeeze(), rtol=0, atol=1e-12)


def test_padding_encodes_zeros() -> None:
    layer = Quanv2d(1, 4, 2, 2, padding=1)
    images = torch.rand(2, 1, 4, 4)
    padded = nn.functional.pad(images, (1, 1, 1, 1))
    bare = Quanv2d(1, 4, 2, 2)
    bare.load_state_dict(layer.state_dict())
    assert torch.allclose(layer(images), bare(padded), atol=1e-6)


def test_closed_form_of_the_papers_layer() -> None:
    layer = Quanv2d(1, 4, 2, 2, ansatz="rx_chain", depth=1, angle_scale=1.0, dtype=torch.float64)
    x = torch.rand(3, 1, 4, 4, dtype=torch.float64)
    patches = nn.functional.unfold(x, 2, stride=2)
    expected = (layer.weight[0, 0].cos()[:, None] * patches.cos()).cumprod(dim=1)
    assert torch.allclose(layer(x).flatten(2), expected, rtol=0, atol=1e-12)


def test_filters_groups_and_readouts_fill_the_channels() -> None:
    assert Quanv2d(1, 12, 2).weight.shape == (3, 2, 4)
    assert Quanv2d(1, 3, 2, readout="z2").weight.shape == (3, 2, 4)
    assert Quanv2d(3, 6, 2, groups=3, readout="mean_z").weight.shape == (6, 2, 4)
    assert Quanv2d(1, 4, 2, ansatz="strongly_entangling").weight.shape == (1, 2, 4, 3)
    assert Quanv2d(1, 2, 2, encoding="amplitude", depth=5).weight.shape == (1, 5, 2)
    assert Quanv2d(2, 8, 2, depth=1).circuit.num_qubits == 8


@pytest.mark.parametrize("readout", ["z", "mean_z"])
@pytest.mark.parametrize("encoding", ["ry", "amplitude"])
def test_every_weight_of_the_default_layer_gets_a_gradient(readout: str, encoding: str) -> None:
    layer = Quanv2d(1, 4, 2, 2, readout=readout, encoding=encoding)
    layer(torch.rand(2, 1, 4, 4)).square().sum().backward()
    assert (layer.weight.grad.abs() > 1e-7).all()


def test_cut_input_gradients() -> None:
    for cut in (False, True):
        layer = Quanv2d(1, 4, 2, 2, input_gradients=not cut)
        images = torch.rand(1, 1, 4, 4, requires_grad=True)
        layer(images).sum().backward()
        assert (images.grad is None) == cut
        assert layer.weight.grad.abs().sum() > 0
    assert "input_gradients=False" in repr(Quanv2d(1, 4, 2, input_gradients=False))


def test_angle_scale_multiplies_values_but_not_amplitudes() -> None:
    images = torch.rand(1, 1, 4, 4)
    scaled, plain = (Quanv2d(1, 4, 2, 2, angle_scale=s) for s in (2.0, 1.0))
    plain.load_state_dict(scaled.state_dict())
    assert torch.allclose(scaled(images), plain(2 * images), atol=1e-6)
    for scale in (2.0, 1.0):
        layer = Quanv2d(1, 2, 2, 2, encoding="amplitude", angle_scale=scale)
        layer.weight.data.fill_(0.3)
        assert torch.equal(layer(images), layer(2 * images))


def test_copies_pickles_and_state_dicts() -> None:
    layer = Quanv2d(2, 8, 2, 1, groups=2, readout="z1", encoding="rz", ansatz="random:3")
    images = torch.rand(2, 2, 5, 5)
    expected = layer(images)
    buffer = io.BytesIO()
    torch.save(layer.state_dict(), buffer)
    buffer.seek(0)
    loaded = Quanv2d(2, 8, 2, 1, groups=2, readout="z1", encoding="rz", ansatz="random:3")
    loaded.load_state_dict(torch.load(buffer))
    assert list(layer.state_dict()) == ["weight"]
    for same in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), loaded):
        assert torch.equal(same(images), expected)


def test_dtype_device_and_meta() -> None:
    layer = Quanv2d(1, 4, 2, dtype=torch.float64)
    images = torch.rand(1, 1, 4, 4, dtype=torch.float64)
    double = layer(images)
    single = layer.to(torch.float32)(images.float())
    assert double.dtype == torch.float64
    assert single.dtype == torch.float32
    assert torch.allclose(double, single.double(), atol=1e-6)
    empty = Quanv2d(1, 4, 2, device="meta")
    assert empty.weight.is_meta
    empty.to_empty(device="cpu").reset_parameters()
    assert empty(torch.rand(1, 1, 4, 4)).isfinite().all()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")
def test_cuda_agrees_with_the_cpu() -> None:
    layer = Quanv2d(1, 4, 2, 2, ansatz="rx_chain", reupload=True, dtype=torch.float64)
    images = torch.rand(2, 1, 8, 8, dtype=torch.float64)
    expected = layer(images)
    assert torch.allclose(layer.cuda()(images.cuda()).cpu(), expected, atol=1e-12)


def test_memory_layouts_and_batches() -> None:
    layer = Quanv2d(3, 4, 2, 2, groups=1, depth=1, readout="mean_z")
    images = torch.rand(4, 3, 6, 6)
    expected = layer(images)
    for other in (
        images.to(memory_format=torch.channels_last),
        images.permute(0, 3, 2, 1).contiguous().permute(0, 3, 2, 1),
        torch.stack([images, images])[::2][0],
    ):
        assert torch.equal(layer(other), expected)
    assert layer(images[:0]).shape == (0, 4, 3, 3)
    assert torch.allclose(layer(images[:1]), expected[:1], atol=1e-6)
    assert torch.allclose(layer(images[0]), expected[0], atol=1e-6)  # no batch dimension
    order = torch.tensor([2, 0, 3, 1])
    assert torch.allclose(layer(images[order]), expected[order], atol=1e-6)


@pytest.mark.parametrize("reupload", [False, True])
def test_export(reupload: bool) -> None:
    layer = Quanv2d(1, 4, 2, 2, ansatz="rx_chain", depth=3, reupload=reupload)
    images = torch.rand(2, 1, 8, 8)
    exported = torch.export.export(layer, (torch.rand(2, 1, 8, 8),))
    assert torch.allclose(exported.module()(images), layer(images), atol=1e-6)
    assert torch.allclose(layer(images), layer(images))  # no traced tensor was kept


def test_weights_are_drawn_from_the_whole_circle() -> None:
    layer = Quanv2d(1, 4000, 2)
    assert 0 <= layer.weight.min() < 0.01
    assert 2 * math.pi - 0.01 < layer.weight.max() <= 2 * math.pi
    layer.reset_parameters(torch.Generator().manual_seed(1))
    first = layer.weight.clone()
    layer.reset_parameters(torch.Generator().manual_seed(1))
    assert torch.equal(layer.weight, first)


def test_repr_names_the_circuit() -> None:
    text = repr(Quanv2d(2, 8, (2, 1), padding=1, dilation=2, groups=2, reupload=True))
    for part in (
        "Quanv2d(2, 8, kernel_size=(2, 1)",
        "padding=(1, 1)",
        "dilation=(2, 2)",
        "groups=2",
        "encoding=ry",
        "reupload=True",
        "angle_scale=3.14159",
        "engine=",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"out_channels": 3}, ConfigurationError, r"multiple of 4 \(4, 8, 12"),
        ({"out_channels": 4, "in_channels": 2, "groups": 2}, ConfigurationError, "multiple of 8"),
        ({"in_channels": 3, "groups": 2}, ConfigurationError, "groups divide in_channels"),
        ({"out_channels": 0}, ConfigurationError, "1 or more"),
        ({"kernel_size": 0}, ConfigurationError, "kernel_size must be a whole number or a pair"),
        ({"stride": 0}, ConfigurationError, "stride"),
        ({"padding": -1}, ConfigurationError, "padding"),
        ({"dilation": 0}, ConfigurationError, "dilation"),
        ({"angle_scale": math.inf}, ConfigurationError, "angle_scale"),
        ({"dtype": torch.float16}, ShapeError, "dtype must be torch.float32 or"),
        ({"engine": "statevektor"}, ConfigurationError, "did you mean 'statevector'"),
        ({"encoding": "ryy"}, ConfigurationError, "there are: ry, rx, rz, plain_rz"),
        ({"readout": "z4"}, CircuitError, "0 to 3"),
        ({"encoding": "amplitude", "reupload": True}, CircuitError, "cannot be repeated"),
    ],
)
def test_options_that_do_not_fit(options: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Quanv2d(**({"in_channels": 1, "out_channels": 4, "kernel_size": 2} | options))


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (torch.rand(2, 3, 8, 8), ShapeError, r"must have shape \(B, 1, H, W\)"),
        (
            torch.rand(8, 8),
            ShapeError,
            r"must have shape \(B, 1, H, W\) or \(1, H, W\), got \(8, 8\)",
        ),
        (torch.rand(2, 1, 1, 8), ShapeError, "as large as the kernel.*, got 1x8"),
        (torch.randint(255, (2, 1, 8, 8), dtype=torch.uint8), ShapeError, r"float\(\) / 255"),
        (torch.rand(2, 1, 8, 8).double(), ShapeError, "convert one of them"),
    ],
)
def test_images_that_do_not_fit(images: torch.Tensor, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        Quanv2d(1, 4, 2)(images)


@pytest.mark.parametrize("reupload", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_depth_zero_reads_the_encoded_state_out(reupload: bool, dtype: torch.dtype) -> None:
    layer = Quanv2d(1, 4, 2, 2, depth=0, reupload=reupload, angle_scale=1.0, dtype=dtype)
    images = torch.rand(2, 1, 4, 4, dtype=dtype)
    expected = nn.functional.unfold(images, 2, stride=2).cos()
    assert torch.allclose(layer(images).flatten(2), expected, atol=1e-6)


def test_repr_tells_the_engine_that_is_chosen() -> None:
    assert "engine=auto (fourier)" in repr(Quanv2d(1, 4, 2, ansatz="rx_chain"))
    assert "engine=auto (alternating)" in repr(Quanv2d(1, 4, 2, ansatz="rx_chain", reupload=True))
    assert "engine=auto (fourier)" in repr(Quanv2d(1, 4, 2, ansatz="rx_chain", dtype=torch.float64))
