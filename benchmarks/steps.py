"""One call of a module as it is timed: values alone, or with gradients."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


def values_alone(module: nn.Module, images: Tensor) -> Callable[[], None]:
    """The values, where no gradient will be asked for."""

    def step() -> None:
        with torch.no_grad():
            module(images)

    return step


def with_gradients(module: nn.Module, images: Tensor, by_images: bool = True) -> Callable[[], None]:
    """The values and the gradients by weights and, unless it is not wanted, by images."""
    images = images.clone().requires_grad_(by_images)
    cotangent = torch.rand_like(module(images))

    def step() -> None:
        images.grad = None
        module.zero_grad(set_to_none=True)
        module(images).backward(cotangent)

    return step
