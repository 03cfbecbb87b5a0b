"""Laws that hold for every layer, tried on examples that hypothesis draws."""

import math
import random
import warnings
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from resqunn import Quanv1d, Quanv2d, Quanv3d
from resqunn.circuits.circuit import Circuit
from resqunn.errors import ResqunnError

from reliability.laws import Holds, able
from support import any_circuit


def drawn_layer(rng: random.Random, **fixed: int) -> tuple[Quanv2d, dict, Tensor]:
    """A layer in float64, those of its options that `nn.Conv2d` has too, and images."""
    seed, groups, channels = rng.getrandbits(32), rng.randint(1, 2), rng.randint(1, 2)
    options: dict = {
        name: (rng.randint(1, 2), rng.randint(1, 2))
        for name in ("kernel_size", "stride", "dilation")
    }
    options |= {"padding": rng.randint(0, 2), "groups": groups} | fixed
    one = any_circuit(seed, max_qubits=1, max_depth=2)
    parts = {part: getattr(one, part) for part in ("encoding", "ansatz", "readout")}
    parts |= {"depth": one.depth, "reupload": one.reupload}
    circuit = Circuit(**parts, inputs=channels * math.prod(options["kernel_size"]))
    options["in_channels"] = channels * groups
    options["out_channels"] = circuit.num_outputs * groups * rng.randint(1, 2)
    layer = Quanv2d(**options, **parts, engine=rng.choice(able(circuit)), dtype=torch.float64)
    generator = torch.Generator().manual_seed(seed)
    layer.reset_parameters(generator)
    shape = (3, channels * groups, rng.randint(4, 6), rng.randint(4, 6))
    return layer, options, torch.randn(shape, generator=generator, dtype=torch.float64)


def test_permuted_images_give_permuted_outputs(holds: Holds) -> None:
    def law(rng: random.Random) -> None:
        layer, _, images = drawn_layer(rng)
        order = rng.sample(range(3), 3)
        assert torch.allclose(layer(images[order]), layer(images)[order], rtol=0, atol=1e-12)

    holds(law)


def test_shifted_images_give_shifted_outputs(holds: Holds) -> None:
    def law(rng: random.Random) -> None:
        layer, options, images = drawn_layer(rng, padding=0)
        rows, columns = rng.randint(0, 2), rng.randint(0, 2)
        down, right = options["stride"]
        outputs = layer(images)[:, :, rows:, columns:]
        if outputs.numel():
            shifted = layer(images[:, :, rows * down :, columns * right :])
            assert torch.allclose(shifted, outputs, rtol=0, atol=1e-12)

    holds(law)


def test_outputs_depend_on_their_own_patch_alone(holds: Holds) -> None:
    def law(rng: random.Random) -> None:
        layer, options, images = drawn_layer(rng)
        dtype = rng.choice([torch.float32, torch.float64])
        layer, images = layer.to(dtype), images.to(dtype)
        pixel = tuple(rng.randrange(length) for length in images.shape)
        at_pixel = torch.zeros_like(images)
        at_pixel[pixel] = 1
        conv = nn.Conv2d(**options, bias=False, dtype=dtype)
        elsewhere = conv.requires_grad_(False)(at_pixel) == 0
        images.requires_grad_()
        outputs = layer(images)
        if outputs.requires_grad:
            (gradient,) = torch.autograd.grad(outputs[elsewhere].sum(), images, allow_unused=True)
            assert gradient is None or gradient[pixel] == 0
        changed = images.detach().clone()
        changed[pixel] = rng.choice([0.0, 0.3, -5.0, 1e-200, 1e30, math.inf, math.nan])
        assert torch.equal(layer(changed)[elsewhere], outputs[elsewhere])

    holds(law)


def shape_or_refusal(
    make: Callable[[], nn.Module], images: Tensor, refusals: type | tuple
) -> torch.Size | None:
    """The shape of a layer's output; None if the layer or the images are refused."""
    try:
        return make()(images).shape
    except refusals:
        return None


