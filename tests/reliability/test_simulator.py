"""Every engine against an independent simulator, and every gate against three other sources."""

import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pennylane as qml
import pytest
import torch
from scipy.linalg import expm

from resqunn.circuits.ansatze import Ansatz
from resqunn.circuits.circuit import Circuit
from resqunn.circuits.gates import GATES, PAULIS, Gate
from resqunn.circuits.operations import Operation, Weight
from resqunn.engines.pennylane import PennyLaneEngine
from resqunn.engines.registry import ENGINES, engine

import openqasm
from support import (
    any_circuit,
    evaluates,
    expectations,
    is_bare,
    random_arguments,
    values_and_gradients,
)

OWN = [name for name in ENGINES if name != "pennylane"]
BATCHES = 20
ROOTS = {"S": (PAULIS["Z"], 1 / 2), "T": (PAULIS["Z"], 1 / 4), "SX": (PAULIS["X"], 1 / 2)}


def drawn(circuit: Circuit, seed: int) -> tuple[torch.Tensor, ...]:
    """Arguments for an engine in float32, with more patches than a vector register or few."""
    rng = random.Random(-seed)
    groups, filters = rng.choice([(1, 1), (1, 2), (2, 1)])
    patches = rng.choice([1, 3, 9, 33]) if circuit.num_qubits < 7 else 3
    inputs, *rest = random_arguments(circuit, seed, groups, filters, patches, torch.float32)
    if not is_bare(circuit.encoding):  # what is computed of large inputs is rounded before
        return inputs.clamp(-2, 2), *rest
    return rng.choice([1, 1, 10, 1000]) * inputs, *rest


@pytest.mark.parametrize("batch", range(BATCHES))
def test_random_circuits(batch: int, size: Callable) -> None:
    each = size(100, 10_000) // BATCHES
    for seed in range(batch * each, (batch + 1) * each):
        circuit = any_circuit(seed)
        single = drawn(circuit, seed)
        double = tuple(argument.double() for argument in single)
        theirs = values_and_gradients(PennyLaneEngine("default.qubit"), circuit, *double)
        # The derivative by amplitudes is one over their norm, and so is its rounding.
        amplitudes = circuit.encoding.prepares_amplitudes
        # What is computed of the inputs is rounded too, and steep in them.
        loose = 1e-5 if is_bare(circuit.encoding) else 1e-3
        norm = min(1.0, float(double[0].norm(dim=1).min())) if amplitudes else 1.0
        for name in OWN:
            if not evaluates(engine(name), circuit):
                continue
            for arguments, atol, rtol in ((double, 1e-10, 0), (single, loose, loose)):
                ours = values_and_gradients(engine(name), circuit, *arguments)
                for part, a, b in zip(("value", "input", "weight"), ours, theirs, strict=True):
                    assert a.dtype == arguments[0].dtype
                    scale = norm if part == "input" else 1.0
                    close = torch.allclose(a.double(), b, rtol=rtol, atol=atol / scale)
                    assert close, (name, a.dtype, part, seed, circuit)
                value_atol = 1e-12 if arguments is double else loose
                assert torch.allclose(ours[0].double(), theirs[0], rtol=0, atol=value_atol)

        program = circuit.to_qasm(double[0][0, :, 0].tolist(), double[1][0, 0].tolist())
        found = expectations(openqasm.run(program)[:, 0], circuit)
        assert np.allclose(found, theirs[0][0, 0, :, 0], rtol=0, atol=1e-10)


@dataclass(frozen=True)
class Alone(Ansatz):
    """One gate of the table."""

    name: str

    def layer_shape(self, qubits: int) -> tuple[int, ...]:
        return (GATES[self.name].num_angles,)

    def layer(self, index: int, qubits: int) -> tuple[Operation, ...]:
        angles = tuple(map(Weight, range(GATES[self.name].num_angles)))
        return (Operation(self.name, tuple(range(qubits)), angles or None),)


def in_phase(matrix: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The matrix with the global phase of another one."""
    overlap = np.vdot(matrix, other)
    return matrix * overlap / abs(overlap)


@pytest.mark.parametrize("row", GATES.values(), ids=GATES)
def test_every_gate_four_ways(row: Gate, size: Callable) -> None:
    circuit = Circuit("ry", Alone(row.name), "z", inputs=row.num_qubits, depth=1)
    rng = random.Random(row.name)
    for _ in range(size(50, 1000)):
        angles = [rng.uniform(-20, 20) for _ in range(row.num_angles)]
        matrix = row.matrix(*angles)
        assert np.allclose(matrix @ matrix.conj().T, np.eye(len(matrix)), rtol=0, atol=1e-14)
        if row.is_rotation:
            exponential = expm(-0.5j * angles[0] * PAULIS[row.axis])
        elif row.parts:  # of whose product the global phase is not settled
            exponential = matrix
        else:  # A reflection or a root of one, whose generator follows from the reflection.
            reflection, share = ROOTS.get(row.name, (matrix, 1))
            exponential = expm(0.5j * np.pi * share * (np.eye(len(matrix)) - reflection))
        assert np.allclose(matrix, exponential, rtol=0, atol=1e-12)
        theirs = getattr(qml, row.pennylane)(*angles, wires=range(row.num_qubits))
        assert np.allclose(matrix, in_phase(qml.matrix(theirs), matrix), rtol=0, atol=1e-12)
        program = circuit.to_qasm([0.0] * row.num_qubits, angles)  # RY(0) does nothing
        written = openqasm.run(program, np.eye(len(matrix)))
        assert np.allclose(matrix, in_phase(written, matrix), rtol=0, atol=1e-12)
        if not row.parts:
            assert np.allclose(matrix, qml.matrix(theirs), rtol=0, atol=1e-12)
            assert np.allclose(matrix, written, rtol=0, atol=1e-12)
