"""Engines that read images as they lie: layers on images of any layout, against the reference."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor

from resqunn import Quanv1d, Quanv2d, Quanv3d
from resqunn.engines.compiled.images import ImageEngine
from resqunn.engines.registry import ENGINES, engine

READERS = [name for name in ENGINES if isinstance(engine(name), ImageEngine)]
EVERY_READER = pytest.mark.parametrize("name", READERS)


def made(name: str, kind: Any = Quanv2d, **options: Any) -> Any:
    options = {"kernel_size": 2, "ansatz": "rx_chain", "depth": 2, "readout": "mean_z"} | options
    draw = torch.Generator().manual_seed(0)
    double = {"dtype": torch.float64, "generator": draw}
    return kind(engine=name, reupload=name != "fourier", **options, **double)


def compared(layer: Any, images: Tensor) -> None:
    """Values, gradients and memory layout are the reference's."""
    reference = copy.deepcopy(layer)
    reference.engine = engine("statevector")
    found = []
    for one in (layer, reference):
        x = images.detach().requires_grad_()
        y = one(x)
        y.sin().sum().backward()
        found.append((y.detach(), x.grad, one.weight.grad))
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-10 * max(1, float(b.abs().max())))
        steps = zip(a.shape, a.stride(), b.stride(), strict=True)
        assert all(one == other for size, one, other in steps if size > 1)


def normal(*shape: int) -> Tensor:
    return 2 * torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@EVERY_READER
@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {"in_channels": 1, "out_channels": 2},  # patches overlap, tasks end amid registers
        {"in_channels": 1, "out_channels": 3, "stride": 2},
        {"in_channels": 1, "out_channels": 1, "stride": 3},
        {"in_channels": 2, "out_channels": 4, "groups": 2, "padding": 1, "dilation": 2},
        {"in_channels": 2, "out_channels": 2, "channel_mode": "sum"},
        {"in_channels": 4, "out_channels": 4, "channel_mode": "sum", "groups": 2, "stride": 2},
        {"in_channels": 2, "out_channels": 1, "kernel_size": (1, 2), "padding": "same"},
    ],
    ids=str,
)
def test_images_of_any_layout(name: str, options: dict, channels_last: bool) -> None:
    images = normal(61, options["in_channels"], 7, 8)
    if channels_last:
        images = images.to(memory_format=torch.channels_last)
    compared(made(name, **options), images)


@EVERY_READER
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize(("kind", "size"), [(Quanv1d, (300,)), (Quanv3d, (5, 6, 40))])
def test_signals_and_volumes(name: str, kind: Any, size: tuple[int, ...], stride: int) -> None:
    kernel = 3 if kind is Quanv1d else (1, 2, 2)
    layer = made(name, kind, in_channels=1, out_channels=2, kernel_size=kernel, stride=stride)
    compared(layer, normal(5, 1, *size))


@EVERY_READER
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("stride", [1, 2])
def test_an_image_gives_the_same_bits_in_any_batch(
    name: str, dtype: torch.dtype, stride: int
) -> None:
    # Small angles take a shorter way to their cosines where no neighbour is large.
    layer = made(name, in_channels=1, out_channels=2, stride=stride, angle_scale=1.0).to(dtype)
    images = 0.3 * normal(9, 1, 10, 14).to(dtype)
    images[[2, 5]] *= 100
    images[7] *= 1e5

    def results(batch: Tensor) -> tuple[Tensor, Tensor]:
        x = batch.detach().requires_grad_()
        y = layer(x)
        (y * torch.linspace(-1, 1, y[0].numel(), dtype=dtype).reshape(y[0].shape)).sum().backward()
        assert x.grad is not None
        return y.detach(), x.grad

    values, gradients = results(images)
    for k in range(len(images)):
        alone = results(images[k : k + 1])
        assert torch.equal(alone[0][0], values[k])
        assert torch.equal(alone[1][0], gradients[k])
    behind = results(torch.cat([images[:3], images]))
    assert torch.equal(behind[0][3:], values)
    assert torch.equal(behind[1][3:], gradients)


@EVERY_READER
def test_no_gradient_and_one_of_the_two(name: str) -> None:
    layer = made(name, in_channels=1, out_channels=2, stride=2)
    images = normal(4, 1, 8, 8)
    x = images.detach().requires_grad_()
    values = layer(x)
    both = torch.autograd.grad(values.sin().sum(), (x, layer.weight))
    (by_images,) = torch.autograd.grad(layer(x).sin().sum(), x)
    (by_weight,) = torch.autograd.grad(layer(images).sin().sum(), layer.weight)
    assert torch.equal(by_images, both[0])
    assert torch.equal(by_weight, both[1])
    with torch.no_grad():
        assert torch.equal(layer(x), values)
        assert not layer(x).requires_grad
