"""Layers of PennyLane circuits: what people do with layers, and `TorchLayer`s as layers."""

import copy
import pickle
from typing import Any

import pennylane as qml
import pytest
import torch
from torch import Tensor, nn

from resqunn import Circuit, Quanv2d, from_pennylane, from_torchlayer
from resqunn.errors import CircuitError, ConfigurationError

from interop.pennylane_circuits import CASES, Case, zs

LAYERS = {
    "bare inputs": "StronglyEntanglingLayers",
    "scaled inputs": "pi x",
    "computed inputs": "ZZFeatureMap and RealAmplitudes",
    "inputs for each filter": "a trainable scale",
    "several weights": "SimplifiedTwoDesign",
    "amplitudes": "AmplitudeEmbedding of a softmax",
    "words": "measures XX, YZ, ZZZ",
    "variances": "measures variances",
}


def layer_of(name: str, filters: int = 2, **options: Any) -> Quanv2d:
    case = CASES[LAYERS[name]]
    circuit = from_pennylane(case.function, case.inputs, case.weights)
    kernel = (case.inputs // 2, 2) if case.inputs % 2 == 0 else (case.inputs, 1)
    return Quanv2d(
        1, filters * circuit.num_outputs, kernel, circuit=circuit, dtype=torch.float64, **options
    )


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_the_function_on_every_patch(name: str) -> None:
    case, layer = CASES[LAYERS[name]], layer_of(name)
    images = torch.rand(2, 1, 4, 3, dtype=torch.float64)
    torch.set_default_dtype(torch.float64)
    try:
        node = qml.QNode(case.function, qml.device("default.qubit"), interface="torch")
        patches = nn.functional.unfold(images, layer.kernel_size)
        rows = []
        for image in patches:
            for weight in layer.weight:
                named = layer.circuit.named_weights(weight)
                columns = [torch.stack(node(inputs=patch, **named)) for patch in image.T]
                rows.append(torch.stack(columns, dim=-1))
    finally:
        torch.set_default_dtype(torch.float32)
    found = layer(images)
    expected = torch.stack(rows).reshape(found.shape)
    assert torch.allclose(found, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_copied_saved_and_exported(name: str) -> None:
    layer = layer_of(name, stride=2, padding=1)
    images = torch.rand(2, 1, 6, 7, dtype=torch.float64)
    expected = layer(images)
    other = layer_of(name, stride=2, padding=1)
    other.load_state_dict(layer.state_dict())
    for found in (
        other(images),
        copy.deepcopy(layer)(images),
        pickle.loads(pickle.dumps(layer))(images),
        torch.export.export(layer, (images,)).module()(images),
    ):
        assert torch.allclose(found, expected, rtol=0, atol=1e-12)
    assert pickle.loads(pickle.dumps(layer.circuit)) == layer.circuit
    assert "circuit of" in repr(layer)


def test_an_imported_circuit_is_the_one_written_by_hand() -> None:
    def function(inputs: Tensor, weights: Tensor) -> Any:
        for q in range(4):
            qml.RY(inputs[q], wires=q)
        for layer in range(2):
            for q in range(4):
                qml.RX(weights[layer, q], wires=q)
            for q in range(3):
                qml.CNOT(wires=[q, q + 1])
        return zs()

    by_hand = Circuit("ry", "rx_chain", "z", inputs=4, depth=2)
    assert from_pennylane(function, 4, (2, 4)) == by_hand


def test_names_of_weights() -> None:
    layer = layer_of("several weights")
    assert layer.weight.shape == (2, 4 + 2 * 3 * 2)
    named = layer.circuit.named_weights(layer.weight)
    assert {name: tuple(weight.shape) for name, weight in named.items()} == {
        "first": (2, 4),
        "weights": (2, 2, 3, 2),
    }
    assert torch.equal(named["weights"][1].reshape(-1), layer.weight[1, 4:])


def test_the_scaling_is_inside() -> None:
    layer = layer_of("bare inputs")
    assert layer.angle_scale == 1.0
    scaled = Quanv2d(1, 8, 2, circuit=layer.circuit, angle_scale=0.5, dtype=torch.float64)
    scaled.load_state_dict(layer.state_dict())
    images = torch.rand(1, 1, 3, 3, dtype=torch.float64)
    assert torch.allclose(scaled(2 * images), layer(images), rtol=0, atol=1e-12)


def _two(inputs: Tensor, first: Tensor, weights: Tensor) -> Any:
    qml.AngleEmbedding(inputs, wires=range(4), rotation="Y")
    qml.SimplifiedTwoDesign(first, weights, wires=range(4))
    return [*zs(), qml.probs(wires=[0])]


TORCH_LAYERS = {
    "one shape": CASES["StronglyEntanglingLayers"],
    "the last axis": CASES["a function that reads the last axis"],
    "two shapes": Case(_two, 4, {"first": (4,), "weights": (2, 3, 2)}),
}


def torch_layer(name: str) -> qml.qnn.TorchLayer:
    case = TORCH_LAYERS[name]
    node = qml.QNode(case.function, qml.device("default.qubit"), interface="torch")
    return qml.qnn.TorchLayer(node, case.shapes)


@pytest.mark.parametrize("name", TORCH_LAYERS)
def test_a_trained_torch_layer(name: str) -> None:
    torch.manual_seed(0)
    theirs = torch_layer(name)
    layer = from_torchlayer(theirs, kernel_size=2, stride=2)
    images = torch.rand(3, 1, 6, 6)
    patches = nn.functional.unfold(images, 2, stride=2).transpose(1, 2)
    expected = theirs(patches.reshape(-1, 4)).reshape(3, 9, -1).transpose(1, 2)
    found = layer(images).flatten(2)
    assert found.dtype == torch.float32
    assert torch.allclose(found, expected.to(found.dtype), rtol=0, atol=2e-6)
    # It is trained on: the weights are its own.
    layer(images).sum().backward()
    with torch.no_grad():
        layer.weight.zero_()
    assert all(weight.abs().sum() > 0 for weight in theirs.qnode_weights.values())


def test_torch_layers_that_do_not_fit() -> None:
    with pytest.raises(ConfigurationError, match=r"layer must be a pennylane.qnn.TorchLayer"):
        from_torchlayer(nn.Linear(2, 2))
    with pytest.raises(CircuitError, match="cannot be recorded"):
        from_torchlayer(torch_layer("one shape"), kernel_size=3)
    with pytest.raises(ConfigurationError, match="circuit must be given without"):
        Quanv2d(1, 4, 2, circuit=layer_of("bare inputs").circuit, ansatz="ry_chain")
    with pytest.raises(ConfigurationError, match="circuit must read 9 values"):
        Quanv2d(1, 4, 3, circuit=layer_of("bare inputs").circuit)
