"""Layers and heads in torch's modes, and among tensors that do not fit, as any other module."""

import pytest
import torch
from torch import nn
from torch.autograd import forward_ad

from resqunn import LinearHead, QuantumHead, Quanv2d
from resqunn.errors import CircuitError, ConfigurationError, ShapeError

OWN = ("auto", "fourier", "fused", "statevector")
ENGINES = pytest.mark.parametrize("engine", OWN)


def layer(engine: str = "auto", depth: int = 3, **options) -> Quanv2d:
    return Quanv2d(1, 4, 2, 2, depth=depth, engine=engine, **options)


@ENGINES
def test_weights_on_another_device_are_refused(engine: str) -> None:
    for module in (layer(engine, device="meta"), QuantumHead(3, num_qubits=4, device="meta")):
        with pytest.raises(ShapeError, match=r"must be on meta .*, got cpu: .*\.to\(weight"):
            module(torch.rand(1, 1, 4, 4))


@pytest.mark.parametrize("engine", ["fourier", "fused"])
def test_compiled_code_reads_the_processors_memory_alone(engine: str) -> None:
    made = layer(engine)
    weights = made.weight.reshape(1, 1, -1)
    for change in (weights.to("meta"), weights.double()):
        with pytest.raises(ShapeError, match=r"on one device, got cpu and meta|and torch\.float64"):
            made.engine.expectation_values(made.circuit, torch.rand(1, 4, 1), change)


@ENGINES
def test_a_default_device_does_not_reach_what_is_kept(engine: str) -> None:
    # A depth that no other test has, so that everything is made within the context.
    made = layer(engine, depth=7)
    with torch.device("meta"):
        repr(made)
        values = made(torch.rand(1, 1, 4, 4, device="cpu"))
    assert values.device.type == "cpu"
    assert torch.equal(made(torch.ones(1, 1, 4, 4)), made(torch.ones(1, 1, 4, 4)))
    made(torch.rand(1, 1, 4, 4)).sum().backward()


@ENGINES
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_is_evaluated_first_can_be_trained(engine: str, dtype: torch.dtype) -> None:
    made = layer(engine, depth=6, dtype=dtype)
    images = torch.rand(2, 1, 4, 4, dtype=dtype)
    with torch.inference_mode():
        made(images)
    made(images).sum().backward()
    assert made.weight.grad is not None


@ENGINES
@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_autocast_lowers_no_precision(engine: str, half: torch.dtype) -> None:
    made, images = layer(engine), torch.rand(2, 1, 4, 4)
    with torch.autocast("cpu", half):
        found = made(images)
        after_a_convolution = made(nn.Conv2d(1, 1, 1)(images))
    assert found.dtype == after_a_convolution.dtype == torch.float32
    assert torch.allclose(found, made(images), rtol=0, atol=1e-6)


@ENGINES
@pytest.mark.filterwarnings("ignore:`torch.jit.script`")  # by torch's own forward derivatives
def test_jacobians_in_one_batch_and_forward(engine: str) -> None:
    made, images = layer(engine), torch.rand(1, 1, 4, 4)
    by_rows = torch.autograd.functional.jacobian(made, images)
    at_once = torch.autograd.functional.jacobian(made, images, vectorize=True)
    assert torch.allclose(by_rows, at_once, rtol=0, atol=1e-5)
    tangent = torch.rand_like(images)
    with forward_ad.dual_level():
        found = forward_ad.unpack_dual(made(forward_ad.make_dual(images, tangent))).tangent
    expected = torch.tensordot(by_rows, tangent, 4)
    assert torch.allclose(found, expected, rtol=0, atol=1e-5)


@ENGINES
@pytest.mark.parametrize("options", [{}, {"readout": "mean_z", "depth": 0, "out_channels": 3}])
def test_outputs_are_laid_out_as_those_of_conv2d(engine: str, options: dict) -> None:
    made = Quanv2d(**({"out_channels": 4} | options), in_channels=1, kernel_size=2, engine=engine)
    found = made(torch.rand(2, 1, 4, 4))
    assert found.is_contiguous()
    assert found.detach().mul_(2).view(2, -1).shape == (2, found[0].numel())
    unbatched = made(torch.rand(1, 4, 4))
    assert unbatched.is_contiguous()
    assert unbatched.detach().mul_(2).shape == found[0].shape


