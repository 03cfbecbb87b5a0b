"""Layers and heads with shots: `tests/engines/test_sampling.py` asks what is sampled."""

import copy
import io
import itertools
import math
import pickle
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from resqunn import (
    CircuitError,
    ConfigurationError,
    LinearHead,
    Noise,
    PennyLaneEngine,
    QuantumHead,
    Quanv1d,
    Quanv2d,
    Quanv3d,
    ResQuNN,
    paper_model,
    replace_conv2d,
)
from resqunn.nn.circuit_module import CircuitModule
from resqunn.nn.side_by_side import shape_of

MODULES: dict[str, tuple[Callable[..., CircuitModule], tuple[int, ...]]] = {
    "Quanv1d": (lambda **o: Quanv1d(2, 2, 2, padding=1, readout="mean_z", **o), (2, 5)),
    "Quanv2d": (lambda **o: Quanv2d(1, 4, 2, 2, bias=True, **o), (1, 4, 4)),
    "Quanv2d, grouped": (lambda **o: Quanv2d(2, 24, 2, groups=2, readout="xyz", **o), (2, 3, 3)),
    "Quanv2d, sum": (lambda **o: Quanv2d(2, 8, 2, 2, channel_mode="sum", **o), (2, 4, 4)),
    "Quanv2d, amplitudes": (lambda **o: Quanv2d(1, 2, 2, 1, encoding="amplitude", **o), (1, 4, 4)),
    "Quanv3d": (lambda **o: Quanv3d(1, 1, (1, 2, 2), readout="z3", **o), (1, 2, 3, 3)),
    "QuantumHead": (lambda **o: QuantumHead(3, num_qubits=4, **o), (2, 7)),
    "QuantumHead, softmax": (lambda **o: QuantumHead(2, num_qubits=3, softmax=True, **o), (6,)),
}
EVERY = pytest.mark.parametrize("name", MODULES)
WITHOUT_SOFTMAX = pytest.mark.parametrize("name", [n for n in MODULES if "softmax" not in n])
"""A softmax of samples is no mean of them, and is differentiated where they are."""
OPTIONS = [
    {"shot_gradient": gradient, "shot_sampling": sampling}
    for gradient, sampling in itertools.product(
        ("exact", "parameter-shift"), ("joint", "independent")
    )
]
ALL_OPTIONS = pytest.mark.parametrize(
    "options", OPTIONS, ids=lambda options: ", ".join(options.values())
)


def made(name: str, shots: int | None = 20, seed: int = 3, **options) -> CircuitModule:
    weights = torch.Generator().manual_seed(0)
    module = MODULES[name][0](shots=shots, generator=weights, dtype=torch.float64, **options)
    module.shot_generator = torch.Generator().manual_seed(seed)
    return module


