"""Every engine that simulates noise against PennyLane's `default.mixed`."""

import copy
import math
import pickle
from typing import Any

import pennylane as qml
import pytest
import torch
from noise.noisy_circuits import arguments, by_pennylane, everything, random_noisy_circuit

from resqunn import Noise, Pauli, PennyLaneEngine, Quanv2d, from_pennylane
from resqunn.circuits.channels import CHANNELS
from resqunn.circuits.circuit import Circuit
from resqunn.circuits.noisy_circuit import add_noise
from resqunn.engines.registry import ENGINES, engine
from resqunn.errors import CircuitError

from support import evaluates

NOISY = [name for name in ENGINES if name not in ("auto", "pennylane")]
NOISY = [name for name in NOISY if engine(name).simulates_noise]
EVERY_NOISY = pytest.mark.parametrize("name", NOISY)


def compare(seed: int) -> int:
    """How many engines evaluate a random circuit, all of them as PennyLane does."""
    circuit = random_noisy_circuit(seed)
    expected = by_pennylane(circuit, seed)
    if any(bool(each.isnan().any()) for each in expected):  # PennyLane's derivatives by torch
        shifted = PennyLaneEngine("default.mixed", diff_method="parameter-shift")
        expected[1:] = everything(shifted, circuit, seed)[1:]
    able = [name for name in ("auto", *NOISY) if evaluates(engine(name), circuit)]
    for name in able:
        found = everything(engine(name), circuit, seed)
        for one, other in zip(found, expected, strict=True):
            difference = float((one - other).abs().sum())
            assert difference < 1e-10, (seed, name, difference, circuit.summary())
    return len(able)


@pytest.mark.parametrize("seed", range(24))
def test_random_circuits_against_pennylane(seed: int) -> None:
    assert compare(seed) >= 2


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 1000, 50))
def test_a_thousand_random_circuits_against_pennylane(first: int) -> None:
    assert all(compare(seed) >= 2 for seed in range(1000 + first, 1050 + first))


def by_hand(noise: str, p: float, where: str) -> qml.QNode:
    """RY of inputs, RX of weights and CNOTs, with channels written between them."""
    channel = {
        "depolarizing": qml.DepolarizingChannel,
        "bit_flip": qml.BitFlip,
        "phase_flip": qml.PhaseFlip,
        "phase_damping": qml.PhaseDamping,
        "amplitude_damping": qml.AmplitudeDamping,
    }[noise]

    def add(place: str, *wires: int) -> None:
        for wire in wires if where == place else ():
            channel(p, wires=wire)

    @qml.qnode(qml.device("default.mixed", wires=3), interface="torch")
    def circuit(inputs: torch.Tensor, weights: torch.Tensor) -> list:
        for layer in range(2):
            for q in range(3):
                qml.RY(inputs[q], wires=q)
                add("gate", q)
            add("layer", 0, 1, 2)
            for q in range(3):
                qml.RX(weights[3 * layer + q], wires=q)
                add("gate", q)
            for q in range(2):
                qml.CNOT(wires=[q, q + 1])
                add("gate", q, q + 1)
            add("layer", 0, 1, 2)
        add("readout", 0, 1, 2)
        for q in range(3):
            qml.BitFlip(0.1, wires=q)
        return [qml.expval(qml.Z(q)) for q in range(3)]

    return circuit


@pytest.mark.parametrize("where", ["gate", "layer", "readout"])
@pytest.mark.parametrize("noise", CHANNELS)
def test_channels_stand_where_they_are_said_to(noise: str, where: str) -> None:
    plain = Circuit("ry", "rx_chain", "z", inputs=3, depth=2, reupload=True)
    circuit = add_noise(plain, Noise(**{noise: 0.2}, readout=0.1, where=where))
    x, w = arguments(circuit, 3)
    expected = by_hand(noise, 0.2, where)(x[0, :, 1].detach(), w[0, 1].detach())
    for name in NOISY:
        if evaluates(engine(name), circuit):
            found = engine(name).expectation_values(circuit, x, w)[0, 1, :, 1]
            assert torch.allclose(found, torch.stack(expected), rtol=0, atol=1e-6), name


