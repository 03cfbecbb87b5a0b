"""Circuits of any gates at any angles, with any words, against PennyLane's own gates and words."""

import copy
import math
import pickle
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pennylane as qml
import pytest
import torch
from torch import Tensor

from resqunn import Quanv2d
from resqunn.circuits.angles import AnyAngle, Expression, Input, Weight
from resqunn.circuits.ansatze import Ansatz
from resqunn.circuits.circuit import Circuit
from resqunn.circuits.gates import GATES
from resqunn.circuits.operations import Operation
from resqunn.circuits.readouts import Pauli, Readout, Variance
from resqunn.engines.registry import ENGINES, engine

import openqasm
from support import evaluates, expectations, random_arguments, values_and_gradients

READOUTS: list[str | Readout] = [
    "z",
    "x",
    "y",
    "xyz",
    "zz",
    "xx",
    "probs",
    "mean_z",
    Pauli("XY", "ZI", "YZ"),
    "var_z",
    Variance(Pauli("XY", "ZI")),
]
FUNCTIONS = {
    "add": torch.add,
    "multiply": torch.multiply,
    "subtract": torch.subtract,
    "divide": torch.divide,
    "arctan": torch.arctan,
    "sin": torch.sin,
    "square": lambda a: a**2,
    "greater": lambda a, b: torch.where(a > b, 1.0, 0.0).to(torch.float64),
    "maximum": lambda a, b: torch.where(a > b, a, b),
}


@dataclass(frozen=True)
class AnyAngles(Ansatz):
    """Any gates of the table, made of others too, at expressions of inputs and weights."""

    seed: int
    name: str = "any_angles"

    def layer_shape(self, qubits: int) -> tuple[int, ...]:
        return (5,)

    def layer(self, index: int, qubits: int) -> tuple[Operation, ...]:
        rng = random.Random(f"{self.seed} {index} {qubits}")
        rows = [row for row in GATES.values() if row.num_qubits <= qubits]
        operations = []
        for row in rng.choices(rows, k=3 * qubits):
            angles = tuple(any_angle(rng, qubits) for _ in range(row.num_angles))
            wires = tuple(rng.sample(range(qubits), row.num_qubits))
            operations.append(Operation(row.name, wires, angles or None))
        return tuple(operations)


def any_angle(rng: random.Random, inputs: int) -> AnyAngle:
    x, w = Input(rng.randrange(inputs)), Weight(rng.randrange(5))
    return rng.choice(
        [
            w, 0.5 * w, 0.3 * w - 0.1, w * w, x, x + w - 0.3, w * x, x - Weight(0) * x + 2 * w,
            math.pi / 2 * rng.randrange(-4, 5), rng.uniform(-3, 3),
            Expression("arctan", (2 * x,)), Expression("sin", (w,)),
            math.pi * Expression("greater", (x, 0.1)), Expression("maximum", (x, 0.0)),
            (math.pi - x) * (math.pi - Input(0)), Expression("square", (x,)) + w,
        ]
    )  # fmt: skip


def by_pennylane(circuit: Circuit, inputs_N: Tensor, weights_W: Tensor) -> Tensor:
    def at(angle: AnyAngle) -> Tensor:
        if isinstance(angle, Input):
            return inputs_N[angle.index]
        if isinstance(angle, Weight):
            return weights_W[angle.index]
        if isinstance(angle, Expression):
            return FUNCTIONS[angle.function](*map(at, angle.arguments))
        return torch.tensor(angle, dtype=torch.float64)

    @qml.qnode(qml.device("default.qubit", wires=circuit.num_qubits), interface="torch")
    def values() -> list:
        for operation in circuit.operations:
            make = getattr(qml, operation.gate.pennylane)
            make(*map(at, operation.angles), wires=operation.qubits)
        letters: dict[str, Any] = {"X": qml.X, "Y": qml.Y, "Z": qml.Z}
        measured = []
        for observable in circuit.observables:
            words: list[Any] = [
                qml.prod(*(letters[p](q) for q, p in word)) if word else qml.Identity(0)
                for _, word in observable.words
            ]
            sums: Any = qml.dot([c for c, _ in observable.words], words)
            measured.append(qml.var(sums) if observable.variance else qml.expval(sums))
        return measured

    return torch.stack([value.double() for value in values()])


def drawn(seed: int) -> Circuit:
    rng = random.Random(seed)
    return Circuit(
        rng.choice(["ry", "rx"]),
        AnyAngles(seed),
        rng.choice(READOUTS),
        inputs=rng.choice([2, 3, 4]),
        depth=rng.choice([0, 1, 1, 2]),
        reupload=rng.random() < 0.5,
    )


