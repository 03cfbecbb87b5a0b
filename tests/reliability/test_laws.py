"""Laws that hold for every circuit, engine and layer, tried on examples that hypothesis draws."""

import math
import random
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from resqunn import Quanv2d
from resqunn.circuits.circuit import Circuit
from resqunn.circuits.operations import Angle, Input, Weight
from resqunn.circuits.readouts import Observable, Readout
from resqunn.engines.base import Engine
from resqunn.engines.choice import ENGINES, engine
from resqunn.errors import ResqunnError

from support import any_circuit, random_arguments, values_and_gradients

OWN = [name for name in ENGINES if name != "pennylane"]

Law = Callable[[random.Random], None]
Holds = Callable[[str, Law], None]


@pytest.fixture
def holds(size: Callable, tally: Callable) -> Holds:
    """Tries a law on 200 examples in the short form, on 1,000 in the long one.

    A law makes all its choices with the generator it is given, which hypothesis leads.
    """

    def try_examples(what: str, law: Law) -> None:
        examples, tried = size(200, 1000), 0

        def counted(rng: random.Random) -> None:
            nonlocal tried
            law(rng)
            tried += 1

        led = given(st.randoms(use_true_random=False))(counted)
        settings(max_examples=examples, deadline=None, database=None)(led)()
        assert tried >= examples
        tally(f"laws: {what}", tried)

    return try_examples


def able(circuit: Circuit) -> list[Engine]:
    """The library's own engines that can evaluate the circuit."""
    return [each for each in map(engine, OWN) if each.obstacle(circuit) is None]


def drawn_case(rng: random.Random) -> tuple[Engine, Circuit, tuple[Tensor, ...]]:
    """An engine, a circuit for it, and arguments in float64."""
    seed = rng.getrandbits(32)
    circuit = any_circuit(seed, max_qubits=4, max_depth=3)
    patches = rng.choice([1, 3, 9, 17])
    return rng.choice(able(circuit)), circuit, random_arguments(circuit, seed, 1, 2, patches)


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
    options["out_channels"] = circuit.outputs * groups * rng.randint(1, 2)
    layer = Quanv2d(**options, **parts, engine=rng.choice(able(circuit)), dtype=torch.float64)
    generator = torch.Generator().manual_seed(seed)
    layer.reset_parameters(generator)
    shape = (3, channels * groups, rng.randint(4, 6), rng.randint(4, 6))
    return layer, options, torch.randn(shape, generator=generator, dtype=torch.float64)


@dataclass(frozen=True)
class Probabilities(Readout):
    """The probability of each basis state, from all products of Pauli Z."""

    name: str = "probabilities"

    def observables(self, qubits: int) -> tuple[Observable, ...]:
        states = range(2**qubits)
        supports = [tuple(q for q in range(qubits) if s >> q & 1) for s in states]
        return tuple(
            Observable(tuple(((-1) ** sum(t >> q & 1 for q in s) / 2**qubits, s) for s in supports))
            for t in states
        )


def test_states_are_normalised(holds: Holds) -> None:
    def law(rng: random.Random) -> None:
        chosen, drawn, (inputs, weights, _) = drawn_case(rng)
        scale = rng.choice([0.0, 1e-200, 1.0, 1e4, 1e200])
        parts = {name: getattr(drawn, name) for name in ("encoding", "ansatz", "depth", "reupload")}
        circuit = Circuit(readout=Probabilities(), inputs=drawn.inputs, **parts)
        found = chosen.expectation_values(circuit, scale * inputs, weights)
        assert float(found.min()) > -1e-12
        assert float((found.sum(dim=2) - 1).abs().max()) < 1e-12

    holds("probabilities are positive and their sum is 1", law)


def test_readouts_lie_between_minus_one_and_one(holds: Holds) -> None:
    def law(rng: random.Random) -> None:
        chosen, circuit, (inputs, weights, _) = drawn_case(rng)
        scale = rng.choice([0.0, 1e-30, 1.0, 1e4, 1e30])
        dtype = rng.choice([torch.float32, torch.float64])
        found = chosen.expectation_values(circuit, scale * inputs.to(dtype), weights.to(dtype))
        assert float(found.abs().max()) <= 1 + 20 * torch.finfo(dtype).eps

    holds("readouts in [-1, 1]", law)


def test_angles_have_a_period_of_two_pi(holds: Holds) -> None:
    def law(rng: random.Random) -> None:
        chosen, circuit, (inputs, weights, cotangent) = drawn_case(rng)
        generator = torch.Generator().manual_seed(rng.getrandbits(32))
        by_inputs, by_weights = (
            torch.randint(-3, 4, angles.shape, generator=generator).double() * 2 * torch.pi
            for angles in (inputs, weights)
        )
        if circuit.encoding.prepares_amplitudes:
            by_inputs = 0
        here = values_and_gradients(chosen, circuit, inputs, weights, cotangent)
        there = values_and_gradients(
            chosen, circuit, inputs + by_inputs, weights + by_weights, cotangent
        )
        for a, b in zip(here, there, strict=True):
            assert torch.allclose(a, b, rtol=0, atol=1e-11)

    holds("2 pi is a period of weights and inputs", law)


