"""The quantum head, and steps of training, beside `nn.Conv2d` and PennyLane.

Every contestant is checked for the same outputs before it is timed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import nn

from benchmarks.layers import CONV, OURS
from benchmarks.peers import PennyLane
from benchmarks.steps import with_gradients
from benchmarks.timing import LONG, Result, race
from resqunn import LinearHead, QuantumHead, Quanv2d, ResQuNN, paper_model


def head_case(batch: int) -> str:
    """What the row of the quantum head is called."""
    return f"quantum head, 10 qubits, {batch} images"


def quantum_head(batch: int = 16) -> Result:
    """The paper's quantum head on 784 features."""
    import pennylane as qml

    features = torch.rand(batch, 784)
    head = QuantumHead(4)

    @qml.qnode(qml.device("default.qubit", wires=10), interface="torch", diff_method="backprop")
    def theirs(features, weights):
        qml.AmplitudeEmbedding(features, wires=range(10), pad_with=0.0, normalize=True)
        for qubit in range(10):
            qml.RY(weights[qubit], wires=qubit)
        for qubit in range(9):
            qml.CNOT([qubit, qubit + 1])
        return [qml.expval(qml.Z(qubit)) for qubit in head.measured]

    x = features.clone().requires_grad_()
    w = head.weight.detach()[0].clone().requires_grad_()
    outputs = torch.stack(theirs(x, w), dim=-1)
    assert torch.allclose(outputs.float(), head(features), atol=1e-4)
    cotangent = torch.rand_like(outputs)

    def step() -> None:
        x.grad = w.grad = None
        torch.stack(theirs(x, w), dim=-1).backward(cotangent)

    # One after the other, so that neither finds the caches as the other has left them.
    timings = race({OURS: with_gradients(head, features, True)}, LONG)
    timings |= race({PennyLane.name: step})
    return Result(head_case(batch), timings)


class PennyLaneLayer(nn.Module):
    """A layer of `paper_model` as a QNode that is called once with all patches."""

    def __init__(self, layer: Quanv2d) -> None:
        super().__init__()
        self.window, self.input_gradients = layer.window, layer.input_gradients
        self.weight = nn.Parameter(layer.weight.detach()[0].clone())
        self.peer = PennyLane(layer.circuit, torch.zeros(1, layer.circuit.num_inputs), self.weight)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        images = images if self.input_gradients else images.detach()
        rows, columns = self.window.output_size(*images.shape[-2:])
        patches_PN = self.window.patches(images, 1)[0].T
        values = torch.stack(self.peer.qnode(patches_PN, self.weight), dim=-1)
        return values.float().mean(dim=1).reshape(len(images), 1, rows, columns)


def training_step(wiring: str, reupload: bool, batch: int = 16) -> Result:
    """Forward, backward and Adam of the paper's network with a linear head."""
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(batch, 1, 28, 28, generator=generator)
    labels = torch.randint(10, (batch,), generator=generator)
    ours = paper_model(wiring, reupload=reupload, generator=generator)
    ours(images)
    conv = ResQuNN([nn.Conv2d(1, 1, 2, 2) for _ in "12"], wiring, LinearHead(10, softmax=True))
    head = LinearHead(10, softmax=True)
    head(ours.features(images))
    head.load_state_dict(ours.head.state_dict())
    theirs = ResQuNN(
        [PennyLaneLayer(cast(Quanv2d, layer)) for layer in ours.layers], ours.wiring, head
    )
    assert torch.allclose(ours(images), theirs(images), atol=1e-4)
    models = {OURS: ours, CONV: conv, PennyLane.name: theirs}
    contestants = {name: _adam_step(model, images, labels) for name, model in models.items()}
    reading = "re-upload" if reupload else "once"
    peer = {PennyLane.name: contestants.pop(PennyLane.name)}
    timings = race(contestants, LONG) | race(peer)
    return Result(f"training step, {wiring}, {reading}, {batch} images", timings)


def _adam_step(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> Callable[[], None]:
    model(images)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, fused=True)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()

    return step
