"""A question of one's own: networks, what is varied, seeds, and what is asked of them.

An `Inquiry` has the keys of a question file, and is a plan of one study: each network in each
combination of what is varied, which is a variant with verdicts of its own.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from resqunn.checks import check_fields, shown
from resqunn.data.sources import SOURCES
from resqunn.errors import ConfigurationError, ResqunnError, unknown_name
from resqunn.lab.study.asked import (
    CHANCE,
    Question,
    conditions,
    question_of,
    require_difference,
    require_metric,
    require_tables,
)
from resqunn.lab.study.claims import Claim
from resqunn.lab.study.options import UNVARIED, plain, preset, require_option, worded
from resqunn.lab.study.plan import TRAIN, Evaluation, Plan, Reported, Series, Study
from resqunn.lab.study.questions import DELTA, Quantity, Rule, Term
from resqunn.lab.study.results import Source
from resqunn.lab.study.seeds import seeds_of
from resqunn.lab.training.config import TrainConfig
from resqunn.lab.training.controls import CONTROLS, IMAGES_ALONE
from resqunn.lab.training.harmless import one_line

MAX_RUNS = 20_000
"""Of one inquiry: networks times combinations of what is varied times seeds."""

STUDY = "question"
"""The id of the one study, and of its section in the report."""

LOGISTIC = "logistic_regression"
"""The control that is scikit-learn's."""

LOGISTIC_TASK = "resqunn.lab.study.controls:logistic_regression"

FROZEN = "frozen"
"""The control that is the network itself, its circuits untrained."""


