"""Noise and shots: a layer with them against the same layer without, and against PennyLane."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from benchmarks.timing import LONG, Patience, race
from resqunn import Noise, PennyLaneEngine, Quanv2d

IMAGES, PATCHES, SLICE = 16, 3136, 196
"""Images of a batch, their patches, and how many of these PennyLane is given under noise."""

CLEAN, NOISY, MIXED = "without", "with noise", "default.mixed"
EXACT, SAMPLED, PENNYLANE = "exact", "with shots", "PennyLane, values alone"
SHOTS = 1000
ONCE: dict[str, Any] = {"ansatz": "rx_chain", "depth": 4}
REUPLOAD: dict[str, Any] = {**ONCE, "reupload": True}


class Row(NamedTuple):
    """A layer's options, its noise, and how many times the time without noise it may take."""

    options: dict[str, Any]
    noise: Noise
    most: float


NOISES = {
    "once, depolarizing after gates": Row(ONCE, Noise(depolarizing=0.02), 1.15),
    "once, flips of measured bits": Row(ONCE, Noise(readout=0.02), 1.15),
    "once, amplitude damping after gates": Row(ONCE, Noise(amplitude_damping=0.02), 3.0),
    "re-upload, depolarizing after gates": Row(REUPLOAD, Noise(depolarizing=0.02), 15.0),
    "re-upload, amplitude damping after gates": Row(REUPLOAD, Noise(amplitude_damping=0.02), 15.0),
    "re-upload, depolarizing after layers": Row(
        REUPLOAD, Noise(depolarizing=0.02, where="layer"), 15.0
    ),
}
SAMPLES: dict[str, tuple[dict[str, Any], float]] = {
    "joint samples, exact gradients": ({}, 5.0),
    "independent samples, exact gradients": ({"shot_sampling": "independent"}, 1.5),
    "joint samples, parameter shift": ({"shot_gradient": "parameter-shift"}, 25.0),
}
"""Options of a layer, and the milliseconds that a step may take."""


def noise(quick: bool) -> dict[str, dict[str, float]]:
    """CPU milliseconds of a step (values and both gradients, float32), by circuit and noise."""
    found = {}
    for name, row in list(NOISES.items())[: 2 if quick else None]:
        layers = {
            CLEAN: Quanv2d(1, 4, 2, 2, **row.options),
            NOISY: Quanv2d(1, 4, 2, 2, **row.options, noise=row.noise),
        }
        timings = race({key: _step(layer, IMAGES, 28) for key, layer in layers.items()}, LONG)
        milliseconds = {key: 1e3 * timing.cpu for key, timing in timings.items()}
        engine = PennyLaneEngine("default.mixed")
        theirs = Quanv2d(1, 4, 2, 2, **row.options, noise=row.noise, engine=engine)
        timing = race({MIXED: _step(theirs, 1, 28)}, Patience(3, 3, 6.0))[MIXED]
        found[name] = milliseconds | {MIXED: 1e3 * timing.cpu * PATCHES / SLICE}
        sys.stderr.write(f"{name}: {found[name]}\n")
    return found


def shots(quick: bool) -> dict[str, dict[str, float]]:
    """The same for samples; of PennyLane's the values alone."""
    found = {}
    for name, (options, _) in list(SAMPLES.items())[: 1 if quick else None]:
        layers = {EXACT: Quanv2d(1, 4, 2, 2), SAMPLED: Quanv2d(1, 4, 2, 2, shots=SHOTS, **options)}
        timings = race({key: _step(layer, IMAGES, 28) for key, layer in layers.items()}, LONG)
        engine = PennyLaneEngine("default.qubit", shots=SHOTS)
        theirs = Quanv2d(1, 4, 2, 2, engine=engine)
        images = torch.rand(IMAGES, 1, 28, 28)

        def values(layer: Quanv2d = theirs, images: Tensor = images) -> None:
            with torch.no_grad():
                layer(images)

        timings |= race({PENNYLANE: values}, Patience(3, 3, 6.0))
        found[name] = {key: 1e3 * timing.cpu for key, timing in timings.items()}
        sys.stderr.write(f"{name}: {found[name]}\n")
    return found


def _step(layer: Quanv2d, batch: int, side: int) -> Callable[[], None]:
    images = torch.rand(batch, 1, side, side, requires_grad=True)
    cotangent = torch.ones_like(layer(images))

    def step() -> None:
        images.grad = layer.weight.grad = None
        layer(images).backward(cotangent)

    return step


def noise_table(found: dict[str, dict[str, float]]) -> str:
    """In Markdown."""
    lines = [
        f"| 2x2 (4 qubits), depth 4, {PATCHES:,} patches, values and gradients, CPU ms | without | with noise | ratio | default.mixed, scaled from {SLICE} |",
        "| --- | --: | --: | --: | --: |",
    ]
    for name, row in found.items():
        ratio = row[NOISY] / row[CLEAN]
        lines.append(
            f"| {name} | {row[CLEAN]:.2f} | {row[NOISY]:.2f} | **{ratio:.2f}** | {row[MIXED]:,.0f} |"
        )
    return "\n".join(lines)


def shots_table(found: dict[str, dict[str, float]]) -> str:
    """In Markdown."""
    lines = [
        f"| 2x2 (4 qubits), once, depth 2, {PATCHES:,} patches, {SHOTS:,} shots, CPU ms | exact | with shots | PennyLane's shots, values alone |",
        "| --- | --: | --: | --: |",
    ]
    for name, row in found.items():
        lines.append(
            f"| {name} | {row[EXACT]:.2f} | **{row[SAMPLED]:.2f}** | {row[PENNYLANE]:,.0f} |"
        )
    return "\n".join(lines)