def test_every_engine_against_pennylane(size: Callable) -> None:
    seen: dict[str, int] = {}
    for seed in range(size(30, 2000)):
        circuit = drawn(seed)
        x, w, cotangent = random_arguments(circuit, seed, groups=1)
        theirs_x, theirs_w = x.clone().requires_grad_(), w.clone().requires_grad_()
        expected = torch.stack(
            [
                torch.stack([by_pennylane(circuit, xs, ws) for xs in theirs_x[0].T], dim=-1)
                for ws in theirs_w[0]
            ]
        ).unsqueeze(0)
        both, product = (theirs_x, theirs_w), (expected * cotangent).sum()
        gradients = (
            torch.autograd.grad(product, both, allow_unused=True, materialize_grads=True)
            if product.requires_grad
            else tuple(map(torch.zeros_like, both))
        )
        for name in ENGINES:
            if not evaluates(engine(name), circuit):
                continue
            seen[name] = seen.get(name, 0) + 1
            found = values_and_gradients(engine(name), circuit, x, w, cotangent)
            for ours, theirs in zip(found, (expected.detach(), *gradients), strict=True):
                assert torch.allclose(ours, theirs, rtol=0, atol=1e-10), (seed, name, circuit)
        program = circuit.to_qasm(x[0, :, 0].tolist(), w[0, 0].tolist())
        values = torch.from_numpy(expectations(openqasm.run(program)[:, 0], circuit))
        assert torch.allclose(values, expected[0, 0, :, 0], rtol=0, atol=1e-10), (seed, circuit)
    assert min(seen.get(name, 0) for name in ("fourier", "fused", "alternating")) > 1


@dataclass(frozen=True)
class Scaled(Ansatz):
    """Rotations by multiples alone, which are computed all at once."""

    name: str = "scaled"

    def layer_shape(self, qubits: int) -> tuple[int, ...]:
        return (2,)

    def layer(self, index: int, qubits: int) -> tuple[Operation, ...]:
        angles = Weight(0) / 3 + 0.1, -0.7 * Weight(1), Input(0) / 7 - 0.2, 0.3 * Input(1)
        turns = (Operation("RY", (k % qubits,), angle) for k, angle in enumerate(angles))
        return (*turns, Operation("CRZ", (0, 1), Weight(1)))


@pytest.mark.parametrize("name", ENGINES)
def test_multiples_keep_double_precision(name: str) -> None:
    circuit = Circuit("ry", Scaled(), "z", inputs=2, depth=1)
    x, w, _ = random_arguments(circuit, 0, 1, 1, 1)
    if evaluates(engine(name), circuit):
        found = engine(name).expectation_values(circuit, x, w)[0, 0, :, 0]
        expected = by_pennylane(circuit, x[0, :, 0], w[0, 0])
        assert torch.allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_layers_give_what_the_reference_gives(seed: int) -> None:
    rng = random.Random(seed)
    circuit = Circuit("ry", AnyAngles(seed), rng.choice(READOUTS), inputs=4, depth=1)
    mode, groups = rng.choice(["joint", "sum"]), rng.choice([1, 2])
    channels = groups * (1 if mode == "joint" else 2)
    layer = Quanv2d(
        channels, 2 * circuit.num_outputs * groups, 2, rng.choice([1, 2]), rng.choice([0, 1]),
        groups=groups, channel_mode=mode, circuit=circuit, bias=rng.random() < 0.3,
        dtype=torch.float64,
    )  # fmt: skip
    reference = copy.deepcopy(layer)
    reference.engine = engine("statevector")
    images = torch.rand(2, channels, 5, 6, dtype=torch.float64)
    if rng.random() < 0.5:
        images = images.to(memory_format=torch.channels_last)
    expected = reference(images)
    cotangent = torch.rand_like(expected)
    gradients = []
    for module in (layer, reference):
        x = images.clone().requires_grad_()
        (module(x) * cotangent).sum().backward()
        gradients.append((torch.zeros_like(x) if x.grad is None else x.grad, module.weight.grad))
    for ours, theirs in zip(*gradients, strict=True):
        assert torch.allclose(ours, theirs, rtol=0, atol=1e-11)
    weights = torch.stack([layer.weight.detach(), layer.weight.detach() + 0.3])

    def with_weight(weight: Tensor) -> Tensor:
        return torch.func.functional_call(layer, {"weight": weight}, (images,))

    for found in (
        layer(images),
        pickle.loads(pickle.dumps(layer))(images),
        torch.export.export(layer, (images,)).module()(images),
        torch.vmap(with_weight)(weights)[0],
    ):
        assert torch.allclose(found, expected, rtol=0, atol=1e-11)
    assert pickle.loads(pickle.dumps(circuit)) == circuit
