"""The tasks that measure gradients on random images, in place of training."""

from __future__ import annotations

from dataclasses import replace

import torch

from resqunn.analysis.gradient_flow import GradientFlow, LayerFlow, gradient_flow, survey
from resqunn.lab.study.results import (
    GradientCell,
    GradientRow,
    GradientTable,
    Measured,
    NormsByDepth,
    State,
)
from resqunn.lab.training.config import TrainConfig
from resqunn.lab.training.inputs import Shape
from resqunn.lab.training.session import build_model
from resqunn.nn.wiring import Wiring

VANISHING = 1e-2
"""A gradient norm below this fraction of the largest layer's counts as vanishing."""

BATCH, SIDE = 4, 128
"""Random images of the study of depth: large enough to be halved six times."""

SETTINGS = {
    "cut": "cut input derivatives",
    "true": "true derivatives",
}


def every_wiring(config: TrainConfig) -> Measured:
    """The state of every layer's gradient, for every wiring, on one random batch."""
    rows = tuple(
        GradientRow(str(wiring), {"cut": _cells(cut), "true": _cells(true)})
        for wiring, cut, true in survey(
            len(config.depths),
            depth=config.depths[0],
            ansatz=config.ansatz,
            readout=config.readout,
            reupload=config.reupload,
            seed=config.seed,
        )
    )
    return Measured(gradients=GradientTable(len(config.depths), SETTINGS, rows))


def _cells(flow: GradientFlow) -> tuple[GradientCell, ...]:
    largest = max((layer.norm or 0.0 for layer in flow.layers), default=0.0)
    return tuple(
        GradientCell(layer.name, _state(layer, largest), layer.norm) for layer in flow.layers
    )


def _state(layer: LayerFlow, largest: float) -> State:
    vanishing = layer.status == "flows" and (layer.norm or 0.0) < VANISHING * largest
    return "vanishing" if vanishing else layer.status


def all_residual(layers: int) -> Wiring:
    """All outputs in one block, ((O1+O2)+O3)+...: each layer reaches the loss along skips."""
    return Wiring(layers, ((0,), tuple(range(1, layers + 1))))


def norms_by_depth(config: TrainConfig) -> Measured:
    """Gradient norms of networks of 1, 2, ... layers, up to those of `config`."""
    generator = torch.Generator().manual_seed(config.seed)
    images = torch.rand(BATCH, 1, SIDE, SIDE, generator=generator)
    shape = Shape((1, SIDE, SIDE), config.num_classes or 10)
    labels = torch.randint(shape.classes, (BATCH,), generator=generator)
    scale = "\u03c0" if config.angle_scale > 3 else f"{config.angle_scale:g}"
    rows = []
    for layers in range(1, len(config.depths) + 1):
        plain = Wiring.parse("none", layers)
        for name, wiring in (("no residuals", plain), ("all residuals", all_residual(layers))):
            changed = replace(config, wiring=str(wiring), depths=config.depths[:layers])
            model = build_model(changed, shape)
            norms = [layer.norm or 0.0 for layer in gradient_flow(model, images, labels).layers]
            rows.append(
                NormsByDepth(f"{config.ansatz}, pixels to {scale}", name, layers, tuple(norms))
            )
    return Measured(norms=tuple(rows))
