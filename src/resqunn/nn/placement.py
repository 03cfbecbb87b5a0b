"""Where a module's weights lie, and of which number type they are."""

from __future__ import annotations

from typing import Any

import torch

from resqunn.errors import ConfigurationError, DtypeError

DTYPES = (torch.float32, torch.float64)
"""What circuits are computed in."""


def factory(device: torch.device | str | None, dtype: torch.dtype | None) -> dict[str, Any]:
    """The two as arguments of torch's factories.

    Raises:
        DtypeError: for other than float32 and float64.
        ConfigurationError: for a device that torch does not have here.
    """
    if dtype is not None and dtype not in DTYPES:
        raise DtypeError(f"circuits are computed in float32 or float64, not {dtype}")
    return {"device": None if device is None else available(device), "dtype": dtype}


def available(device: torch.device | str) -> torch.device:
    """A device that torch has here.

    Raises:
        ConfigurationError: for any other.
    """
    try:
        found = torch.device(device)
    except RuntimeError:
        raise ConfigurationError(
            f"device must be a torch device such as cpu or cuda, not {str(device)!r}"
        ) from None
    try:
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError, ImportError):
        raise ConfigurationError(
            f"device is {found}, but torch has none here: use cpu, or what "
            "torch.accelerator.current_accelerator() names"
        ) from None
    return found
