"""One optimiser's step for many networks, whose states stay their own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import Any

import torch
from torch import Tensor

from resqunn.nn.side_by_side import Joined


def progress(optimizer: torch.optim.Adam) -> Hashable:
    """What optimisers must have in common to do their steps as one: options, and the number of
    steps of each weight so far."""
    steps = [
        float(optimizer.state[weight]["step"]) if weight in optimizer.state else 0.0
        for group in optimizer.param_groups
        for weight in group["params"]
    ]
    return tuple(map(_options, optimizer.param_groups)), tuple(steps)


def _options(group: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    """Of a group of weights, but for how its steps are computed."""
    return tuple((name, group[name]) for name in sorted(group.keys() - _OURS))


_OURS = {"params", "fused", "foreach"}


class JointAdam:
    """Adam of many networks, in one call.

    Each weight takes the steps that its own optimiser would take, from the state that it has
    there; `hand_back` gives it its state back.

    Args:
        optimizers: one for each network.
        joined: weights that lie in one piece of memory, of networks whose `progress` is the same.
    """

    def __init__(self, optimizers: Sequence[torch.optim.Adam], joined: Sequence[Joined]) -> None:
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
        alike: dict[tuple[tuple[str, Any], ...], dict[Tensor, None]] = defaultdict(dict)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                for weight in group["params"]:
                    held = within.get(weight)
                    alike[_options(group)][weight if held is None else held] = None
        groups = [{"params": list(each), **dict(options)} for options, each in alike.items()]
        self._adam = torch.optim.Adam(groups, fused=True)
        self.step = self._adam.step
        self._alone = [weight for weight in self._own if weight not in within]
        self._take_over()

    def _take_over(self) -> None:
        state = self._adam.state
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
        state = self._adam.state
        for weight in self._alone:
            if weight in state:
                self._own[weight].state[weight] = state[weight]
        for each in self._joined:
            found = state.get(each.flat)
            if not found:
                continue
            rows = {n: each.rows(value) for n, value in found.items() if n != "step"}
            for number, part in enumerate(each.parts):
                own = {name: value[number] for name, value in rows.items()}
                self._own[part].state[part] = {"step": found["step"].clone(), **own}
