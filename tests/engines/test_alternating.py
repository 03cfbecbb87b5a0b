"""The alternating engine against the reference, its bits, and what it refuses."""

import random
from dataclasses import dataclass

import pytest
import torch

from resqunn.circuits.circuit import Circuit
from resqunn.circuits.observables import Observable
from resqunn.circuits.readouts import Readout
from resqunn.engines.registry import engine
from resqunn.errors import CircuitError

from support import values_and_gradients


@dataclass(frozen=True)
class Products(Readout):
    """A product of Z of two qubits, a sum with a constant, and a constant alone."""

    name: str = "products"

    def observables(self, num_qubits: int) -> tuple[Observable, ...]:
        ends = (0, num_qubits - 1)
        return (
            Observable(((1.0, ends),)),
            Observable(((0.25, ()), (0.5, (0,)), (-0.25, ends))),
            Observable(((2.0, ()),)),
        )


def admissible(seed: int) -> Circuit:
    rng = random.Random(seed)
    return Circuit(
        "ry",
        rng.choice(["rx_chain", "rx_ring"]),
        rng.choice(["z", "z0", "mean_z", Products()]),
        inputs=rng.randint(2, 8 if seed % 5 == 0 else 5),
        depth=rng.randint(1, 5),
        reupload=rng.random() < 0.8,
    )


def arguments(circuit: Circuit, dtype: torch.dtype, patches: int = 70, size: float = 3.0):
    generator = torch.Generator().manual_seed(circuit.num_qubits)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    inputs = (size * normal(2, circuit.num_inputs, patches)).to(dtype)
    weights = (size * normal(2, 2, circuit.num_weights)).to(dtype)
    return inputs, weights, normal(2, 2, circuit.num_outputs, patches).to(dtype)


@pytest.mark.parametrize("size", [0.3, 3.0, 1e6])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 3e-5)])
def test_agrees_with_the_reference(dtype: torch.dtype, tolerance: float, size: float) -> None:
    for seed in range(24):
        circuit = admissible(seed)
        given = arguments(circuit, dtype, size=size)
        found = values_and_gradients(engine("alternating"), circuit, *given)
        doubles = (tensor.double() for tensor in given)
        expected = values_and_gradients(engine("statevector"), circuit, *doubles)
        for a, b in zip(found, expected, strict=True):
            bound = tolerance * max(1.0, float(b.abs().max()))
            assert float((a - b).abs().max()) < bound, (seed, circuit)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-3)])
@pytest.mark.parametrize("depth", [1, 4, 16])
def test_half_turns_and_what_is_near_them(dtype: torch.dtype, tolerance: float, depth: int) -> None:
    # There the tangents of half of the angles are infinite, or nearly.
    circuit = Circuit("ry", "rx_chain", "z", inputs=4, depth=depth, reupload=True)
    inputs, weights, cotangents = arguments(circuit, dtype)
    near = torch.tensor([0.0, 1e-7, -1e-6, 1e-4, -1e-3, 1e-2, 0.1], dtype=torch.float64)
    turns = torch.tensor([1.0, -1.0, 3.0, 0.0, 2.0], dtype=torch.float64) * torch.pi
    angles = (turns[:, None] + near).flatten()
    picked = torch.randint(len(angles), inputs.shape, generator=torch.Generator().manual_seed(1))
    inputs = angles[picked].to(dtype)
    found = values_and_gradients(engine("alternating"), circuit, inputs, weights, cotangents)
    doubles = (tensor.double() for tensor in (inputs, weights, cotangents))
    expected = values_and_gradients(engine("statevector"), circuit, *doubles)
    for a, b in zip(found, expected, strict=True):
        assert float((a - b).abs().max()) < tolerance * max(1.0, float(b.abs().max()))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_patch_gives_the_same_bits_beside_any_others(dtype: torch.dtype) -> None:
    # A patch that is turned far changes how its neighbours are computed, and not what.
    circuit = Circuit("ry", "rx_chain", "z", inputs=4, depth=4, reupload=True)
    inputs, weights, cotangents = arguments(circuit, dtype, patches=37, size=0.5)
    far = inputs.clone()
    far[:, 1, ::3], far[:, 0, 4::5], far[:, 2, 2] = torch.pi, 1e5, torch.nan
    values, gradients, _ = values_and_gradients(
        engine("alternating"), circuit, inputs, weights, cotangents
    )
    others, other_gradients, _ = values_and_gradients(
        engine("alternating"), circuit, far, weights, cotangents
    )
    same = (far == inputs).all(1, keepdim=True)
    assert 10 < same[0].sum() < 30
    assert torch.equal(values.movedim(-1, 1)[same[:, 0]], others.movedim(-1, 1)[same[:, 0]])
    assert torch.equal(gradients.mT[same[:, 0]], other_gradients.mT[same[:, 0]])
    assert others[..., 2].isnan().any()
    assert not others[..., [*range(2), *range(3, 37)]].isnan().any()


@pytest.mark.parametrize(
    ("encoding", "ansatz", "inputs", "reason"),
    [
        ("ry", "ry_chain", 4, "a weight turns a qubit by RY, not by RX"),
        ("rx", "rx_chain", 4, "an input turns a qubit by RX, not by RY"),
        ("amplitude", "rx_chain", 4, "its inputs are amplitudes"),
        ("ry", "rx_chain", 1, "it has 1 qubit"),
        ("ry", "rx_chain", 13, "it has 13 qubit"),
    ],
)
def test_other_circuits_are_refused(encoding: str, ansatz: str, inputs: int, reason: str) -> None:
    circuit = Circuit(encoding, ansatz, "z", inputs=inputs, depth=2)
    with pytest.raises(CircuitError, match=reason):
        engine("alternating").require(circuit)


def test_too_many_rotations_are_refused() -> None:
    circuit = Circuit("ry", "rx_chain", "z", inputs=4, depth=29, reupload=True)
    with pytest.raises(CircuitError, match="more than 112 times"):
        engine("alternating").require(circuit)