def test_it_tells_its_window_as_conv2d_does() -> None:
    options = {"kernel_size": 2, "stride": (2, 1), "padding": 1, "dilation": 2}
    ours, theirs = Quanv2d(1, 4, **options), nn.Conv2d(1, 4, **options)
    for name in options:
        assert getattr(ours, name) == getattr(theirs, name)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Quanv2d(1, 49, 7, ansatz="ry_ring", reupload=True),
        lambda: layer("fourier", reupload=True),
        lambda: QuantumHead(4, num_qubits=4, engine="fourier"),
    ],
)
def test_what_no_engine_can_evaluate_is_refused_at_once(make) -> None:
    with pytest.raises(CircuitError, match=r"cannot evaluate this circuit: .*; use another engine"):
        make()


def test_a_quantum_head_of_too_many_qubits_is_refused() -> None:
    QuantumHead(4, num_qubits=20, device="meta")
    with pytest.raises(ConfigurationError, match="num_qubits must be 1 to 20, got 21"):
        QuantumHead(4, num_qubits=21)


HEADS = pytest.mark.parametrize(
    "head", [LinearHead(3), LinearHead(3, 4), QuantumHead(3, num_qubits=4)], ids=repr
)


@HEADS
@pytest.mark.parametrize(
    ("features", "error", "message"),
    [
        (
            torch.rand(2, 4).half(),
            ShapeError,
            "must be torch.float32 .*, got torch.float16: convert one",
        ),
        (
            torch.rand(2, 4).double(),
            ShapeError,
            "must be torch.float32 .*, got torch.float64: convert one",
        ),
        (
            torch.ones(2, 4, dtype=torch.uint8),
            ShapeError,
            "must be torch.float32 .*, got torch.uint8: .*8-bit",
        ),
        (torch.rand(4), ShapeError, r"features must have shape \(B, ...\), got \(4,\)"),
    ],
)
def test_features_that_do_not_fit(head: nn.Module, features, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        head(features)


def test_case_8_heads_with_weights_of_another_shape() -> None:
    for head, features, shapes in (
        (LinearHead(3, 4), torch.rand(2, 4), [(4,), (4, 3), (4, 4)]),
        (QuantumHead(3, num_qubits=4), torch.rand(2, 4), [(4,), (4, 1), (1, 3)]),
    ):
        for shape in shapes:
            head.weight = nn.Parameter(torch.rand(shape))
            with pytest.raises(ShapeError, match=r"weight must have shape \(.*\), got \("):
                head(features)


def test_a_classical_network_may_be_in_half_precision() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 2), LinearHead(3))
    model(torch.rand(2, 1, 4, 4))
    assert model.bfloat16()(torch.rand(2, 1, 4, 4).bfloat16()).dtype == torch.bfloat16
    for module in (Quanv2d(1, 4, 2), QuantumHead(3, num_qubits=4)):
        with pytest.raises(ShapeError, match=r"weights must be .*float64, got torch\.float16"):
            module.half()(torch.rand(2, 1, 4, 4).half())


def test_a_waiting_head_can_be_drawn_anew() -> None:
    heads = [LinearHead(3) for _ in range(2)]
    for head in heads:
        head.reset_parameters(torch.Generator().manual_seed(5))
        head(torch.rand(2, 4))
    assert torch.equal(heads[0].weight, heads[1].weight)


@pytest.mark.parametrize("engine", ["auto", "fused", "statevector"])
@pytest.mark.filterwarnings("ignore")  # by torch's own folding of constants
def test_linearized_amplitude_encodings(engine: str) -> None:
    made = layer(engine, encoding="amplitude")
    images, tangent = torch.rand(2, 2, 1, 4, 4)
    values, push = torch.func.linearize(made, images)
    assert torch.allclose(values, made(images), rtol=0, atol=1e-6)
    expected = torch.func.jvp(made, (images,), (tangent,))[1]
    assert torch.allclose(push(tangent), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("padding_mode", ["zeros", "reflect", "replicate", "circular"])
@pytest.mark.filterwarnings("ignore")  # by torch's own folding of constants
def test_linearized_layers_with_any_padding(padding_mode: str) -> None:
    made = Quanv2d(1, 4, 2, padding=1, padding_mode=padding_mode, dtype=torch.float64)
    images, tangents = torch.rand(2, 2, 1, 3, 3, dtype=torch.float64)
    _, pushed = torch.func.linearize(made, images)
    _, expected = torch.func.jvp(made, (images,), (tangents,))
    assert expected.abs().max() > 0.01
    torch.testing.assert_close(pushed(tangents), expected, rtol=0, atol=1e-12)
