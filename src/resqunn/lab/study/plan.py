"""What to run: studies as data, and their runs, known by their configuration.

A study is something that a stranger could have written: named series of one network each,
repeated over seeds, in one or more variants. A run's key is a short hash of its
configuration, so that a run that several studies need is made once. No torch here.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any

from resqunn.checks import check_fields
from resqunn.errors import ConfigurationError
from resqunn.lab.study.claims import Claim
from resqunn.lab.study.results import Drawing, Source
from resqunn.lab.training.config import TrainConfig

TRAIN = "train"
"""The task of training a network; any other is a function's address, "package.module:name"."""

DATA = (
    "data",
    "data_root",
    "classes",
    "per_class",
    "size",
    "antialias",
    "train_images",
    "validation_images",
    "split_seed",
)
"""Options that say which images there are."""


@dataclass(frozen=True)
class Evaluation:
    """A condition under which trained circuits are evaluated.

    Attributes:
        noise: of all circuits, as text; "none" for none.
        shots: measurements of each value; None for exact values.
    """

    noise: str = "none"
    shots: int | None = None

    @property
    def name(self) -> str:
        """ "depolarizing=0.05, 100 shots"."""
        noise = "no noise" if self.noise == "none" else self.noise
        return noise if self.shots is None else f"{noise}, {self.shots:,} shots"


@dataclass(frozen=True)
class Reported:
    """Which metric of trained networks is reported: on which images, and after which epoch.

    Attributes:
        split: "test" or "validation".
        epoch: "best", which validation chose, or "last".
        metric: by which it chose.
        averaged: over how many of the last epochs the means of the accuracies on training and
            validation images are taken.

    Raises:
        ConfigurationError: for a number of epochs that is none.
    """

    split: str
    epoch: str
    metric: str
    averaged: int = 1

    def __post_init__(self) -> None:
        check_fields(self)
        if self.averaged < 1:
            raise ConfigurationError(f"averaged must be 1 or more, got {self.averaged}")

    @property
    def name(self) -> str:
        """Of the metric in the results: test_auroc."""
        return f"{self.split}_{self.metric}"

    def under(self, evaluation: str) -> str:
        """Of the metric under an evaluation, by its name."""
        return f"{self.name}, {evaluation}"


