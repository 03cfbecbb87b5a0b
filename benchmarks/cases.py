"""What is timed: layers, the quantum head, training steps, compilation and memory.

Every contestant is checked for the same outputs before it is timed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from benchmarks.peers import PEERS, PennyLane
from benchmarks.timing import Timing, race
from resqunn import LinearHead, QuantumHead, Quanv2d, ResQuNN, paper_model
from resqunn.engines.registry import engine

OURS, CONV = "resqunn", "nn.Conv2d"
PEER_PATCHES = {4: 60_000, 9: 2_000}
"""Peers are timed up to so many patches of circuits of so many qubits."""


@dataclass(frozen=True)
class Result:
    """One row: a case and its contestants' timings; `scale` for those timed on a slice."""

    case: str
    timings: dict[str, Timing]
    scale: dict[str, float] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    def median(self, name: str) -> float:
        return self.timings[name].median * self.scale.get(name, 1.0)


@dataclass(frozen=True)
class LayerCase:
    """Values and both gradients of one quanvolutional layer on 28x28 images.

    Attributes:
        by_images: whether the gradient by the images is wanted.
        frozen: whether no gradient is.
        channels: of the images, all of which one circuit reads.
        filters: how many circuits read a patch.
        largest: the largest angle.
    """

    kernel: int
    depth: int
    reupload: bool
    batch: int
    by_images: bool = True
    frozen: bool = False
    channels: int = 1
    filters: int = 1
    largest: float = 1.0
    dtype: torch.dtype = torch.float32

    @property
    def qubits(self) -> int:
        return self.channels * self.kernel**2

    @property
    def usual(self) -> bool:
        """Whether peers are timed too."""
        return self == LayerCase(self.kernel, self.depth, self.reupload, self.batch)

    def __str__(self) -> str:
        parts = [
            f"{self.kernel}x{self.kernel} ({self.qubits} qubits)",
            "re-upload" if self.reupload else "once",
            f"depth {self.depth}",
            f"{self.batch} images",
        ]
        if self.filters > 1:
            parts.append(f"{self.filters} filters")
        if self.largest != 1.0:
            parts.append("angles up to pi")
        if self.dtype == torch.float64:
            parts.append("float64")
        if self.frozen:
            parts.append("values alone")
        elif not self.by_images:
            parts.append("no gradient by images")
        return ", ".join(parts)

    def run(self) -> Result:
        generator = torch.Generator().manual_seed(0)
        shape = (self.batch, self.channels, 28, 28)
        images = torch.rand(shape, generator=generator, dtype=self.dtype)
        k, channels = self.kernel, self.qubits * self.filters
        layer = Quanv2d(
            self.channels,
            channels,
            k,
            k,
            ansatz="rx_chain",
            depth=self.depth,
            reupload=self.reupload,
            angle_scale=self.largest,
            dtype=self.dtype,
        )
        layer.reset_parameters(generator)
        conv = nn.Conv2d(self.channels, channels, k, k, dtype=self.dtype)
        contestants = {
            name: _frozen_step(module, images)
            if self.frozen
            else _module_step(module, images, self.by_images)
            for name, module in ((OURS, layer), (CONV, conv))
        }
        scale: dict[str, float] = {}
        skipped: dict[str, str] = {}
        patches_PN = layer.window.patches(images, 1)[0].T.contiguous()
        expected = layer(images).detach().permute(0, 2, 3, 1).reshape(len(patches_PN), -1)
        if self.usual and len(patches_PN) <= PEER_PATCHES.get(k * k, 0):
            for kind in PEERS:
                if kind.share < 1 and (self.batch > 16 or k > 2):
                    continue
                some = patches_PN[: max(1, int(len(patches_PN) * kind.share))]
                try:
                    peer = kind(layer.circuit, some, layer.weight.detach()[0])
                except ImportError as error:
                    skipped[kind.name] = str(error)
                    continue
                if not np.allclose(peer.values(), expected[: len(some)], atol=1e-4):
                    raise AssertionError(f"{kind.name} does not compute the same outputs")
                contestants[kind.name] = peer.step
                scale[kind.name] = len(patches_PN) / len(some)
        # resqunn and Conv2d first by themselves: a peer's call of a second, with its hundreds of
        # megabytes, empties the caches for the call of a millisecond that follows it.
        timings = race({name: contestants[name] for name in (OURS, CONV)})
        peers = {name: call for name, call in contestants.items() if name not in timings}
        timings |= race(peers) if peers else {}
        return Result(str(self), timings, scale, skipped)


