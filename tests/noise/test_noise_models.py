"""Noise models of PennyLane: what `add_noise` adds."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pennylane as qml
import pytest
import torch
from noise.noisy_circuits import arguments
from pennylane.noise import meas_eq, op_eq, op_in, partial_wires, wires_in

from resqunn import Circuit, Pauli, Quanv2d, from_pennylane, noise_from_pennylane, to_pennylane
from resqunn.circuits.noisy_circuit import add_noise
from resqunn.engines.registry import engine
from resqunn.errors import CircuitError, ConfigurationError

TWO = [np.sqrt(0.9) * np.eye(4), np.sqrt(0.1) * np.kron([[0, 1], [1, 0]], [[1, 0], [0, -1]])]


def gates_and_pairs() -> Any:
    @qml.BooleanFn
    def two_qubits(op: Any) -> bool:
        return len(op.wires) == 2

    def correlated(op: Any, **_: Any) -> None:
        qml.QubitChannel(TWO, wires=op.wires)

    return qml.NoiseModel(
        {op_in(["RX", "RY"]): partial_wires(qml.DepolarizingChannel, 0.05), two_qubits: correlated}
    )


def damping_of_some_wires() -> Any:
    def relaxation(op: Any, **times: Any) -> None:
        for wire in op.wires:
            qml.ThermalRelaxationError(0.1, times["t1"], times["t2"], 0.3, wires=wire)

    return qml.NoiseModel(
        {
            wires_in([0, 1]) & op_in(["RX", "CNOT"]): relaxation,
            op_eq("RY"): partial_wires(qml.AmplitudeDamping, 0.2),
        },
        t1=1.4,
        t2=1.0,
    )


def on_both_sides() -> Any:
    def around(op: Any, **_: Any) -> None:
        qml.PhaseDamping(0.1, wires=op.wires[0])
        qml.apply(op)
        qml.RX(0.1, wires=op.wires[0])
        qml.BitFlip(0.05, wires=op.wires[0])

    return qml.NoiseModel(
        {op_in(["RX", "RY"]): around, op_eq("RX"): partial_wires(qml.PhaseFlip, 0.2)}
    )


def at_readout() -> Any:
    return qml.NoiseModel(
        {op_eq("CNOT"): partial_wires(qml.PhaseFlip, 0.1)},
        meas_map={meas_eq(qml.expval): partial_wires(qml.BitFlip, 0.15)},
    )


MODELS = [gates_and_pairs, damping_of_some_wires, on_both_sides, at_readout]


@pytest.mark.parametrize("reupload", [False, True])
@pytest.mark.parametrize("make", MODELS)
def test_noise_is_that_of_add_noise(make: Callable[[], Any], reupload: bool) -> None:
    model = make()
    circuit = Circuit("ry", "rx_chain", "z", inputs=2, depth=2, reupload=reupload)
    with_model = add_noise(circuit, noise_from_pennylane(model))
    x, w = arguments(circuit, 1)
    theirs = qml.add_noise(to_pennylane(circuit, "default.mixed"), model)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        expected = torch.stack(theirs(x[0, :, 0], w[0, 0]))
        by_theirs = torch.autograd.grad(expected.sum(), (x, w))
    finally:
        torch.set_default_dtype(before)
    for name in ("auto", "density", "pennylane:default.mixed"):
        found = engine(name).expectation_values(with_model, x, w)[0, 0, :, 0]
        assert torch.allclose(found, expected, rtol=0, atol=1e-10)
        by_ours = torch.autograd.grad(found.sum(), (x, w))
        for one, other in zip(by_ours, by_theirs, strict=True):
            assert torch.allclose(one, other, rtol=0, atol=1e-10)


def template(inputs: Any, weights: Any) -> Any:
    qml.AngleEmbedding(inputs, wires=[0, 1], rotation="Y")
    qml.StronglyEntanglingLayers(weights, wires=[0, 1])
    return [qml.expval(qml.Z(0)), qml.expval(qml.X(1))]


def written_out(inputs: Any, weights: Any) -> Any:
    qml.RX(inputs[0], wires=0)
    qml.MultiRZ(inputs[1], wires=[0, 1])
    qml.RY(weights[0], wires=1)
    return qml.expval(qml.X(0))


def test_templates_are_asked_about_gate_by_gate() -> None:
    model = qml.NoiseModel(
        {
            op_eq("Rot"): partial_wires(qml.DepolarizingChannel, 0.05),
            op_eq("CNOT"): partial_wires(qml.PhaseDamping, 0.1),
        }
    )
    circuit = from_pennylane(template, 2, (2, 2, 3))
    x, w = arguments(circuit, 1)
    device = qml.device("default.mixed", wires=2)
    theirs = qml.add_noise(qml.QNode(template, device, interface="torch"), model, level="device")
    expected = torch.stack(theirs(x[0, :, 0].detach(), w[0, 0].detach().reshape(2, 2, 3))).double()
    noisy = add_noise(circuit, noise_from_pennylane(model))
    found = engine("auto").expectation_values(noisy, x, w)[0, 0, :, 0].detach()
    exact = engine("auto").expectation_values(circuit, x, w)[0, 0, :, 0].detach()
    assert torch.allclose(found, expected, rtol=0, atol=1e-6)
    assert not torch.allclose(found, exact, rtol=0, atol=1e-2)


@pytest.mark.parametrize(
    ("gate", "names"),
    [
        (lambda: qml.QFT(wires=[0, 1]), {"QFT"}),
        (lambda: qml.adjoint(qml.S(0)), {"Adjoint(S)"}),
        (lambda: qml.BasicEntanglerLayers([[0.1, 0.2]], wires=[0, 1]), set()),
    ],
)
def test_templates_with_a_matrix_and_adjoints_are_written_out(
    gate: Callable[[], Any], names: set[str]
) -> None:
    def function(inputs: Any) -> Any:
        qml.RY(inputs[0], wires=0)
        qml.RX(inputs[1], wires=1)
        gate()
        return qml.expval(qml.Z(0))

    found = from_pennylane(function, 2).written_out
    assert names <= set(found)
    assert bool(names) == bool(found)


def test_a_model_is_not_asked_about_gates_that_are_written_out() -> None:
    circuit = from_pennylane(written_out, 2, 1)
    assert circuit.written_out == ("MultiRZ",)
    for name in ("MultiRZ", "CNOT", "RZ"):
        model = qml.NoiseModel({op_eq(name): partial_wires(qml.BitFlip, 0.1)})
        with pytest.raises(CircuitError, match="got MultiRZ, written out as other gates"):
            Quanv2d(1, 1, (1, 2), circuit=circuit, noise=noise_from_pennylane(model))
    flips = {meas_eq(qml.expval): partial_wires(qml.PhaseFlip, 0.1)}
    layer = Quanv2d(
        1, 1, (1, 2), circuit=circuit, noise=noise_from_pennylane(qml.NoiseModel({}, flips))
    )
    exact = Quanv2d(1, 1, (1, 2), circuit=circuit)
    exact.load_state_dict(layer.state_dict())
    images = torch.rand(1, 1, 4, 4)
    assert torch.allclose(layer(images), 0.8 * exact(images), atol=1e-6)


def test_a_layer_is_trained_through_a_model() -> None:
    layer = Quanv2d(1, 4, 2, 2, noise=noise_from_pennylane(gates_and_pairs()))
    layer(torch.rand(2, 1, 4, 4)).sum().backward()
    assert layer.weight.grad is not None
    assert layer.weight.grad.abs().sum() > 0
    again = copy.deepcopy(layer)
    assert again.noise == layer.noise
    assert "noise_from_pennylane" in repr(layer)
    with pytest.raises(ConfigurationError, match="can be pickled"):
        pickle.dumps(layer)


def refused(model: Any, message: str) -> None:
    circuit = Circuit("ry", "rx_chain", "z", inputs=2, depth=1)
    with pytest.raises(CircuitError, match=message):
        add_noise(circuit, noise_from_pennylane(model))


def test_models_that_depend_on_angles() -> None:
    @qml.BooleanFn
    def large(op: Any) -> bool:
        return bool(op.parameters) and op.parameters[0] > 0

    refused(qml.NoiseModel({large: partial_wires(qml.BitFlip, 0.1)}), "depends on the angle of RY")

    def scaled(op: Any, **_: Any) -> None:
        qml.BitFlip(0.01 * abs(op.parameters[0]), wires=op.wires)

    refused(qml.NoiseModel({op_eq("RX"): scaled}), "depends on the angle of RX")


def test_models_that_are_not_of_one_circuit_or_of_few_qubits() -> None:
    @qml.BooleanFn
    def products(measurement: Any) -> bool:
        return len(measurement.wires) == 2

    some = qml.NoiseModel({}, meas_map={products: partial_wires(qml.BitFlip, 0.1)})
    circuit = Circuit("ry", "rx_chain", Pauli("Z", "ZZ"), inputs=2, depth=1)
    with pytest.raises(CircuitError, match="the same for all values that are measured on a qubit"):
        add_noise(circuit, noise_from_pennylane(some))

    def away(op: Any, **_: Any) -> None:
        qml.BitFlip(0.1, wires=5)

    refused(qml.NoiseModel({op_eq("RX"): away}), "qubits of noise must be below 2")
    three = [np.eye(8)]

    def wide(op: Any, **_: Any) -> None:
        qml.QubitChannel(three, wires=[0, 1, 2])

    refused(qml.NoiseModel({op_eq("RX"): wide}), "one qubit or two, got QubitChannel on 3")

    def reset(op: Any, **_: Any) -> None:
        qml.measure(op.wires[0], reset=True)

    refused(qml.NoiseModel({op_eq("RX"): reset}), "gates and channels")
    with pytest.raises(ConfigurationError, match=r"must be a pennylane\.NoiseModel, got 3"):
        noise_from_pennylane(3)
