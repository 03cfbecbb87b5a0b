"""One training step of the paper's network, beside the same network of PennyLane layers.

    taskset -c 1 python benchmarks/training_step.py

Both networks have the same weights, and are checked for the same scores and gradients before
they are timed: one process, one thread, medians.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import pennylane as qml
import torch
from torch import nn

from resqunn import ResQuNN, paper_model
from resqunn.nn.quanv import Quanv2d


class PennyLaneLayer(nn.Module):
    """The same layer as a `TorchLayer` that is called once with all patches."""

    def __init__(self, layer: Quanv2d) -> None:
        super().__init__()
        self.window, self.input_gradients = layer.window, layer.input_gradients
        circuit = layer.circuit
        depth, qubits = circuit.weight_shape

        @qml.qnode(qml.device("default.qubit", wires=qubits), interface="torch")
        def run(inputs, weights):
            for repetition in range(depth):
                if repetition == 0 or circuit.reupload:
                    qml.AngleEmbedding(inputs, wires=range(qubits), rotation="Y")
                for qubit in range(qubits):
                    qml.RX(weights[repetition, qubit], wires=qubit)
                for qubit in range(qubits - 1):
                    qml.CNOT([qubit, qubit + 1])
            return [qml.expval(qml.Z(qubit)) for qubit in range(qubits)]

        self.quantum = qml.qnn.TorchLayer(run, {"weights": (depth, qubits)})
        self.quantum.weights.data = layer.weight.data[0].clone()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        images = images if self.input_gradients else images.detach()
        rows, columns = self.window.output_size(*images.shape[-2:])
        patches = self.window.patches(images, 1)[0].T
        return self.quantum(patches).mean(dim=1).reshape(len(images), 1, rows, columns)


def step_of(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> Callable[[], None]:
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()

    return step


def median(step: Callable[[], None], runs: int) -> float:
    for _ in range(3):
        step()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wiring", default="O1+O2")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--runs", type=int, default=15)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(arguments.batch, 1, 28, 28, generator=generator)
    labels = torch.randint(10, (arguments.batch,), generator=generator)
    print(f"{arguments.wiring}, batch {arguments.batch}, torch {torch.__version__}, 1 thread")
    for reupload in (False, True):
        ours = paper_model(arguments.wiring, reupload=reupload, generator=generator)
        ours(images)
        theirs = ResQuNN(map(PennyLaneLayer, ours.layers), ours.wiring, ours.head)
        assert torch.allclose(ours(images), theirs(images).float(), atol=1e-5)
        seconds = [
            median(step_of(model, images, labels), arguments.runs) for model in (ours, theirs)
        ]
        print(
            f"{'re-upload' if reupload else 'once':<10} resqunn {1e3 * seconds[0]:7.2f} ms   "
            f"PennyLane {1e3 * seconds[1]:7.2f} ms   ratio {seconds[1] / seconds[0]:.1f}"
        )


if __name__ == "__main__":
    main()
