"""Networks that a test's run names by their address."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from resqunn import LinearHead, Quanv2d, ResQuNN
from resqunn.lab.training.config import TrainConfig
from resqunn.lab.training.inputs import Shape

CALLS: list[Shape] = []


class Tied(nn.Module):
    """A circuit, dropout, batch normalization, and two names of one weight."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.quanv = Quanv2d(shape.image[0], 4, 2, 2)
        self.norm = nn.BatchNorm2d(4)
        self.head = nn.LazyLinear(shape.classes)
        self.scale = nn.Parameter(torch.rand(1))
        self.same = self.scale

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        maps = self.norm(self.quanv(images)).relu()
        return self.head(nn.functional.dropout(maps, 0.3, self.training).flatten(1)) * self.same


def tied(config: TrainConfig, shape: Shape) -> nn.Module:
    CALLS.append(shape)
    return Tied(shape)


def residual(config: TrainConfig, shape: Shape) -> nn.Module:
    """A `ResQuNN` of three layers, two of them classical."""
    channels = shape.image[0]
    layers = [
        Quanv2d(channels, channels, 2, 2, readout="mean_z"),
        nn.Conv2d(channels, 2, 3, padding=1),
        nn.Conv2d(2, 2, 3, padding=1),
    ]
    return ResQuNN(layers, "O1+O2", LinearHead(shape.classes, softmax=config.softmax))


def none(config: TrainConfig, shape: Shape) -> Any:
    return "a network"


def failing(config: TrainConfig, shape: Shape) -> Any:
    raise KeyError("no such\nthing")


def flat(config: TrainConfig, shape: Shape) -> nn.Module:
    return nn.Flatten()


def unfitting(config: TrainConfig, shape: Shape) -> nn.Module:
    return nn.Conv2d(shape.image[0] + 1, 2, 2)


def untrained(config: TrainConfig, shape: Shape) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, shape.classes)).requires_grad_(False)


number = 3
