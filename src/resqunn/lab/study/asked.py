"""What is asked in an inquiry: a claim that is judged by networks' metric."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_type_hints

from resqunn.checks import settle_fields, shown
from resqunn.errors import ConfigurationError, unknown_name
from resqunn.lab.training.config import TrainConfig

METRICS = tuple(name for name in get_args(get_type_hints(TrainConfig)["metric"]) if name != "loss")

CHANCE = ("accuracy", "balanced_accuracy", "auroc", "matthews")
"""Metrics of which it is known what guessing gives."""

KINDS = ("better", "better_by", "equal", "at_most")


@dataclass(frozen=True)
class Question:
    """What is asked: a claim that is judged by networks' metric.

    Attributes:
        claim: in words.
        kind: "better" than another network; "better_by" about a figure; "equal" within a margin;
            "at_most" a margin above guessing.
        this: a network.
        than: a network, or several that must all be beaten; none for "at_most".
        figure: of "better_by", a fraction.
        margin: of "equal" and "at_most".
        delta, metric: in place of those of the inquiry.

    Raises:
        ConfigurationError: for what does not go together.
    """

    claim: str
    kind: Literal["better", "better_by", "equal", "at_most"]
    this: str
    than: tuple[str, ...] = ()
    figure: float | None = None
    margin: float | None = None
    delta: float | None = None
    metric: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.than, str):
            object.__setattr__(self, "than", (self.than,))
        settle_fields(self)
        if not self.claim.strip():
            raise ConfigurationError(f"claim must say what is asked, got {self.claim!r}")
        if self.kind not in KINDS:
            raise unknown_name("kind", self.kind, KINDS)
        if bool(self.than) == (self.kind == "at_most"):
            right = "left out" if self.than else "a network"
            raise ConfigurationError(f"than must be {right} for the kind {self.kind!r}")
        if (self.figure is not None) != (self.kind == "better_by"):
            right = "left out" if self.figure is not None else "a fraction above 0"
            raise ConfigurationError(f"figure must be {right} for the kind {self.kind!r}")
        if self.figure is not None and not 0 < self.figure < math.inf:
            raise ConfigurationError(f"figure must be a fraction above 0, got {self.figure}")


def question_of(given: Any) -> Question:
    """A question, or what the keys of its table say.

    Raises:
        ConfigurationError: for keys that it does not have, or lacks.
    """
    if isinstance(given, Question):
        return given
    if not isinstance(given, Mapping):
        raise ConfigurationError(f"question must hold tables, got {shown(given)}")
    known = [each.name for each in dataclasses.fields(Question)]
    for name in given:
        if name not in known:
            raise unknown_name("key of a question", name, known)
    for name in ("claim", "kind", "this"):
        if name not in given:
            raise ConfigurationError(f"a question must have the key {name}")
    return Question(**given)


def require_metric(metric: str, delta: float | None) -> None:
    """
    Raises:
        ConfigurationError: for a metric that there is not, or a smallest difference that does not
        fit it.
    """
    if metric not in METRICS:
        raise unknown_name("metric", metric, METRICS)
    if delta is None and metric != "accuracy":
        raise ConfigurationError(
            f"delta must be given for the metric {metric!r}: the smallest difference that matters"
        )
    if delta is not None and not 0 <= delta < math.inf:
        raise ConfigurationError(f"delta must be 0 or more, got {delta}")
