"""What only the PennyLane engine offers: other devices, shots, noise."""

import copy
import io
import pickle
import threading
from collections.abc import Callable
from multiprocessing.reduction import ForkingPickler
from typing import Any

import pennylane as qml
import pytest
import torch
from torch import Tensor

from resqunn import ConfigurationError, PennyLaneEngine, Quanv2d
from resqunn.circuits.circuit import Circuit
from resqunn.engines.registry import ENGINES, engine

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
        assert torch.allclose(a, b, rtol=0, atol=1e-13)


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


@pytest.mark.parametrize("name", [*ENGINES, "pennylane:lightning.qubit"])
@pytest.mark.parametrize("frozen", [False, True])
def test_case_34_a_batch_of_no_images_has_a_graph(name: str, frozen: bool) -> None:
    layer = Quanv2d(1, 4, 2, 2, ansatz="rx_chain", bias=True, engine=name)
    layer.requires_grad_(not frozen)
    images = torch.rand(0, 1, 4, 4, requires_grad=True)
    values = layer(images)
    assert values.shape == (0, 4, 2, 2)
    values.sum().backward()
    assert images.grad is not None
    assert images.grad.shape == images.shape
    assert frozen or torch.equal(layer.weight.grad, torch.zeros_like(layer.weight))
    with torch.no_grad():
        assert not layer(images).requires_grad


class Locked(type(qml.device("default.qubit"))):
    """A device with a connection, which pickle cannot write down."""

    def __init__(self) -> None:
        super().__init__(wires=4)
        self.connection = threading.Lock()


def saved(layer: Quanv2d) -> Quanv2d:
    file = io.BytesIO()
    torch.save(layer, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


WAYS = [
    lambda layer: pickle.loads(pickle.dumps(layer)),
    saved,
    lambda layer: pickle.loads(bytes(ForkingPickler.dumps(layer))),
]


@pytest.mark.parametrize("way", WAYS)
def test_case_34_what_cannot_be_pickled_is_said(way: Callable[[Quanv2d], Quanv2d]) -> None:
    images = torch.rand(1, 1, 4, 4)
    for device in ("default.qubit", qml.device("default.qubit", wires=4)):
        layer = Quanv2d(1, 4, 2, 2, engine=PennyLaneEngine(device))
        assert torch.equal(way(layer)(images), layer(images))
    noise = qml.NoiseModel(
        {qml.noise.op_in([qml.RX]): qml.noise.partial_wires(qml.DepolarizingChannel, 0.3)}
    )
    for options, message in (
        ({"device": Locked()}, r"^device must be one that can be pickled, .*the name of the dev"),
        ({"device": "default.mixed", "noise_model": noise}, "^noise_model must be one that can be"),
    ):
        layer = Quanv2d(1, 4, 2, 2, engine=PennyLaneEngine(**options))
        with pytest.raises(ConfigurationError, match=message) as refused:
            way(layer)
        assert "\n" not in str(refused.value)
        for copied in (copy.copy(layer), copy.deepcopy(layer)):
            assert torch.equal(copied(images), layer(images))


def no_grad(layer: Quanv2d, images: Tensor) -> Tensor:
    with torch.no_grad():
        return layer(images)


def inference(layer: Quanv2d, images: Tensor) -> Tensor:
    with torch.inference_mode():
        return layer(images)


def nothing_asks(layer: Quanv2d, images: Tensor) -> Tensor:
    return layer.requires_grad_(False)(images)


@pytest.mark.parametrize("way", [no_grad, inference, nothing_asks])
@pytest.mark.parametrize("diff_method", ["best", "parameter-shift"])
@pytest.mark.parametrize("encoding", ["ry", "amplitude"])
def test_case_35_one_execution_for_all_patches(
    way: Callable[[Quanv2d, Tensor], Tensor], diff_method: str, encoding: str
) -> None:
    options = {"encoding": encoding, "readout": "z0", "ansatz": "rx_chain"}
    images = torch.rand(8, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    found = []
    for _ in range(2):
        device = qml.device("default.qubit", wires=4, seed=7)
        sampled = PennyLaneEngine(device, shots=100, diff_method=diff_method)
        layer = Quanv2d(1, 1, 2, 2, engine=sampled, **options)
        torch.nn.init.constant_(layer.weight, 0.4)
        with qml.Tracker(device) as tracker:
            found.append(way(layer, images))
        assert (tracker.totals["simulations"], tracker.totals["shots"]) == (1, 12800)
        assert not torch.equal(found[-1], way(layer, images))
    # A seed of the device is one of the values.
    assert torch.equal(*found)
    exact = Quanv2d(1, 1, 2, 2, engine="statevector", **options)
    exact.load_state_dict(layer.state_dict())
    expected = exact(images).detach()
    assert found[0].shape == expected.shape == (8, 1, 4, 4)
    # Each value is a mean of 100 samples of -1 and 1, and the 128 are independent.
    error = (found[0] - expected) / ((1 - expected**2) / 100).sqrt()
    assert error.abs().max() < 5
    assert abs(error.mean()) < 5 / 128**0.5
    assert abs(error.square().mean() - 1) < 5 * (2 / 128) ** 0.5


def test_case_35_large_batches_are_executed_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resqunn.engines.qnodes.MAX_VALUES", 2**7)
    device = qml.device("default.qubit", wires=4)
    layer = Quanv2d(1, 4, 2, 2, engine=PennyLaneEngine(device))
    images = torch.rand(3, 1, 8, 8)
    with qml.Tracker(device) as tracker, torch.no_grad():
        found = layer(images)
    assert tracker.totals["simulations"] == 48 * 2**4 / 2**7
    assert torch.allclose(found, layer(images), rtol=0, atol=1e-6)


class OneByOne(qml.devices.Device):
    """A device that knows nothing of broadcasting."""

    name = "one.by.one"

    def __init__(self) -> None:
        super().__init__(wires=4)
        self.inner = qml.device("default.qubit", wires=4)

    def execute(self, circuits, execution_config=None):  # type: ignore[override]
        assert all(circuit.batch_size is None for circuit in circuits)
        return self.inner.execute(circuits)


@pytest.mark.parametrize(
    "device",
    ["lightning.qubit", "reference.qubit", OneByOne()],
    ids=["lightning", "reference", "one by one"],
)
@pytest.mark.parametrize("shots", [None, 2000])
def test_case_35_devices_without_broadcasting(device: Any, shots: int | None) -> None:
    sampled = PennyLaneEngine(device, shots=shots, diff_method="parameter-shift")
    layer = Quanv2d(1, 4, 2, 2, engine=sampled)
    exact = Quanv2d(1, 4, 2, 2, engine="statevector")
    exact.load_state_dict(layer.state_dict())
    images = torch.rand(1, 1, 4, 4)
    atol = 1e-6 if shots is None else 5 / shots**0.5
    assert torch.allclose(no_grad(layer, images), exact(images), rtol=0, atol=atol)
