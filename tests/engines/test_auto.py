"""Which engine `"auto"` chooses, and that the choice shows."""

import pytest
import torch

from resqunn import Quanv2d
from resqunn.circuits.circuit import Circuit
from resqunn.engines.auto import CANDIDATES, cheapest
from resqunn.engines.registry import engine
from resqunn.errors import CircuitError

from support import random_arguments, random_circuit, values_and_gradients


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"ansatz": "rx_chain", "depth": 1}, "fourier"),
        ({"ansatz": "rx_chain", "depth": 4}, "fourier"),
        ({"ansatz": "ry_chain", "depth": 4}, "fused"),
        ({"ansatz": "ry_chain", "depth": 2, "encoding": "rx"}, "fourier"),
        ({"ansatz": "strongly_entangling", "depth": 2}, "fourier"),
        ({"ansatz": "rx_chain", "depth": 4, "reupload": True}, "fused"),
        ({"ansatz": "rx_chain", "depth": 1, "reupload": True}, "fourier"),
        ({"encoding": "amplitude", "depth": 2}, "fused"),
        ({"inputs": 9, "ansatz": "rx_chain", "depth": 4}, "fourier"),
        ({"inputs": 9, "ansatz": "ry_chain", "depth": 1}, "fourier"),
        ({"inputs": 9, "ansatz": "ry_chain", "depth": 2}, "fused"),
        ({"inputs": 9, "ansatz": "ry_chain", "depth": 4}, "fused"),
        ({"inputs": 9, "ansatz": "rx_chain", "depth": 4, "reupload": True}, "fused"),
        ({"inputs": 16, "ansatz": "rx_chain", "depth": 2}, "fourier"),
        ({"inputs": 49, "ansatz": "rx_chain", "depth": 1, "readout": "z0"}, "fourier"),
    ],
    ids=str,
)
def test_choice(options: dict, expected: str) -> None:
    circuit = Circuit(
        options.pop("encoding", "ry"),
        options.pop("ansatz", "ry_chain"),
        options.pop("readout", "z"),
        **({"inputs": 4} | options),
    )
    assert cheapest(circuit).name == expected
    assert engine("auto").chosen_for(circuit) == f"auto ({expected})"


def test_the_choice_shows_in_the_layers_repr() -> None:
    assert "engine=auto (fourier)" in repr(Quanv2d(1, 4, 2, ansatz="rx_chain"))
    assert "engine=auto (fused)" in repr(Quanv2d(1, 4, 2, reupload=True))
    assert "engine=statevector" in repr(Quanv2d(1, 4, 2, engine="statevector"))


def test_costs_grow_with_depth_and_qubits() -> None:
    for candidate in CANDIDATES:
        costs = [
            candidate.cost(Circuit("ry", "rx_chain", "z", inputs=n, depth=d))
            for n, d in ((2, 1), (4, 1), (4, 3), (4, 6), (8, 6))
        ]
        assert costs == sorted(costs)
    assert engine("pennylane").cost(Circuit("ry", "rx_chain", "z", inputs=2, depth=1)) is None


def test_float64_is_the_references() -> None:
    for seed in range(20):
        circuit = random_circuit(seed)
        arguments = random_arguments(circuit, seed)
        auto = values_and_gradients(engine("auto"), circuit, *arguments)
        reference = values_and_gradients(engine("statevector"), circuit, *arguments)
        assert all(torch.equal(a, b) for a, b in zip(auto, reference, strict=True))


def test_a_circuit_that_no_engine_can_evaluate_says_why() -> None:
    circuit = Circuit("ry", "rx_chain", "z0", inputs=36, depth=4, reupload=True)
    assert "36 qubits is too large" in engine("auto").obstacle(circuit)
    with pytest.raises(CircuitError, match=r"36 qubits is too large .* after another"):
        engine("auto").expectation_values(circuit, torch.rand(1, 36, 1), torch.rand(1, 1, 144))
