"""Dead weights: closed cases, against `circuit_report`, with noise, and counted in networks."""

import pytest
import torch
from torch import nn

from resqunn import (
    Circuit,
    LinearHead,
    Noise,
    QuantumHead,
    Quanv2d,
    ResQuNN,
    circuit_report,
    gradient_flow,
)
from resqunn.analysis.dead_weights import dead_weights, num_dead_weights, num_live_weights
from resqunn.circuits.noisy_circuit import add_noise
from resqunn.engines.registry import engine

from support import any_circuit


def test_closed_cases() -> None:
    # <Z_q> of an RX chain of depth 1 is a product over the qubits up to q.
    for qubit in range(4):
        circuit = Circuit("ry", "rx_chain", f"z{qubit}", inputs=4, depth=1)
        assert dead_weights(circuit) == tuple(range(qubit + 1, 4))
    assert dead_weights(Circuit("ry", "rx_chain", "z", inputs=4, depth=1)) == ()
    assert dead_weights(Circuit("ry", "rx_chain", "z", inputs=4, depth=0)) == ()
    # RZ after RY by the input, and nothing behind it, turns about the axis that is measured.
    assert dead_weights(Circuit("ry", "rz_ring", "z", inputs=3, depth=1)) == (0, 1, 2)
    assert dead_weights(Circuit("ry", "rz_ring", "x", inputs=3, depth=1)) != (0, 1, 2)


@pytest.mark.parametrize(
    "ansatz", ["rx_ring", "sim_2", "sim_14", "real_amplitudes", "crz_ring", "mera"]
)
def test_they_are_those_of_the_circuit_report(ansatz: str) -> None:
    for readout in ("z", "z0", "x"):
        circuit = Circuit("ry", ansatz, readout, inputs=4, depth=1)
        assert dead_weights(circuit) == circuit_report(circuit, samples=16).dead_weights


def test_a_dead_weight_changes_nothing_and_a_live_one_something() -> None:
    draw = torch.Generator().manual_seed(0)
    for seed in range(20):
        circuit = any_circuit(seed, max_qubits=4, max_depth=2)
        if not circuit.num_weights:
            continue
        dead = set(dead_weights(circuit))
        inputs = torch.rand(1, circuit.num_inputs, 3, generator=draw, dtype=torch.float64) + 0.1
        weights = torch.rand(1, 1, circuit.num_weights, generator=draw, dtype=torch.float64) * 6
        before = engine("statevector").expectation_values(circuit, inputs, weights)
        for index in range(circuit.num_weights):
            moved = weights.clone()
            moved[..., index] += 0.7
            after = engine("statevector").expectation_values(circuit, inputs, moved)
            changed = float((after - before).abs().max()) > 1e-12
            assert changed == (index not in dead), (seed, index)


def test_noise_may_kill_weights_and_raises_none() -> None:
    circuit = Circuit("ry", "rx_chain", "z1", inputs=3, depth=1)
    assert dead_weights(add_noise(circuit, Noise.parse("depolarizing=0.05"))) == (2,)
    mixed = add_noise(circuit, Noise.parse("depolarizing=0.75"))  # nothing is left of the state
    assert dead_weights(mixed) == (0, 1, 2)


def test_live_weights_of_a_network_are_those_that_are_trained_and_matter() -> None:
    layer = Quanv2d(1, 2, 2, 2, ansatz="rx_chain", readout="z1", depth=1)  # 2 filters of 4
    assert num_dead_weights(layer) == 2 * 2
    head = nn.Linear(8, 3)
    model = nn.Sequential(layer, nn.Flatten(), head)
    assert num_live_weights(model) == 8 - 4 + 27
    layer.requires_grad_(False)
    assert num_live_weights(model) == 27
    assert num_live_weights(QuantumHead(2)) <= sum(p.numel() for p in QuantumHead(2).parameters())


def test_gradient_flow_tells_dead_weights_from_those_of_the_wiring() -> None:
    draw = torch.Generator().manual_seed(0)
    layers = [
        Quanv2d(1, 1, 2, 2, ansatz="rx_chain", readout="z1", depth=1, generator=draw),
        Quanv2d(1, 1, 2, 2, ansatz="rx_chain", readout="mean_z", depth=1, generator=draw,
                input_gradients=False),
    ]  # fmt: skip
    images, labels = torch.rand(4, 1, 8, 8, generator=draw), torch.arange(4) % 2
    flow = gradient_flow(ResQuNN(layers, "none", LinearHead(2)), images, labels)
    assert flow.statuses == ("none", "flows")  # the wiring's doing, whatever the circuit
    assert flow.layers[0].dead.tolist() == [False, False, True, True]
    assert flow.layers[1].dead.tolist() == [False] * 4
    assert flow.layers[0].as_dict()["dead"] == [False, False, True, True]
    assert "(2 dead)" in str(flow).splitlines()[1]
    assert "dead" not in str(flow).splitlines()[2]
    flow = gradient_flow(ResQuNN(layers, "O1+O2", LinearHead(2)), images, labels)
    first = flow.layers[0]
    assert first.zero.tolist() == first.dead.tolist() == [False, False, True, True]
    assert "2 of 4 (2 dead)" in str(flow)


def test_dead_weights_of_two_filters_and_a_bias() -> None:
    layer = Quanv2d(1, 2, 2, 2, ansatz="rx_chain", readout="z1", depth=1, bias=True)
    model = ResQuNN([layer], "none", LinearHead(2))
    flow = gradient_flow(model, torch.rand(4, 1, 8, 8), torch.arange(4) % 2).layers[0]
    assert flow.dead.tolist() == [False, False, True, True] * 2 + [False] * 2
    assert flow.zero.tolist() == flow.dead.tolist()


def test_noise_on_more_qubits_than_a_mixed_state_may_have() -> None:
    """The reference of noise refuses them; the Fourier engine does not."""
    circuit = Circuit("ry", "rx_chain", "z0", inputs=9, depth=1)
    noisy = add_noise(circuit, Noise(depolarizing=0.01))
    assert dead_weights(noisy) == dead_weights(circuit) == tuple(range(1, 9))
    layer = Quanv2d(1, 1, 3, 3, ansatz="rx_chain", readout="z0", depth=1, noise="depolarizing=0.01")
    assert num_live_weights(layer) == 1
