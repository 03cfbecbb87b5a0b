"""Ranges of a configuration's numbers, and options that need each other. No torch here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from numbers import Number
from typing import Any

from resqunn.checks import shown
from resqunn.errors import ConfigurationError, WrongTypeError
from resqunn.lab.training.files import LARGEST

GIVEN = "given in Python"
"""The name of data that are in no file, and of networks that no factory makes."""

COUNTS = (
    "epochs",
    "batch_size",
    "threads",
    "kernel_size",
    "filters",
    "stride",
    "groups",
    "steps_per_epoch",
    "patience",
    "step_epochs",
    "train_images",
    "validation_images",
)
"""Options that are whole numbers of 1 or more, or None."""

RATES = ("learning_rate", "quantum_learning_rate", "clip_norm")
"""Options that are numbers above 0, or None."""

WRITTEN = ("encoding", "ansatz", "readout", "noise", "engine")
"""Options that a layer takes as objects too, and a run, which is a file, as strings."""

ADDRESS = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")
"""Of a function, "package.module:function"."""


def require_written(config: Any) -> None:
    """
    Raises:
        WrongTypeError: for the first object in the place of a name.
    """
    for name in WRITTEN:
        value = getattr(config, name)
        if isinstance(value, Number | Sequence | Mapping) and not isinstance(value, str):
            raise WrongTypeError(f"{name} must be a string, got {shown(value)}")
        if not isinstance(value, str | None):
            raise WrongTypeError(
                f"{name} must be a string in a run, got {shown(value)}: an object comes in by a "
                "function that makes the network, model='package.module:function'"
            )


def require_ranges(config: Any) -> None:
    """
    Raises:
        ConfigurationError: for the first number that is out of its range.
    """

    def require(name: str, holds: bool, what: str) -> None:
        if not holds:
            raise ConfigurationError(f"{name} must be {what}, got {getattr(config, name)!r}")

    for name in COUNTS:
        value = getattr(config, name)
        require(name, value is None or value >= 1, "1 or more")
        require(name, value is None or value < 2**31, "below 2**31")
    require("threads", config.threads <= 1024, "1 to 1024")
    if isinstance(config.classes, int):
        require("classes", 2 <= config.classes <= 10_000, "2 to 10,000")
    if isinstance(config.classes, tuple):
        require("classes", _different(config.classes), "a number, or two different ones or more")
    if config.size is not None:
        require("size", 1 <= config.size <= 4096, "1 to 4,096")
    require("seed", 0 <= config.seed < 2**63, "0 or more and below 2**63")
    split_seed = config.split_seed
    require("split_seed", split_seed is None or 0 <= split_seed < 2**63, "0 or more, below 2**63")
    weights = config.initial_weights or ()
    fits = config.initial_weights != () and all(abs(each) <= LARGEST for each in weights)
    require("initial_weights", fits, f"one number or more, of {LARGEST:g} at most")
    for name in RATES:
        value = getattr(config, name)
        fits = value is None or 0 < value <= LARGEST
        require(name, fits, f"above 0 and {LARGEST:g} at most")
    scale = abs(config.angle_scale)
    require("angle_scale", scale <= LARGEST, f"a number of {LARGEST:g} at most")
    require("shots", config.shots is None or config.shots >= 1, "1 or more, or None")
    depths = bool(config.depths) and min(config.depths) >= 0
    require("depths", depths, "one number a layer, each 0 or more")
    require("momentum", 0 <= config.momentum < 1, "0 or more and below 1")
    decay = 0 <= config.weight_decay <= LARGEST
    require("weight_decay", decay, f"0 or more and {LARGEST:g} at most")
    require("step_factor", 0 < config.step_factor <= 1, "above 0 and 1 at most")
    named = config.model in (None, GIVEN) or ADDRESS.fullmatch(config.model)
    require("model", bool(named), "a function's address, package.module:function, or None")
    require("label_smoothing", 0 <= config.label_smoothing < 1, "0 or more and below 1")


def _different(classes: Sequence[object]) -> bool:
    return 2 <= len(set(classes)) == len(classes) <= 10_000


def require_together(config: Any) -> None:
    """
    Raises:
        ConfigurationError: for options of which one has no effect without another.
    """
    if config.momentum and config.optimizer != "sgd":
        raise ConfigurationError(
            f"momentum must be 0 with optimizer {config.optimizer!r}, which has its own, got "
            f"{config.momentum}: choose optimizer 'sgd'"
        )
    if config.control is not None and config.model is not None:
        raise ConfigurationError(
            f"model must be left out with control {config.control!r}, which is a network already"
        )
    if (config.train_images is None) != (config.validation_images is None):
        raise ConfigurationError(
            "train_images and validation_images must be given together, got "
            f"{config.train_images} and {config.validation_images}"
        )
    if not config.antialias and config.size is None:
        raise ConfigurationError("size must be given with antialias False: nothing is resized")
    if config.schedule == "step" and config.step_epochs is None:
        raise ConfigurationError("step_epochs must be given with schedule 'step'")
    if config.schedule != "step" and (config.step_epochs is not None or config.step_factor != 0.1):
        raise ConfigurationError(
            f"step_epochs and step_factor must be left out with schedule {config.schedule!r}: "
            "choose schedule 'step'"
        )
    if config.channel_mode == "sum" and config.groups is None:
        raise ConfigurationError(
            "groups must be given with channel_mode 'sum', as groups=1: by default circuits read "
            "one channel each, and there is nothing to sum"
        )
