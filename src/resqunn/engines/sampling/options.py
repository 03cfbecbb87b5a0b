"""`ShotOptions`: how many samples are drawn, how they go together, and what is differentiated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from resqunn.checks import settle_fields
from resqunn.errors import ConfigurationError, unknown_name

ShotGradient: TypeAlias = Literal["exact", "parameter-shift"]
ShotSampling: TypeAlias = Literal["joint", "independent"]


@dataclass(frozen=True)
class ShotOptions:
    """What layers and heads take as options of these names; `SamplingEngine` says what they do.

    Attributes:
        shots: how often each circuit is run in each basis; None for exact values.
        shot_gradient: whether derivatives are those of exact values or sampled too.
        shot_sampling: whether a shot reads all qubits, or each product has shots of its own.

    Raises:
        ConfigurationError: for fewer shots than 1, or a name that there is not.
    """

    shots: int | None = None
    shot_gradient: ShotGradient = "exact"
    shot_sampling: ShotSampling = "joint"

    def __post_init__(self) -> None:
        settle_fields(self)
        if self.shots is not None and self.shots < 1:
            raise ConfigurationError(
                f"shots must be 1 or more, or None for exact values, got {self.shots}"
            )
        for name, hint in (("shot_gradient", ShotGradient), ("shot_sampling", ShotSampling)):
            if getattr(self, name) not in get_args(hint):
                raise unknown_name(name, getattr(self, name), get_args(hint))