def test_output_sizes_are_those_of_conv2d(size: Callable) -> None:
    rng = random.Random(0)

    def both(low: int, high: int) -> int | tuple[int, int]:
        pair = (rng.randint(low, high), rng.randint(low, high))
        return pair if rng.random() < 0.5 else pair[0]

    found = []
    for _ in range(size(150, 5000)):
        groups = rng.choice([1, 1, 2, 3])
        options = {
            "in_channels": groups * rng.randint(1, 2) + (rng.random() < 0.1),
            "out_channels": groups * rng.randint(1, 3) + (rng.random() < 0.1),
            "kernel_size": both(1, 3),
            "stride": both(1, 3),
            "padding": both(0, 2),
            "dilation": both(1, 2),
            "groups": groups,
        }
        if rng.random() < 0.2:
            bad = rng.choice(list(options))  # nn.Conv2d accepts 0 input channels
            options[bad] = -1 if bad == "in_channels" else rng.choice([0, -1])
        channels = max(1, options["in_channels"] + (rng.random() < 0.05))
        shape = [rng.randint(0, 2), channels, rng.randint(0, 8), rng.randint(0, 8)]
        shape = shape[rng.choice([0, 0, 0, 1, 2]) :]
        # Of no images, torch does not check all options: it is asked about one.
        asked = [1, *shape[1:]] if len(shape) == 4 and shape[0] == 0 else shape
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = shape_or_refusal(
                lambda: nn.Conv2d(**options),  # noqa: B023
                torch.rand(asked),
                (RuntimeError, ValueError, IndexError),
            )
        if theirs is not None and asked != shape:
            theirs = torch.Size([0, *theirs[1:]])
        ours = shape_or_refusal(
            lambda: Quanv2d(**options, encoding="amplitude", readout="mean_z", depth=0),  # noqa: B023
            torch.rand(shape),
            ResqunnError,
        )
        assert ours == theirs, (options, shape)
        found.append(theirs)
    refused = found.count(None)
    assert 0.2 * len(found) < refused < 0.8 * len(found)


def drawn_options(rng: random.Random, rank: int) -> dict:
    """Options that layers and convolutions share; some are refused by both."""

    def each(low: int, high: int) -> int | tuple[int, ...]:
        numbers = tuple(rng.randint(low, high) for _ in range(rank))
        return numbers if rng.random() < 0.5 else numbers[0]

    groups = rng.choice([1, 1, 2, 3])
    options = {
        "in_channels": groups * rng.randint(1, 2) + (rng.random() < 0.05),
        "out_channels": groups * rng.randint(1, 2) + (rng.random() < 0.05),
        "kernel_size": each(1, 3),
        "stride": each(1, 3) if rng.random() < 0.5 else 1,
        "padding": rng.choice([each(0, 3), each(0, 3), "same", "valid"]),
        "dilation": each(1, 2),
        "groups": groups,
        "bias": rng.random() < 0.5,
        "padding_mode": rng.choice(["zeros", "reflect", "replicate", "circular"]),
    }
    if rng.random() < 0.15:
        bad = rng.choice([name for name in options if name not in ("bias", "padding")])
        options[bad] = "no" if bad == "padding_mode" else rng.choice([0, -1])
        if bad == "in_channels":
            options[bad] = -1  # nn.Conv2d accepts 0 input channels
    elif rng.random() < 0.03:
        options["padding"] = "no"
    return options


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")  # both by torch
@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
@pytest.mark.parametrize(
    ("layer", "convolution"),
    [(Quanv1d, nn.Conv1d), (Quanv2d, nn.Conv2d), (Quanv3d, nn.Conv3d)],
    ids=["1", "2", "3"],
)
def test_output_sizes_of_every_rank_and_option(
    layer: type[nn.Module], convolution: type[nn.Module], size: Callable
) -> None:
    rank = layer.rank
    rng, found = random.Random(rank), []
    for _ in range(size(40, 2000)):
        options = drawn_options(rng, rank)
        channels = max(1, options["in_channels"] + (rng.random() < 0.05))
        shape = [rng.randint(1, 2), channels, *(rng.randint(1, 6) for _ in range(rank))]
        shape = shape[rng.choice([0, 0, 0, 1, 2]) :]
        theirs = shape_or_refusal(
            lambda: convolution(**options),  # noqa: B023
            torch.rand(shape),
            (RuntimeError, ValueError, IndexError),
        )
        ours = shape_or_refusal(
            lambda: layer(
                **options,  # noqa: B023
                encoding="amplitude",
                readout="mean_z",
                depth=0,
                channel_mode=rng.choice(["joint", "sum"]),
            ),
            torch.rand(shape),
            ResqunnError,
        )
        assert ours == theirs, (options, shape)
        found.append(theirs)
    refused = found.count(None)
    assert 0.2 * len(found) < refused < 0.8 * len(found)
