"""OpenQASM 3 programs, read back by an independent reader."""

import pytest
import torch

from resqunn.circuits.circuit import Circuit
from resqunn.errors import CircuitError


def test_parameters_that_are_not_given_become_inputs_of_the_program() -> None:
    circuit = Circuit("rz", "rx_chain", "z", inputs=2, depth=1)
    assert circuit.to_qasm().splitlines() == [
        "OPENQASM 3.0;",
        'include "stdgates.inc";',
        "input float[64] x0;",
        "input float[64] x1;",
        "input float[64] w0;",
        "input float[64] w1;",
        "qubit[2] q;",
        "bit[2] c;",
        "h q[0];",
        "h q[1];",
        "rz(x0) q[0];",
        "rz(x1) q[1];",
        "rx(w0) q[0];",
        "rx(w1) q[1];",
        "cx q[0], q[1];",
        "c = measure q;",
    ]
    bound = circuit.to_qasm(weights=torch.tensor([[0.5, 0.25]]).numpy())
    assert "rx(0.25) q[1];" in bound
    assert "input float[64] w0;" not in bound


def test_a_layers_weights_are_taken_as_they_are() -> None:
    weights = torch.tensor([[0.5, 0.25]], requires_grad=True)
    circuit = Circuit("ry", "rx_chain", "z", inputs=2, depth=1)
    assert circuit.to_qasm(weights=weights) == circuit.to_qasm(weights=[0.5, 0.25])


def test_mistakes() -> None:
    circuit = Circuit("ry", "rx_chain", "z", inputs=2, depth=1)
    with pytest.raises(CircuitError, match="inputs must be 2 numbers, got 3"):
        circuit.to_qasm([1, 2, 3])
    with pytest.raises(CircuitError, match="weights must be finite numbers"):
        circuit.to_qasm([1, 2], [float("nan"), 1])
    with pytest.raises(CircuitError, match="inputs must be 2 numbers, got"):
        circuit.to_qasm(["one", 2])
    with pytest.raises(CircuitError, match="given to to_qasm"):
        Circuit("amplitude", "rx_chain", "z", inputs=4, depth=1).to_qasm()
