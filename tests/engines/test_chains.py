"""The chains engine against the reference, its bits, and what it refuses."""

import random
from dataclasses import dataclass

import pytest
import torch

from resqunn.circuits.circuit import Circuit
from resqunn.circuits.observables import Observable
from resqunn.circuits.readouts import MeanZ, Readout
from resqunn.engines.compiled import images
from resqunn.engines.registry import engine
from resqunn.errors import CircuitError

from support import values_and_gradients


@dataclass(frozen=True)
class SumAndOne(Readout):
    name: str = "sum_and_one"

    def observables(self, num_qubits: int) -> tuple[Observable, ...]:
        return (Observable(((0.25, ()), (0.5, (0,)), (-0.25, (num_qubits - 1,)))),)


def admissible(seed: int) -> Circuit:
    rng = random.Random(seed)
    qubits = rng.randint(1, 12 if seed % 5 == 0 else 7)
    return Circuit(
        ("ry", "rx", "rz")[seed % 3],
        rng.choice(["rx_chain", "ry_chain"]),
        rng.choice(["z", "z0", MeanZ(), SumAndOne()]),
        inputs=qubits,
        depth=rng.randint(1, 3),
        reupload=rng.random() < 0.6,
    )


def arguments(circuit: Circuit, dtype: torch.dtype, patches: int = 70, size: float = 3.0):
    generator = torch.Generator().manual_seed(circuit.num_qubits)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    inputs = (size * normal(2, circuit.num_inputs, patches)).to(dtype)
    weights = (size * normal(2, 2, circuit.num_weights)).to(dtype)
    return inputs, weights, normal(2, 2, circuit.num_outputs, patches).to(dtype)


@pytest.mark.parametrize("size", [3.0, 1e6])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 2e-5)])
def test_agrees_with_the_reference(dtype: torch.dtype, tolerance: float, size: float) -> None:
    for seed in range(24 if size < 1e6 else 6):
        circuit = admissible(seed)
        given = arguments(circuit, dtype, size=size)
        found = values_and_gradients(engine("chains"), circuit, *given)
        doubles = (tensor.double() for tensor in given)
        expected = values_and_gradients(engine("statevector"), circuit, *doubles)
        for a, b in zip(found, expected, strict=True):
            bound = tolerance * max(1.0, float(b.abs().max()))
            torch.testing.assert_close(a.double(), b, rtol=0, atol=bound)


@pytest.mark.parametrize("qubits", [20, 40])
def test_many_qubits_have_the_derivatives_of_their_values(qubits: int) -> None:
    circuit = Circuit("ry", "rx_chain", "z", inputs=qubits, depth=2, reupload=True)
    inputs, weights, back = arguments(circuit, torch.float64, patches=2, size=1.0)
    run = engine("chains").expectation_values
    _, by_inputs, by_weights = values_and_gradients(
        engine("chains"), circuit, inputs, weights, back
    )
    dx, dw = torch.randn_like(inputs), torch.randn_like(weights)
    h = 1e-5
    change = run(circuit, inputs + h * dx, weights + h * dw)
    change = (change - run(circuit, inputs - h * dx, weights - h * dw)) / (2 * h)
    expected = (change * back).sum()
    found = (by_inputs * dx).sum() + (by_weights * dw).sum()
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)


def test_values_of_the_first_qubits_are_those_of_a_smaller_circuit() -> None:
    wide = Circuit("ry", "rx_chain", "z", inputs=40, depth=2, reupload=True)
    small = Circuit("ry", "rx_chain", "z", inputs=8, depth=2, reupload=True)
    inputs, weights, _ = arguments(wide, torch.float64, patches=3)
    values = engine("chains").expectation_values(wide, inputs, weights)[:, :, :7]
    few = weights.view(2, 2, 2, 40)[..., :8].reshape(2, 2, 16)
    expected = engine("statevector").expectation_values(small, inputs[:, :8].contiguous(), few)
    torch.testing.assert_close(values, expected[:, :, :7], rtol=0, atol=1e-12)


def test_bits_do_not_depend_on_threads_or_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "OPERATIONS_PER_THREAD", 1)
    circuit = Circuit("ry", "rx_chain", "z", inputs=5, depth=3, reupload=True)
    inputs, weights, back = arguments(circuit, torch.float32, patches=700)
    threads = torch.get_num_threads()
    found = []
    try:
        for number in (1, 2):
            torch.set_num_threads(number)
            found.append(values_and_gradients(engine("chains"), circuit, inputs, weights, back))
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))
    part = [inputs[..., 3:40], weights, back[..., 3:40]]
    values, by_inputs, _ = values_and_gradients(engine("chains"), circuit, *part)
    assert torch.equal(values, found[0][0][..., 3:40])
    assert torch.equal(by_inputs, found[0][1][..., 3:40])


def test_nan_stays_in_its_patch() -> None:
    circuit = Circuit("ry", "rx_chain", "z", inputs=4, depth=2, reupload=True)
    inputs, weights, _ = arguments(circuit, torch.float32)
    clean = engine("chains").expectation_values(circuit, inputs, weights)
    inputs[0, 2, 5] = torch.nan
    values = engine("chains").expectation_values(circuit, inputs, weights)
    assert values[0, :, :, 5].isnan().any()
    values[0, :, :, 5] = clean[0, :, :, 5]
    assert torch.equal(values, clean)


@pytest.mark.parametrize(
    ("encoding", "ansatz", "depth", "reason"),
    [
        ("amplitude", "rx_chain", 2, "its inputs are amplitudes"),
        ("ry", "rx_ring", 2, "is not part of a chain"),
        ("ry", "rx_chain", 0, "does not end with a chain"),
        ("ry", "rx_chain", 6, "it has 6 chains of CNOTs"),
    ],
)
def test_obstacles(encoding: str, ansatz: str, depth: int, reason: str) -> None:
    circuit = Circuit(encoding, ansatz, "z", inputs=4, depth=depth)
    with pytest.raises(CircuitError, match=reason):
        engine("chains").require(circuit)
