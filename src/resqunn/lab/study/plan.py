"""What to run: planned runs, known by their configuration, and the options that decide them.

A run's key is a short hash of its configuration, so that a run that several studies need is
made once. No torch here.
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass, replace
from typing import Any

from resqunn.checks import check_fields
from resqunn.errors import RunError, unknown_name
from resqunn.lab.training.config import TrainConfig
from resqunn.papers.resqunns.interpretations import READINGS

FIGURES = ("2", "3", "7", "8", "9", "10", "11", "three-layers", "depth", "controls")
"""What `--figures` may name: the paper's figures, and what goes beyond them."""

MAX_SEEDS = 1000


@dataclass(frozen=True)
class Options:
    """Everything that decides what is run.

    Raises:
        ConfigurationError: for a figure or a reading that does not exist.
        RunError: for a number of seeds or epochs that does not fit.
    """

    data: str = "mnist"
    seeds: int = 5
    epochs: int = 30
    figures: tuple[str, ...] = FIGURES
    readings: str = "default"
    quick: bool = False
    full: bool = False

    def __post_init__(self) -> None:
        check_fields(self)
        for figure in self.figures:
            if figure not in FIGURES:
                raise unknown_name("figure", figure, FIGURES)
        if self.readings not in READINGS:
            raise unknown_name("readings", self.readings, READINGS)
        if not self.figures:
            raise RunError("name at least one figure, or leave --figures out for all")
        if not 1 <= self.seeds <= MAX_SEEDS:
            raise RunError(f"seeds is 1 to {MAX_SEEDS}, not {self.seeds}")
        if self.epochs < 1:
            raise RunError(f"epochs is 1 or more, not {self.epochs}")
        if self.quick and self.full:
            raise RunError("choose one of --quick and --full")
        # One spelling for each choice, so that equal choices are recognised.
        ordered = tuple(figure for figure in FIGURES if figure in self.figures)
        object.__setattr__(self, "figures", ordered)

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON-ready values; seeds as a list."""
        return dataclasses.asdict(self) | {
            "seeds": list(range(self.seeds)),
            "figures": list(self.figures),
        }


@dataclass(frozen=True)
class PlannedRun:
    """One run of one study.

    Attributes:
        study: its study's id.
        label: its series within the study, such as a wiring.
        reading: its reading's name.
        seed: decides data, weights and batches.
        config: all that decides its result.
        kind: what is done with the configuration, a name of `jobs.KINDS`.
    """

    study: str
    label: str
    reading: str
    seed: int
    config: TrainConfig
    kind: str = "train"

    @property
    def key(self) -> str:
        """Hash of kind and configuration, but not of where the data lie."""
        return hashlib.sha256(f"{self.kind}\n{self.config.sha256}".encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Series:
    """The same network with every seed.

    Attributes:
        config: with seed 0; the runs differ in the seed alone.
    """

    study: str
    label: str
    reading: str
    config: TrainConfig
    seeds: int
    kind: str = "train"

    @property
    def trainable(self) -> bool:
        """Whether its quanvolutional layers are trained."""
        return self.config.trainable

    @property
    def runs(self) -> list[PlannedRun]:
        """One run a seed."""
        return [
            PlannedRun(
                self.study,
                self.label,
                self.reading,
                seed,
                replace(self.config, seed=seed),
                self.kind,
            )
            for seed in range(self.seeds)
        ]


@dataclass(frozen=True)
class Study:
    """A figure of the paper, or a study beyond it, with the series that it needs."""

    id: str
    title: str
    source: str
    paper: str
    series: tuple[Series, ...]


@dataclass(frozen=True)
class Plan:
    """All studies of one results folder.

    Attributes:
        studies: trained networks.
        surveys: gradients of every wiring, one study a number of layers.
        depth: gradient norms by depth, or None.
        controls: classical models on the same data.
    """

    options: Options
    studies: tuple[Study, ...]
    surveys: tuple[Study, ...] = ()
    depth: Study | None = None
    controls: Study | None = None

    @property
    def all_studies(self) -> tuple[Study, ...]:
        """Every study, in the order of the report."""
        more = tuple(study for study in (self.depth, self.controls) if study is not None)
        return (*self.studies, *self.surveys, *more)

    @property
    def runs(self) -> list[PlannedRun]:
        """Every run once, all of one seed before the next.

        In this order the times taken so far foretell the rest, and an interrupted command
        leaves whole seeds.
        """
        found: dict[str, PlannedRun] = {}
        for study in self.all_studies:
            for series in study.series:
                for run in series.runs:
                    found.setdefault(run.key, run)
        return sorted(found.values(), key=lambda run: run.seed)
