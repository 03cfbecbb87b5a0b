"""Trainable, multi-layer, residual quanvolutional neural networks on PyTorch."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resqunn.analysis.gradient_flow import GradientFlow, gradient_flow
    from resqunn.circuits.circuit import Circuit
    from resqunn.data.datasets import load_dataset
    from resqunn.engines.pennylane import PennyLaneEngine
    from resqunn.errors import ResqunnError
    from resqunn.nn.heads import LinearHead, QuantumHead
    from resqunn.nn.network import ResQuNN
    from resqunn.nn.presets import paper_model
    from resqunn.nn.quanv import Quanv2d
    from resqunn.nn.wiring import Wiring

__version__ = "0.1.0"

_PLACES = {
    "Circuit": "circuits.circuit",
    "GradientFlow": "analysis.gradient_flow",
    "LinearHead": "nn.heads",
    "PennyLaneEngine": "engines.pennylane",
    "QuantumHead": "nn.heads",
    "Quanv2d": "nn.quanv",
    "ResQuNN": "nn.network",
    "ResqunnError": "errors",
    "Wiring": "nn.wiring",
    "gradient_flow": "analysis.gradient_flow",
    "load_dataset": "data.datasets",
    "paper_model": "nn.presets",
}

__all__ = [
    "Circuit",
    "GradientFlow",
    "LinearHead",
    "PennyLaneEngine",
    "QuantumHead",
    "Quanv2d",
    "ResQuNN",
    "ResqunnError",
    "Wiring",
    "gradient_flow",
    "load_dataset",
    "paper_model",
]


def __getattr__(name: str) -> Any:
    # Loaded on first use, so that `resqunn --help` need not import torch.
    if name not in _PLACES:
        raise AttributeError(f"module 'resqunn' has no attribute {name!r}")
    return getattr(importlib.import_module(f"resqunn.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
