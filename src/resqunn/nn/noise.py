"""`with_noise`: trained networks under noise and shots, for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from resqunn.checks import checked, shown
from resqunn.circuits.noise import Noise
from resqunn.errors import ConfigurationError
from resqunn.nn.circuit_module import CircuitModule


def circuits_of(model: nn.Module) -> list[CircuitModule]:
    """The quanvolutional layers and quantum heads of a network, itself perhaps."""
    return [module for module in model.modules() if isinstance(module, CircuitModule)]


def circuit_weights(model: nn.Module) -> list[nn.Parameter]:
    """The weights of a network's circuits, without the biases of layers."""
    weights = [getattr(part, "weight", None) for part in circuits_of(model)]
    return [weight for weight in weights if isinstance(weight, nn.Parameter)]


@contextmanager
@checked
def with_noise(
    model: nn.Module,
    noise: Noise | str | None = None,
    shots: int | None = None,
    generator: torch.Generator | None = None,
) -> Iterator[nn.Module]:
    """Within it, a network's circuits have this noise and are measured so many times.

    Args:
        model: a layer, a head, or a network that has some; its weights stay as they are.
        noise: of all its circuits, in place of what they have; `Noise()` for none; None leaves
            it as it is.
        shots: measurements of each expectation value; None leaves it as it is.
        generator: draws the samples; None leaves it as it is, by default torch's own.

    Yields:
        The model.

    Raises:
        ConfigurationError: for shots below 1, or a model without circuits.
        CircuitError: for noise that a layer's engine cannot simulate on its circuit.

    >>> import torch
    >>> from resqunn import Noise, Quanv2d
    >>> layer = Quanv2d(1, 4, 2, 2)
    >>> with with_noise(layer, Noise(depolarizing=0.05)):
    ...     values = layer(torch.rand(1, 1, 4, 4))
    >>> layer.noise is None
    True
    """
    parts = circuits_of(model)
    if not parts:
        raise ConfigurationError(
            f"model must have quanvolutional layers or a quantum head, got {shown(model)}"
        )
    if shots is not None and shots < 1:
        raise ConfigurationError(f"shots must be 1 or more, or None, got {shots}")
    before = [(part.noise, part.shots, part.shot_generator) for part in parts]
    try:
        for part in parts:
            if noise is not None:
                part.noise = noise
            if shots is not None:
                part.shots = shots
            if generator is not None:
                part.shot_generator = generator
        yield model
    finally:
        for part, options in zip(parts, before, strict=True):
            part.noise, part.shots, part.shot_generator = options
