"""What `nn.Conv1d`, `nn.Conv2d` and `nn.Conv3d` can do beside a layer's, option by option."""

import copy
import inspect
import itertools
import math
import warnings

import pytest
import torch
from torch import Tensor, nn

from resqunn import (
    Circuit,
    LinearHead,
    QuantumHead,
    Quanv1d,
    Quanv2d,
    Quanv3d,
    ResQuNN,
    gradient_flow,
    replace_conv2d,
)
from resqunn.engines.registry import engine
from resqunn.errors import ConfigurationError, ShapeError
from resqunn.nn import raw_pixels
from resqunn.nn.aligned import add_aligned
from resqunn.nn.presets import depthwise_layers

LAYERS = {1: Quanv1d, 2: Quanv2d, 3: Quanv3d}
CONVOLUTIONS = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
DOUBLE = {"dtype": torch.float64}
RANKS = pytest.mark.parametrize("rank", [1, 2, 3])


def image(rank: int, batch: int = 2, channels: int = 2, side: int = 5) -> Tensor:
    generator = torch.Generator().manual_seed(rank)
    return torch.rand(batch, channels, *[side] * rank, generator=generator, **DOUBLE)


def by_hand(layer: nn.Module, padded: Tensor) -> Tensor:
    """A layer with one readout value, circuit by circuit, of images that are padded already."""
    rank, found = layer.rank, []
    spans = [range(0, d * k, d) for k, d in zip(layer.kernel_size, layer.dilation, strict=True)]
    counts = [
        (n - span[-1] - 1) // s + 1
        for n, span, s in zip(padded.shape[2:], spans, layer.stride, strict=True)
    ]
    members, filters = layer.in_channels // layer.groups, layer.out_channels // layer.groups
    places = [range(padded.shape[0]), range(layer.out_channels), *map(range, counts)]
    for b, k, *at in itertools.product(*places):
        corner = [i * s for i, s in zip(at, layer.stride, strict=True)]
        reads = range(k // filters * members, (k // filters + 1) * members)
        values = [
            padded[(b, c, *(x + y for x, y in zip(corner, offset, strict=True)))]
            for c in reads
            for offset in itertools.product(*spans)
        ]
        total = torch.zeros((), **DOUBLE) if layer.bias is None else layer.bias[k].detach()
        size = layer.circuit.num_inputs
        for part in range(len(values) // size):
            inputs = layer.angle_scale * torch.stack(values[part * size : (part + 1) * size])
            weights = layer.weight[k] if layer.channel_mode == "joint" else layer.weight[k, part]
            value = engine("statevector").expectation_values(
                layer.circuit, inputs.reshape(1, -1, 1), weights.reshape(1, 1, -1)
            )
            total = total + value.squeeze()
        found.append(total)
    assert rank == len(counts)
    return torch.stack(found).reshape(*map(len, places))


OPTIONS = [
    {"kernel_size": 2},
    {"kernel_size": 1, "stride": 2, "bias": True},
    {"kernel_size": 2, "stride": 2, "channel_mode": "sum", "bias": True},
    {"kernel_size": 2, "dilation": 2, "groups": 2, "out_channels": 2},
    {"kernel_size": 2, "padding": 1, "padding_mode": "reflect", "channel_mode": "sum"},
    {"kernel_size": 2, "padding": 2, "padding_mode": "circular", "stride": 3},
    {"kernel_size": 2, "padding": 2, "padding_mode": "replicate", "stride": 2},
    {"kernel_size": 2, "padding": "same", "stride": 1},
    {"kernel_size": 2, "padding": "same", "padding_mode": "circular", "dilation": 3},
    {"kernel_size": 2, "padding": "valid", "stride": 2},
]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")  # by nn.Conv1d
@RANKS
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_case_29_each_value_is_the_circuits_of_its_patch(rank: int, options: dict) -> None:
    options = {"in_channels": 2, "out_channels": 1, "readout": "mean_z", "depth": 1} | options
    if rank == 3 and options.get("channel_mode") != "sum":
        options["in_channels"] = options.get("groups", 1)  # eight qubits
    layer = LAYERS[rank](**options, angle_scale=0.9, **DOUBLE)
    if layer.bias is not None:
        assert torch.equal(layer.bias, torch.zeros(1, **DOUBLE))
        layer.bias.data.fill_(0.3)
    side = 3 if rank == 3 else 5
    images = image(rank, 1, options["in_channels"], side)
    names = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation")
    names += ("groups", "bias", "padding_mode")
    conv = CONVOLUTIONS[rank](**{n: v for n, v in options.items() if n in names}, **DOUBLE)
    mode = layer.padding_mode if layer.padding_mode != "zeros" else "constant"
    padded = images
    if layer.padding == "same":
        padded = nn.functional.pad(images, conv._reversed_padding_repeated_twice, mode=mode)
    elif layer.padding != "valid":
        padded = nn.functional.pad(images, [layer.padding[0]] * 2 * rank, mode=mode)
    found = layer(images)
    assert found.shape == conv(images).shape
    assert torch.allclose(found, by_hand(layer, padded), rtol=0, atol=1e-12)
    unbatched = layer(images[0])
    assert torch.allclose(unbatched, found[0], rtol=0, atol=1e-12)
    for name in ("stride", "padding", "dilation", "kernel_size", "padding_mode"):
        assert getattr(layer, name) == getattr(conv, name)


@pytest.mark.parametrize(
    ("rank", "options"),
    [
        (1, {"kernel_size": 2, "bias": True}),
        (1, {"kernel_size": 2, "channel_mode": "sum", "padding": 1, "padding_mode": "reflect"}),
        (3, {"kernel_size": (1, 2, 1), "bias": True, "channel_mode": "sum", "padding": "same"}),
        (2, {"kernel_size": (1, 2), "padding": 1, "padding_mode": "circular", "bias": True}),
        (2, {"kernel_size": (2, 1), "padding": 1, "padding_mode": "replicate"}),
        (3, {"kernel_size": (2, 1, 1), "padding": 1, "padding_mode": "replicate"}),
    ],
)
def test_gradients_of_every_rank(rank: int, options: dict) -> None:
    torch.manual_seed(0)
    layer = LAYERS[rank](2, 1, readout="mean_z", depth=1, engine="statevector", **options, **DOUBLE)
    names = [name for name, _ in layer.named_parameters()]

    def values(images: Tensor, *parameters: Tensor) -> Tensor:
        named = dict(zip(names, parameters, strict=True))
        return torch.func.functional_call(layer, named, images)

    parameters = [p.detach().clone().requires_grad_() for p in layer.parameters()]
    images = image(rank, 1, 2, 2).requires_grad_()
    assert torch.autograd.gradcheck(values, (images, *parameters))
    fused = copy.deepcopy(layer)
    fused.engine = engine("fused")
    for module in (layer, fused):
        module(images).square().sum().backward()
    for one, other in zip(layer.parameters(), fused.parameters(), strict=True):
        assert torch.allclose(one.grad, other.grad, rtol=0, atol=1e-10)


@RANKS
@pytest.mark.parametrize("readout", ["z", "mean_z"])
def test_sum_is_the_sum_of_grouped_layers(rank: int, readout: str) -> None:
    kernel = {1: 4, 2: 2, 3: (1, 2, 2)}[rank]
    outputs = 4 if readout == "z" else 1
    options = {"kernel_size": kernel, "stride": 2, "padding": 1, "readout": readout, **DOUBLE}
    layer = LAYERS[rank](6, 2 * 2 * outputs, groups=2, channel_mode="sum", **options)
    assert layer.weight.shape == (4, 3, 2, 4)
    assert layer.circuit.num_qubits == 4
    images = image(rank, 2, 6)
    total = 0
    for member in range(3):  # of each of the two groups
        grouped = LAYERS[rank](2, 2 * 2 * outputs, groups=2, **options)
        grouped.weight.data.copy_(layer.weight[:, member])
        total = total + grouped(images[:, [member, 3 + member]])
    found = layer(images)
    assert torch.allclose(found, total, rtol=0, atol=1e-12)
    assert found.abs().max() <= 3


def test_a_circuit_of_ones_own_stands_in_place_of_the_options() -> None:
    circuit = Circuit("rx", "ry_ring", "mean_z", inputs=4, depth=3, reupload=True)
    layer = Quanv2d(1, 2, 2, 2, circuit=circuit, **DOUBLE)
    options = {"encoding": "rx", "ansatz": "ry_ring", "readout": "mean_z", "depth": 3}
    same = Quanv2d(1, 2, 2, 2, **options, reupload=True, angle_scale=1.0, **DOUBLE)
    same.load_state_dict(layer.state_dict())
    assert layer.angle_scale == 1
    assert Quanv2d(1, 4, 2).angle_scale == math.pi
    assert torch.equal(layer(image(2, channels=1)), same(image(2, channels=1)))
    for part in ({"depth": 2}, {"encoding": "ry"}, {"reupload": False}, {"readout": "z"}):
        with pytest.raises(ConfigurationError, match=f"it stands, got also {next(iter(part))}"):
            Quanv2d(1, 2, 2, circuit=circuit, **part)
    with pytest.raises(ConfigurationError, match=r"must read 8 values, .* got a circuit of 4"):
        Quanv2d(2, 2, 2, circuit=circuit)
    assert Quanv2d(2, 2, 2, circuit=circuit, channel_mode="sum").weight.shape == (2, 2, 3, 4)


@pytest.mark.parametrize(("rank", "kernel"), [(1, 2), (2, (1, 2)), (3, (1, 1, 2))])
def test_pennylane_gives_the_same_sums(rank: int, kernel: int | tuple[int, ...]) -> None:
    options = {"padding": 1, "channel_mode": "sum", "bias": True, "readout": "z1"}
    layer = LAYERS[rank](2, 1, kernel, **options, **DOUBLE)
    oracle = copy.deepcopy(layer)
    oracle.engine = engine("pennylane")
    images = image(rank, 1, 2, 2)
    assert torch.allclose(layer(images), oracle(images), rtol=0, atol=1e-10)


@RANKS
def test_the_arguments_of_torchs_convolutions_come_first(rank: int) -> None:
    ours, theirs = (list(inspect.signature(k[rank]).parameters) for k in (LAYERS, CONVOLUTIONS))
    assert ours[: len(theirs)] == theirs


def test_a_generator_draws_the_weights() -> None:
    first, again = (
        Quanv3d(1, 8, 2, generator=torch.Generator().manual_seed(3)).weight for _ in range(2)
    )
    assert torch.equal(first, again)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Quanv2d(1, 4, 2, padding="sam"), "unknown padding 'sam'; did you mean 'same'"),
        (lambda: Quanv2d(0, 4, 2), "in_channels, out_channels and groups must be 1 or more"),
        (lambda: Quanv2d(1, 4, 2, padding=-1), "each 0 or more, got -1"),
        (lambda: Quanv2d(1, 4, 2, 2, padding="same"), "stride must be 1 with padding='same'"),
        (lambda: Quanv2d(1, 4, 2, padding_mode="mirror"), "unknown padding_mode 'mirror'"),
        (lambda: Quanv2d(1, 4, 2, channel_mode="mean"), "unknown channel_mode 'mean'"),
        (lambda: Quanv1d(1, 2, (2, 2)), "whole number or a tuple of one whole number, each 1"),
        (lambda: Quanv3d(1, 8, 2, (2, 2)), "stride must be a whole number or three of them"),
        (lambda: Quanv3d(1, 8, 2, padding=True), "padding must be a whole number or three"),
    ],
)
def test_options_that_do_not_fit(make, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        make()


@pytest.mark.parametrize(
    ("mode", "padding", "side"), [("reflect", 3, 3), ("circular", 4, 3), ("replicate", 9, 1)]
)
@RANKS
def test_images_too_small_for_their_padding(rank: int, mode: str, padding: int, side: int) -> None:
    made = [
        kinds[rank](1, 1, 1, padding=padding, padding_mode=mode, **more, **DOUBLE)
        for kinds, more in ((LAYERS, {"readout": "mean_z"}), (CONVOLUTIONS, {}))
    ]
    small, large = image(rank, 1, 1, side), image(rank, 1, 1, side + 1)
    assert made[0](large).shape == made[1](large).shape
    if mode == "replicate":
        assert made[0](small).shape == made[1](small).shape
        return
    with pytest.raises(ShapeError, match=f"padding_mode='{mode}', got 3"):
        made[0](small)
    with pytest.raises(RuntimeError):
        made[1](small)


@pytest.mark.parametrize("options", [{}, {"channel_mode": "sum", "bias": True}])
def test_case_8_parameters_of_another_shape(options: dict) -> None:
    layer = Quanv2d(1, 4, 2, 2, **options)
    shape = tuple(layer.weight.shape)
    layer.weight = nn.Parameter(torch.rand(*shape[:-2], 4, 2))
    with pytest.raises(ShapeError, match=r"weight must have shape \(1, (1, )?2, 4\), got .*4, 2\)"):
        layer(torch.rand(1, 1, 4, 4))
    layer = Quanv2d(1, 4, 2, 2, bias=True)
    layer.bias = nn.Parameter(torch.rand(1))
    with pytest.raises(ShapeError, match=r"bias must have shape \(4,\), got \(1,\)"):
        layer(torch.rand(1, 1, 4, 4))


@pytest.fixture
def unwarned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw_pixels, "_warned", False)