def test_measured_bits_are_flipped_in_every_basis() -> None:
    @qml.qnode(qml.device("default.mixed", wires=2), interface="torch")
    def by_hand(x: torch.Tensor, w: torch.Tensor, letters: str) -> Any:
        for q in range(2):
            qml.RX(x[q], wires=q)
        for q in range(2):
            qml.Rot(*w[3 * q : 3 * q + 3], wires=q)
        qml.CNOT(wires=[0, 1])
        qml.CNOT(wires=[1, 0])
        for q, letter in enumerate(letters):
            if letter == "Y":
                qml.adjoint(qml.S(wires=q))
            if letter != "Z":
                qml.Hadamard(wires=q)
            qml.BitFlip(0.15, wires=q)
        return qml.expval(qml.Z(0) @ qml.Z(1))

    words = ("XY", "ZZ", "YX")
    circuit = Circuit("rx", "strongly_entangling", Pauli(*words), inputs=2, depth=1)
    x, w = arguments(circuit, 5)
    found = engine("auto").expectation_values(add_noise(circuit, Noise(readout=0.15)), x, w)
    for word, value in zip(words, found[0, 1, :, 0].detach(), strict=True):
        expected = by_hand(x[0, :, 0].detach(), w[0, 1].detach(), word)
        assert math.isclose(float(value), float(expected), abs_tol=1e-6)


@EVERY_NOISY
@pytest.mark.parametrize("reupload", [False, True])
def test_no_noise_leaves_every_bit(name: str, reupload: bool) -> None:
    options = {"reupload": reupload, "ansatz": "rx_chain", "engine": name}
    circuit = Circuit("ry", "rx_chain", "z", inputs=4, depth=2, reupload=reupload)
    if not evaluates(engine(name), circuit):
        pytest.skip("not of its kind")
    plain = Quanv2d(1, 4, 2, 2, **options)
    noisy = Quanv2d(1, 4, 2, 2, **options, noise=Noise(depolarizing=0.0, readout=0.0))
    noisy.load_state_dict(plain.state_dict())
    images = torch.rand(3, 1, 6, 6)
    results = []
    for layer in (plain, noisy):
        x = images.clone().requires_grad_()
        y = layer(x)
        results.append((y, *torch.autograd.grad(y.sin().sum(), (x, layer.weight))))
    assert all(map(torch.equal, *results))


@EVERY_NOISY
def test_second_derivatives(name: str) -> None:
    noise = Noise(depolarizing=0.1, amplitude_damping=0.1, readout=0.05)
    circuit = add_noise(Circuit("ry", "rx_chain", "z", inputs=2, depth=1), noise)
    x, w = arguments(circuit, 1)
    values = lambda x, w: engine(name).expectation_values(circuit, x, w)  # noqa: E731
    assert torch.autograd.gradgradcheck(values, (x, w))


@EVERY_NOISY
def test_threads_and_neighbours_change_no_bit(name: str) -> None:
    noise = Noise(depolarizing=0.05, amplitude_damping=0.1)
    layer = Quanv2d(1, 4, 2, 2, ansatz="rx_chain", noise=noise, engine=name)
    images = torch.rand(40, 1, 28, 28)
    threads = torch.get_num_threads()
    found = []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            layer.weight.grad = None
            y = layer(images)
            y.sum().backward()
            found.append((y.detach(), layer.weight.grad))
    finally:
        torch.set_num_threads(threads)
    if name != "density":  # torch's own products
        assert all(map(torch.equal, *found))
        assert torch.equal(layer(images[7:8])[0], found[0][0][7])
    assert torch.allclose(found[0][0], found[1][0], atol=1e-6)


