"""PennyLane circuits as people write them, each with its inputs and the shapes of its weights.

Those of public quanvolution code are written anew after what that code does.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pennylane as qml
import torch
from torch import Tensor

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Case:
    """A quantum function, or a QNode, of inputs and weights by name."""

    function: Callable[..., Any]
    inputs: int = 4
    weights: Shapes | None = None
    wires: Any = None

    @property
    def shapes(self) -> Shapes:
        return {} if self.weights is None else self.weights


CASES: dict[str, Case] = {}


def case(name: str, inputs: int = 4, wires: Any = None, **weights: tuple[int, ...]) -> Any:
    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        assert name not in CASES
        CASES[name] = Case(function, inputs, weights, wires)
        return function

    return add


def zs(wires: Any = range(4)) -> list[Any]:
    return [qml.expval(qml.Z(wire)) for wire in wires]


def rys(inputs: Tensor) -> None:
    for q in range(len(inputs)):
        qml.RY(inputs[q], wires=q)


def ring(gate: Any = qml.CNOT, wires: int = 4) -> None:
    for q in range(wires):
        gate(wires=[q, (q + 1) % wires])


# Embeddings with layers.

for axis in "XYZ":

    @case(f"AngleEmbedding {axis}, BasicEntanglerLayers R{axis}", weights=(2, 4))
    def _(inputs: Tensor, weights: Tensor, axis: str = axis) -> Any:
        if axis == "Z":
            for q in range(4):
                qml.Hadamard(q)
        qml.AngleEmbedding(inputs, wires=range(4), rotation=axis)
        rotation = {"X": qml.RX, "Y": qml.RY, "Z": qml.RZ}[axis]
        qml.BasicEntanglerLayers(weights, wires=range(4), rotation=rotation)
        return zs()


@case("StronglyEntanglingLayers", weights=(2, 4, 3))
def _(inputs: Tensor, weights: Tensor) -> Any:
    qml.AngleEmbedding(inputs, wires=range(4))
    qml.StronglyEntanglingLayers(weights, wires=range(4))
    return zs()


@case("StronglyEntanglingLayers, ranges and CZ", weights=(3, 4, 3))
def _(inputs: Tensor, weights: Tensor) -> Any:
    qml.AngleEmbedding(inputs, wires=range(4))
    qml.StronglyEntanglingLayers(weights, wires=range(4), ranges=[1, 3, 2], imprimitive=qml.CZ)
    return zs()


@case("a QNode", weights=(1, 4, 3), wires=4)
def _(inputs: Tensor, weights: Tensor) -> Any:
    qml.AngleEmbedding(inputs, wires=range(4), rotation="Y")
    qml.StronglyEntanglingLayers(weights, wires=range(4))
    return zs()


@case("RandomLayers of a seed", weights=(2, 4))
def _(inputs: Tensor, weights: Tensor) -> Any:
    rys(inputs)
    qml.RandomLayers(weights, wires=range(4), seed=7)
    return zs()


@case("SimplifiedTwoDesign", first=(4,), weights=(2, 3, 2))
def _(inputs: Tensor, first: Tensor, weights: Tensor) -> Any:
    rys(inputs)
    qml.SimplifiedTwoDesign(first, weights, wires=range(4))
    return zs()


def block(weights: Tensor, wires: Any) -> None:
    qml.RX(weights[0], wires=wires[0])
    qml.RY(weights[1], wires=wires[1])
    qml.CNOT(wires=wires)


for template in (qml.TTN, qml.MERA, qml.MPS):

    @case(template.__name__, weights=(5 if template is qml.MERA else 3, 2))
    def _(inputs: Tensor, weights: Tensor, template: Any = template) -> Any:
        rys(inputs)
        template(range(4), 2, block, 2, weights)
        return [qml.expval(qml.Z(3)), qml.expval(qml.Z(1))]


@case("ArbitraryUnitary", inputs=2, weights=(15,))
def _(inputs: Tensor, weights: Tensor) -> Any:
    rys(inputs)
    qml.ArbitraryUnitary(weights, wires=range(2))
    return zs(range(2))


@case("labels for wires", inputs=3, weights=(3,))
def _(inputs: Tensor, weights: Tensor) -> Any:
    for label, x, w in zip(("a", 7, "c"), inputs, weights, strict=True):
        qml.RX(x, wires=label)
        qml.RY(w, wires=label)
    qml.CNOT(wires=["c", "a"])
    qml.CNOT(wires=["a", 7])
    return zs(("a", 7, "c"))


@case("a function that reads batches", weights=(4,))
def _(inputs: Tensor, weights: Tensor) -> Any:
    for q in range(4):
        qml.RY(inputs[:, q], wires=q)
        qml.RX(weights[q], wires=q)
    ring()
    return zs()


@case("a function that reads the last axis", weights=(4,))
def _(inputs: Tensor, weights: Tensor) -> Any:
    for q in range(4):
        qml.RY(inputs[..., q] * np.pi, wires=q)
        qml.RX(weights[q], wires=q)
    ring()
    return zs()


@case("QAOAEmbedding", weights=(2, 8))
def _(inputs: Tensor, weights: Tensor) -> Any:
    qml.QAOAEmbedding(inputs, weights, wires=range(4))
    return zs()


@case("re-uploading by hand", weights=(3, 4, 3))
def _(inputs: Tensor, weights: Tensor) -> Any:
    for layer in range(3):
        for q in range(4):
            qml.RX(inputs[q], wires=q)
            qml.Rot(*weights[layer, q], wires=q)
        ring(qml.CZ)
    return zs()


@case("RX(x + w)", weights=(2, 4))
def _(inputs: Tensor, weights: Tensor) -> Any:
    for layer in range(2):
        for q in range(4):
            qml.RX(inputs[q] + weights[layer, q], wires=q)
        ring()
    return zs()


@case("pi x", weights=(4,))
def _(inputs: Tensor, weights: Tensor) -> Any:
    for q in range(4):
        qml.RY(math.pi * inputs[q], wires=q)
        qml.RZ(weights[q] / 2, wires=q)
    ring()
    return zs()


FIXED = torch.linspace(0.1, 3.0, 8, dtype=torch.float64).reshape(2, 4)


@case("fixed RandomLayers after pi x")
def _(inputs: Tensor) -> Any:
    for q in range(4):
        qml.RY(np.pi * inputs[q], wires=q)
    qml.RandomLayers(FIXED.numpy(), wires=range(4), seed=1)
    return zs()


# Gates of two and three qubits.

for gate in (qml.CRX, qml.CRY, qml.CRZ, qml.IsingXX, qml.IsingYY, qml.IsingZZ, qml.IsingXY,
             qml.ControlledPhaseShift, qml.PSWAP, qml.SingleExcitation,
             qml.SingleExcitationMinus, qml.SingleExcitationPlus, qml.FermionicSWAP):  # fmt: skip

    @case(f"a ring of {gate.__name__}", weights=(4,))
    def _(inputs: Tensor, weights: Tensor, gate: Any = gate) -> Any:
        qml.AngleEmbedding(inputs, wires=range(4), rotation="Y")
        for q in range(4):
            gate(weights[q], wires=[q, (q + 1) % 4])
        return zs()

    @case(f"{gate.__name__} of inputs", inputs=3, weights=(3,))
    def _(inputs: Tensor, weights: Tensor, gate: Any = gate) -> Any:
        for q in range(3):
            qml.RY(weights[q], wires=q)
        for q in range(2):
            gate(inputs[q], wires=[q, q + 1])
        qml.RX(inputs[2], wires=2)
        return [*zs(range(3)), qml.expval(qml.X(0)), qml.expval(qml.Y(1))]


@case("CRot", weights=(4, 3))
def _(inputs: Tensor, weights: Tensor) -> Any:
    rys(inputs)
    for q in range(4):
        qml.CRot(*weights[q], wires=[q, (q + 1) % 4])
    return zs()


@case("MultiRZ", weights=(3,))
def _(inputs: Tensor, weights: Tensor) -> Any:
    rys(inputs)
    qml.MultiRZ(weights[0], wires=[0, 1, 2])
    qml.MultiRZ(weights[1] * 2, wires=[3, 1])
    qml.MultiRZ(weights[2], wires=[2])
    return [*zs(), qml.expval(qml.X(1)), qml.expval(qml.X(3))]


@case("PauliRot", weights=(3,))
def _(inputs: Tensor, weights: Tensor) -> Any:
    rys(inputs)
    qml.PauliRot(weights[0], "XYZ", wires=[0, 1, 2])
    qml.PauliRot(weights[1], "YIX", wires=[3, 1, 0])
    qml.PauliRot(weights[2], "ZZZZ", wires=range(4))
    return zs()


@case("DoubleExcitation", weights=(2,))
def _(inputs: Tensor, weights: Tensor) -> Any:
    rys(inputs)
    qml.DoubleExcitation(weights[0], wires=range(4))
    qml.SingleExcitation(weights[1], wires=[2, 0])
    return zs()


@case("OrbitalRotation", weights=(1,))
def _(inputs: Tensor, weights: Tensor) -> Any:
    rys(inputs)
    qml.OrbitalRotation(weights[0], wires=range(4))
    return zs()


@case("ctrl(RX), two controls", inputs=3, weights=(2,))
def _(inputs: Tensor, weights: Tensor) -> Any:
    rys(inputs)
    qml.ctrl(qml.RX(weights[0], wires=2), control=0)
    qml.ctrl(qml.RY(weights[1], wires=1), control=[0, 2], control_values=[1, 0])
    return zs(range(3))


@case("ctrl of a function", inputs=3, weights=(2,))
def _(inputs: Tensor, weights: Tensor) -> Any:
    def two(first: Tensor, second: Tensor) -> None:
        qml.RX(first, wires=1)
        qml.RZ(second, wires=2)

    rys(inputs)
    qml.Hadamard(2)
    qml.ctrl(two, control=0)(*weights)
    return [*zs(range(3)), qml.expval(qml.X(2))]


@case("adjoint of a function", inputs=2, weights=(2,))
def _(inputs: Tensor, weights: Tensor) -> Any:
    def two(first: Tensor, second: Tensor) -> None:
        qml.RX(first, wires=0)
        qml.CRY(second, wires=[0, 1])

    rys(inputs)
    qml.adjoint(two)(*weights)
    return zs(range(2))


@case("ApproxTimeEvolution", weights=(1,))
def _(inputs: Tensor, weights: Tensor) -> Any:
    rys(inputs)
    hamiltonian = qml.Hamiltonian([0.5, -0.3], [qml.X(0) @ qml.X(1), qml.Z(2)])
    qml.ApproxTimeEvolution(hamiltonian, weights[0], 2)
    return zs()


@case("fixed gates", weights=(4,))
def _(inputs: Tensor, weights: Tensor) -> Any:
    rys(inputs)
    for q, gate in enumerate((qml.S, qml.T, qml.SX, qml.Hadamard)):
        gate(wires=q)
        qml.RX(weights[q], wires=q)
        qml.adjoint(gate(wires=q))
    qml.CY(wires=[0, 1])
    qml.CH(wires=[1, 2])
    qml.CZ(wires=[3, 0])
    return [*zs(), qml.expval(qml.X(2))]


@case("ISWAP, SISWAP, ECR, CSWAP", weights=(4,))
def _(inputs: Tensor, weights: Tensor) -> Any:
    rys(inputs)
    qml.ISWAP(wires=[0, 1])
    qml.SISWAP(wires=[1, 2])
    qml.ECR(wires=[2, 3])
    qml.CSWAP(wires=[3, 0, 1])
    for q in range(4):
        qml.RX(weights[q], wires=q)
    qml.adjoint(qml.ISWAP(wires=[0, 3]))
    return zs()


@case("Toffoli, CCZ, MultiControlledX", weights=(4,))
def _(inputs: Tensor, weights: Tensor) -> Any:
    rys(inputs)
    qml.Toffoli(wires=[0, 1, 2])
    qml.CCZ(wires=[1, 2, 3])
    for q in range(4):
        qml.RX(weights[q], wires=q)
    qml.MultiControlledX(wires=[0, 1, 3, 2], control_values=[1, 0, 1])
    return zs()


@case("QFT and its adjoint", weights=(4,))
def _(inputs: Tensor, weights: Tensor) -> Any:
    rys(inputs)
    qml.QFT(wires=range(4))
    for q in range(4):
        qml.RZ(weights[q], wires=q)
    qml.adjoint(qml.QFT)(wires=range(4))
    return zs()


def unitary(size: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(size, size)) + 1j * rng.normal(size=(size, size))
    return np.linalg.qr(matrix)[0]


@case("constant QubitUnitary of one and two qubits", inputs=3, weights=(3,))
def _(inputs: Tensor, weights: Tensor) -> Any:
    rys(inputs)
    qml.QubitUnitary(unitary(2, 0), wires=1)
    qml.QubitUnitary(unitary(4, 1), wires=[2, 0])
    for q in range(3):
        qml.RX(weights[q], wires=q)
    return zs(range(3))


@case("DiagonalQubitUnitary, constant", inputs=2, weights=(2,))
def _(inputs: Tensor, weights: Tensor) -> Any:
    rys(inputs)
    qml.DiagonalQubitUnitary(np.exp(1j * np.array([0.1, 0.7, -0.4, 1.9])), wires=[0, 1])
    for q in range(2):
        qml.RX(weights[q], wires=q)
    return zs(range(2))


@case("U1, U2, U3", inputs=3, weights=(3, 3))
def _(inputs: Tensor, weights: Tensor) -> Any:
    for q in range(3):
        qml.U3(inputs[q], inputs[q] / 2, 0.3 * inputs[q], wires=q)
    qml.U3(*weights[0], wires=0)
    qml.U2(*weights[1, :2], wires=1)
    qml.U1(weights[2, 0], wires=2)
    qml.CNOT(wires=[0, 2])
    return [*zs(range(3)), qml.expval(qml.X(2))]


@case("FRQI by multi-controlled RY", weights=(3,))
def _(inputs: Tensor, weights: Tensor) -> Any:
    qml.Hadamard(0)
    qml.Hadamard(1)
    for k in range(4):
        bits = [k >> 1 & 1, k & 1]
        qml.ctrl(qml.RY(2 * inputs[k], wires=2), control=[0, 1], control_values=bits)
    for q in range(3):
        qml.RX(weights[q], wires=q)
    return zs(range(3))


@case("dense angle of 16 pixels and a ring of CRZ", inputs=16, weights=(2, 4))
def _(inputs: Tensor, weights: Tensor) -> Any:
    for q in range(4):
        for k, gate in enumerate((qml.RX, qml.RY, qml.RZ, qml.RX)):
            gate(inputs[4 * q + k], wires=q)
    for layer in range(2):
        for q in range(4):
            qml.CRZ(weights[layer, q], wires=[q, (q + 1) % 4])
            qml.RY(weights[layer, q], wires=q)
    return zs()


# Inputs that are computed.

for repeats in (1, 2):

    @case(f"IQPEmbedding, {repeats}", weights=(1, 4))
    def _(inputs: Tensor, weights: Tensor, repeats: int = repeats) -> Any:
        qml.IQPEmbedding(inputs, wires=range(4), n_repeats=repeats)
        qml.BasicEntanglerLayers(weights, wires=range(4))
        return zs()


@case("ZZFeatureMap and RealAmplitudes", weights=(2, 4))
def _(inputs: Tensor, weights: Tensor) -> Any:
    for _ in range(2):
        for q in range(4):
            qml.Hadamard(q)
            qml.PhaseShift(2 * inputs[q], wires=q)
        for a in range(4):
            for b in range(a + 1, 4):
                qml.CNOT(wires=[a, b])
                angle = 2 * (math.pi - inputs[a]) * (math.pi - inputs[b])
                qml.PhaseShift(angle, wires=b)
                qml.CNOT(wires=[a, b])
    for layer in range(2):
        for q in range(4):
            qml.RY(weights[layer, q], wires=q)
        if layer == 0:
            for q in (2, 1, 0):
                qml.CNOT(wires=[q, q + 1])
    return zs()


def computed(name: str, angle: Callable[[Tensor], Tensor], inputs: int = 4) -> None:
    def function(inputs: Tensor, weights: Tensor) -> Any:
        angles = angle(inputs)
        for q in range(4):
            qml.RY(angles[q], wires=q)
            qml.RX(weights[q], wires=q)
        ring()
        return zs()

    CASES[name] = Case(function, inputs, {"weights": (4,)})


LEVELS = torch.tensor([0.2, 0.4, 0.6, 0.8], dtype=torch.float64)
MATRIX = torch.linspace(-1, 1, 16, dtype=torch.float64).reshape(4, 4)

computed("arctan(x)", torch.arctan)
computed("arctan(x^2)", lambda x: torch.arctan(x**2))
computed("relu(x)", lambda x: torch.relu(x - 0.5))
computed("clamp", lambda x: torch.clamp(x, 0.2, 0.7))
computed("clamp below", lambda x: torch.clamp(x, min=0.0))
computed("threshold by where", lambda x: math.pi * torch.where(x > 0.5, 1.0, 0.0))
computed("threshold by comparison", lambda x: math.pi * (x >= 0.5).double())
computed("two conditions", lambda x: torch.where((x > 0.3) & ~(x > 0.7), x, -x))
computed("detach", lambda x: x.detach() * 2)
computed("detach of a part", lambda x: x * x.detach())
computed("abs and sign", lambda x: torch.abs(x - 0.5) + torch.sign(x))
computed("sqrt, exp, log", lambda x: torch.sqrt(x**2 + 1) + torch.log(1 + torch.exp(x)))
computed("sigmoid and tanh", lambda x: torch.sigmoid(x) + torch.tanh(2 * x))
computed("sin, cos, tan", lambda x: torch.sin(x) * torch.cos(3 * x) - torch.tan(x / 9))
computed("arcsin, arccos", lambda x: torch.arcsin(x / 50) + torch.arccos(x / 40))
computed("arctan2", lambda x: torch.atan2(x, x.flip(0) + 0.3))
computed("powers", lambda x: x**3 - x**0 + (x**2 + 1) ** 0.5 + (1 + x * x) ** -1)
computed("softmax", lambda x: torch.softmax(x, 0))
computed("mean and deviations", lambda x: x - x.mean())
computed("standardised", lambda x: (x - x.mean()) / torch.sqrt(((x - x.mean()) ** 2).mean() + 1e-3))
computed("normalised", lambda x: x / (torch.linalg.norm(x) + 1e-8))
computed("maximum of all", lambda x: x / (1 + x.abs().max()))
computed("maximum and minimum", lambda x: torch.maximum(x, x.flip(0)) - torch.minimum(x, x**2))
computed("a matrix", lambda x: MATRIX @ x)
computed("levels", lambda x: (x > LEVELS).double() * x)
computed("cumulative sum", lambda x: torch.cumsum(x, 0))
computed("products of neighbours", lambda x: x * torch.roll(x, 1))
computed("pooled", lambda x: x.reshape(4, 4).mean(1), inputs=16)
computed("pooled in 2-D", lambda x: x.reshape(2, 2, 2, 2).sum((1, 3)).reshape(-1), inputs=16)
computed("reshaped and permuted", lambda x: x.reshape(2, 2).T.reshape(-1) + 0.1)
computed("stacked", lambda x: torch.stack([x[3], x[0] * 2, x[1] + x[2], 0 * x[2]]))
computed("concatenated", lambda x: torch.cat([x[2:], x[:2] * 2]))
computed("padded", lambda x: torch.nn.functional.pad(x[:3], (1, 0), value=0.7))
computed("indexed", lambda x: x[[3, 1, 0, 0]])
computed("outer product", lambda x: torch.outer(x, x).diagonal(1).sum() * x)
computed("dot product", lambda x: torch.dot(x, x) * torch.ones(4, dtype=torch.float64) - x)
computed("product", lambda x: torch.prod(x) + x)
computed("single precision", lambda x: x.double() * 2.0)
computed("functional layers", lambda x: torch.nn.functional.leaky_relu(x - 0.5, 0.1))
computed("hardtanh", lambda x: torch.nn.functional.hardtanh(x * 2))
computed("relu6", lambda x: torch.nn.functional.relu6(6 * x))
computed("conditions of conditions", lambda x: torch.logical_or(x > 0.5, x == 0).double() * x)
computed("a count of conditions", lambda x: x * (x > 0.4).sum() / 4)
computed(
    "chosen by fixed bits",
    lambda x: torch.cat([x[torch.tensor([True, False, True, False])], x[:2]]),
)
computed("a mean of many", lambda x: x.mean() * torch.ones(4), inputs=400)
computed("split", lambda x: torch.cat([b * (k + 1) for k, b in enumerate(x.split(2))]))
computed("linear", lambda x: torch.nn.functional.linear(x, MATRIX, LEVELS))
computed("reciprocal", lambda x: torch.reciprocal(x + 20) * 10 + torch.rsqrt(x * x + 1))


def _in_place(x: Tensor) -> Tensor:
    y = x.clone()
    y[0] = x[1] * 2
    y[1:3] += 1
    y[3] *= x[0]
    return y


def _collected(x: Tensor) -> Tensor:
    y = torch.zeros(4, dtype=torch.float64)
    for k in range(4):
        y[k] = x[k] * k
    return y


computed("written in place", _in_place)
computed("collected in zeros", _collected)


@case("a trainable scale", scale=(4,), shift=(4,), weights=(4,))
def _(inputs: Tensor, scale: Tensor, shift: Tensor, weights: Tensor) -> Any:
    for q in range(4):
        qml.RY(scale[q] * inputs[q] + shift[q], wires=q)
        qml.RX(weights[q], wires=q)
    ring()
    return zs()


@case("a trainable matrix", matrix=(4, 4), bias=(4,))
def _(inputs: Tensor, matrix: Tensor, bias: Tensor) -> Any:
    angles = matrix @ inputs + bias
    for q in range(4):
        qml.RY(torch.tanh(angles[q]), wires=q)
    ring()
    return zs()


@case("weights that are computed", weights=(4,))
def _(inputs: Tensor, weights: Tensor) -> Any:
    rys(inputs)
    angles = math.pi * torch.tanh(weights) + weights.mean()
    for q in range(4):
        qml.RX(angles[q], wires=q)
        qml.RZ(weights[q] ** 2, wires=q)
    ring()
    return zs()


@case("shared weights", weights=(2,))
def _(inputs: Tensor, weights: Tensor) -> Any:
    rys(inputs)
    for q in range(4):
        qml.RX(weights[q % 2], wires=q)
        qml.RZ(-weights[0], wires=q)
    ring()
    return zs()


@case("weights of no axis", weights=(), more=(2,))
def _(inputs: Tensor, weights: Tensor, more: Tensor) -> Any:
    rys(inputs)
    for q in range(4):
        qml.RX(weights, wires=q)
    qml.CRZ(more[1], wires=[0, 1])
    ring()
    return zs()


# Amplitudes.


@case("AmplitudeEmbedding, normalised", weights=(1, 2, 3))
def _(inputs: Tensor, weights: Tensor) -> Any:
    qml.AmplitudeEmbedding(inputs, wires=range(2), normalize=True)
    qml.StronglyEntanglingLayers(weights, wires=range(2))
    return zs(range(2))


@case("AmplitudeEmbedding, 9 of 16, padded", inputs=9, weights=(1, 4, 3))
def _(inputs: Tensor, weights: Tensor) -> Any:
    qml.AmplitudeEmbedding(inputs, wires=range(4), pad_with=0.3)
    qml.StronglyEntanglingLayers(weights, wires=range(4))
    return zs()


@case("AmplitudeEmbedding, 9 of 16, padded with zeros", inputs=9, weights=(1, 4, 3))
def _(inputs: Tensor, weights: Tensor) -> Any:
    qml.AmplitudeEmbedding(inputs, wires=range(4), pad_with=0.0)
    qml.StronglyEntanglingLayers(weights, wires=range(4))
    return zs()


@case("AmplitudeEmbedding on wires 3 and 1 of four", weights=(1, 4, 3))
def _(inputs: Tensor, weights: Tensor) -> Any:
    qml.AmplitudeEmbedding(inputs, wires=[3, 1], normalize=True)
    qml.StronglyEntanglingLayers(weights, wires=range(4))
    return zs()


@case("AmplitudeEmbedding of a softmax", weights=(1, 2, 3))
def _(inputs: Tensor, weights: Tensor) -> Any:
    qml.AmplitudeEmbedding(torch.sqrt(torch.softmax(inputs, 0)), wires=range(2))
    qml.StronglyEntanglingLayers(weights, wires=range(2))
    return zs(range(2))


@case("AmplitudeEmbedding of squares", weights=(2,))
def _(inputs: Tensor, weights: Tensor) -> Any:
    qml.AmplitudeEmbedding(inputs**2 + 0.1, wires=range(2), normalize=True)
    for q in range(2):
        qml.RY(weights[q], wires=q)
    return [qml.probs(wires=[1, 0])]


@case("StatePrep of inputs", weights=(2,))
def _(inputs: Tensor, weights: Tensor) -> Any:
    qml.StatePrep(inputs, wires=range(2), normalize=True)
    for q in range(2):
        qml.RY(weights[q], wires=q)
    return zs(range(2))


@case("a fixed state", weights=(4,))
def _(inputs: Tensor, weights: Tensor) -> Any:
    qml.StatePrep(np.array([0.5, -0.5, 0.5, 0.5j]), wires=[0, 2])
    rys(inputs)
    for q in range(4):
        qml.RX(weights[q], wires=q)
    return zs()


@case("a fixed basis state", weights=(4,))
def _(inputs: Tensor, weights: Tensor) -> Any:
    qml.BasisState(np.array([1, 0, 1]), wires=[0, 1, 3])
    rys(inputs)
    for q in range(4):
        qml.RX(weights[q], wires=q)
    ring()
    return zs()


# Readouts.


def measured(name: str, measurements: Callable[[], Any], wires: Any = None) -> None:
    def function(inputs: Tensor, weights: Tensor) -> Any:
        for q in range(3):
            qml.RY(inputs[q], wires=q)
            qml.Rot(*weights[q], wires=q)
        ring(wires=3)
        return measurements()

    CASES[f"measures {name}"] = Case(function, 3, {"weights": (3, 3)}, wires)


X, Y, Z = qml.X, qml.Y, qml.Z
MATRIX_4 = unitary(4, 5) + unitary(4, 5).conj().T
PROJECTOR = np.array([1, 0])

measured("X", lambda: [qml.expval(X(q)) for q in range(3)])
measured("Y", lambda: [qml.expval(Y(q)) for q in range(3)])
measured("X, Y and Z", lambda: [qml.expval(p(q)) for q in range(3) for p in (X, Y, Z)])
measured(
    "XX, YZ, ZZZ", lambda: [qml.expval(o) for o in (X(0) @ X(1), Y(1) @ Z(2), Z(0) @ Z(1) @ Z(2))]
)
measured("one value", lambda: qml.expval(Z(1)))
measured("a Hamiltonian", lambda: [qml.expval(qml.Hamiltonian([0.3, -1.2], [X(0) @ Z(2), Y(1)]))])
measured("a sum", lambda: [qml.expval(0.5 * Z(0) + 2 * X(1) - qml.Identity(0) * 0.3)])
measured("a product on one qubit", lambda: [qml.expval(qml.prod(X(0), Z(0), Y(0)) * 1j)])
measured("a Hermitian", lambda: [qml.expval(qml.Hermitian(MATRIX_4, wires=[2, 0]))])
measured("a Projector", lambda: [qml.expval(qml.Projector(PROJECTOR, wires=[1, 2]))])
measured("a Hadamard", lambda: [qml.expval(qml.Hadamard(1)), qml.expval(Z(0))])
measured("probabilities", lambda: [qml.probs(wires=[0, 1, 2])])
measured("probabilities of two", lambda: [qml.probs(wires=[2, 0])])
measured("probabilities of a device", lambda: qml.probs(), wires=3)
measured("probabilities and values", lambda: [qml.expval(Z(0)), qml.probs(wires=1)])
measured("a tuple", lambda: (qml.expval(Z(0)), qml.expval(Z(2))))
measured("variances", lambda: [qml.var(Z(0)), qml.var(X(1) @ Y(2)), qml.expval(Z(0))])
measured("the variance of a sum", lambda: [qml.var(Z(0) + 0.5 * X(1) - 2 * Z(0) @ Y(1))])
measured("the variance of a Hermitian", lambda: [qml.var(qml.Hermitian(MATRIX_4, wires=[0, 1]))])
measured("wires of a device, turned", lambda: qml.probs(wires=[0, 1]), wires=[2, 1, 0])


# After public quanvolution code.


@case("demo: pi x, fixed random layers of one layer")
def _(inputs: Tensor) -> Any:
    for q in range(4):
        qml.RY(math.pi * inputs[q], wires=q)
    qml.RandomLayers(np.linspace(0, 2 * math.pi, 4).reshape(1, 4), wires=range(4), seed=42)
    return [qml.expval(qml.Z(q)) for q in range(4)]


@case("angle encoding, CRZ ring and RY on each qubit", weights=(2, 8))
def _(inputs: Tensor, weights: Tensor) -> Any:
    for q in range(4):
        qml.Hadamard(q)
        qml.RY(inputs[q] * math.pi / 2, wires=q)
    for layer in range(2):
        for q in range(4):
            qml.CRZ(weights[layer, q], wires=[q, (q + 1) % 4])
        for q in range(4):
            qml.RY(weights[layer, 4 + q], wires=q)
    return [qml.expval(qml.Z(q)) for q in range(4)]


@case("flexible angle encoding: RZ(arctan x^2) RY(arctan x)", weights=(2, 4, 3))
def _(inputs: Tensor, weights: Tensor) -> Any:
    for q in range(4):
        qml.Hadamard(q)
        qml.RY(torch.arctan(inputs[q]), wires=q)
        qml.RZ(torch.arctan(inputs[q] ** 2), wires=q)
    for layer in range(2):
        for step in (1, 2):
            for q in range(4):
                qml.CNOT(wires=[q, (q + step) % 4])
        for q in range(4):
            qml.Rot(*weights[layer, q], wires=q)
    return [qml.expval(qml.Z(0))]


@case("thresholded pixels and U3 with CU3-like blocks", weights=(4, 3))
def _(inputs: Tensor, weights: Tensor) -> Any:
    for q in range(4):
        qml.RX(math.pi * torch.where(inputs[q] > 0.5, 1.0, 0.0), wires=q)
    for q in range(4):
        qml.U3(*weights[q], wires=q)
        qml.ctrl(qml.U3(*weights[q], wires=(q + 1) % 4), control=q)
    return [qml.expval(qml.Z(q)) for q in range(4)]


@case("data re-uploading with trainable scales, nine pixels on three qubits", inputs=9,
      weights=(3, 3, 3), bias=(3, 3, 3))  # fmt: skip
def _(inputs: Tensor, weights: Tensor, bias: Tensor) -> Any:
    pixels = inputs.reshape(3, 3)
    for layer in range(3):
        for q in range(3):
            angles = weights[layer, q] * pixels[q] + bias[layer, q]
            qml.Rot(angles[0], angles[1], angles[2], wires=q)
        ring(qml.CZ, wires=3)
    return [qml.expval(qml.Z(0)), qml.expval(qml.Z(0) @ qml.Z(1))]
