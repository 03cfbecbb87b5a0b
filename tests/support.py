"""What several test files need: random circuits, and values with both gradients."""

from __future__ import annotations

import random
from pathlib import Path

import torch
from torch import Tensor

from resqunn.circuits.ansatze import ANSATZE
from resqunn.circuits.circuit import Circuit
from resqunn.circuits.encodings import ENCODINGS
from resqunn.circuits.readouts import READOUTS
from resqunn.engines.base import Engine


def random_circuit(seed: int, max_inputs: int = 6, max_depth: int = 4) -> Circuit:
    """A circuit of table entries; every entry comes up early in the sequence of seeds."""
    rng = random.Random(seed)
    encodings, ansatze, readouts = list(ENCODINGS), [*ANSATZE, "random:5"], list(READOUTS)
    encoding = encodings[seed % len(encodings)]
    return Circuit(
        encoding,
        ansatze[seed % len(ansatze)],
        rng.choice([*readouts, "z0"]),
        inputs=rng.randint(1, max_inputs),
        depth=rng.randint(0, max_depth),
        reupload=encoding != "amplitude" and rng.random() < 0.5,
    )


def values_and_gradients(
    engine: Engine, circuit: Circuit, inputs: Tensor, weights: Tensor, cotangent: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The outputs, and the gradients of their product with `cotangent`."""
    inputs = inputs.clone().requires_grad_()
    weights = weights.clone().requires_grad_()
    outputs = engine.expectation_values(circuit, inputs, weights)
    found = torch.autograd.grad((outputs * cotangent).sum(), (inputs, weights), allow_unused=True)
    gradients = [
        torch.zeros_like(of) if gradient is None else gradient
        for of, gradient in zip((inputs, weights), found, strict=True)
    ]
    return outputs.detach(), gradients[0], gradients[1]


def random_arguments(
    circuit: Circuit,
    seed: int,
    groups: int = 2,
    filters: int = 2,
    patches: int = 3,
    dtype: torch.dtype = torch.float64,
) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs, weights and a cotangent for an engine."""
    generator = torch.Generator().manual_seed(seed)
    shapes = (
        (groups, circuit.inputs, patches),
        (groups, filters, circuit.weights),
        (groups, filters, circuit.outputs, patches),
    )
    drawn = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    return drawn[0].to(dtype), drawn[1].to(dtype), drawn[2].to(dtype)


def run_bytes(folder: Path) -> dict[str, bytes]:
    """What must be the same bytes in every repetition of a run."""
    names = ["metrics.jsonl", "config.json", "result.json"]
    files = [folder / name for name in names] + sorted((folder / "checkpoints").iterdir())
    return {file.name: file.read_bytes() for file in files}


def study_bytes(folder: Path) -> dict[str, bytes]:
    """What must be the same bytes wherever the runs of a results folder are executed."""
    files = [*folder.glob("tables/*.csv"), *folder.glob("runs/*/metrics.jsonl")]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}
