"""Options of networks as an inquiry names them: which may be set, and their values in words."""

from __future__ import annotations

import dataclasses
from difflib import get_close_matches
from typing import Any

from resqunn.errors import ConfigurationError, unknown_name
from resqunn.lab.training.config import PRESETS, TrainConfig

SETTLED = {
    "seed": "seeds, and unit, say it",
    "preset": "it goes into [network]",
    "metric": "the key metric says it",
    "data_root": "the key data_root says it",
    "threads": "a run has one thread",
    "test": "the key split says it",
}
"""Options that are said elsewhere, and where."""

UNVARIED = {
    "control": "each control is a network of its own",
    "trainable": "networks that are trained and that are not have names of their own",
}
"""Options that make another network, and what to do."""

_FIELDS = {each.name: each for each in dataclasses.fields(TrainConfig)}


def require_option(name: str, where: str = "", *, of_network: bool = False) -> None:
    """
    Args:
        where: the name stands, for the message; "" where the caller says it.
        of_network: whether it is an option of a network, which may have a preset.

    Raises:
        ConfigurationError: for what is no option, or is said elsewhere.
    """
    before = f"{where}: " if where else ""
    if name in SETTLED and not (name == "preset" and of_network):
        raise ConfigurationError(f"{before}{name} cannot be set here: {SETTLED[name]}")
    if name not in _FIELDS:
        known = [key for key in _FIELDS if key not in SETTLED]
        close = get_close_matches(name.lower(), known, n=1, cutoff=0.6)
        if close:  # there are too many to list beside it
            raise ConfigurationError(f"{before}unknown option {name!r}; did you mean {close[0]!r}?")
        raise ConfigurationError(f"{before}{unknown_name('option', name, known)}")


def plain(name: str, value: Any) -> Any:
    """A value as a configuration has it: "none" is None where that is the default."""
    known = _FIELDS.get(name)
    if value == "none" and known is not None and known.default is None:
        return None
    return tuple(value) if isinstance(value, list) else value


def preset(options: dict[str, Any]) -> TrainConfig:
    """The configuration that options start from; takes its name out of them."""
    name = options.pop("preset", "resqunn")
    if name not in PRESETS:
        raise unknown_name("preset", name, PRESETS)
    return PRESETS[name]


def worded(value: Any) -> str:
    """A value in the name of a variant."""
    if isinstance(value, tuple | list):
        return " ".join(map(worded, value))
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)
