"""Writes the table of docs/gradients.md: what each engine answers, but for GPUs.

python docs/gradients.py
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from pages import filled, table
from torch import Tensor

from resqunn import Quanv2d, ResqunnError
from resqunn.engines.compiled.engine import CompiledEngine
from resqunn.engines.pennylane import PennyLaneEngine
from resqunn.engines.registry import ENGINES, engine

PAGE = Path(__file__).with_suffix(".md")
HEADS = ("engine", "exact derivatives", "`shots`", "second derivatives", "`noise`", "GPU")
NAMES = (
    *(name for name in ENGINES if name != "pennylane"),
    *(f"pennylane:{device}" for device in ("default.qubit", "default.mixed", "lightning.qubit")),
)
ELSEWHERE = "by reference"
"""Said of an engine by its class: neither this nor the column of GPUs is asked."""


def layer(name: str, **options: Any) -> Quanv2d:
    """A small one, of a circuit that every engine evaluates where it has no noise."""
    chosen = {"ansatz": "rx_chain", "depth": 1, "dtype": torch.float64, "engine": name} | options
    return Quanv2d(1, 4, 2, 2, generator=torch.Generator().manual_seed(0), **chosen)


def first(of: Quanv2d) -> Tensor:
    """Derivatives of a function of its values, by image and weights."""
    return torch.cat([each.flatten() for each in torch.autograd.grad(*_asked(of))])


def second(of: Quanv2d) -> Tensor:
    """Derivatives of the sum of the squares of those."""
    values, by = _asked(of)
    found = torch.autograd.grad(values, by, create_graph=True)
    squares = sum(each.square().sum() for each in found)
    return torch.cat([each.flatten() for each in torch.autograd.grad(squares, by)])


def _asked(of: Quanv2d) -> tuple[Tensor, list[Tensor]]:
    image = torch.linspace(0, 1, 4, dtype=torch.float64).reshape(1, 1, 2, 2).requires_grad_()
    return of(image).sin().sum(), [image, of.weight]


def does(asked: Callable[[], object]) -> bool:
    """Whether it is done, and not refused."""
    try:
        asked()
    except ResqunnError:
        return False
    return True


def close(derivatives: Callable[[Quanv2d], Tensor], name: str, by: str, **options: Any) -> bool:
    """Whether the derivatives of an engine are those of another, to rounding."""
    both = (derivatives(layer(each, **options)) for each in (name, by))
    return torch.allclose(*both, rtol=1e-9, atol=1e-9)


def row(name: str) -> tuple[str, ...]:
    """What an engine does."""
    kind = engine(name)
    compiled, other = isinstance(kind, CompiledEngine), isinstance(kind, PennyLaneEngine)
    through = ELSEWHERE if compiled or name == "auto" else "yes"

    def noisy(**options: Any) -> bool:
        options["noise"] = "amplitude_damping=0.1"
        return does(lambda: layer(name, **options)) and does(
            lambda: close(first, name, "density", **options) or _wrong(name)
        )

    joint, independent = (
        does(lambda how=how: first(layer(name, shots=20, shot_sampling=how)))
        for how in ("joint", "independent")
    )
    noise = "yes" if noisy(depth=2, reupload=True) else "inputs read once" if noisy() else "no"
    gpu = "no" if compiled else "not tested" if other else through
    return (
        f"`{name}`",
        "yes" if close(first, name, "statevector") else _wrong(name),
        "yes" if joint else "independent" if independent else "no",
        "refused" if not does(lambda: second(layer(name))) else _second(name, through),
        noise,
        gpu,
    )


def _second(name: str, through: str) -> str:
    return through if close(second, name, "statevector") else _wrong(name)


def _wrong(name: str) -> str:
    raise AssertionError(f"{name} gives other derivatives")


def page() -> str:
    """The page with the table filled."""
    rows = [row(name) for name in NAMES]
    return filled(PAGE.read_text("utf-8"), {"engines": lambda _: table(HEADS, rows)}, None)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
