"""Data sets: where they come from, how they are checked, and how they are split."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resqunn.data.datasets import Dataset, load_dataset
    from resqunn.data.images import Images
    from resqunn.data.labelled import LabelledImages
    from resqunn.data.split import Split

_PLACES = {
    "Dataset": "datasets",
    "Images": "images",
    "LabelledImages": "labelled",
    "Split": "split",
    "load_dataset": "datasets",
}

__all__ = ["Dataset", "Images", "LabelledImages", "Split", "load_dataset"]


def __getattr__(name: str) -> Any:
    # Loaded on first use, so that the table of data sets can be read without torch.
    if name not in _PLACES:
        raise AttributeError(f"module 'resqunn.data' has no attribute {name!r}")
    return getattr(importlib.import_module(f"resqunn.data.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