def shifts(circuit: Circuit, angle: Angle) -> tuple[Tensor, Tensor]:
    """Where to evaluate, and with which factors, for the derivative by an angle of R gates.

    The 2R-term rule of Wierichs et al. (arXiv:2107.12390); for R = 1 it is half the
    difference at a quarter turn ahead and behind.
    """
    count = sum(operation.angle == angle for operation in circuit.operations)
    odd = 2.0 * torch.arange(1, 2 * count + 1, dtype=torch.float64) - 1
    at = odd * torch.pi / (2 * max(count, 1))
    sign = 1 - 2 * (torch.arange(2 * count) % 2)
    return at, sign / (4 * count * (at / 2).sin() ** 2)


def test_gradients_follow_the_parameter_shift_rule(holds: Holds) -> None:
    def law(rng: random.Random) -> None:
        chosen, circuit, (inputs, weights, cotangent) = drawn_case(rng)
        _, by_inputs, by_weights = values_and_gradients(chosen, circuit, inputs, weights, cotangent)
        for index in range(circuit.weights):
            at, factors = shifts(circuit, Weight(index))
            shifted = weights.repeat_interleave(len(at), dim=1)  # shifts as filters
            shifted[:, :, index] += at.repeat(2)
            values = chosen.expectation_values(circuit, inputs, shifted).unflatten(1, (2, len(at)))
            expected = torch.einsum("gfsrp,s,gfrp->gf", values, factors, cotangent)
            assert torch.allclose(by_weights[:, :, index], expected, rtol=0, atol=1e-10)
        if circuit.encoding.prepares_amplitudes:
            return
        for index in range(circuit.inputs):
            at, factors = shifts(circuit, Input(index))
            shifted = inputs.repeat_interleave(len(at), dim=2)  # shifts as patches
            shifted[:, index] += at.repeat(inputs.shape[2])
            values = chosen.expectation_values(circuit, shifted, weights).unflatten(
                3, (inputs.shape[2], len(at))
            )
            expected = torch.einsum("gfrps,s,gfrp->gp", values, factors, cotangent)
            assert torch.allclose(by_inputs[:, index], expected, rtol=0, atol=1e-10)

    holds("gradients equal the parameter-shift rule", law)


def test_amplitudes_follow_a_parameter_shift_rule_too(holds: Holds) -> None:
    def law(rng: random.Random) -> None:
        seed = rng.getrandbits(32)
        drawn = any_circuit(seed, max_qubits=4, max_depth=3)
        parts = {part: getattr(drawn, part) for part in ("ansatz", "readout", "depth")}
        values = rng.randint(2 ** (drawn.qubits - 1) + 1, 2**drawn.qubits)
        circuit = Circuit("amplitude", **parts, inputs=values)
        inputs, weights, cotangent = random_arguments(circuit, seed, 1, 1, 1)
        norm = inputs.norm()
        unit = inputs[0, :, 0] / norm
        # On the circle through x and a direction across it, readouts have a period of pi.
        across = torch.eye(circuit.inputs, dtype=torch.float64) - torch.outer(unit, unit)
        lengths = across.norm(dim=1)
        across = across / lengths.clamp(min=1e-300)[:, None]
        ahead, behind = ((unit + sign * across).T[None] for sign in (1, -1))
        for chosen in able(circuit):
            _, found, _ = values_and_gradients(chosen, circuit, inputs, weights, cotangent)
            shifted = [chosen.expectation_values(circuit, x, weights) for x in (ahead, behind)]
            expected = ((shifted[0] - shifted[1]) * cotangent).sum(dim=2)[0, 0] * lengths / norm
            assert torch.allclose(found[0, :, 0], expected, rtol=1e-10, atol=1e-10)

    holds("gradients by amplitudes equal a shift rule", law)


def test_permuted_images_give_permuted_outputs(holds: Holds) -> None:
    def law(rng: random.Random) -> None:
        layer, _, images = drawn_layer(rng)
        order = rng.sample(range(3), 3)
        assert torch.allclose(layer(images[order]), layer(images)[order], rtol=0, atol=1e-12)

    holds("images permuted, outputs permuted", law)


def test_shifted_images_give_shifted_outputs(holds: Holds) -> None:
    def law(rng: random.Random) -> None:
        layer, options, images = drawn_layer(rng, padding=0)
        rows, columns = rng.randint(0, 2), rng.randint(0, 2)
        down, right = options["stride"]
        outputs = layer(images)[:, :, rows:, columns:]
        if outputs.numel():
            shifted = layer(images[:, :, rows * down :, columns * right :])
            assert torch.allclose(shifted, outputs, rtol=0, atol=1e-12)

    holds("images shifted by the stride, outputs shifted", law)


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

    holds("outputs depend on their own patch alone, to the last bit", law)


def shape_or_refusal(
    make: Callable[[], nn.Module], images: Tensor, refusals: type | tuple
) -> torch.Size | None:
    """The shape of a layer's output; None if the layer or the images are refused."""
    try:
        return make()(images).shape
    except refusals:
        return None


def test_output_sizes_are_those_of_conv2d(size: Callable, tally: Callable) -> None:
    rng = random.Random(0)

    def both(low: int, high: int) -> int | tuple[int, int]:
        pair = (rng.randint(low, high), rng.randint(low, high))
        return pair if rng.random() < 0.5 else pair[0]

    found = []
    for _ in range(size(500, 5000)):
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
    tally("laws: output sizes are nn.Conv2d's", len(found) - refused)
    tally("laws: options and images that both refuse", refused)