@pytest.mark.usefixtures("unwarned")
def test_case_13_a_warning_once_for_8_bit_images() -> None:
    images = torch.zeros(2, 1, 8, 8)
    images[0, 0, 4, 3] = 200
    with pytest.warns(UserWarning, match=r"lie in \[0, 1\], got a pixel of 200"):
        Quanv2d(1, 4, 2, 2)(images)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Quanv2d(1, 4, 2, 2)(images)


@pytest.mark.usefixtures("unwarned")
@pytest.mark.parametrize(
    ("options", "value"),
    [
        ({}, 1.0),
        ({}, 15.0),
        ({}, 1e30),
        ({}, math.nan),
        ({"angle_scale": math.pi / 255}, 255.0),
        ({"encoding": "amplitude", "out_channels": 2}, 255.0),
        ({"circuit": Circuit("ry", "ry_chain", "z", inputs=4, depth=1)}, 255.0),
    ],
)
def test_case_13_what_does_not_look_like_8_bit_images(options: dict, value: float) -> None:
    images = torch.zeros(1, 1, 8, 8)
    images[0, 0, 4, 4] = value
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Quanv2d(**({"out_channels": 4} | options), in_channels=1, kernel_size=2)(images)


@pytest.mark.usefixtures("unwarned")
def test_case_13_looks_at_the_middle_line_of_the_first_ten_batches() -> None:
    layer, other = Quanv1d(1, 2, 2), torch.zeros(2, 1, 100)
    other[0, 0, :18] = other[0, 0, 82:] = other[1] = 255
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(10):
            layer(other)
        layer(torch.full((1, 1, 100), 255.0))
    other[0, 0, 18] = 255
    with pytest.warns(UserWarning, match="a pixel of 255, an angle of 801.1 radians"):
        Quanv1d(1, 2, 2)(other)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("rank", [2, 3])