@dataclass(frozen=True)
class PlannedRun:
    """One run of one study.

    Attributes:
        study: its study's id.
        label: its series within the study.
        seed: decides data, weights and batches.
        config: all that decides its result.
        task: what is done with the configuration.
        evaluations: under which its circuits are evaluated once they are trained, and what is
            `reported` of them.
    """

    study: str
    label: str
    seed: int
    config: TrainConfig
    task: str = TRAIN
    evaluations: tuple[Evaluation, ...] = ()
    reported: Reported | None = None

    @property
    def key(self) -> str:
        """Hash of task and configuration, but not of where the data are."""
        return hashlib.sha256(f"{self.task}\n{self.config.sha256}".encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Series:
    """The same network with every seed.

    Attributes:
        label: its name within the study.
        config: the runs differ from it in the unit alone.
        seeds: one run each.
        variant: under which of the study's variants, if it has any.
        task: "train", or the address of a function from a configuration to `Measured`.
        reads_data: whether the task reads the configuration's data set.
        note: what a reader should know of it.
        unit: the field of the configuration that takes the seeds' numbers.
        values: of what is varied, in words.
    """

    label: str
    config: TrainConfig
    seeds: tuple[int, ...]
    variant: str = ""
    task: str = TRAIN
    reads_data: bool = True
    note: str = ""
    unit: str = "seed"
    values: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_fields(self)
        replicated(self.config, self.unit, 0)
        if not self.seeds or len(set(self.seeds)) != len(self.seeds):
            raise ConfigurationError(
                f"seeds of {self.label!r} must be one or more different numbers, got "
                f"{list(self.seeds)}"
            )

    @property
    def frozen(self) -> bool:
        """Whether its quanvolutional layers are left untrained."""
        return not self.config.trainable


def replicated(config: TrainConfig, unit: str, number: int) -> TrainConfig:
    """The configuration whose field `unit` takes a number: as it is, or behind a name and a colon.

    >>> replicated(TrainConfig(ansatz="random"), "ansatz", 3).ansatz
    'random:3'

    Raises:
        ConfigurationError: for a field that takes no numbers.
    """
    before = getattr(config, unit, None)
    if isinstance(before, bool) or not isinstance(before, int | str):
        raise ConfigurationError(
            f"unit must be a field that takes numbers, such as seed, got {unit!r}"
        )
    return replace(config, **{unit: number if isinstance(before, int) else f"{before}:{number}"})


@dataclass(frozen=True)
class Study:
    """Series that are looked at together.

    Attributes:
        id: a short name, unique within the plan.
        source: where in the paper, say, it comes from.
        claim: what that source says of it.
        section: the part of the report that shows it, a name of `Source.sections`.
        figures: of the source, by their numbers there.
        beside: the id of a study whose trained series are shown with it.
    """

    id: str
    title: str
    series: tuple[Series, ...]
    source: str = ""
    claim: str = ""
    section: str = "studies"
    figures: tuple[str, ...] = ()
    beside: str | None = None

    def __post_init__(self) -> None:
        check_fields(self)

    def runs(self, series: Series) -> list[PlannedRun]:
        """One run a seed of one of its series."""
        return [
            PlannedRun(
                self.id,
                series.label,
                seed,
                replicated(series.config, series.unit, seed),
                series.task,
            )
            for seed in series.seeds
        ]


@dataclass(frozen=True)
class Plan:
    """All that one results folder is for.

    Attributes:
        options: what decides the plan, as JSON values; a folder is continued by the same alone,
            or with more `seeds` after those it has.
        command: which asks for it.
        claims: what is judged once the runs are done.
        circuits: drawings for the report.
        reported: the metric that the claims are about; None for those of the last epoch.
        axes: fields of the configuration that are varied, in the order of the variants' names.
        evaluations: under which the reported metric is also measured.
    """

    source: Source
    studies: tuple[Study, ...]
    options: dict[str, Any] = field(default_factory=dict)
    command: str = ""
    claims: tuple[Claim, ...] = ()
    circuits: tuple[Drawing, ...] = ()
    reported: Reported | None = None
    axes: tuple[str, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()

    def __post_init__(self) -> None:
        ids = [study.id for study in self.studies]
        twice = sorted({name for name in ids if ids.count(name) > 1})
        if twice:
            raise ConfigurationError(f"the ids of studies must differ, got {twice[0]!r} twice")
        for study in self.studies:
            for named in (study.beside,):
                if named is not None and named not in ids:
                    raise ConfigurationError(
                        f"beside of study {study.id!r} must be the id of a study, got {named!r}"
                    )
            if study.section not in self.source.sections:
                raise ConfigurationError(
                    f"section of study {study.id!r} must be one of the plan's "
                    f"({', '.join(self.source.sections) or 'none'}), got {study.section!r}"
                )
        asked = [claim.id for claim in self.claims]
        if twice := sorted({name for name in asked if asked.count(name) > 1}):
            raise ConfigurationError(f"the ids of claims must differ, got {twice[0]!r} twice")

    @property
    def limits(self) -> dict[str, dict[str, Any]]:
        """What each claim is judged by; a folder is continued with the same alone."""
        return {claim.id: claim.limits for claim in self.claims}

    @property
    def runs(self) -> list[PlannedRun]:
        """Every run once, all of one seed before the next.

        In this order the times taken so far foretell the rest, and an interrupted command
        leaves whole seeds.
        """
        found: dict[str, PlannedRun] = {}
        for study in self.studies:
            for series in study.series:
                for run in study.runs(series):
                    asked = replace(run, evaluations=self.evaluations, reported=self.reported)
                    found.setdefault(run.key, asked)
        return sorted(found.values(), key=lambda run: run.seed)

    @property
    def data(self) -> list[TrainConfig]:
        """A configuration for each data set that the runs read, and each choice of its images."""
        found: dict[tuple[object, ...], TrainConfig] = {}
        for study in self.studies:
            for series in study.series:
                if series.reads_data:
                    key = tuple(getattr(series.config, name) for name in DATA)
                    found.setdefault(key, series.config)
        return list(found.values())
