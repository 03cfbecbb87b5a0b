"""Optimisers, rates, and one step for many networks, whose states stay their own."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from resqunn.lab.training.config import TrainConfig
from resqunn.nn.noise import circuit_weights
from resqunn.nn.side_by_side import Joined

BASE = "initial_lr"
"""A group's rate before any schedule; torch's schedulers call it so too."""

STATES: dict[str, dict[str, float | None]] = {
    "adam": {"exp_avg": None, "exp_avg_sq": 0.0},
    "sgd": {"momentum_buffer": None},
}
"""What optimisers keep of each weight, and what none of its numbers may be below."""


def make_optimizer(config: TrainConfig, model: nn.Module) -> torch.optim.Optimizer:
    """The optimiser of a configuration for the weights that are trained.

    Circuits' weights are a group of their own if they have a rate of their own.
    """
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    groups: list[dict[str, Any]] = [{"params": trained, "lr": config.learning_rate}]
    if config.quantum_learning_rate is not None:
        circuits = set(circuit_weights(model))
        groups = [
            {"params": [w for w in trained if w in circuits], "lr": config.quantum_learning_rate},
            {"params": [w for w in trained if w not in circuits], "lr": config.learning_rate},
        ]
        groups = [group for group in groups if group["params"]]
    options: dict[str, Any] = {"weight_decay": config.weight_decay, "fused": True}
    if config.schedule != "constant":
        for group in groups:
            group[BASE] = group["lr"]
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, momentum=config.momentum, **options)
    kind = torch.optim.AdamW if config.optimizer == "adamw" else torch.optim.Adam
    return kind(groups, **options)


def rate_factor(config: TrainConfig, epoch: int) -> float:
    r"""What both rates are multiplied by in an epoch $e = 1, ..., E$.

    With `cosine` $(1 + \cos(\pi (e - 1) / E)) / 2$ (arXiv 1608.03983, Eq. 5, without restarts),
    with `step` $f^{\lfloor (e - 1) / s \rfloor}$.
    """
    done = epoch - 1
    if config.schedule == "cosine":
        return (1 + math.cos(math.pi * done / config.epochs)) / 2
    if config.schedule == "step":
        assert config.step_epochs is not None
        return config.step_factor ** (done // config.step_epochs)
    return 1.0


def set_rates(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Multiplies the rates that an optimiser began with by a factor."""
    for group in optimizer.param_groups:
        group["lr"] = group[BASE] * factor


def progress(optimizer: torch.optim.Optimizer) -> Hashable:
    """What optimisers must have in common to do their steps as one: options, and the number of
    steps of each weight so far, where it is counted."""
    steps = [
        float(optimizer.state[weight].get("step", 0.0)) if weight in optimizer.state else 0.0
        for group in optimizer.param_groups
        for weight in group["params"]
    ]
    return type(optimizer), tuple(map(_options, optimizer.param_groups)), tuple(steps)


def _options(group: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    """Of a group of weights, but for how its steps are computed."""
    return tuple((name, group[name]) for name in sorted(group.keys() - _OURS))


_OURS = {"params", "fused", "foreach"}


class JointOptimizer:
    """The optimiser of many networks, in one call.

    Each weight takes the steps that its own optimiser would take, from the state that it has
    there; `hand_back` gives it its state back.

    Args:
        optimizers: one for each network, all of one class.
        joined: weights that lie in one piece of memory, of networks whose `progress` is the same.
        epochs: the last one of each network: rates of those at one epoch change together.
    """

    def __init__(
        self,
        optimizers: Sequence[torch.optim.Optimizer],
        joined: Sequence[Joined],
        epochs: Sequence[int],
    ) -> None:
        self._own = {
            weight: optimizer
            for optimizer in optimizers
            for group in optimizer.param_groups
            for weight in group["params"]
        }
        self._joined = [each for each in joined if each.parts[0] in self._own]
        within: dict[Tensor, Tensor] = {
            part: each.flat for each in self._joined for part in each.parts
        }
        alike: dict[Hashable, dict[Tensor, None]] = {}
        self._first: list[dict[str, Any]] = []
        for optimizer, epoch in zip(optimizers, epochs, strict=True):
            for group in optimizer.param_groups:
                kind = _options(group), epoch
                if kind not in alike:
                    alike[kind] = {}
                    self._first.append(group)
                for weight in group["params"]:
                    held = within.get(weight)
                    alike[kind][weight if held is None else held] = None
        groups = [
            {"params": list(each), **dict(_options(first))}
            for first, each in zip(self._first, alike.values(), strict=True)
        ]
        options: dict[str, Any] = {"fused": True}
        self._joint = type(optimizers[0])(groups, **options)
        self.step = self._joint.step
        self._alone = [weight for weight in self._own if weight not in within]
        self._take_over()

    def follow(self) -> None:
        """Takes the rates that the networks' optimisers have."""
        for group, first in zip(self._joint.param_groups, self._first, strict=True):
            group["lr"] = first["lr"]

    def _take_over(self) -> None:
        state = self._joint.state
        for weight in self._alone:
            if weight in self._own[weight].state:
                state[weight] = self._own[weight].state[weight]
        for each in self._joined:
            owned = [self._own[part].state.get(part) for part in each.parts]
            if not owned[0]:
                continue
            taken: dict[str, Any] = {}
            for name, value in owned[0].items():
                if name == "step":
                    taken[name] = value.clone()
                    continue
                taken[name] = torch.zeros_like(each.flat)
                for row, its in zip(each.rows(taken[name]), owned, strict=True):
                    assert its is not None
                    row.copy_(its[name])
            state[each.flat] = taken

    def hand_back(self) -> None:
        """Gives the networks' optimisers their states, to be read or saved."""
        state = self._joint.state
        for weight in self._alone:
            if weight in state:
                self._own[weight].state[weight] = state[weight]
        for each in self._joined:
            found = state.get(each.flat)
            if not found:
                continue
            rows = {n: each.rows(value) for n, value in found.items() if n != "step"}
            for number, part in enumerate(each.parts):
                counted = {"step": found["step"].clone()} if "step" in found else {}
                own = {name: value[number] for name, value in rows.items()}
                self._own[part].state[part] = counted | own
