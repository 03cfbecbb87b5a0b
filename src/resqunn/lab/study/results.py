"""What a study has found: the one description of results, written here and read by everyone.

The report, the CSV tables and the documentation take a `Results` and nothing else; on disk it
is `summary.json`. Accuracies and other metrics are fractions in [0, 1].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from resqunn.errors import ConfigurationError, RunError
from resqunn.lab.training.files import exists, read_sealed, sealed, write_atomically

SUMMARY = "summary.json"

State = Literal["none", "zero", "vanishing", "flows"]
"""Of a gradient: no path from the loss; identically zero; far below the largest layer's; else."""

Kind = Literal["difference", "above_chance", "count"]
"""Of a quantity: networks minus networks, networks minus guessing, or facts that hold."""

Unit = Literal["points", "items"]
"""Of a quantity: percentage points of a metric, or a count of items out of all."""


@dataclass(frozen=True)
class Stats:
    r"""What is known of a quantity after n seeds.

    `std` is the sample standard deviation $s$; `interval` is Student's
    $\bar x \pm t_{n-1} s / \sqrt n$ of the mean. Both are None for a single seed. `values` has
    one value a seed, or one item of a count.
    """

    mean: float
    std: float | None
    interval: tuple[float, float] | None
    values: tuple[float, ...]


@dataclass(frozen=True)
class Curve:
    """A value after each epoch: the mean over seeds, and the lowest and highest seed."""

    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    def __post_init__(self) -> None:
        if not len(self.mean) == len(self.low) == len(self.high):
            raise ConfigurationError(
                "mean, low and high must have a value each for every epoch, got "
                f"{len(self.mean)}, {len(self.low)} and {len(self.high)}"
            )


@dataclass(frozen=True)
class GradientCell:
    """The gradient of the loss with respect to one layer's weights: its state and L2 norm."""

    layer: str
    state: State
    norm: float | None


@dataclass(frozen=True)
class GradientRow:
    """One network: for each setting of the table, its layers in order."""

    label: str
    cells: dict[str, tuple[GradientCell, ...]]


MAX_LAYERS = 10_000
"""Of a network in a table or figure."""


def _require_layers(number: int) -> None:
    if not 0 <= number <= MAX_LAYERS:
        raise ConfigurationError(f"num_layers must be 0 to {MAX_LAYERS:,}, got {number}")


@dataclass(frozen=True)
class GradientTable:
    """Which layers get a gradient.

    Attributes:
        num_layers: of every network of the table.
        settings: the ways in which each network was differentiated; names and titles.
    """

    num_layers: int
    settings: dict[str, str]
    rows: tuple[GradientRow, ...]

    def __post_init__(self) -> None:
        _require_layers(self.num_layers)


@dataclass(frozen=True)
class NormsByDepth:
    """Gradient norms of one network of `num_layers` layers, first layer first.

    Attributes:
        panel: what is drawn together.
        label: the line within the panel.
    """

    panel: str
    label: str
    num_layers: int
    norms: tuple[float, ...]

    def __post_init__(self) -> None:
        _require_layers(self.num_layers)


@dataclass(frozen=True)
class Measured:
    """What a task other than training has found; parts that it does not measure are empty.

    Attributes:
        final: metrics by name.
        num_weights: of the model, if it is a trained one.
    """

    final: dict[str, float] = field(default_factory=dict)
    num_weights: int | None = None
    gradients: GradientTable | None = None
    norms: tuple[NormsByDepth, ...] = ()


@dataclass(frozen=True)
class SeriesResult:
    """The same network with every seed, as far as its runs are done.

    Attributes:
        label: its name within the study.
        variant: under which of the study's variants.
        frozen: whether its quanvolutional layers were left untrained.
        task: what was done with it, "train" or a function's address.
        config: the options of its runs, without the seed.
        keys: its runs' folders.
        seeds: those that are done, in the order of `final`'s values.
        final: each metric after the last epoch.
        curves: each metric, and the loss, after each epoch; empty for what has no epochs.
        gradient_norms: by part of the network, its mean over the batches of each epoch; None
            for a part that got none.
        seconds: of a run, on average.
    """

    label: str
    variant: str
    frozen: bool
    task: str
    config: dict[str, Any]
    keys: tuple[str, ...]
    seeds: tuple[int, ...]
    final: dict[str, Stats]
    curves: dict[str, Curve]
    gradient_norms: dict[str, tuple[float, ...] | None]
    num_weights: int | None
    seconds: float
    note: str = ""

    def __post_init__(self) -> None:
        for metric, found in self.final.items():
            if len(found.values) != len(self.seeds):
                raise ConfigurationError(
                    f"{metric!r:.80} must have a value for each of {len(self.seeds)} seeds, got "
                    f"{len(found.values)}"
                )


