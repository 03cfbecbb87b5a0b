"""The laboratory: training runs, studies and their reports (extra `[lab]`)."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from resqunn.errors import require_laboratory

if TYPE_CHECKING:
    from resqunn.lab.training.config import TrainConfig
    from resqunn.lab.training.run import evaluate_run, load_model, open_run, resume, train

require_laboratory("resqunn.lab")

_PLACES = {
    "TrainConfig": "training.config",
    "evaluate_run": "training.run",
    "load_model": "training.run",
    "open_run": "training.run",
    "resume": "training.run",
    "train": "training.run",
}

__all__ = ["TrainConfig", "evaluate_run", "load_model", "open_run", "resume", "train"]


def __getattr__(name: str) -> Any:
    # Loaded on first use, so that the command need not import torch to show its help.
    if name not in _PLACES:
        raise AttributeError(f"module 'resqunn.lab' has no attribute {name!r}")
    return getattr(importlib.import_module(f"resqunn.lab.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