@pytest.mark.parametrize("mode", ["sum", "joint"])
def test_case_30_channels_last_images(rank: int, channels: int, mode: str) -> None:
    last = {2: torch.channels_last, 3: torch.channels_last_3d}[rank]
    if mode == "joint" and rank == 3:
        channels = 1
    options = {"in_channels": channels, "out_channels": 2, "kernel_size": 2}
    layer = LAYERS[rank](**options, channel_mode=mode, readout="mean_z", bias=True)
    conv = CONVOLUTIONS[rank](**options)
    plain = image(rank, 2, channels).float()
    changed = torch.empty_like(plain, memory_format=last).copy_(plain)
    found = layer(changed)
    assert found.stride() == conv(changed).stride()
    assert found.is_contiguous(memory_format=last)
    assert not found.is_contiguous()
    assert torch.equal(found, layer(plain))
    assert layer(plain).is_contiguous()
    assert layer(changed[0]).is_contiguous()


@RANKS
def test_case_32_what_may_be_set_afterwards(rank: int) -> None:
    layer, conv = (
        kinds[rank](1, 1, 2, **more, **DOUBLE)
        for kinds, more in ((LAYERS, {"readout": "mean_z"}), (CONVOLUTIONS, {}))
    )
    images = image(rank, 1, 1, 7)
    changes = {"stride": (2,) * rank, "dilation": (2,) * rank, "padding": (1,) * rank}
    for name, value in changes.items():
        for module in (layer, conv):
            setattr(module, name, value)
        assert layer(images).shape == conv(images).shape, name
    settled = LAYERS[rank](1, 1, 2, **changes, readout="mean_z", **DOUBLE)
    settled.load_state_dict(layer.state_dict())
    assert torch.equal(layer(images), settled(images))
    layer.stride = 1
    assert layer.stride == (1,) * rank
    layer.padding, layer.padding_mode = "same", "circular"
    assert layer(images).shape == images.shape
    for name, value in {"stride": 2, "dilation": 0, "padding": "no", "padding_mode": "no"}.items():
        with pytest.raises(ConfigurationError, match=name):
            setattr(layer, name, value)
    assert layer(images).shape == images.shape
    with pytest.raises(AttributeError, match="kernel_size"):
        layer.kernel_size = 3


