"""PennyLane circuits as layers: an imported circuit against its QNode, and against one by hand."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import pennylane as qml
import torch
from torch import Tensor

from benchmarks.timing import LONG, Patience, race
from resqunn import Circuit, Quanv2d, from_pennylane
from resqunn.circuits.gate_circuit import GateCircuit

PATCHES, IMAGES = 3136, 16
QNODE, OURS, BY_HAND = "QNode, broadcast", "resqunn", "by hand"


class Row(NamedTuple):
    """A quantum function of batches, and the circuit of the tables that it is, if there is one."""

    function: Callable[..., Any]
    inputs: int
    weights: tuple[int, ...]
    least: float = 50.0
    by_hand: GateCircuit | None = None
    angle_scale: float = 1.0


def zs(wires: int = 4) -> list[Any]:
    return [qml.expval(qml.Z(q)) for q in range(wires)]


def ring(gate: Any = qml.CNOT) -> None:
    for q in range(4):
        gate(wires=[q, (q + 1) % 4])


def strongly_gates(inputs: Tensor, weights: Tensor) -> None:
    qml.AngleEmbedding(inputs, wires=range(4))
    qml.StronglyEntanglingLayers(weights, wires=range(4))


def strongly(inputs: Tensor, weights: Tensor) -> Any:
    strongly_gates(inputs, weights)
    return zs()


def basic(inputs: Tensor, weights: Tensor) -> Any:
    qml.AngleEmbedding(inputs, wires=range(4))
    qml.BasicEntanglerLayers(weights, wires=range(4))
    return zs()


def scaled(inputs: Tensor, weights: Tensor) -> Any:
    qml.AngleEmbedding(math.pi * inputs, wires=range(4), rotation="Y")
    qml.BasicEntanglerLayers(weights, wires=range(4), rotation=qml.RY)
    return zs()


def reuploaded_gates(inputs: Tensor, weights: Tensor) -> None:
    for layer in weights:
        for q in range(4):
            qml.RX(inputs[..., q], wires=q)
            qml.Rot(*layer[q], wires=q)
        ring(qml.CZ)


def reuploaded(inputs: Tensor, weights: Tensor) -> Any:
    reuploaded_gates(inputs, weights)
    return zs()


def added(inputs: Tensor, weights: Tensor) -> Any:
    for layer in weights:
        for q in range(4):
            qml.RX(inputs[..., q] + layer[q], wires=q)
        ring()
    return zs()


def scaled_by_weights(inputs: Tensor, weights: Tensor) -> Any:
    for scale, shift in weights:
        for q in range(4):
            qml.RY(scale[q] * inputs[..., q] + shift[q], wires=q)
        ring()
    return zs()


def dense(inputs: Tensor, weights: Tensor) -> Any:
    for q in range(4):
        for k, gate in enumerate((qml.RX, qml.RY, qml.RZ, qml.RX)):
            gate(inputs[..., 4 * q + k], wires=q)
    for layer in weights:
        for q in range(4):
            qml.CRZ(layer[q], wires=[q, (q + 1) % 4])
    return zs()


def iqp(inputs: Tensor, weights: Tensor) -> Any:
    qml.IQPEmbedding(inputs, wires=range(4))
    qml.BasicEntanglerLayers(weights, wires=range(4))
    return zs()


def zz_feature_map(inputs: Tensor, weights: Tensor) -> Any:
    for _ in range(2):
        for q in range(4):
            qml.Hadamard(q)
            qml.PhaseShift(2 * inputs[..., q], wires=q)
        for a in range(4):
            for b in range(a + 1, 4):
                qml.CNOT(wires=[a, b])
                angle = 2 * (math.pi - inputs[..., a]) * (math.pi - inputs[..., b])
                qml.PhaseShift(angle, wires=b)
                qml.CNOT(wires=[a, b])
    for layer in weights:
        for q in range(4):
            qml.RY(layer[q], wires=q)
        for q in (2, 1, 0):
            qml.CNOT(wires=[q, q + 1])
    return zs()


def probabilities(inputs: Tensor, weights: Tensor) -> Any:
    reuploaded_gates(inputs, weights)
    return qml.probs(wires=range(4))


def letters(inputs: Tensor, weights: Tensor) -> Any:
    strongly_gates(inputs, weights)
    return [qml.expval(letter(q)) for letter in (qml.X, qml.Y, qml.Z) for q in range(4)]


def three_qubits(inputs: Tensor, weights: Tensor) -> Any:
    qml.AngleEmbedding(inputs, wires=range(4), rotation="Y")
    qml.Toffoli(wires=[0, 1, 2])
    qml.CCZ(wires=[1, 2, 3])
    for q in range(4):
        qml.RX(weights[0, q], wires=q)
    qml.MultiControlledX(wires=[0, 1, 3, 2])
    return zs()


def demo(inputs: Tensor) -> Any:
    for q in range(4):
        qml.RY(math.pi * inputs[..., q], wires=q)
    qml.RandomLayers(torch.linspace(0, 6, 4).reshape(1, 4).numpy(), wires=range(4), seed=42)
    return zs()


def amplitudes(inputs: Tensor, weights: Tensor) -> Any:
    qml.AmplitudeEmbedding(inputs + 0.01, wires=range(2), normalize=True)
    qml.StronglyEntanglingLayers(weights, wires=range(2))
    return zs(2)


ROWS = {
    "StronglyEntanglingLayers": Row(
        strongly, 4, (2, 4, 3), by_hand=Circuit("rx", "strongly_entangling", "z", inputs=4, depth=2)
    ),
    "BasicEntanglerLayers": Row(
        basic, 4, (2, 4), by_hand=Circuit("rx", "rx_ring", "z", inputs=4, depth=2)
    ),
    "pi x inside": Row(
        scaled,
        4,
        (2, 4),
        by_hand=Circuit("ry", "ry_ring", "z", inputs=4, depth=2),
        angle_scale=math.pi,
    ),
    "re-uploading, Rot and CZ": Row(reuploaded, 4, (4, 4, 3)),
    "re-uploading, RX(x + w)": Row(
        added, 4, (4, 4), by_hand=Circuit("rx", "rx_ring", "z", inputs=4, depth=4, reupload=True)
    ),
    "re-uploading, RY(s x + b)": Row(scaled_by_weights, 4, (3, 2, 4), least=40.0),
    "dense angle of 16 pixels, CRZ ring": Row(dense, 16, (2, 4)),
    "IQPEmbedding": Row(iqp, 4, (1, 4)),
    "ZZ feature map, real amplitudes": Row(zz_feature_map, 4, (2, 4), least=40.0),
    "readout probs": Row(probabilities, 4, (2, 4, 3)),
    "readout X, Y, Z of each": Row(letters, 4, (2, 4, 3)),
    "Toffoli, CCZ, MultiControlledX": Row(three_qubits, 4, (1, 4)),
    "PennyLane's quanvolution demo": Row(demo, 4, ()),
    "AmplitudeEmbedding": Row(amplitudes, 4, (1, 2, 3), least=10.0),
}


def rows(quick: bool = False) -> dict[str, dict[str, float]]:
    """CPU milliseconds of a step (values and both gradients, float32), and seconds of an import,
    by circuit."""
    found = {}
    for name in list(ROWS)[:2] if quick else ROWS:
        found[name] = _row(ROWS[name])
        sys.stderr.write(f"{name}: {found[name]}\n")
    return found


def _row(row: Row) -> dict[str, float]:
    weights = None if not row.weights else {"weights": row.weights}
    begin = time.process_time()
    circuit = from_pennylane(row.function, row.inputs, weights)
    seconds = time.process_time() - begin
    height = row.inputs // 2
    images = torch.rand(IMAGES, 1, 14 * height, 28, requires_grad=True)
    contestants = {OURS: _step(_layer(circuit, height), images)}
    if row.by_hand is not None:
        layer = _layer(row.by_hand, height, row.angle_scale)
        contestants[BY_HAND] = _step(layer, images)
    timings = race(contestants, LONG)
    timings |= race({QNODE: _qnode_step(row)}, Patience(5, 3, 6.0))
    found = {name: 1e3 * timing.cpu for name, timing in timings.items()}
    return {**found, "import": seconds}


def _layer(circuit: GateCircuit, height: int, angle_scale: float = 1.0) -> Quanv2d:
    kernel = (height, 2)
    return Quanv2d(1, circuit.num_outputs, kernel, kernel, circuit=circuit, angle_scale=angle_scale)


def _step(layer: Quanv2d, images: Tensor) -> Callable[[], None]:
    cotangent = torch.ones_like(layer(images))

    def step() -> None:
        images.grad = layer.weight.grad = None
        layer(images).backward(cotangent)

    return step


def _qnode_step(row: Row) -> Callable[[], None]:
    device = qml.device("default.qubit")
    node = qml.QNode(row.function, device, interface="torch", diff_method="backprop")
    inputs = torch.rand(PATCHES, row.inputs, requires_grad=True)
    weights = [torch.rand(row.weights, requires_grad=True)] if row.weights else []

    def step() -> None:
        for each in (inputs, *weights):
            each.grad = None
        values = node(inputs, *weights)
        values = values if isinstance(values, list | tuple) else [values]
        torch.stack([value.real.sum() for value in values]).sum().backward()

    return step


def table(found: dict[str, dict[str, float]]) -> str:
    """In Markdown."""
    lines = [
        f"| PennyLane circuit, {PATCHES:,} patches, values and gradients, CPU ms | resqunn | QNode, broadcast | ratio | over one by hand | import, s |",
        "| --- | --: | --: | --: | --: | --: |",
    ]
    for name, row in found.items():
        ratio = row[QNODE] / row[OURS]
        over = f"{row[OURS] / row[BY_HAND]:.2f}" if BY_HAND in row else ""
        lines.append(
            f"| {name} | {row[OURS]:.2f} | {row[QNODE]:.0f} | {ratio:.0f} | {over} | {row['import']:.2f} |"
        )
    return "\n".join(lines)
