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
        ({"ansatz": "ry_chain", "depth": 4}, "fourier"),
        ({"ansatz": "ry_chain", "depth": 2, "encoding": "rx"}, "fourier"),
        ({"ansatz": "strongly_entangling", "depth": 2}, "fourier"),
        ({"ansatz": "rx_chain", "depth": 4, "reupload": True}, "alternating"),
        ({"ansatz": "strongly_entangling", "depth": 2, "reupload": True}, "fused"),
        ({"ansatz": "rx_chain", "depth": 1, "reupload": True}, "fourier"),
        ({"encoding": "amplitude", "depth": 2}, "fused"),
        ({"inputs": 9, "ansatz": "rx_chain", "depth": 4}, "fourier"),
        ({"inputs": 9, "ansatz": "ry_chain", "depth": 1}, "chains"),
        ({"inputs": 9, "ansatz": "ry_chain", "depth": 2}, "chains"),
        ({"inputs": 9, "ansatz": "ry_chain", "depth": 4}, "chains"),
        ({"inputs": 9, "ansatz": "ry_chain", "depth": 6}, "fused"),
        ({"inputs": 9, "ansatz": "rx_chain", "depth": 4, "reupload": True}, "chains"),
        ({"inputs": 9, "ansatz": "rx_chain", "depth": 6, "reupload": True}, "alternating"),
        ({"inputs": 16, "ansatz": "rx_chain", "depth": 4}, "chains"),
        ({"inputs": 25, "ansatz": "rx_chain", "depth": 4, "reupload": True}, "chains"),
        ({"inputs": 16, "ansatz": "rx_chain", "depth": 2}, "chains"),
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
            candidate.cost(Circuit("ry", "rx_chain", "z", inputs=n, depth=d), filters)
            for n, d in ((2, 1), (4, 1), (4, 3), (4, 6), (8, 6))
            for filters in (1, 64)
        ]
        for filters in (0, 1):
            known = [cost for cost in costs[filters::2] if cost is not None]
            assert len(known) > 2
            assert known == sorted(known)
        assert all(
            one is None or one < many for one, many in zip(costs[::2], costs[1::2], strict=True)
        )
    assert engine("pennylane").cost(Circuit("ry", "rx_chain", "z", inputs=2, depth=1)) is None


def test_float64_is_compiled_too() -> None:
    for seed in range(20):
        circuit = random_circuit(seed).runs[0].circuit
        arguments = random_arguments(circuit, seed)
        chosen = cheapest(circuit)
        assert chosen.name != "statevector"
        auto = values_and_gradients(engine("auto"), circuit, *arguments)
        compiled = values_and_gradients(chosen, circuit, *arguments)
        reference = values_and_gradients(engine("statevector"), circuit, *arguments)
        for a, b, c in zip(auto, compiled, reference, strict=True):
            assert a.dtype == torch.float64
            assert torch.equal(a, b)
            torch.testing.assert_close(a, c, rtol=0, atol=1e-10)


def test_a_circuit_that_no_engine_can_evaluate_says_why() -> None:
    circuit = Circuit("ry", "rx_ring", "z0", inputs=36, depth=4, reupload=True)
    assert "36 qubits is too large" in engine("auto").obstacle(circuit)
    with pytest.raises(CircuitError, match=r"36 qubits is too large .* after another"):
        engine("auto").expectation_values(circuit, torch.rand(1, 36, 1), torch.rand(1, 1, 144))