def test_case_32_symbolic_tracing_keeps_layers_whole() -> None:
    layers = [Quanv1d(1, 2, 2, 2), Quanv1d(2, 1, 2, channel_mode="sum", readout="mean_z")]
    for head in (LinearHead(3, 12), QuantumHead(3, num_qubits=4)):
        model = ResQuNN(layers, "X+O2", head)
        graph = torch.fx.symbolic_trace(model)
        images = torch.rand(2, 1, 12)
        assert torch.equal(graph(images), model(images))
        assert torch.equal(copy.deepcopy(graph)(images), model(images))
    chain = torch.fx.symbolic_trace(nn.Sequential(Quanv2d(1, 4, 2)))
    assert [n.op for n in chain.graph.nodes] == ["placeholder", "call_module", "output"]
    with pytest.raises(ConfigurationError, match="got the Quanv2d itself"):
        torch.fx.symbolic_trace(Quanv2d(1, 4, 2))


def test_case_33_parameters_before_the_first_batch() -> None:
    model = nn.Sequential(Quanv2d(1, 4, 2, 2), LinearHead(10, features=784))
    assert sum(parameter.numel() for parameter in model.parameters()) == 8 + 7850
    averaged = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.9)
    )
    averaged.update_parameters(model)
    images = torch.rand(2, 1, 28, 28)
    assert torch.allclose(averaged(images), model(images))


