"""Random PennyLane functions: gates, templates, computed angles and readouts, drawn from a seed."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import pennylane as qml
import torch
from torch import Tensor

from interop.pennylane_circuits import Case, unitary

Angle = Callable[[Tensor, Tensor], Tensor]

ONE = (qml.RX, qml.RY, qml.RZ, qml.PhaseShift, qml.U1)
ONE_OF_MORE = ((qml.Rot, 3), (qml.U2, 2), (qml.U3, 3))
TWO = (
    qml.CRX, qml.CRY, qml.CRZ, qml.IsingXX, qml.IsingYY, qml.IsingZZ, qml.IsingXY,
    qml.ControlledPhaseShift, qml.SingleExcitation, qml.SingleExcitationPlus, qml.PSWAP,
    qml.CPhaseShift00, qml.CPhaseShift01, qml.CPhaseShift10,
)  # fmt: skip
FIXED_ONE = (qml.Hadamard, qml.X, qml.Y, qml.Z, qml.S, qml.T, qml.SX)
FIXED_TWO = (qml.CNOT, qml.CZ, qml.CY, qml.CH, qml.SWAP, qml.ISWAP, qml.SISWAP, qml.ECR)
FIXED_THREE = (qml.Toffoli, qml.CCZ, qml.CSWAP)


def angle(rng: random.Random, inputs: int, weights: int) -> Angle:
    """A number, an input, a weight, or what torch computes of them."""
    i, j = rng.randrange(inputs), rng.randrange(inputs)
    k, m = rng.randrange(weights), rng.randrange(weights)
    a, b = rng.uniform(-2, 2), rng.choice([0.0, 0.5, 1.0, 2.0, math.pi])
    return rng.choice(
        [
            lambda x, w: x[i],
            lambda x, w: w[k],
            lambda x, w: w[k],
            lambda x, w: math.pi * x[i],
            lambda x, w: a * w[k] + b,
            lambda x, w: x[i] + w[k],
            lambda x, w: b * (x[i] - w[k]) / 2 + a,
            lambda x, w: x[i] * w[k],
            lambda x, w: (math.pi - x[i]) * (math.pi - x[j]),
            lambda x, w: torch.arctan(x[i] * a),
            lambda x, w: torch.relu(x[i] - b),
            lambda x, w: torch.where(x[i] > b, w[k], x[j]),
            lambda x, w: torch.where(w[k] > a, 1.0, 0.0) * x[i],
            lambda x, w: x[i].detach() * a,
            lambda x, w: torch.clamp(x, -0.5, b)[j],
            lambda x, w: torch.softmax(x * b, 0)[i],
            lambda x, w: x.mean() + w[k] * w[m],
            lambda x, w: torch.tanh(w).sum() * a,
            lambda x, w: torch.sigmoid(x[i]) - torch.sin(w[k]),
            lambda x, w: x.amax() - x.min(),
            lambda x, w: torch.linalg.norm(x) * a,
            lambda x, w: (x @ x) / 4 + x[i] ** 3,
            lambda x, w: torch.atan2(x[i] + 0.1, 1 + x[j] ** 2),
            lambda x, w: torch.exp(-x[i].abs()) + b,
            lambda x, w: torch.tensor(a),
            lambda x, w: torch.tensor(b),
            lambda x, w: -x.flip(0)[i] / 3,
            lambda x, w: torch.cat([x[1:], x[:1] * 2, w])[i],
            lambda x, w: torch.log(1 + x[i] ** 2),
        ]
    )


Instruction = Callable[[Tensor, Tensor], None]


def instruction(rng: random.Random, qubits: int, inputs: int, weights: int) -> Instruction:
    def some() -> Angle:
        return angle(rng, inputs, weights)

    wires = rng.sample(range(qubits), qubits)
    kinds = ["one", "one", "one", "more", "fixed"]
    if qubits > 1:
        kinds += ["two", "two", "fixed two", "controlled", "unitary", "rotation of a word"]
    if qubits > 2:
        kinds += ["fixed three", "controlled by two"]
    kind = rng.choice(kinds)
    first, second, third = some(), some(), some()
    if kind == "one":
        gate = rng.choice(ONE)
        if rng.random() < 0.2:
            return lambda x, w: void(qml.adjoint(gate(first(x, w), wires=wires[0])))
        return lambda x, w: void(gate(first(x, w), wires=wires[0]))
    if kind == "more":
        gate, count = rng.choice(ONE_OF_MORE)
        angles = (first, second, third)[:count]
        return lambda x, w: void(gate(*(a(x, w) for a in angles), wires=wires[0]))
    if kind == "two":
        gate = rng.choice(TWO)
        return lambda x, w: void(gate(first(x, w), wires=wires[:2]))
    if kind.startswith("fixed"):
        gates, count = {
            "fixed": (FIXED_ONE, 1), "fixed two": (FIXED_TWO, 2), "fixed three": (FIXED_THREE, 3),
        }[kind]  # fmt: skip
        gate = rng.choice(gates)
        if rng.random() < 0.3:
            return lambda x, w: void(qml.adjoint(gate(wires=wires[:count])))
        return lambda x, w: void(gate(wires=wires[:count]))
    if kind.startswith("controlled"):
        gate, count = rng.choice(ONE), 1 + kind.endswith("two")
        values = [rng.randrange(2) for _ in range(count)]
        return lambda x, w: void(
            qml.ctrl(gate(first(x, w), wires=wires[0]), wires[1 : 1 + count], values)
        )
    if kind == "unitary":
        matrix = unitary(4, rng.randrange(10))
        return lambda x, w: void(qml.QubitUnitary(matrix, wires=wires[:2]))
    word = "".join(rng.choice("XYZ") for _ in wires)
    return lambda x, w: void(qml.PauliRot(first(x, w), word, wires=wires))


def void(operation: Any) -> None:
    """An operation is recorded where it is made."""


def readout(rng: random.Random, qubits: int) -> Callable[[], list[Any]]:
    a, b = rng.sample(range(qubits), 2) if qubits > 1 else (0, 0)
    letter = rng.choice([qml.X, qml.Y, qml.Z])
    share = rng.uniform(-1, 1)
    options: list[Callable[[], list[Any]]] = [
        lambda: [qml.expval(qml.Z(q)) for q in range(qubits)],
        lambda: [qml.expval(letter(q)) for q in range(qubits)],
        lambda: [qml.var(letter(a)), qml.expval(qml.Z(b))],
        lambda: [qml.probs(wires=[a] if a == b else [b, a])],
        lambda: [qml.expval(share * qml.Z(a) + 0.5 * letter(a) - 0.1 * qml.Identity(a))],
        lambda: [qml.expval(qml.Hermitian(unitary(2, 3) + unitary(2, 3).conj().T, wires=a))],
    ]
    if qubits > 1:
        options.append(lambda: [qml.expval(letter(a) @ qml.Y(b)), qml.var(qml.Z(a) @ qml.X(b))])
    return rng.choice(options)


def function(seed: int) -> Case:
    rng = random.Random(f"function {seed}")
    qubits, weights = rng.randint(1, 4), rng.randint(1, 5)
    inputs = rng.randint(1, 5)
    first = rng.random()
    steps = [instruction(rng, qubits, inputs, weights) for _ in range(rng.randint(2, 10))]
    measured = readout(rng, qubits)
    amplitudes = first < 0.12 and inputs > 1

    def quantum_function(inputs: Tensor, weights: Tensor) -> list[Any]:
        if amplitudes:
            qml.AmplitudeEmbedding(
                torch.tanh(inputs) + 1.5, wires=range(3), pad_with=0.2, normalize=True
            )
        else:
            for q in range(qubits):
                qml.RY(inputs[q % len(inputs)], wires=q)
        for step in steps:
            # With amplitudes of the inputs no gate may read them too.
            step(torch.full_like(inputs, 0.3).detach() if amplitudes else inputs, weights)
        return measured()

    return Case(quantum_function, inputs, {"weights": (weights,)}, range(max(3, qubits)))