@EVERY_NOISY
def test_single_precision(name: str) -> None:
    noise = Noise(depolarizing=0.05, phase_damping=0.1)
    layer = Quanv2d(1, 4, 2, 2, ansatz="rx_chain", noise=noise, engine=name)
    images = torch.rand(2, 1, 6, 6)
    found = layer(images)
    assert found.dtype == torch.float32
    assert torch.allclose(found.double(), layer.double()(images.double()), rtol=0, atol=1e-5)


@EVERY_NOISY
def test_gradients_of_inputs_that_lie_in_another_order(name: str) -> None:
    circuit = add_noise(Circuit("ry", "rx_chain", "z", inputs=2, depth=1), Noise(depolarizing=0.1))
    inputs = torch.rand(1, 40, 2, dtype=torch.float64)
    weights = torch.rand(1, 1, circuit.num_weights, dtype=torch.float64)
    found = []
    for given in (inputs.transpose(1, 2), inputs.transpose(1, 2).contiguous()):
        given.requires_grad_()
        values = engine(name).expectation_values(circuit, given, weights)
        found.append(torch.autograd.grad(values.square().sum(), given)[0])
    assert torch.allclose(*found, rtol=0, atol=1e-12)


def test_a_noisy_layer_is_copied_pickled_and_vmapped() -> None:
    made = [
        Quanv2d(1, 4, 2, 2, reupload=True, noise=Noise(amplitude_damping=0.1)) for _ in range(3)
    ]
    images = torch.rand(2, 1, 4, 4)
    for layer in (copy.deepcopy(made[0]), pickle.loads(pickle.dumps(made[0]))):
        assert layer.noise == made[0].noise
        assert torch.equal(layer(images), made[0](images))
    weights, _ = torch.func.stack_module_state(made)
    found = torch.func.vmap(
        lambda w, x: torch.func.functional_call(made[0], w, (x,)), in_dims=(0, None)
    )(weights, images)
    for one, layer in zip(found, made, strict=True):
        assert torch.equal(one, layer(images))


def test_a_circuit_of_ones_own_with_noise() -> None:
    def function(inputs: torch.Tensor, weights: torch.Tensor) -> list:
        qml.RY(math.pi * inputs[0], wires=0)
        qml.CRX(weights[0] + inputs[1], wires=[0, 1])
        return [qml.expval(qml.X(0) @ qml.Z(1)), qml.expval(qml.Y(1))]

    noise = Noise(bit_flip=0.1, readout=0.02)
    circuit = add_noise(from_pennylane(function, inputs=2, weights=1), noise)
    expected = everything(PennyLaneEngine("default.mixed"), circuit, 2)
    for one, other in zip(everything(engine("auto"), circuit, 2), expected, strict=True):
        assert torch.allclose(one, other, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", [n for n in ENGINES if n not in (*NOISY, "auto", "pennylane")])
def test_other_engines_refuse_noise(name: str) -> None:
    with pytest.raises(CircuitError, match="engine must be one that simulates noise"):
        Quanv2d(1, 4, 2, noise=Noise(depolarizing=0.1), engine=name)


def test_more_qubits_than_a_mixed_state_may_have() -> None:
    noise = Noise(amplitude_damping=0.1)
    with pytest.raises(CircuitError, match=r"too large \(at most 6\).*pennylane:default.mixed"):
        Quanv2d(1, 9, 3, reupload=True, noise=noise)
    assert Quanv2d(1, 9, 3, reupload=True, noise=Noise(readout=0.1)) is not None
    mixed = Quanv2d(1, 9, 3, reupload=True, noise=noise, engine="pennylane:default.mixed")
    assert mixed.noise == noise


def test_noise_of_layers_needs_layers() -> None:
    def function(inputs: torch.Tensor, weights: torch.Tensor) -> list:
        qml.RX(inputs[0] * weights[0], wires=0)
        return [qml.expval(qml.Z(0))]

    circuit = from_pennylane(function, inputs=4, weights=1)
    with pytest.raises(CircuitError, match="which has no layers"):
        Quanv2d(1, 1, 2, circuit=circuit, noise=Noise(bit_flip=0.1, where="layer"))
