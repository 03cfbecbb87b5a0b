"""What is asked in an inquiry: a claim that is judged by networks' metric."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_type_hints

from resqunn.checks import settle_fields, shown
from resqunn.circuits.noise import Noise
from resqunn.errors import ConfigurationError, unknown_name
from resqunn.lab.study.plan import Evaluation
from resqunn.lab.study.questions import WITH_MARGIN
from resqunn.lab.training.config import TrainConfig

METRICS = tuple(name for name in get_args(get_type_hints(TrainConfig)["metric"]) if name != "loss")

CHANCE = ("accuracy", "balanced_accuracy", "auroc", "matthews")
"""Metrics of which it is known what guessing gives."""

KINDS = ("better", "at_least", "better_by", "equal", "at_most")


@dataclass(frozen=True)
class Question:
    """What is asked: a claim that is judged by networks' metric.

    Attributes:
        claim: in words.
        kind: "better" than another network; "at_least" by delta; "better_by" about a figure;
            "equal" within a margin; "at_most" a margin above guessing.
        this: a network.
        than: a network, or several that must all be beaten; none for "at_most".
        figure: of "better_by", a fraction.
        margin: of "equal" and "at_most".
        delta, metric: in place of those of the inquiry.
        under: a condition of `evaluate`, by its name, as "depolarizing=0.05, 100 shots" or "no
            noise"; of all networks, unless `than_under` names another for those in `than`.

    Raises:
        ConfigurationError: for what does not go together.
    """

    claim: str
    kind: Literal["better", "at_least", "better_by", "equal", "at_most"]
    this: str
    than: tuple[str, ...] = ()
    figure: float | None = None
    margin: float | None = None
    delta: float | None = None
    metric: str | None = None
    under: str | None = None
    than_under: str | None = None

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
        if self.under is not None and self.metric is not None:
            raise ConfigurationError("metric must be left out with under, which has the inquiry's")
        if self.than_under is not None and (self.under is None or not self.than):
            raise ConfigurationError("than_under must be left out without under and than")
        if self.figure is not None and not 0 < self.figure < math.inf:
            raise ConfigurationError(f"figure must be a fraction above 0, got {self.figure}")
        if self.margin is None and self.kind in WITH_MARGIN:
            raise ConfigurationError(f"margin must be given for the kind {self.kind!r}")


def require_tables(given: Any) -> None:
    """
    Raises:
        ConfigurationError: for what is no list of questions and tables.
    """
    listed = isinstance(given, Sequence) and not isinstance(given, str)
    if not listed or not all(isinstance(each, Question | Mapping) for each in given):
        raise ConfigurationError(
            f"question must be tables, each below [[question]], got {shown(given)}"
        )


def question_of(given: Question | Mapping[str, Any]) -> Question:
    """A question, or what the keys of its table say.

    Raises:
        ConfigurationError: for keys that it does not have, or lacks.
    """
    if isinstance(given, Question):
        return given
    known = [each.name for each in dataclasses.fields(Question)]
    for name in given:
        if name not in known:
            raise unknown_name("key of a question", name, known)
    for name in ("claim", "kind", "this"):
        if name not in given:
            raise ConfigurationError(f"{name} must be given")
    return Question(**given)


def conditions(evaluate: Mapping[str, Sequence[Any]]) -> tuple[Evaluation, ...]:
    """The combinations of the noises and shots of the key `evaluate`; none without it.

    Raises:
        ConfigurationError: for what is neither.
    """
    for name, values in evaluate.items():
        if name not in ("noise", "shots"):
            raise unknown_name("key of evaluate", name, ("noise", "shots"))
        if isinstance(values, str) or not isinstance(values, Sequence) or not values:
            raise ConfigurationError(
                f"evaluate {name} must be a list of values, got {shown(values)}"
            )
    if not evaluate:
        return ()
    noises, counts = (evaluate.get(name, ("none",)) for name in ("noise", "shots"))
    for noise in noises:
        if not isinstance(noise, str):
            raise ConfigurationError(f"evaluate noise must be texts, got {shown(noise)}")
        if noise != "none":
            Noise.parse(noise)
    for count in counts:
        whole = isinstance(count, int) and not isinstance(count, bool) and count >= 1
        if count != "none" and not whole:
            raise ConfigurationError(
                f"evaluate shots must be whole numbers, 1 or more, or 'none', got {shown(count)}"
            )
    found = [Evaluation(n, None if c == "none" else c) for n in noises for c in counts]
    if len(set(found)) < len(found):
        raise ConfigurationError("evaluate must hold different values")
    return tuple(found)


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
    if delta is not None:
        require_difference("delta", delta, metric)


def require_difference(name: str, value: float, metric: str) -> None:
    """
    Raises:
        ConfigurationError: for a limit that no two values of a metric differ by: it was meant as
            percentage points.
    """
    if metric == "matthews":
        if value >= 2:
            raise ConfigurationError(
                f"{name} must be below 2, as a correlation lies between -1 and 1; got {value:g}"
            )
    elif value >= 1:
        raise ConfigurationError(
            f"{name} must be a fraction below 1 (0.02 is two points), got {value:g}"
        )
