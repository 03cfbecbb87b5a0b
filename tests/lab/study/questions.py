"""A small question for tests: its keys, its file, and images of three classes to ask it of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from support import own_images

NETWORK = {"wiring": "none", "depths": [1], "epochs": 1, "per_class": 12, "classes": 2}

KEYS: dict[str, Any] = {
    "title": "Does training help?",
    "data": "digits",
    "split": "validation",
    "epoch": "last",
    "seeds": 2,
    "network": NETWORK,
    "networks": {"trained": {}, "frozen": {"control": "frozen"}},
    "question": [
        {"claim": "Training helps.", "kind": "better", "this": "trained", "than": "frozen"}
    ],
}
"""Of a file that is right and quick."""


def inline(value: Any) -> str:
    """A value of TOML on one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{inline(k)} = {inline(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return f"[{', '.join(map(inline, value))}]"
    return json.dumps(value)


def write(path: Path, **changes: Any) -> Path:
    """The file with these keys in place of its own; None leaves one out."""
    keys = {k: v for k, v in (KEYS | changes).items() if v is not None}
    path.write_text("".join(f"{k} = {inline(v)}\n" for k, v in keys.items()))
    return path


def images(folder: Path, name: str = "images.npz") -> Path:
    """Three classes of 8x8 images in three splits."""
    parts = own_images({"train": 8, "val": 6, "test": 6})
    arrays = {}
    for split, (pixels, labels) in parts.items():
        arrays |= {f"{split}_images": pixels, f"{split}_labels": labels}
    np.savez(folder / name, **arrays)
    return folder / name
