"""Networks of one's own: a module, or a factory's address that the caller names.

A factory is imported only when the caller names it, never because a file says so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from resqunn.errors import ConfigurationError, RunError
from resqunn.lab.training.addresses import imported
from resqunn.lab.training.config import GIVEN, TrainConfig
from resqunn.lab.training.harmless import brief, one_line
from resqunn.lab.training.inputs import Shape
from resqunn.nn.placement import available

Model = nn.Module | str | None
"""A module, a factory's address, or neither: the network of the configuration."""


def named(config: TrainConfig, model: Model) -> TrainConfig:
    """The configuration of a run whose network the caller gives, if the caller does.

    Raises:
        ConfigurationError: if it names another.
    """
    if model is None:
        return config
    name = model if isinstance(model, str) else GIVEN
    if config.model not in (None, name):
        raise ConfigurationError(
            f"model must be left out of the configuration where one is given, got {config.model!r}"
        )
    return replace(config, model=name)


def required(folder: Path, config: TrainConfig, model: Model) -> Model:
    """The network that a run's configuration asks the caller for.

    Raises:
        RunError: if it is not given, or another one is.
    """
    if config.model is None and model is not None:
        raise RunError(f"{folder} was trained on the network of its options: leave model out")
    if config.model == GIVEN and not isinstance(model, nn.Module):
        raise RunError(
            f"the network of {folder} was given in Python: give an untrained one again as model="
        )
    if config.model not in (None, GIVEN) and model != config.model:
        name = brief(config.model)
        raise RunError(
            f"the network of {folder} is made by {name}: if you trust that code, name it again, "
            f"with --model {name} or model={name!r}"
        )
    return model


@contextmanager
def seeded(*numbers: int) -> Iterator[None]:
    """Torch's global random numbers fixed by whole numbers, and as before afterwards."""
    mixed = hashlib.sha256(repr(numbers).encode()).digest()[:7]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int.from_bytes(mixed, "big"))
        yield


def own_model(config: TrainConfig, shape: Shape, model: nn.Module | str) -> nn.Module:
    """The caller's network, on the run's device and of its number type.

    Args:
        model: a module, which is changed; or an address "package.module:factory" of a function
            that takes the configuration and the `Shape` and returns a fresh one, called with
            torch's global random numbers seeded by `config.seed`.

    Raises:
        ConfigurationError: for an address that cannot be imported, or what is no such network.
        RunError: if the factory or the network fails.
    """
    called = model if isinstance(model, str) else type(model).__name__
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        found: Any = model
        if isinstance(model, str):
            factory = _factory(model)
            with _failing(called, "cannot make a network"):
                found = factory(config, shape)
        if not isinstance(found, nn.Module):
            raise ConfigurationError(
                f"model {called} must give a torch.nn.Module, got {type(found).__name__}"
            )
        found.to(available(config.device), getattr(torch, config.dtype))
        _require_fitting(config, shape, found, called)  # here lazy weights are drawn
    return found.train()


def _factory(address: str) -> Any:
    found = imported(address, "model")
    if not callable(found):
        raise ConfigurationError(f"model {address!r} must be a function, got {brief(repr(found))}")
    return found


@contextmanager
def _failing(name: str, what: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise RunError(
            f"model {name} {what} ({type(error).__name__}: {one_line(error):.300})"
        ) from error


def _require_fitting(config: TrainConfig, shape: Shape, model: nn.Module, name: str) -> None:
    """Asks the network for the scores of two images."""
    like = {"device": available(config.device), "dtype": getattr(torch, config.dtype)}
    images = torch.full((2, *shape.image), 0.5, **like)
    with _failing(name, f"fails on images (B, {', '.join(map(str, shape.image))})"):
        scores = model.eval()(images)
    if not isinstance(scores, Tensor) or tuple(scores.shape) != (2, shape.classes):
        got = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
        raise ConfigurationError(
            f"model {name} must give scores (B, {shape.classes}), one for each class, got {got} "
            "for two images"
        )
    if not scores.requires_grad or not any(p.requires_grad for p in model.parameters()):
        raise ConfigurationError(f"model {name} must have weights to train that scores depend on")
    for key, value in model.state_dict().items():
        if not isinstance(value, Tensor):
            raise ConfigurationError(
                f"model {name} must keep tensors alone in its state_dict, got "
                f"{type(value).__name__} for {key!r:.80}"
            )
