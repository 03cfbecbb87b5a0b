"""The device and number type of a module's weights, and the tensors that fit them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from resqunn.checks import shown
from resqunn.engines.base import DTYPES
from resqunn.engines.guard import autocasting
from resqunn.errors import ConfigurationError, ShapeError, WrongTypeError


def factory(device: torch.device | str | None, dtype: torch.dtype | None) -> dict[str, Any]:
    """The two as arguments of torch's factories.

    Raises:
        ShapeError: for other than float32 and float64.
        ConfigurationError: for a device that torch does not have here.
    """
    if dtype is not None:
        require_computable(dtype, "dtype")
    return {"device": None if device is None else available(device), "dtype": dtype}


def require_computable(dtype: torch.dtype, what: str) -> None:
    """
    Args:
        what: what has this number type, in the message.

    Raises:
        ShapeError: for a number type that circuits are not computed in.
    """
    if dtype not in DTYPES:
        raise ShapeError(f"{what} must be torch.float32 or torch.float64, got {dtype}")


def available(device: torch.device | str) -> torch.device:
    """A device that torch has here.

    Raises:
        ConfigurationError: for any other.
    """
    try:
        found = torch.device(device)
    except RuntimeError:
        raise ConfigurationError(
            f"device must be a torch device such as cpu or cuda, got {str(device)!r}"
        ) from None
    try:
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError, ImportError):
        raise ConfigurationError(
            f"device must be one that torch has here, got {found}: use cpu, or what "
            "torch.accelerator.current_accelerator() names"
        ) from None
    return found


def draw(parameter: Tensor, low: float, high: float, generator: torch.Generator | None) -> None:
    """Fills a parameter with draws from U[low, high).

    A generator of another device draws on its own, so that one seed gives the same weights
    wherever they lie.
    """
    with torch.no_grad():
        if generator is None or generator.device == parameter.device:
            parameter.uniform_(low, high, generator=generator)
            return
        drawn = torch.empty(parameter.shape, dtype=parameter.dtype, device=generator.device)
        parameter.copy_(drawn.uniform_(low, high, generator=generator))


def fitting(values: Tensor, weight: Tensor, what: str) -> Tensor:
    """Values as a module with these weights reads them.

    They are as they were given, but for what `torch.autocast` has rounded before, which gets
    the weights' number type again.

    Args:
        what: the values' name in messages, such as "images".

    Raises:
        WrongTypeError: for values that are no tensor.
        ShapeError: for values of another number type or on another device.
    """
    if not isinstance(values, Tensor):
        raise WrongTypeError(f"{what} must be a torch.Tensor, got {shown(values)}")
    if values.device != weight.device:
        raise ShapeError(
            f"{what} must be on {weight.device} as the weights are, got {values.device}: move one "
            f"of them, for instance with {what}.to(weight.device)"
        )
    if values.dtype == weight.dtype:
        return values
    if values.dtype in (torch.float16, torch.bfloat16) and autocasting(values.device):
        return values.to(weight.dtype)
    if not values.is_floating_point():
        raise ShapeError(
            f"{what} must be {weight.dtype} as the weights are, got {values.dtype}: convert them, "
            f"for 8-bit images with images.float() / 255"
        )
    raise ShapeError(
        f"{what} must be {weight.dtype} as the weights are, got {values.dtype}: convert one of "
        f"them, for instance with {what}.to(weight.dtype)"
    )


_CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}


def memory_format(x: Tensor) -> torch.memory_format:
    """`torch.channels_last` (or `_3d`) of images that are laid out so, else contiguous.

    Of images with one channel their strides tell, as for `nn.Conv2d`.
    """
    shape, strides = x.shape, x.stride()
    if x.ndim not in _CHANNELS_LAST or strides[1] != 1 or all(size == 1 for size in shape[2:]):
        return torch.contiguous_format
    if not torch.compiler.is_compiling() and torch._C._are_functorch_transforms_active():
        return torch.contiguous_format  # torch.vmap knows no other
    step = 1
    for axis in (1, *range(x.ndim - 1, 1, -1), 0):
        if shape[axis] != 1 and strides[axis] != step:
            return torch.contiguous_format
        step *= shape[axis]
    return _CHANNELS_LAST[x.ndim]
