"""Circuits with channels in the Fourier engine, against density matrices and PennyLane."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch import Tensor

from resqunn import (
    AngleEncoding,
    Channel,
    Circuit,
    Noise,
    PennyLaneEngine,
    Quanv2d,
    Rule,
)
from resqunn.circuits.channels import CHANNELS
from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.circuits.noisy_circuit import add_noise
from resqunn.engines.auto import AutoEngine
from resqunn.engines.base import Engine
from resqunn.engines.density.engine import DensityEngine
from resqunn.engines.fourier.engine import FourierEngine
from resqunn.engines.fourier.heisenberg import propagate
from resqunn.errors import CircuitError

from support import AnyGates, AnyProducts, evaluates, random_arguments, values_and_gradients

PLACES = ("gate", "layer", "readout")
ENCODINGS = (
    "ry",
    "rx",
    "rz",
    AngleEncoding("between", ("H", "S", "RY", "SX", "Z")),
    AngleEncoding("nothing", ("RZ", "H")),
)
ANSATZE = ("rx_chain", "ry_ring", "strongly_entangling", "random:5", "any")
READOUTS = ("z", "xyz", "zz", "probs", "any")
FULL = {"depolarizing": 0.75, "bit_flip": 0.5, "phase_flip": 0.5, "amplitude_damping": 1.0}


def kraus(qubits: int, operators: int, seed: int) -> Channel:
    """A channel of random Kraus operators."""
    rng, size = np.random.default_rng(seed), 2**qubits
    shape = (operators * size, size)
    isometry, _ = np.linalg.qr(rng.normal(size=shape) + 1j * rng.normal(size=shape))
    return Channel.from_kraus("kraus", list(isometry.reshape(operators, size, size)))


def any_noise(rng: random.Random, qubits: int) -> Noise:
    """Named channels of any strengths and rules, at any places."""
    rules = []
    for _ in range(rng.choice([0, 0, 1, 2])):
        place, two = rng.choice(PLACES), qubits > 1 and rng.random() < 0.5
        channel = kraus(1 + two, rng.randint(1, 3), rng.randrange(100))
        if not two and rng.random() < 0.3:
            channel = rng.choice(list(CHANNELS.values()))(rng.random())
        on = tuple(rng.sample(range(qubits), 2)) if two and place != "gate" else ()
        rules.append(Rule(channel, place, qubits=on))
    strengths = {name: rng.random() ** 2 for name in CHANNELS if rng.random() < 0.3}
    return Noise(*rules, **strengths, readout=rng.choice([0.0, 0.1]), where=rng.choice(PLACES))


def any_noisy(seed: int, most: int = 4) -> GateCircuit:
    """An encode-once circuit with noise."""
    rng = random.Random(seed)
    qubits, ansatz, readout = rng.randint(1, most), rng.choice(ANSATZE), rng.choice(READOUTS)
    if readout == "zz" and qubits == 1:
        readout = "z"
    circuit = Circuit(
        rng.choice(ENCODINGS),
        AnyGates(seed, parts=False) if ansatz == "any" else ansatz,
        AnyProducts(seed) if readout == "any" else readout,
        inputs=qubits,
        depth=rng.randint(0, 3),
    )
    return add_noise(circuit, any_noise(rng, qubits))


def chain(noise: Noise | None = None, encoding="ry", readout="z", qubits=4, depth=2) -> GateCircuit:
    return add_noise(Circuit(encoding, "rx_chain", readout, inputs=qubits, depth=depth), noise)


def found(engine: Engine, circuit: GateCircuit, seed: int = 0, dtype=torch.float64) -> list[Tensor]:
    """The values and both gradients."""
    inputs, weights, cotangent = random_arguments(circuit, seed, dtype=dtype)
    return [
        tensor.double()
        for tensor in values_and_gradients(engine, circuit, inputs, 2 * weights, cotangent)
    ]


def assert_close(circuit: GateCircuit, seed: int = 0, reference: Engine | None = None) -> None:
    bound = 1e-12 if reference is None else 1e-10
    ours = found(FourierEngine(), circuit, seed)
    theirs = found(reference or DensityEngine(), circuit, seed)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=bound, atol=bound)


@pytest.mark.parametrize("first", range(0, 60, 20))
def test_agrees_with_density_matrices(first: int) -> None:
    compared = 0
    for seed in range(first, first + 20):
        circuit = any_noisy(seed)
        if evaluates(FourierEngine(), circuit):  # not where a qubit is rotated by two inputs
            assert_close(circuit, seed)
            compared += circuit.is_noisy
    assert compared > 10


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("encoding", ENCODINGS[:4])
@pytest.mark.parametrize("name", CHANNELS)
def test_each_channel_at_each_place(name: str, encoding, place) -> None:
    turn = ENCODINGS.index(encoding) + PLACES.index(place)
    ansatz = ("rx_chain", "strongly_entangling")[turn % 2]
    circuit = Circuit(encoding, ansatz, "z", inputs=3, depth=2)
    assert_close(add_noise(circuit, Noise(**{name: 0.3}, where=place)))


@pytest.mark.parametrize("operators", [1, 2, 4])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("qubits", [1, 2])
def test_any_channel(qubits: int, place, operators: int) -> None:
    """Those of one Kraus operator are gates that are not Clifford."""
    on = (2, 0) if qubits == 2 and place != "gate" else ()
    rule = Rule(kraus(qubits, operators, seed=1), place, qubits=on)
    assert_close(chain(Noise(rule, phase_damping=0.1), "rx", "xyz", qubits=3))


@pytest.mark.parametrize("seed", [3, 11, 17, 40])
def test_agrees_with_pennylane(seed: int) -> None:
    circuit = any_noisy(seed, most=3)
    assert circuit.is_noisy
    assert_close(circuit, seed, PennyLaneEngine("default.mixed"))


@pytest.mark.parametrize("name", FULL)
def test_full_strength(name: str) -> None:
    """Of channels after which some or all letters are worth nothing."""
    for place in PLACES:
        for encoding in ("ry", "rz"):
            assert_close(chain(Noise(**{name: FULL[name]}, where=place), encoding, "xyz", 3))
    assert_close(chain(Noise(bit_flip=1.0, phase_flip=1.0), readout="xyz", qubits=3))


def test_nothing_is_left_of_full_depolarizing() -> None:
    for tensor in found(FourierEngine(), chain(Noise(depolarizing=0.75))):
        assert not tensor.any()


@pytest.mark.parametrize("strength", [0.45, 0.499, 0.5 - 1e-9])
def test_gradients_are_exact_where_strings_shrink_to_almost_nothing(strength: float) -> None:
    """The way back undoes what the channels did: it must not magnify rounding."""
    rules = (Rule(CHANNELS["bit_flip"](strength), qubits=(0,)),)
    circuit = chain(Noise(*rules, phase_flip=0.2), "rx", qubits=2, depth=5)
    assert_close(circuit)
    assert_close(chain(Noise(amplitude_damping=2 * strength), qubits=3, depth=3))


def test_no_noise_is_no_change() -> None:
    zero = dict.fromkeys(CHANNELS, 0.0)
    kept = Rule(Channel.from_kraus("kept", [np.eye(2)]))
    for noise in (Noise(), Noise(**zero, readout=0.0), Noise(kept)):
        noisy, plain = (found(FourierEngine(), chain(each)) for each in (noise, None))
        assert all(torch.equal(one, other) for one, other in zip(noisy, plain, strict=True))


def test_a_chain_of_49_qubits() -> None:
    """Its last value is a product of all cosines; noise after each layer shrinks it by one factor
    for each letter."""
    noise = Noise(depolarizing=0.03, where="layer")
    circuit = add_noise(Circuit("ry", "rx_chain", "z48", inputs=49, depth=1), noise)
    inputs, weights, _ = random_arguments(circuit, 0, groups=1, filters=1)
    values = FourierEngine().expectation_values(circuit, inputs, weights)
    expected = 0.96**50 * inputs.cos().prod(1) * weights.cos().prod(2)
    torch.testing.assert_close(values[0, 0], expected, rtol=1e-10, atol=0)


@pytest.mark.parametrize(
    ("ansatz", "qubits", "depth"),
    [("rx_chain", 4, 4), ("rx_chain", 9, 3), ("rx_chain", 12, 2), ("strongly_entangling", 5, 2)],
)
@pytest.mark.parametrize("encoding", ["ry", "rx"])
def test_pauli_noise_adds_no_coefficients(
    encoding: str, ansatz: str, qubits: int, depth: int
) -> None:
    plain = Circuit(encoding, ansatz, "z", inputs=qubits, depth=depth)
    noise = Noise(depolarizing=0.02, phase_damping=0.1, bit_flip=0.01, phase_flip=0.01)
    noisy = add_noise(plain, noise)
    for place in PLACES[:2]:
        layers = add_noise(plain, Noise(depolarizing=0.02, where=place))
        for circuit in (noisy, layers):
            assert monomials(circuit) == monomials(plain)
            costs = [FourierEngine().cost(each, filters=4) for each in (circuit, plain)]
            assert costs[0] <= 1.15 * costs[1]


def monomials(circuit: GateCircuit) -> set[tuple[int, ...]]:
    """Of each value."""
    plan = propagate(circuit)
    return {(row, *map(int, each)) for row, each in zip(plan.row_T, plan.letters_TQ, strict=True)}


def test_auto_takes_it_where_it_can() -> None:
    for noise in (Noise(depolarizing=0.05), Noise(amplitude_damping=0.05, readout=0.01)):
        assert AutoEngine().chosen_for(chain(noise).runs[0].circuit) == "auto (fourier)"
    repeated = Circuit("ry", "rx_chain", "z", inputs=3, depth=2, reupload=True)
    again = add_noise(repeated, Noise(depolarizing=0.05))
    assert FourierEngine().cost(again) is None
    assert AutoEngine().chosen_for(again) != "auto (fourier)"


def test_too_many_monomials_are_refused() -> None:
    """A string of 20 letters is a sum of 2^20, however few strings there are."""
    damped = chain(Noise(amplitude_damping=0.1, where="layer"), readout="z19", qubits=20, depth=1)
    with pytest.raises(CircuitError, match="too many Pauli strings"):
        FourierEngine().require(damped)


def test_too_many_strings_are_refused() -> None:
    circuit = chain(Noise(depolarizing=0.1), depth=4)
    strings, terms = (len(part) for part in (propagate(circuit).start_S, propagate(circuit).row_T))
    assert terms < strings - 1
    with pytest.raises(CircuitError, match="too many Pauli strings"):
        propagate(circuit, limit=strings - 1)


@pytest.mark.parametrize("noise", [Noise(depolarizing=0.1), Noise(amplitude_damping=0.1)])
def test_derivatives_of_derivatives(noise: Noise) -> None:
    circuit = chain(noise, qubits=2)
    inputs, weights, _ = random_arguments(circuit, 0, 1, 2, 2)

    def values(inputs: Tensor, weights: Tensor) -> Tensor:
        return FourierEngine().expectation_values(circuit, inputs, weights)

    given = inputs.requires_grad_(), weights.requires_grad_()
    assert torch.autograd.gradcheck(values, given)
    assert torch.autograd.gradgradcheck(values, given)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("noise", [Noise(depolarizing=0.1), Noise(amplitude_damping=0.1)])
def test_results_do_not_depend_on_the_number_of_threads(noise: Noise, dtype) -> None:
    circuit = chain(noise, depth=3)
    inputs, weights, cotangent = random_arguments(circuit, 0, 2, 3, 10_000, dtype)
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results.append(
                values_and_gradients(FourierEngine(), circuit, inputs, weights, cotangent)
            )
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


@pytest.mark.parametrize("seed", range(12))
def test_float32(seed: int) -> None:
    circuit = any_noisy(seed)
    if not evaluates(FourierEngine(), circuit):
        pytest.skip("rotated by two inputs")
    single = found(FourierEngine(), circuit, seed, torch.float32)
    inputs, weights, cotangent = (
        t.double() for t in random_arguments(circuit, seed, dtype=torch.float32)
    )
    double = values_and_gradients(FourierEngine(), circuit, inputs, 2 * weights, cotangent)
    for one, other in zip(single, double, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "noise",
    [
        Noise(depolarizing=0.05),
        Noise(readout=0.1),
        Noise(amplitude_damping=0.1, phase_flip=0.1, readout=0.05, where="layer"),
    ],
)
@pytest.mark.parametrize("options", [{}, {"groups": 2}, {"channel_mode": "sum", "padding": 1}])
def test_layers_on_images(noise: Noise, options) -> None:
    torch.manual_seed(0)
    images = torch.rand(2, 2, 4, 5, dtype=torch.float64, requires_grad=True)
    size = (1, 2) if not options else 2
    results = []
    for engine in ("fourier", "density"):
        torch.manual_seed(1)
        layer = Quanv2d(
            2, 8, size, depth=2, ansatz="ry_chain", engine=engine, noise=noise,
            dtype=torch.float64, **options,
        )  # fmt: skip
        outputs = layer(images)
        gradients = torch.autograd.grad(outputs.square().sum(), (images, layer.weight))
        results.append((outputs, *gradients))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)