@dataclass(frozen=True)
class Inquiry:
    """Networks that are compared over seeds, and what is asked of them.

    Args:
        title: of the report.
        data: a named set, or the path of an .npz file or of a folder of class folders.
        networks: by name, the options in which each differs from `network`: fields of
            `TrainConfig`, among them `control`; there also "frozen", the network with untrained
            circuits, and "logistic_regression", on the pixels.
        question: what is asked; dictionaries are made into `Question`s.
        metric: that is asked about, one of `METRICS`.
        split: whose images the metric is of: "test", or "validation" where there are none.
        epoch: "best", which validation chooses by the metric, or "last".
        seeds: how many, or a range such as "200:230", or the numbers themselves.
        unit: the field of the configuration that takes the numbers: `seed`, or one of another
            field, as `ansatz = "random"` becomes random:0, random:1, ...
        delta: the smallest difference that matters; 0.02 for accuracies, else it must be given.
        network: options of every network.
        vary: fields and their values, in all combinations, for every network; a control is
            repeated only for what it depends on.
        evaluate: `noise` and `shots`, lists that are crossed: under each combination the trained
            circuits of every network that is no control are evaluated too, whatever they were
            trained with; "none" is none.
        data_root: folder with the data files, or that a relative path starts from.
        folder: that a relative path starts from without `data_root`; no key of a file.

    Raises:
        ConfigurationError: for names that do not exist, or what does not go together; says what
            would be right.

    >>> inquiry = Inquiry(
    ...     "Does training help?",
    ...     "digits",
    ...     {"trained": {}, "frozen": {"trainable": False}},
    ...     [Question("Training helps.", "better", "trained", "frozen")],
    ...     split="validation",
    ...     epoch="last",
    ...     network={"wiring": "none", "depths": (2,)},
    ...     vary={"readout": ["z", "mean_z"]},
    ... )
    >>> len(inquiry.plan().runs)
    80
    """

    title: str
    data: str
    networks: Mapping[str, Mapping[str, Any]]
    question: Sequence[Any]
    metric: str = "accuracy"
    split: Literal["test", "validation"] = "test"
    epoch: Literal["best", "last"] = "best"
    seeds: int | str | Sequence[int] = 20
    unit: str = "seed"
    delta: float | None = None
    network: Mapping[str, Any] = field(default_factory=dict)
    vary: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    evaluate: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    data_root: str | None = None
    folder: str | None = None

    def __post_init__(self) -> None:
        require_tables(self.question)
        check_fields(self)
        for name, allowed in (("split", ("test", "validation")), ("epoch", ("best", "last"))):
            if getattr(self, name) not in allowed:
                raise unknown_name(name, getattr(self, name), allowed)
        if (self.split, self.epoch) == ("validation", "best"):
            raise ConfigurationError(
                "epoch must be 'last' with split = 'validation': the images that choose an epoch "
                "cannot judge it"
            )
        require_metric(self.metric, self.delta)
        if not self.title.strip():
            raise ConfigurationError(f"title must say what is asked, got {self.title!r}")
        if not self.networks or not all(name.strip() for name in self.networks):
            raise ConfigurationError("networks must name one network or more")
        for name, options in self.networks.items():
            if not isinstance(options, Mapping):
                raise ConfigurationError(
                    f"network {name!r} must be a table of options, got {shown(options)}"
                )
        if not self.question:
            raise ConfigurationError("question must hold one question or more")
        object.__setattr__(self, "question", self._numbered(question_of, self.question))
        object.__setattr__(self, "seeds", seeds_of(self.seeds))
        self._check_unit()
        self._numbered(self._check_question, self.question)
        for key in self.network:
            require_option(key, "[network]", of_network=True)
            if key in ("data", "control"):
                right = "a key of its own, or varied" if key == "data" else "of one network"
                raise ConfigurationError(f"[network]: {key} must be {right}: take it out here")
        self._check_size()
        self.plan()  # every configuration is checked before anything runs

    @staticmethod
    def read(path: str | Path) -> Inquiry:
        """Reads a question file, whose paths start from its own folder.

        Raises:
            ConfigurationError: if it cannot be read, or holds what an `Inquiry` does not take;
                names the file.
        """
        path = Path(path)
        try:
            keys = tomllib.loads(path.read_text("utf-8"))
        except OSError as error:
            raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{path} is no TOML file: {one_line(error):.300}") from None
        try:
            return Inquiry.of(keys, path.parent)
        except ConfigurationError as error:
            raise ConfigurationError(f"{path}: {error}") from None

    @staticmethod
    def of(keys: Mapping[str, Any], folder: str | Path | None = None) -> Inquiry:
        """From the keys of a question file; its relative paths start from `folder`."""
        known = [each.name for each in dataclasses.fields(Inquiry) if each.name != "folder"]
        for name in keys:
            if name not in known:
                raise unknown_name("key", name, known)
        for name in ("title", "data", "networks", "question"):
            if name not in keys:
                raise ConfigurationError(f"{name} must be given")
        if folder is None:
            return Inquiry(**keys)
        place = Path(folder).absolute()
        root = keys.get("data_root")
        moved = {"data_root": str(place / root)} if isinstance(root, str) else {}
        return Inquiry(**{**keys, **moved}, folder=str(place))

    @property
    def numbers(self) -> tuple[int, ...]:
        """What is replicated: the seeds, or what the unit takes."""
        return tuple(self.seeds)  # pyright: ignore[reportArgumentType]

    @cached_property
    def variants(self) -> dict[str, dict[str, Any]]:
        """The combinations of what is varied, by their names, or one without a name."""
        axes = [
            [(name, plain(name, value)) for value in values] for name, values in self.vary.items()
        ]
        return {
            ", ".join(f"{name} = {worded(value)}" for name, value in combination): dict(combination)
            for combination in itertools.product(*axes)
        }

    @cached_property
    def evaluations(self) -> tuple[Evaluation, ...]:
        """The conditions under which trained circuits are evaluated."""
        return conditions(self.evaluate)

    def plan(self, command: str = "") -> Plan:
        """What is run, and judged.

        Args:
            command: which asks for it.
        """
        series = [
            self._series(name, variant, values)
            for variant, values in self.variants.items()
            for name in self.networks
        ]
        study = Study(STUDY, self.title, tuple(series), section=STUDY, figures=(STUDY,))
        return Plan(
            Source(_slug(self.title), self.title, sections={STUDY: "Networks"}),
            (study,),
            self.as_json(),
            command,
            tuple(self._claim(number, each) for number, each in enumerate(self.question, 1)),
            reported=Reported(self.split, self.epoch, self.metric),
            axes=tuple(self.vary),
            evaluations=self.evaluations,
        )

    def as_json(self) -> dict[str, Any]:
        """What decides it: all keys but where the data are."""
        found = {
            each.name: _json(getattr(self, each.name))
            for each in dataclasses.fields(self)
            if each.name not in ("data_root", "folder")
        }
        return found | {"seeds": list(self.numbers)}

    def config(self, name: str, values: Mapping[str, Any]) -> TrainConfig:
        """The configuration of a network with the values of a variant."""
        own = {k: value for k, value in self.networks[name].items() if k != "control"}
        options = {"data": self.data, **self.network, **own, **values}
        base = preset(options)
        for key in options:
            require_option(key, of_network=True)
        options = {key: plain(key, value) for key, value in options.items()}
        if "data" in own:
            raise ConfigurationError("data must be a key of its own, or varied: not a network's")
        root = self.data_root
        if root is None and options["data"] not in SOURCES:
            root = self.folder
        options |= {"data_root": root, "metric": self.metric, "test": True}
        config = dataclasses.replace(base, **options)
        config.check()
        return config

    def _series(self, name: str, variant: str, values: Mapping[str, Any]) -> Series:
        own = self.networks[name]
        control, task, note = own.get("control"), TRAIN, ""
        try:
            for key in own:
                if key in self.vary:
                    raise ConfigurationError(f"{key} is varied: leave it out here, or there")
            config = self.config(name, values)
            if control == FROZEN:
                if config.model is not None:
                    raise ConfigurationError(
                        "control must be left out with a model of your own: a factory freezes its "
                        "circuits itself"
                    )
                config = dataclasses.replace(config, trainable=False)
            elif control == LOGISTIC:
                config = IMAGES_ALONE.applied(None, config)
                task, note = LOGISTIC_TASK, IMAGES_ALONE.note
            elif control is not None:
                if control not in CONTROLS:
                    raise unknown_name("control", control, (FROZEN, *CONTROLS, LOGISTIC))
                config = CONTROLS[control].applied(control, config)
                note = CONTROLS[control].note
            config.check()
        except ResqunnError as error:
            where = f"network {name!r}" + (f" with {variant}" if variant else "")
            where = "[network]" if str(error) == self._wrong_for_all() else where
            raise ConfigurationError(f"{where}: {error}") from None
        return Series(
            name,
            config,
            self.numbers,
            variant,
            task,
            note=note,
            unit=self.unit,
            values={axis: worded(value) for axis, value in values.items()},
        )

    def _wrong_for_all(self) -> str | None:
        """What is wrong with the options of all networks, if anything is."""
        try:
            options = {"data": self.data, **self.network}
            base = preset(options)
            options = {key: plain(key, value) for key, value in options.items()}
            dataclasses.replace(base, **options).check()
        except ResqunnError as error:
            return str(error)
        return None

    def _rule(self, asked: Question) -> Rule:
        delta = asked.delta if asked.delta is not None else self.delta
        return Rule(asked.kind, asked.margin, DELTA if delta is None else delta)

    def _claim(self, number: int, asked: Question) -> Claim:
        reported = Reported(self.split, self.epoch, asked.metric or self.metric)
        metric, other = reported.name, ""
        if asked.under is not None:
            metric = reported.under(asked.under)
            other = reported.under(asked.than_under) if asked.than_under is not None else ""
        this = (self._term(asked.this),)
        kind = "above_chance" if asked.kind == "at_most" else "difference"
        quantities = [
            Quantity(metric, this, (self._term(name),), asked.figure, kind, minus_metric=other)
            for name in asked.than
        ] or [Quantity(metric, this, (), None, kind)]
        return Claim(
            f"question {number}",
            "",
            asked.claim,
            "",
            self._rule(asked),
            (STUDY,),
            STUDY,
            tuple(quantities),
        )

    def _term(self, name: str) -> Term:
        first = next(iter(self.variants.items()))
        return Term(name, self._series(name, *first).frozen)

    def _check_size(self) -> None:
        variants = 1
        for name, values in self.vary.items():
            require_option(name, "[vary]")
            if name in UNVARIED:
                raise ConfigurationError(f"{name} cannot be varied: {UNVARIED[name]}")
            if isinstance(values, str) or not isinstance(values, Sequence) or not values:
                raise ConfigurationError(
                    f"vary {name} must be a list of values, got {shown(values)}"
                )
            if len({worded(plain(name, value)) for value in values}) < len(values):
                raise ConfigurationError(f"vary {name} must be different values")
            variants *= len(values)
        networks, seeds = len(self.networks), len(self.numbers)
        count = networks * variants * seeds
        if count > MAX_RUNS:
            raise ConfigurationError(
                f"there must be {MAX_RUNS:,} runs at most, got {count:,} ({networks} networks, "
                f"{variants:,} variants, {seeds} seeds)"
            )

    def _check_unit(self) -> None:
        if self.unit == "seed":
            return
        require_option(self.unit, "unit")
        if self.unit in self.vary:
            raise ConfigurationError(f"unit must not be varied too, got {self.unit!r}")

    @staticmethod
    def _numbered(ask: Callable[[Any], Any], questions: Iterable[Any]) -> tuple[Any, ...]:
        """What each question leads to; an error says which one it is."""
        found = []
        for number, each in enumerate(questions, 1):
            try:
                found.append(ask(each))
            except ConfigurationError as error:
                error.args = (f"question {number}: {error}",)
                raise
        return tuple(found)

    def _check_question(self, asked: Question) -> None:
        for name in (asked.this, *asked.than):
            if name not in self.networks:
                raise unknown_name("network", name, self.networks)
        for name in filter(None, (asked.under, asked.than_under)):
            if name not in [each.name for each in self.evaluations]:
                known = [each.name for each in self.evaluations]
                raise unknown_name("evaluation", name, known)
        if asked.this in asked.than and asked.than_under is None:
            raise ConfigurationError(f"than must be another network than {asked.this!r}")
        metric = asked.metric or self.metric
        require_metric(metric, self.delta if asked.delta is None else asked.delta)
        for limit in ("margin", "figure"):
            value = getattr(asked, limit)
            if value is not None:
                require_difference(limit, value, metric)
        if asked.kind == "at_most" and metric not in CHANCE:
            known = ", ".join(CHANCE)
            raise ConfigurationError(
                f"metric must be one of {known} for the kind 'at_most', got {metric!r}"
            )
        self._rule(asked)


def _json(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: _json(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _json(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [_json(each) for each in value]
    return value


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:40] or STUDY
