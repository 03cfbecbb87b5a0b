"""What a study has found: the one description of results, written here and read by everyone.

The part that claims are judged by is in `questions.py`. The report, the CSV tables and the
documentation take a `Results` and nothing else; on disk it is `summary.json`. Accuracies and other
metrics are fractions in [0, 1].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from resqunn.errors import ConfigurationError, RunError
from resqunn.lab.study.questions import ClaimResult, Share, Stats
from resqunn.lab.study.rules import RULES
from resqunn.lab.training.files import exists, read_sealed, sealed, write_atomically
from resqunn.lab.training.html_tables import html_table

SUMMARY = "summary.json"

State = Literal["none", "zero", "vanishing", "flows"]
"""Of a gradient: no path from the loss; identically zero; far below the largest layer's; else."""


@dataclass(frozen=True)
class Curve:
    """A value after each epoch: the median over seeds, and the lowest and highest seed."""

    median: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    def __post_init__(self) -> None:
        if not len(self.median) == len(self.low) == len(self.high):
            raise ConfigurationError(
                "median, low and high must have a value each for every epoch, got "
                f"{len(self.median)}, {len(self.low)} and {len(self.high)}"
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
        confusion: by split, images of each class (rows) that are taken for each (columns).
    """

    final: dict[str, float] = field(default_factory=dict)
    num_weights: int | None = None
    gradients: GradientTable | None = None
    norms: tuple[NormsByDepth, ...] = ()
    confusion: dict[str, tuple[tuple[int, ...], ...]] = field(default_factory=dict)


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
        planned: all seeds that were asked for, in order; empty if these are the ones that are done.
        learns: by metric, where guessing is known, the seeds in which it ends more than 2 points
            above it; from ten seeds on.
        chance: what guessing gives, by metric, where it is not one divided by the classes.
        values: of what is varied, in words.
        classes: their names.
        confusion: images of each class (rows) that are taken for each (columns), all seeds
            together, of the reported split and epoch.
        unit: the option that takes the seeds' numbers.
        num_live_weights: those of `num_weights` that values of their circuits depend on, where it
            is known.
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
    planned: tuple[int, ...] = ()
    learns: dict[str, Share] = field(default_factory=dict)
    chance: dict[str, float] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    unit: str = "seed"
    num_live_weights: int | None = None

    def __post_init__(self) -> None:
        for metric, found in self.final.items():
            if len(found.values) != len(self.seeds):
                raise ConfigurationError(
                    f"{metric!r:.80} must have a value for each of {len(self.seeds)} seeds, got "
                    f"{len(found.values)}"
                )

    def by_seed(self, metric: str) -> dict[int, float]:
        """A metric after training, by seed."""
        return dict(zip(self.seeds, self.final[metric].values, strict=True))


@dataclass(frozen=True)
class Picture:
    """An image, and what the first layer makes of it: rows of numbers.

    Attributes:
        name: of its class.
        image: its pixels, the mean over channels.
        maps: of the layer's channels that are shown.
        colours: of an image of three channels these, from 0 to 1.
    """

    name: str
    image: tuple[tuple[float, ...], ...]
    maps: tuple[tuple[tuple[float, ...], ...], ...]
    colours: tuple[tuple[tuple[float, ...], ...], ...] = ()


@dataclass(frozen=True)
class FeatureMaps:
    """Feature maps of one trained network.

    Attributes:
        channels: of the layer's output that are shown, from 1; the first ones if it does not say.
        of: how many channels there are; 0 if it does not say.
    """

    label: str
    seed: int
    pictures: tuple[Picture, ...]
    channels: tuple[int, ...] = ()
    of: int = 0


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
    features: tuple[FeatureMaps, ...] = ()


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
    """Which images a run was trained on, and their SHA-256.

    Attributes:
        images: how many there are in each split; {} if it does not say.
        shape: channels, height and width.
    """

    data: str
    classes: int | tuple[int | str, ...]
    per_class: int | str | None
    seed: int
    sha256: str
    images: dict[str, int] = field(default_factory=dict)
    shape: tuple[int, ...] = ()


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
class Effect:
    """What a value of an axis does: the reported metric minus that of the axis' first value.

    Differences are taken seed by seed, of the mean over the networks and over what else is varied.
    """

    value: str
    stats: Stats


@dataclass(frozen=True)
class Axis:
    """An option that is varied.

    Attributes:
        values: in words.
        effects: of each value but the first.
    """

    name: str
    values: tuple[str, ...]
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True)
class Evaluated:
    """A condition under which trained circuits were evaluated.

    Attributes:
        metric: its name in the results of series.
        noise: as text, or "none".
        shots: None for exact values.
    """

    metric: str
    noise: str
    shots: int | None


@dataclass(frozen=True)
class Results:
    """Everything that one results folder has found.

    Attributes:
        resqunn: the version that wrote it.
        options: what was asked for, by name.
        command: which runs it again.
        seconds: of all runs together.
        created: in UTC, as in ISO 8601.
        rules: version of the rules that claims were judged by.
        reported: the metric that the claims are about, if it is one.
        axes: what is varied.
        evaluated: under what trained circuits were evaluated.
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
    rules: int = RULES
    reported: str = ""
    axes: tuple[Axis, ...] = ()
    evaluated: tuple[Evaluated, ...] = ()

    def _repr_html_(self) -> str:
        """What a notebook shows: the claims with their verdicts, a row a variant."""
        rows = [
            [claim.statement, variant.variant, variant.verdict, variant.seeds or ""]
            for claim in self.claims
            for variant in claim.variants
        ]
        return html_table(self.source.title, ["claim", "variant", "verdict", "seeds"], rows)


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
        RunError: if there are none, or they are damaged, altered, of another format or judged by
            other rules.
    """
    path = Path(folder) / SUMMARY
    if not exists(path):
        raise RunError(
            f"{folder} holds no results: there is no {SUMMARY} in it; `resqunn study` and "
            "`resqunn reproduce` write one"
        )
    again = "run the command that made it again"
    held = read_sealed(path, RunError, again)
    if held.get("rules") != RULES:
        raise RunError(
            f"{path} was judged by other rules than this version's: run the command that made it "
            "again with another --out, or use the version of resqunn that wrote it"
        )
    try:
        return built(held, Results)
    except ValueError as error:
        raise RunError(f"{path} is damaged ({error}): {again}") from None
