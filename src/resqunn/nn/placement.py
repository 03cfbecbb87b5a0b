"""Where a module's weights lie, of which number type they are, and what fits them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from resqunn.checks import shown
from resqunn.engines.base import DTYPES
from resqunn.engines.guard import autocasting
from resqunn.errors import ConfigurationError, ShapeError


def factory(device: torch.device | str | None, dtype: torch.dtype | None) -> dict[str, Any]:
    """The two as arguments of torch's factories.

    Raises:
        ShapeError: for other than float32 and float64.
        ConfigurationError: for a device that torch does not have here.
    """
    if dtype is not None:
        require_computable(dtype)
    return {"device": None if device is None else available(device), "dtype": dtype}


def require_computable(dtype: torch.dtype) -> None:
    """
    Raises:
        ShapeError: for a number type that circuits are not computed in.
    """
    if dtype not in DTYPES:
        raise ShapeError(f"circuits are computed in float32 or float64, not {dtype}")


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


def fitting(values: Tensor, weight: Tensor, what: str) -> Tensor:
    """Values as a module with these weights reads them.

    They are as they were given, but for what `torch.autocast` has rounded before, which gets
    the weights' number type again.

    Args:
        what: the values' name in messages, such as "images".

    Raises:
        ShapeError: for values that are no tensor, or of another number type.
        ShapeError: for values on another device.
    """
    if not isinstance(values, Tensor):
        raise ShapeError(f"{what} are a torch.Tensor, not {shown(values)}")
    if values.device != weight.device:
        raise ShapeError(
            f"{what} lie on {values.device} and weights on {weight.device}: move one of them, for "
            f"instance with {what}.to(weight.device)"
        )
    if values.dtype == weight.dtype:
        return values
    if values.dtype in (torch.float16, torch.bfloat16) and autocasting(values.device):
        return values.to(weight.dtype)
    if not values.is_floating_point():
        raise ShapeError(
            f"{what} are {values.dtype}, but weights {weight.dtype}: convert them, for 8-bit "
            f"images with images.float() / 255"
        )
    raise ShapeError(
        f"{what} are {values.dtype} and weights {weight.dtype}: convert one of them, for "
        f"instance with {what}.to(weight.dtype)"
    )