def test_case_41_the_message_names_every_way_out() -> None:
    with pytest.raises(ConfigurationError, match=r"multiple of 12 \(12, 24, 36") as caught:
        Quanv2d(3, 4, 2, 2)
    for way in ("groups", "amplitude", "channel_mode='sum'", "mean_z"):
        assert way in str(caught.value)
    with pytest.raises(ConfigurationError, match="given by a readout") as caught:
        Quanv2d(1, 3, 2, 2)
    assert "channel_mode" not in str(caught.value)
    for options in ({"channel_mode": "sum"}, {"encoding": "amplitude"}, {"readout": "mean_z"}):
        assert Quanv2d(3, 4, 2, 2, **options)(torch.rand(1, 3, 4, 4)).shape == (1, 4, 2, 2)


@RANKS
@pytest.mark.parametrize("align", ["zero_pad", "zero_pad_center"])
def test_residual_networks_of_any_rank(rank: int, align: str) -> None:
    layers = [LAYERS[rank](1, 2, 2, 2, readout="mean_z"), LAYERS[rank](2, 1, 1, readout="z0")]
    model = ResQuNN(layers, "X+O2", LinearHead(3), align=align)
    images = image(rank, 2, 1, 5).float()
    output = layers[1](layers[0](images))
    expected = images.clone()
    before = (5 - 2) // 2 if align == "zero_pad_center" else 0
    expected[(slice(None), slice(None), *[slice(before, before + 2)] * rank)] += output
    assert torch.allclose(model.features(images), expected)
    assert model(images).shape == (2, 3)
    assert gradient_flow(model, images, torch.tensor([0, 1])).reaches_all
    with pytest.raises(ShapeError, match=r"images must have shape \(B, C, .*\), got"):
        model(images[0])
    with pytest.raises(ShapeError, match="as many dimensions to be summed"):
        add_aligned(images, images[..., 0], align)


