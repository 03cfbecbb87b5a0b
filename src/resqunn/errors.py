"""The mistakes that a user can make, one class a kind.

Every error that the library raises on purpose is a `ResqunnError` whose message
says what is wrong and what would be right. The command prints that message
alone and exits with 2.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ResqunnError(Exception):
    """Base of every error that resqunn raises on purpose."""


class UnknownNameError(ResqunnError, ValueError):
    """A name that no table holds; the message lists what exists."""

    def __init__(self, kind: str, name: object, known: Iterable[str]) -> None:
        known = list(known)
        close = difflib.get_close_matches(str(name).lower(), known, n=1, cutoff=0.5)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        super().__init__(f"unknown {kind} {name!r}{hint} (there are: {', '.join(known)})")


class ConfigurationError(ResqunnError, ValueError):
    """Options that do not go together, or a value outside its range."""


class CircuitError(ResqunnError, ValueError):
    """A circuit that cannot be built, drawn or written down as asked."""


class ShapeError(ResqunnError, ValueError):
    """A tensor whose shape does not fit."""


class DtypeError(ResqunnError, TypeError):
    """A tensor of a number type that does not fit."""


class DeviceError(ResqunnError, RuntimeError):
    """Tensors that do not lie on one device."""


class WiringError(ResqunnError, ValueError):
    """A residual wiring that cannot be read; the message points at the character."""


class DataError(ResqunnError):
    """A data set that is missing, damaged, altered, or does not hold what is asked."""


class RunError(ResqunnError):
    """A run folder that cannot be used as asked."""


class CheckpointError(ResqunnError):
    """A checkpoint that is missing, damaged, or of another format."""


class DivergedError(ResqunnError):
    """Training whose loss became NaN or infinite."""


class StudyError(ResqunnError):
    """Studies that cannot be run as asked, or a results folder that does not fit them."""


class ReportError(ResqunnError):
    """A report that cannot be written: its results are missing, damaged, or of another format."""


class CommandLineError(ResqunnError, ValueError):
    """A command line that cannot be read."""


class MissingExtraError(ResqunnError, ImportError):
    """A feature whose optional dependency is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs the extra [{extra}]: pip install 'resqunn[{extra}]'")
