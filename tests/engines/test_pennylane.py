"""What only the PennyLane engine offers: other devices, shots, noise."""

import copy
import pickle

import pennylane as qml
import pytest
import torch

from resqunn import PennyLaneEngine, Quanv2d
from resqunn.circuits.circuit import Circuit
from resqunn.engines.registry import engine

from support import random_arguments, values_and_gradients


@pytest.mark.parametrize(
    ("device", "diff_method"),
    [
        ("lightning.qubit", "adjoint"),
        ("lightning.qubit", "best"),
        ("default.qubit", "parameter-shift"),
        ("default.mixed", "backprop"),
    ],
)
@pytest.mark.parametrize("encoding", ["ry", "rz"])
def test_devices_and_differentiation_methods_agree(
    device: str, diff_method: str, encoding: str
) -> None:
    circuit = Circuit(encoding, "rx_chain", "mean_z", inputs=3, depth=2, reupload=True)
    arguments = random_arguments(circuit, 1, patches=2)
    other = PennyLaneEngine(device, diff_method=diff_method)
    theirs = values_and_gradients(other, circuit, *arguments)
    ours = values_and_gradients(engine("statevector"), circuit, *arguments)
    for a, b in zip(ours, theirs, strict=True):
        # Some devices compute or return parts in single precision.
        assert torch.allclose(a, b, rtol=0, atol=1e-6)


def test_shots_scatter_around_the_exact_value() -> None:
    circuit = Circuit("ry", "rx_chain", "z", inputs=2, depth=1)
    inputs, weights, cotangent = random_arguments(circuit, 2, 1, 1, 4)
    exact = engine("statevector").expectation_values(circuit, inputs, weights)
    sampled = PennyLaneEngine(shots=2000, diff_method="parameter-shift")
    found, *gradients = values_and_gradients(sampled, circuit, inputs, weights, cotangent)
    assert not torch.equal(found, exact)
    assert torch.allclose(found, exact, atol=5 / 2000**0.5)
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


def test_noise_shrinks_expectation_values() -> None:
    damped = qml.NoiseModel(
        {qml.noise.op_in([qml.RX]): qml.noise.partial_wires(qml.DepolarizingChannel, 0.3)}
    )
    circuit = Circuit("ry", "rx_chain", "z", inputs=2, depth=2)
    inputs, weights, _ = random_arguments(circuit, 3, 1, 1, 6)
    noisy = PennyLaneEngine("default.mixed", noise_model=damped)
    exact = engine("statevector").expectation_values(circuit, inputs, weights)
    found = noisy.expectation_values(circuit, inputs, weights)
    assert (found.abs() < exact.abs()).all()


def test_a_layer_runs_on_a_named_device_and_can_be_copied() -> None:
    layer = Quanv2d(1, 4, 2, 2, engine="pennylane:lightning.qubit")
    assert "engine=pennylane:lightning.qubit" in repr(layer)
    images = torch.rand(2, 1, 4, 4)
    for same in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(same(images), layer(images))
    reference = Quanv2d(1, 4, 2, 2, engine="statevector")
    reference.load_state_dict(layer.state_dict())
    assert torch.allclose(reference(images), layer(images), atol=1e-6)
