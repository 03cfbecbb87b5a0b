"""What a run is made with, as far as its last digits may depend on it. No torch here."""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping
from importlib import metadata
from typing import Any

from resqunn import __version__
from resqunn.lab.training.harmless import brief

RECORDED = ("torch", "numpy", "numba", "scikit-learn", "safetensors", "pennylane")
DECISIVE = ("resqunn", "torch", "numpy", "numba")
"""Whose other versions may give other digits."""


def versions() -> dict[str, str]:
    """Of Python, of this library, and of the packages that results may depend on."""
    found = {"python": platform.python_version(), "resqunn": __version__}
    for name in RECORDED:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def circumstances(threads: int) -> dict[str, Any]:
    """Of a stretch of a run that begins now."""
    return {
        "versions": versions(),
        "platform": platform.platform(),
        "processor": platform.machine(),
        "threads": threads,
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What decides the last digits and is not as it was: "torch 2.13 in place of 2.12".

    Args:
        before, now: each a manifest or a stretch; what `before` does not tell is passed over.
    """
    then = before.get("versions")
    then = then if isinstance(then, Mapping) else {}
    pairs = [(f"{name} ", then.get(name), now["versions"].get(name)) for name in DECISIVE]
    pairs.append(("threads = ", before.get("threads"), now["threads"]))
    return " and ".join(
        f"{name}{new} in place of {brief(old)}"
        for name, old, new in pairs
        if old not in (None, new)
    )
