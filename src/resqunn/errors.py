"""The mistakes that a user can make: what a caller would catch apart, and no more.

Every error that resqunn raises on purpose is a `ResqunnError` whose message says what is
wrong and what would be right. The command prints that message alone and exits with 2.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from importlib.util import find_spec


class ResqunnError(Exception):
    """Base of every error that resqunn raises on purpose."""


class ConfigurationError(ResqunnError, ValueError):
    """Options that do not go together, a value outside its range, or an unknown name."""


class WrongTypeError(ConfigurationError, TypeError):
    """An argument of a Python type that its annotation does not allow."""


class CircuitError(ResqunnError, ValueError):
    """A circuit that cannot be built, evaluated, drawn or written down as asked."""


class ShapeError(ResqunnError, ValueError):
    """A tensor whose shape, number type or device does not fit."""


class FreedMemoryError(ShapeError, RuntimeError):
    """A tensor whose memory has been freed, which torch's own modules call a RuntimeError."""


class DataError(ResqunnError):
    """A data set that is missing, damaged, altered, or does not hold what is asked."""


class RunError(ResqunnError):
    """Runs, checkpoints, studies and reports: a folder or disk that cannot be used as asked."""


class MissingExtraError(ResqunnError, ImportError):
    """A feature whose optional dependency is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(
            f"{feature} needs the extra [{extra}]: pip install 'resqunn[{extra}]', or in a clone "
            f"pip install -c constraints.txt '.[{extra}]'"
        )


LABORATORY = (
    "tyro",
    "rich",
    "sklearn",
    "scipy",
    "pooch",
    "requests",
    "safetensors",
    "PIL",
    "msgspec",
    "matplotlib",
    "jinja2",
)
"""The packages of the extra [lab], as they are imported."""


def require_laboratory(feature: str) -> None:
    """
    Raises:
        MissingExtraError: if a package of the extra [lab] is not installed.
    """
    for package in LABORATORY:
        try:
            found = find_spec(package)
        except (ImportError, ValueError):
            found = None
        if found is None:
            raise MissingExtraError(feature, "lab")


def unknown_name(kind: str, name: object, known: Iterable[str]) -> ConfigurationError:
    """The error for a name that no table holds; the message lists what exists.

    >>> unknown_name("engine", "fusd", ["auto", "fused"])
    ConfigurationError("unknown engine 'fusd'; did you mean 'fused'? (there are: auto, fused)")
    """
    known = list(known)
    close = difflib.get_close_matches(str(name).lower(), known, n=1, cutoff=0.5)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return ConfigurationError(f"unknown {kind} {name!r}{hint} (there are: {', '.join(known)})")