@dataclass(frozen=True)
class StudyResult:
    """One study: trained networks, or gradients, with what its source says.

    Attributes:
        section: the part of the report that shows it.
        figures: of the source, by their numbers there.
        claim: what the source says of it.
        beside: the id of a study whose trained series are shown with it for comparison.
    """

    id: str
    title: str
    source: str
    claim: str
    section: str
    figures: tuple[str, ...] = ()
    beside: str | None = None
    series: tuple[SeriesResult, ...] = ()
    gradients: GradientTable | None = None
    norms: tuple[NormsByDepth, ...] = ()


@dataclass(frozen=True)
class Term:
    """A series of a study by name."""

    label: str
    frozen: bool = False


@dataclass(frozen=True)
class Quantity:
    """What a claim is judged by: a mean over some networks, minus others or guessing.

    Attributes:
        metric: of the networks, or for a count what is counted, in words.
        plus, minus: series of the study; differences are taken seed by seed.
        figure: the source's own number, as a fraction.
    """

    metric: str
    plus: tuple[Term, ...] = ()
    minus: tuple[Term, ...] = ()
    figure: float | None = None
    kind: Kind = "difference"
    unit: Unit = "points"


@dataclass(frozen=True)
class Measurement:
    """A quantity in one variant, with its verdict."""

    variant: str
    quantity: Quantity
    stats: Stats
    verdict: str


@dataclass(frozen=True)
class ClaimResult:
    """A claim, judged.

    Attributes:
        statement: in our own words.
        said: the source's figure, or what it reports.
        figures: of the source that it is about.
        rule: how it was judged, in words.
        verdicts: the variants by the verdict that they lead to.
        deciding: the measurement that decides the verdict in the first variant, as an index.
    """

    id: str
    source: str
    statement: str
    said: str
    figures: tuple[str, ...]
    rule: str
    measured: tuple[Measurement, ...]
    verdict: str
    verdicts: dict[str, tuple[str, ...]]
    deciding: int | None

    def __post_init__(self) -> None:
        if self.deciding is not None and not 0 <= self.deciding < len(self.measured):
            raise ConfigurationError(
                f"deciding must be one of {len(self.measured)} measurements, got {self.deciding}"
            )


@dataclass(frozen=True)
class Drawing:
    """A circuit as text."""

    title: str
    text: str


@dataclass(frozen=True)
class Failure:
    """A run that failed every time, and its last error."""

    key: str
    study: str
    label: str
    seed: int
    error: str


@dataclass(frozen=True)
class DataRecord:
    """Which images a run was trained on, and their SHA-256."""

    data: str
    classes: int | tuple[int | str, ...]
    per_class: int | str | None
    seed: int
    sha256: str


@dataclass(frozen=True)
class Environment:
    """What the runs were made with."""

    versions: dict[str, str] = field(default_factory=dict)
    platform: str = ""
    data: tuple[DataRecord, ...] = ()


@dataclass(frozen=True)
class Source:
    """What was asked: a paper, or a question of one's own.

    Attributes:
        title: the report's.
        citation: authors and title of what is rerun, or nothing.
        sections: of the report, in order: names and titles.
        warning: what must be known before any number is believed, or nothing.
    """

    name: str
    title: str
    citation: str = ""
    address: str = ""
    sections: dict[str, str] = field(default_factory=dict)
    warning: str = ""


@dataclass(frozen=True)
class Results:
    """Everything that one results folder has found.

    Attributes:
        resqunn: the version that wrote it.
        options: what was asked for, by name.
        command: which runs it again.
        seconds: of all runs together.
        created: in UTC, as in ISO 8601.
    """

    resqunn: str
    source: Source
    options: dict[str, Any]
    command: str
    environment: Environment
    seconds: float
    created: str
    studies: tuple[StudyResult, ...] = ()
    claims: tuple[ClaimResult, ...] = ()
    circuits: tuple[Drawing, ...] = ()
    failures: tuple[Failure, ...] = ()


def as_builtins(value: Any) -> Any:
    """A result as JSON-ready values."""
    import msgspec

    return msgspec.to_builtins(value)


def built(value: Mapping[str, Any], kind: type[Any]) -> Any:
    """A result of that type from JSON values.

    Raises:
        ValueError: if a part is missing or of another type; says which.
    """
    import msgspec

    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None


def write_results(folder: Path, results: Results) -> Path:
    """Writes `summary.json`, and returns where it is."""
    path = folder / SUMMARY
    write_atomically(path, sealed(path.name, as_builtins(results)))
    return path


def open_results(folder: str | Path) -> Results:
    """The results in a folder.

    Raises:
        RunError: if there are none, or they are damaged, altered or of another format.
    """
    path = Path(folder) / SUMMARY
    if not exists(path):
        raise RunError(
            f"{folder} holds no results: there is no {SUMMARY} in it; `resqunn reproduce` writes "
            "one"
        )
    again = "run the command that made it again"
    try:
        return built(read_sealed(path, RunError, again), Results)
    except ValueError as error:
        raise RunError(f"{path} is damaged ({error}): {again}") from None