def batch(name: str, size: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(size, *MODULES[name][1], generator=generator, dtype=torch.float64)


def gradients(module: nn.Module, x: Tensor, by_input: bool = True) -> list[Tensor]:
    given = x.clone().requires_grad_(by_input)
    wanted = [*module.parameters(), *([given] if by_input else [])]
    values = module(given)
    cotangents = torch.linspace(-1, 1, values.numel(), dtype=values.dtype).view_as(values)
    return list(torch.autograd.grad(values, wanted, cotangents))


@ALL_OPTIONS
@WITHOUT_SOFTMAX
def test_values_and_derivatives_are_samples_of_the_exact_ones(name: str, options: dict) -> None:
    module, exact = made(name, 50, **options), made(name, None)
    x = batch(name)
    by_input = options["shot_gradient"] == "exact" or not module.circuit.prepares_amplitudes
    draws = [(module(x), *gradients(module, x, by_input)) for _ in range(40)]
    for found, expected in zip(
        zip(*draws, strict=True), (exact(x), *gradients(exact, x, by_input)), strict=True
    ):
        errors = torch.stack(found).detach() - expected.detach()
        deviation = errors.std(0) / math.sqrt(len(draws))
        sure = deviation < 1e-12
        assert (errors.mean(0)[sure].abs() < 1e-9).all()
        assert (errors.mean(0)[~sure].abs() < 6 * deviation[~sure]).all()  # 40 draws: wide tails


@WITHOUT_SOFTMAX
def test_exact_derivatives_are_those_without_shots(name: str) -> None:
    x = batch(name)
    found, expected = gradients(made(name), x), gradients(made(name, None), x)
    for sampled, exact in zip(found, expected, strict=True):
        assert torch.allclose(sampled, exact, rtol=0, atol=1e-12)


@ALL_OPTIONS
@EVERY
def test_a_seed_gives_the_same_samples(name: str, options: dict) -> None:
    x = batch(name)
    by_input = options["shot_gradient"] == "exact" or not made(name).circuit.prepares_amplitudes

    def drawn(seed: int) -> Tensor:
        module = made(name, seed=seed, **options)
        first, second = module(x), module(x)
        assert not torch.equal(first, second)
        found = [first, second, *gradients(module, x, by_input)]
        return torch.cat([each.detach().flatten() for each in found])

    assert torch.equal(drawn(3), drawn(3))
    assert not torch.equal(drawn(3), drawn(4))


@EVERY
def test_torchs_generator_draws_where_none_is_given(name: str) -> None:
    module, x = made(name), batch(name)
    module.shot_generator = None
    torch.manual_seed(0)
    first, second = module(x), module(x)
    torch.manual_seed(0)
    assert torch.equal(module(x), first)
    assert not torch.equal(first, second)


@EVERY
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_draw_what_the_original_draws(name: str, copied: Callable) -> None:
    module, x = made(name, shot_gradient="parameter-shift", noise=Noise(readout=0.1)), batch(name)
    module(x)  # the generator has moved on
    other = copied(module)
    assert repr(other) == repr(module)
    assert torch.equal(other(x), module(x))
    assert other.shot_generator is not module.shot_generator


def test_copies_of_networks_share_generators_as_the_originals_do() -> None:
    generator = torch.Generator().manual_seed(0)
    network = nn.Sequential(Quanv1d(1, 2, 2, shots=5), Quanv1d(2, 4, 2, shots=5))
    for layer in network:
        layer.shot_generator = generator
    other = copy.deepcopy(network)
    assert other[0].shot_generator is other[1].shot_generator
    x = torch.rand(2, 1, 6)
    assert torch.equal(other(x), network(x))


def test_a_state_dict_knows_nothing_of_shots() -> None:
    sampled, exact = made("Quanv2d"), made("Quanv2d", None)
    assert sampled.state_dict().keys() == exact.state_dict().keys()
    buffer = io.BytesIO()
    torch.save(sampled.state_dict(), buffer)
    buffer.seek(0)
    exact.load_state_dict(torch.load(buffer))


@EVERY
def test_options_are_set_at_any_time(name: str) -> None:
    module, x = made(name), batch(name)
    exact = made(name, None)
    module.shots = None
    assert torch.equal(module(x), exact(x))
    module.shots, module.shot_sampling = 10, "independent"
    module.shot_generator.manual_seed(3)
    expected = made(name, 10, shot_sampling="independent")
    assert torch.equal(module(x), expected(x))
    module.shots = 1_000_000_000
    assert torch.allclose(module(x), exact(x), rtol=0, atol=1e-3)
    module.noise = Noise(readout=0.25)
    noisy = made(name, None, noise=Noise(readout=0.25))
    assert torch.allclose(module(x), noisy(x), rtol=0, atol=1e-3)
    assert not torch.allclose(noisy(x), exact(x), rtol=0, atol=1e-3)


def test_what_does_not_fit_is_not_set() -> None:
    layer = Quanv2d(1, 16, 4, 4, shot_sampling="independent", shots=3)
    with pytest.raises(CircuitError, match="got joint sampling of 16 qubits"):
        layer.shot_sampling = "joint"
    with pytest.raises(ConfigurationError, match=r"shots must be 1 or more, or None .*, got 0"):
        layer.shots = 0
    assert (layer.shots, layer.shot_gradient, layer.shot_sampling) == (3, "exact", "independent")
    layer.shots = None
    layer.shot_sampling = "joint"
    with pytest.raises(CircuitError, match="got joint sampling of 16 qubits"):
        layer.shots = 3
    with pytest.raises(CircuitError, match="got joint sampling of 13 qubits"):
        Quanv1d(1, 13, 13, shots=3)
    with pytest.raises(CircuitError, match="got joint sampling of 13 qubits"):
        QuantumHead(13, num_qubits=13, shots=3)


def test_shots_are_given_to_the_layer_or_to_the_engine() -> None:
    message = "shots must be given once, got shots=5 and an engine 'pennylane:default.qubit' with"
    engine = PennyLaneEngine(shots=10)
    with pytest.raises(ConfigurationError, match=message):
        Quanv2d(1, 4, 2, shots=5, engine=engine)
    layer = Quanv2d(1, 4, 2, engine=engine)
    with pytest.raises(ConfigurationError, match=message):
        layer.shots = 5
    other = Quanv2d(1, 4, 2, shots=5)
    other.engine = engine
    assert "shots=5, engine=pennylane:default.qubit" in repr(other)
    with pytest.raises(ConfigurationError, match=message):
        other(torch.rand(1, 1, 2, 2))


def test_repr_shows_what_is_not_the_default() -> None:
    assert "shot" not in repr(Quanv2d(1, 4, 2, shot_sampling="independent"))
    assert ", shots=100, engine=auto (" in repr(Quanv2d(1, 4, 2, shots=100))
    both = {"shot_gradient": "parameter-shift", "shot_sampling": "independent"}
    shown = "noise=Noise(readout=0.1), shots=7, shot_gradient='parameter-shift', "
    shown += "shot_sampling='independent', "
    for module in (
        Quanv2d(1, 4, 2, shots=7, noise=Noise(readout=0.1), **both),
        QuantumHead(3, shots=7, noise=Noise(readout=0.1), **both),
    ):
        assert f"{shown}engine=auto (" in repr(module)


def test_channels_are_summed_after_each_is_sampled() -> None:
    shots, times = 16, 4000
    layer = Quanv2d(3, 4, 2, channel_mode="sum", shots=shots, dtype=torch.float64)
    x = torch.rand(1, 3, 2, 2, dtype=torch.float64)
    found = layer(x.expand(times, -1, -1, -1)).detach().flatten(1)
    counts = shots * (3 + found) / 2
    assert torch.allclose(counts, counts.round(), rtol=0, atol=1e-9)
    alone = Quanv2d(1, 4, 2, dtype=torch.float64)
    variance = torch.zeros(4, dtype=torch.float64)
    for channel in range(3):
        alone.weight.data = layer.weight.detach()[:, channel]
        variance += (1 - alone(x[:, channel : channel + 1]).detach().flatten() ** 2) / shots
    spread = math.sqrt(2 / times)
    assert ((found.var(0) / variance - 1).abs() < 5 * spread).all()


def test_noise_and_shots_together() -> None:
    noise = Noise(depolarizing=0.03, phase_damping=0.1, readout=0.05)
    layer = Quanv2d(1, 4, 2, 2, noise=noise, shots=64, dtype=torch.float64)
    layer.shot_generator = torch.Generator().manual_seed(2)
    mixed = Quanv2d(1, 4, 2, 2, noise=noise, engine="pennylane:default.mixed", dtype=torch.float64)
    mixed.load_state_dict(layer.state_dict())
    x = torch.rand(1, 1, 4, 4, dtype=torch.float64)
    with torch.no_grad():
        errors = layer(x.expand(500, -1, -1, -1)) - mixed(x)
    deviation = errors.std(0) / math.sqrt(500)
    assert (errors.mean(0).abs() < 5 * deviation).all()


def test_probabilities_are_shares_of_the_shots() -> None:
    layer = Quanv2d(1, 16, 2, 2, readout="probs", shots=32)
    found = layer(torch.rand(5, 1, 6, 6))
    assert torch.equal(found.sum(1), torch.ones(5, 3, 3))
    assert torch.equal(32 * found, (32 * found).round())
    assert found.min() == 0


def test_no_grad_draws_the_same() -> None:
    for options in OPTIONS:
        layer, x = made("Quanv2d", **options), batch("Quanv2d")
        with torch.no_grad():
            values = layer(x)
        assert not values.requires_grad
        layer.shot_generator.manual_seed(3)
        assert torch.equal(layer(x), values)
        layer.shot_generator.manual_seed(3)
        with torch.inference_mode():
            assert torch.equal(layer(x), values)


def test_without_input_gradients_none_are_sampled() -> None:
    layer = made("Quanv2d", input_gradients=False, shot_gradient="parameter-shift")
    x = batch("Quanv2d").requires_grad_()
    (weights, bias, by_input) = torch.autograd.grad(
        layer(x).square().sum(), (*layer.parameters(), x), allow_unused=True
    )
    assert by_input is None
    assert weights.any()
    assert bias.any()


def test_layouts_and_unbatched_images() -> None:
    layer, x = made("Quanv2d"), batch("Quanv2d")
    last = layer(x.expand(-1, -1, -1, -1).contiguous(memory_format=torch.channels_last))
    layer.shot_generator.manual_seed(3)
    assert torch.equal(layer(x), last)
    assert layer(x[0]).shape == last[0].shape


def test_symbolic_tracing_keeps_layers_whole() -> None:
    layer, x = made("Quanv2d"), batch("Quanv2d")
    traced = torch.fx.symbolic_trace(nn.Sequential(layer))
    values = traced(x)
    layer.shot_generator.manual_seed(3)
    assert torch.equal(layer(x), values)


@pytest.mark.filterwarnings("ignore:`torch.jit", "ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize("name", ["Quanv2d", "QuantumHead"])
def test_transforms_and_tracing_are_refused(name: str) -> None:
    module, x = made(name), batch(name)
    second = x.clone().requires_grad_()
    (first,) = torch.autograd.grad(module(second).sum(), second, create_graph=True)
    for transformed in (
        lambda: torch.vmap(module)(x[:, None]),
        lambda: torch.func.grad(lambda given: module(given).sum())(x),
        lambda: torch.func.jvp(module, (x,), (x,)),
        lambda: torch.jit.trace(module, x),
        lambda: torch.export.export(module, (x,), strict=False),
        lambda: torch.autograd.grad(first.sum(), second),
    ):
        with pytest.raises(ConfigurationError, match=r"shots must be None for .*, got shots=20"):
            transformed()
    assert module.to("meta")(x.to("meta")).shape == made(name)(x).shape


def test_sampled_layers_are_neither_fixed_nor_side_by_side() -> None:
    for shots, fixed in ((None, 2), (10, 0)):
        model = paper_model("none", trainable=False, shots=shots)
        model(torch.rand(1, 1, 8, 8))
        assert model.fixed_layers() == fixed
        assert (shape_of(model) is None) == (shots is not None)
    model = paper_model("none", head="quantum", classes=3, num_qubits=4)
    assert shape_of(model) is not None
    model.head.shots = 10
    assert shape_of(model) is None


def test_networks_beside_each_other_have_the_same_noise() -> None:
    def shape(readout: float, of_head: float = 0.0):
        layers = [Quanv2d(1, 4, 2, 2, noise=Noise(readout=readout))]
        head = QuantumHead(3, num_qubits=4, noise=Noise(readout=of_head))
        return shape_of(ResQuNN(layers, "none", head))

    assert shape(0.1) == shape(0.1)
    assert len({shape(0.0), shape(0.1), shape(0.2), shape(0.1, 0.1), shape(0.1, 0.2)}) == 5


def test_presets_and_replacements_pass_shots_on() -> None:
    model = paper_model("X+O1", depths=(1,), head="quantum", num_qubits=10, shots=9)
    assert [model.layers[0].shots, model.head.shots] == [9, 9]
    assert model(torch.rand(2, 1, 8, 8)).shape == (2, 10)
    replaced = replace_conv2d(nn.Sequential(nn.Conv2d(3, 2, 2)), "0", shots=4)
    assert replaced[0].shots == 4
    counts = 4 * (3 + replaced(torch.rand(1, 3, 4, 4)) - replaced[0].bias[:, None, None]) / 2 * 4
    assert torch.allclose(counts, counts.round(), rtol=0, atol=1e-4)


@ALL_OPTIONS
def test_networks_learn_from_samples(options: dict) -> None:
    torch.manual_seed(0)
    layer = Quanv2d(1, 4, 2, 2, shots=200, **options)
    model = nn.Sequential(layer, LinearHead(2, 16))
    x = torch.rand(64, 1, 4, 4)
    labels = (x[:, 0, :2].mean((1, 2)) > x[:, 0, 2:].mean((1, 2))).long()
    optimizer = torch.optim.Adam(model.parameters(), 0.1)
    losses = []
    for _ in range(40):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert np.mean(losses[-5:]) < 0.6 * losses[0]