class Branches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU())
        self.second = nn.Conv2d(8, 6, (1, 3), groups=2, bias=False, padding="same")
        self.linear = nn.Linear(2, 2)

    def forward(self, images: Tensor) -> Tensor:
        return self.second(self.first(images))


def test_replaced_convolutions_give_the_same_shapes() -> None:
    model, images = Branches().double().eval(), torch.rand(2, 3, 9, 8, **DOUBLE)
    expected = model(images).shape
    assert replace_conv2d(model, "first.0", depth=1) is model
    replace_conv2d(model, "second", ansatz="rx_chain", input_gradients=False)
    assert model(images).shape == expected
    first, second = model.first[0], model.second
    assert (first.channel_mode, first.circuit.readout.name) == ("sum", "mean_z")
    assert first.weight.shape == (8, 3, 1, 9)
    assert (first.bias is None, second.bias is None) == (False, True)
    assert not first.training
    assert first.weight.dtype == torch.float64
    assert second.circuit.ansatz.name == "rx_chain"


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("frist.0", {}, r"unknown convolution 'frist.0'; did you mean 'first.0'"),
        ("linear", {}, r"unknown convolution 'linear'.* \(there are: first.0, second\)"),
        ("", {}, "unknown convolution ''"),
        ("second", {"stride": 2}, "unknown option 'stride'"),
        (
            "first.0",
            {"readout": "z"},
            "first.0 cannot be replaced: out_channels must be a multiple",
        ),
        ("second", {"channel_mode": "joint", "depth": -1}, "cannot be replaced: depth must be 0"),
    ],
)
def test_convolutions_that_cannot_be_replaced(name: str, options: dict, message: str) -> None:
    model = Branches()
    with pytest.raises(ConfigurationError, match=message):
        replace_conv2d(model, name, **options)
    assert isinstance(model.second, nn.Conv2d)


def test_a_convolution_of_half_precision_or_lazy_cannot_be_replaced() -> None:
    with pytest.raises(ConfigurationError, match="second cannot be replaced: dtype must be"):
        replace_conv2d(Branches().half(), "second")
    with pytest.raises(ConfigurationError, match="0 must know its input channels"):
        replace_conv2d(nn.Sequential(nn.LazyConv2d(3, 2)), "0")


@pytest.mark.parametrize("name", ["auto", "statevector"])
def test_a_variance_for_each_channel_is_what_is_summed(name: str) -> None:
    summed = Quanv2d(2, 4, 2, readout="var_z", channel_mode="sum", engine=name, **DOUBLE)
    x, expected = image(2), 0
    for channel in range(2):
        one = Quanv2d(1, 4, 2, readout="var_z", **DOUBLE)
        one.weight = nn.Parameter(summed.weight[:, channel].detach())
        expected = expected + one(x[:, channel : channel + 1])
    torch.testing.assert_close(summed(x), expected, rtol=0, atol=1e-12)


def test_every_circuit_may_begin_with_given_weights() -> None:
    start = (0.1, -0.2, 0.3, 4.0)
    layers = depthwise_layers("none", (1, 1), channels=2, filters=3, initial_weights=start)
    for layer in layers:
        assert isinstance(layer, Quanv2d)
        rows = layer.weight.detach().reshape(-1, 4)
        assert len(rows) == 3 * layer.groups
        assert torch.equal(rows, torch.tensor([start]).expand_as(rows))