def _frozen_step(module: nn.Module, images: torch.Tensor) -> Callable[[], None]:
    def step() -> None:
        with torch.no_grad():
            module(images)

    return step


def _module_step(module: nn.Module, images: torch.Tensor, by_images: bool) -> Callable[[], None]:
    images = images.clone().requires_grad_(by_images)
    cotangent = torch.rand_like(module(images))

    def step() -> None:
        images.grad = None
        module.zero_grad(set_to_none=True)
        module(images).backward(cotangent)

    return step


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

    timings = race({OURS: _module_step(head, features, True), PennyLane.name: step})
    return Result(f"quantum head, 10 qubits, {batch} images", timings)


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
    theirs = ResQuNN([PennyLaneLayer(layer) for layer in ours.layers], ours.wiring, head)
    assert torch.allclose(ours(images), theirs(images), atol=1e-4)
    models = {OURS: ours, CONV: conv, PennyLane.name: theirs}
    contestants = {name: _training_step(model, images, labels) for name, model in models.items()}
    reading = "re-upload" if reupload else "once"
    return Result(f"training step, {wiring}, {reading}, {batch} images", race(contestants))


def _training_step(
    model: nn.Module, images: torch.Tensor, labels: torch.Tensor
) -> Callable[[], None]:
    model(images)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, fused=True)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()

    return step


_CHILD = """
import json, re, sys, time
from pathlib import Path
import torch
torch.set_num_threads(1)
# Not getrusage: what it says of the peak is inherited from the process that started this one.
peak = lambda: int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
base = peak()
images, kind = int(sys.argv[1]), sys.argv[2]
x = torch.rand(images, 1, 28, 28, requires_grad=True)
if kind == "conv":
    layer = torch.nn.Conv2d(1, 4, 2, 2)
else:
    from resqunn import Quanv2d
    layer = Quanv2d(1, 4, 2, 2, ansatz="rx_chain", depth=4, reupload=kind == "re-upload")
start = time.perf_counter()
layer(x).square().sum().backward()
print(json.dumps({"torch": base, "peak": peak(), "first": time.perf_counter() - start}))
"""


def _child(images: int, kind: str, cache: str | None = None) -> dict[str, float]:
    variables = os.environ | ({"RESQUNN_CACHE": cache} if cache else {})
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(images), kind],
        check=True,
        capture_output=True,
        text=True,
        env=variables,
    )
    return json.loads(done.stdout)


def memory() -> dict[str, float]:
    """Peak resident size over that of importing torch: 256 images, depth 4, both gradients."""
    kinds = ("once", "re-upload", "conv")
    for kind in kinds[:2]:
        _child(1, kind)  # so that nothing is compiled in the process that is measured
    found = {kind: _child(256, kind) for kind in kinds}
    return {kind: entry["peak"] / entry["torch"] for kind, entry in found.items()}


def compilation() -> dict[str, tuple[float, float]]:
    """Seconds of the first forward and backward pass ever, and in a second process."""
    found = {}
    for kind in ("once", "re-upload"):
        with tempfile.TemporaryDirectory() as cache:
            found[kind] = (_child(16, kind, cache)["first"], _child(16, kind, cache)["first"])
    return found


CHOICES = [
    (kernel, ansatz, depth, reupload)
    for kernel, depths in ((2, (1, 2, 4)), (3, (1, 2)))
    for ansatz in ("rx_chain", "ry_chain", "strongly_entangling")
    for depth in depths
    for reupload in (False, True)
]


def choice_is_right() -> list[str]:
    """Where `engine="auto"` chose an engine that is over 1.3 times slower than the fastest."""
    wrong = []
    images = torch.rand(16, 1, 28, 28)
    for kernel, ansatz, depth, reupload in CHOICES:
        options = {"ansatz": ansatz, "depth": depth, "reupload": reupload}
        circuit = Quanv2d(1, kernel**2, kernel, kernel, **options).circuit
        layers = {
            name: Quanv2d(1, kernel**2, kernel, kernel, **options, engine=name)
            for name in ("fourier", "alternating", "chains", "fused", "statevector")
            if engine(name).obstacle(circuit) is None
        }
        timings = race({n: _module_step(m, images, True) for n, m in layers.items()})
        chosen = engine("auto").chosen_for(circuit).split("(")[1].rstrip(")")
        fastest = min(timings, key=lambda n: timings[n].median)
        if timings[chosen].median > 1.3 * timings[fastest].median:
            wrong.append(f"{kernel}x{kernel}, {ansatz}, depth {depth}: {chosen}, but {fastest}")
    return wrong
