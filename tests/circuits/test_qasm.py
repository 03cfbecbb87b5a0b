"""OpenQASM 3 programs, read back by an independent reader and simulated by PennyLane."""

import re
from collections.abc import Iterator

import numpy as np
import pennylane as qml
import pytest
import torch

from resqunn.circuits.circuit import Circuit
from resqunn.circuits.gates import GATES
from resqunn.engines.choice import engine
from resqunn.errors import CircuitError

from support import random_arguments, random_circuit

STATEMENT = re.compile(r"((?:ctrl @ |negctrl @ )*)(\w+)(?:\((.*)\))? (q\[.*\]);")


def read_back(program: str) -> Iterator[qml.operation.Operator]:
    """PennyLane operations of the gates of a program without free parameters."""
    theirs = {row.qasm: row.pennylane for row in GATES.values()}
    lines = program.splitlines()
    assert lines[:2] == ["OPENQASM 3.0;", 'include "stdgates.inc";']
    assert lines[-1] == "c = measure q;"
    for line in lines[4:-1]:
        modifiers, name, angle, wires = STATEMENT.fullmatch(line).groups()
        qubits = [int(q) for q in re.findall(r"q\[(\d+)\]", wires)]
        controls = [word == "ctrl" for word in re.findall(r"(negctrl|ctrl) @", modifiers)]
        parameters = [float(angle)] if angle else []
        operation = getattr(qml, theirs[name])(*parameters, wires=qubits[len(controls) :])
        if controls:
            operation = qml.ctrl(operation, qubits[: len(controls)], control_values=controls)
        yield operation


@pytest.mark.parametrize("seed", range(40))
def test_programs_prepare_the_circuits_state(seed: int) -> None:
    circuit = random_circuit(seed, max_inputs=5, max_depth=2)
    inputs, weights, _ = random_arguments(circuit, seed, 1, 1, 1)
    program = circuit.to_qasm(inputs[0, :, 0].tolist(), weights[0, 0].tolist())
    tape = qml.tape.QuantumScript(
        list(read_back(program)), [qml.probs(wires=range(circuit.qubits))]
    )
    probabilities = qml.devices.DefaultQubit().execute(tape)
    expected = engine("statevector").expectation_values(circuit, inputs, weights)
    assert np.allclose(circuit.diagonals() @ probabilities, expected.flatten(), atol=1e-10)


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


def test_mistakes() -> None:
    circuit = Circuit("ry", "rx_chain", "z", inputs=2, depth=1)
    with pytest.raises(CircuitError, match="2 finite inputs expected, got 3"):
        circuit.to_qasm([1, 2, 3])
    with pytest.raises(CircuitError, match="finite weights"):
        circuit.to_qasm([1, 2], [float("nan"), 1])
    with pytest.raises(CircuitError, match="give to_qasm the inputs"):
        Circuit("amplitude", "rx_chain", "z", inputs=4, depth=1).to_qasm()
