"""Fourier series of outputs against layers, closed forms and PennyLane."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from resqunn import (
    Circuit,
    Encoding,
    Expression,
    GateList,
    Input,
    Observable,
    Operation,
    Quanv2d,
    Weight,
    spectrum,
)
from resqunn.circuits.angles import AnyAngle
from resqunn.circuits.gate_circuit import PlainCircuit
from resqunn.errors import CircuitError, ResqunnError, ShapeError

Z = Observable(((1.0, (0,)),))


def of_angles(*angles: AnyAngle, inputs: int = 1, variance: bool = False) -> PlainCircuit:
    """RY by each angle on one qubit, and Z."""
    gates = tuple(Operation("RY", (0,), angle) for angle in angles)
    return PlainCircuit(1, inputs, (0,), gates, (Observable(Z.terms, variance=variance),))


def sparse(circuit: PlainCircuit) -> dict[tuple[float, ...], complex]:
    """The frequencies whose coefficients are not zero, and these."""
    found = spectrum(circuit)
    rows = zip(found.frequencies.round(12).tolist(), found.coefficients[0], strict=True)
    return {tuple(row): complex(c) for row, c in rows if abs(c) > 1e-12}


def written_out(found: Any, x: np.ndarray) -> np.ndarray:
    """The sum of the series, in cosines and sines."""
    phases, c = found.frequencies @ x, found.coefficients
    return (c.real * np.cos(phases) - c.imag * np.sin(phases)).sum(axis=-1)


@pytest.mark.parametrize(
    ("circuit", "expected"),
    [
        (of_angles(Input(0)), {(-1,): 0.5, (1,): 0.5}),
        (of_angles(Input(0), Input(0)), {(-2,): 0.5, (2,): 0.5}),
        (of_angles(Input(0), -Input(0)), {(0,): 1}),
        (of_angles(3 * Input(0) - math.pi / 3), {
            (-3,): 0.5 * np.exp(1j * math.pi / 3), (3,): 0.5 * np.exp(-1j * math.pi / 3),
        }),
        (of_angles(2 * Input(0) + Input(1) / 2 + 0.3, inputs=2), {
            (-2, -0.5): 0.5 * np.exp(-0.3j), (2, 0.5): 0.5 * np.exp(0.3j),
        }),
        (of_angles(0.1 * Input(0), Input(0) / 5), {(-0.3,): 0.5, (0.3,): 0.5}),
        (of_angles(Input(0) + Expression("sqrt", (4.0,)) - 2), {(-1,): 0.5, (1,): 0.5}),
        # 1 - cos(x)**2
        (of_angles(Input(0), variance=True), {(-2,): -0.25, (0,): 0.5, (2,): -0.25}),
        (of_angles(0.0, inputs=2), {(0, 0): 1}),
    ],
)  # fmt: skip
def test_closed_forms(circuit: PlainCircuit, expected: dict[tuple[float, ...], complex]) -> None:
    found = sparse(circuit)
    assert set(found) == set(expected)
    for omega, coefficient in expected.items():
        assert abs(found[omega] - coefficient) < 1e-12


def test_frequencies_that_differ_by_rounding_are_one() -> None:
    # 0.1 + 0.2 - 0.3 is not 0.
    found = spectrum(of_angles(0.1 * Input(0), 0.2 * Input(0), 0.3 * Input(0)))
    assert np.allclose(found.frequencies[:, 0], np.arange(-6, 7) / 10, rtol=0, atol=1e-12)


def test_a_controlled_rotation_has_half_frequencies() -> None:
    # <X> of |+>, controlled by RY(x)|0>: the mean of 1 and cos(x), weighted by cos and sin squared.
    gates = (
        Operation("RY", (0,), 2 * math.pi / 3), Operation("H", (1,)),
        Operation("CRZ", (0, 1), Input(0)),
    )  # fmt: skip
    circuit = PlainCircuit(2, 1, (0,), gates, (Observable(((1.0, ((1, "X"),)),)),))
    found = sparse(circuit)
    # |1> has the probability sin(pi/3)**2 = 3/4.
    assert set(found) == {(-1,), (0,), (1,)}
    assert abs(found[(0,)] - 0.25) < 1e-12
    assert abs(found[(1,)] - 0.375) < 1e-12
    crossed = (*gates, Operation("H", (0,)))
    half = sparse(PlainCircuit(2, 1, (0,), crossed, (Z,)))
    assert set(half) == {(-0.5,), (0.5,)}  # sin(2 pi/3) cos(x/2)
    assert abs(half[(0.5,)] - math.sin(2 * math.pi / 3) / 2) < 1e-12


LAYERS: dict[str, dict[str, Any]] = {
    "one encoding": {"out_channels": 8, "ansatz": "strongly_entangling"},
    "repeated": {"out_channels": 2, "depth": 2, "reupload": True, "readout": "mean_z"},
    "words": {"out_channels": 3, "readout": "xx", "encoding": "rz", "ansatz": "random:3"},
    "groups": {"in_channels": 2, "out_channels": 4, "groups": 2, "readout": "mean_z"},
    "variances": {"out_channels": 4, "readout": "var_z"},
    "scaled": {"out_channels": 1, "readout": "z1", "angle_scale": -1.7, "engine": "statevector"},
}


@pytest.mark.parametrize("name", LAYERS)
def test_the_series_is_the_layer(name: str) -> None:
    options = {"in_channels": 1, "kernel_size": 2, "dtype": torch.float64} | LAYERS[name]
    layer = Quanv2d(**options, generator=torch.Generator().manual_seed(1))
    found = spectrum(layer)
    generator = torch.Generator().manual_seed(2)
    images = torch.randn(6, layer.in_channels, 2, 2, dtype=torch.float64, generator=generator)
    outputs = layer(images).detach().numpy()[:, :, 0, 0]
    per_group = layer.in_channels // layer.groups
    filters_per_group = layer.weight.shape[0] // layer.groups
    for image, values in zip(images.numpy(), outputs, strict=True):
        parts = []
        for f in range(layer.weight.shape[0]):
            group = f // filters_per_group
            x = image[group * per_group : (group + 1) * per_group].reshape(-1)
            parts.append(written_out(found, x)[f])
            assert np.allclose(found.at(x)[f], parts[-1], rtol=0, atol=1e-12)
        assert np.allclose(np.concatenate(parts), values, rtol=0, atol=1e-10)


def test_filters_and_channels_have_series_of_their_own() -> None:
    layer = Quanv2d(2, 3, 2, channel_mode="sum", readout="mean_z", dtype=torch.float64)
    found = spectrum(layer)
    assert found.frequencies.shape == (81, 4)
    assert found.coefficients.shape == (3, 2, 1, 81)
    image = torch.rand(2, 2, 2, dtype=torch.float64)
    values = layer(image).detach().numpy()[:, 0, 0]
    sums = sum(found.at(image[c].reshape(-1))[:, c, 0] for c in range(2))
    assert np.allclose(sums, values, rtol=0, atol=1e-10)


def test_a_layer_in_single_precision_has_the_series_of_its_weights() -> None:
    layer = Quanv2d(1, 4, 2)
    double = spectrum(layer, layer.weight.double())
    found = spectrum(layer)
    assert np.array_equal(found.coefficients, double.coefficients)
    assert np.array_equal(found.at(np.zeros((5, 2, 4))), double.at(np.zeros((5, 2, 4))))
    assert found.at(np.zeros((5, 2, 4))).shape == (1, 4, 5, 2)
    # Real functions have conjugate coefficients.
    reverse = found.coefficients[..., ::-1].conj()
    assert np.allclose(found.frequencies[::-1], -found.frequencies)
    assert np.allclose(reverse, found.coefficients, rtol=0, atol=1e-15)


def test_weights_may_be_computed_and_nested() -> None:
    ansatz = GateList([Operation("RX", (0,), Expression("square", (Weight(0),)))])
    circuit = Circuit("ry", ansatz, "z", inputs=1, depth=1)
    found = spectrum(circuit, [[0.5], [1.5]])  # cos(w**2) cos(x)
    assert found.coefficients.shape == (2, 1, 3)
    expected = [math.cos(0.25) / 2, math.cos(2.25) / 2]
    assert np.allclose(found.coefficients[:, 0, 2], expected, rtol=0, atol=1e-12)


class Products(Encoding):
    name = "products"

    def num_qubits(self, values: int) -> int:
        return values

    def operations(self, values: int) -> tuple[Operation, ...]:
        return (Operation("RY", (0,), Input(0) * Input(1)),)


def circuit(encoding: Any = "ry", **options: Any) -> Circuit:
    return Circuit(encoding, "ry_chain", "z", **{"inputs": 2, "depth": 1} | options)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: spectrum(circuit()), CircuitError, "weights must be given, as gates read them"),
        (lambda: spectrum(circuit(), [1, 2, 3]), ShapeError, "weights must be of shape (..., 1, 2"),
        (
            lambda: spectrum(circuit("amplitude"), [1]),
            CircuitError,
            "a spectrum must be of a circuit whose inputs are angles, got amplitudes",
        ),
        (
            lambda: spectrum(circuit(Products()), [1, 2]),
            CircuitError,
            "a spectrum must be of angles that are sums of multiples of inputs and numbers, got "
            "x0*x1",
        ),
        (
            lambda: spectrum(of_angles(Weight(0) * Input(0))),
            CircuitError,
            "sums of multiples of inputs and numbers, got w0*x0",
        ),
        (
            lambda: spectrum(of_angles(Expression("greater", (Input(0), 0.5)))),
            CircuitError,
            "sums of multiples of inputs and numbers, got greater(x0, 0.5)",
        ),
        (
            lambda: spectrum(circuit(inputs=12), np.ones(12)),
            CircuitError,
            "a spectrum must have 262,144 frequencies or fewer, and 8,388,608 coefficients of all "
            "outputs, got 531,441 and 6,377,292",
        ),
        (
            lambda: spectrum(circuit(inputs=10), np.ones((100, 10))),
            CircuitError,
            "got 59,049 and 59,049,000",
        ),
    ],
)
def test_mistakes_get_one_line(
    make: Callable[[], Any], error: type[ResqunnError], message: str
) -> None:
    with pytest.raises(error) as raised:
        make()
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)
