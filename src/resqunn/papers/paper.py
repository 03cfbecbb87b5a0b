"""What a paper is, to be rerun: its figures as studies, its claims, and the usual options."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from resqunn.checks import check_fields, settle_fields
from resqunn.errors import ConfigurationError, unknown_name
from resqunn.lab.study.claims import Claim
from resqunn.lab.study.plan import Plan, Reported, Study
from resqunn.lab.study.results import Drawing, Source
from resqunn.lab.study.seeds import different, spelled

INTERPRETATIONS = ("default", "all")

QUICK = (
    "This was a quick run: small data, few epochs, few seeds. It shows that everything works, "
    "not what holds."
)


@dataclass(frozen=True)
class Options:
    """Everything that decides what is run of a paper.

    Attributes:
        seeds: one run of each network for each.
        figures: names of the paper's figures; none for all.
        interpretations: of what the paper leaves open: "default" for the most likely ones,
            "all" for every combination.
        quick: little data, few epochs and few seeds.

    Raises:
        ConfigurationError: for a value that does not fit.
    """

    data: str = "digits"
    seeds: tuple[int, ...] = tuple(range(20))
    epochs: int = 30
    figures: tuple[str, ...] = ()
    interpretations: str = "default"
    quick: bool = False

    def __post_init__(self) -> None:
        settle_fields(self)
        if self.interpretations not in INTERPRETATIONS:
            raise unknown_name("interpretations", self.interpretations, INTERPRETATIONS)
        different(self.seeds)
        if self.epochs < 1:
            raise ConfigurationError(f"epochs must be 1 or more, got {self.epochs}")


@dataclass(frozen=True)
class Paper:
    """A paper that can be rerun.

    Attributes:
        name: of the paper in the command.
        title: of the report.
        figures: what can be rerun on its own, by name.
        studies: from the options, with `figures` filled in, to what is run.
        claims: judged once the runs are done.
        citation, address: of the paper.
        extra: figures that are rerun only when they are named.
        sections: of the report, in order: names and titles.
        circuits: drawn for the report.
        defaults, quick: the options, unless the user says otherwise.
        reported: which metrics of trained networks are scored beside those of the last epoch.
    """

    name: str
    title: str
    figures: tuple[str, ...]
    studies: Callable[[Options], Sequence[Study]]
    claims: tuple[Claim, ...] = ()
    citation: str = ""
    address: str = ""
    extra: tuple[str, ...] = ()
    sections: dict[str, str] = field(default_factory=lambda: {"studies": "Trained networks"})
    circuits: Callable[[], tuple[Drawing, ...]] = tuple
    defaults: Options = field(default_factory=Options)
    quick: Options = field(default_factory=lambda: Options(seeds=(0, 1), epochs=4, quick=True))
    reported: Reported | None = None

    def __post_init__(self) -> None:
        check_fields(self)

    def plan(self, options: Options | None = None) -> Plan:
        """Everything that the chosen figures need.

        Raises:
            ConfigurationError: for a figure that the paper does not have.
        """
        options = options or self.defaults
        known = (*self.figures, *self.extra)
        for figure in options.figures:
            if figure not in known:
                raise unknown_name("figure", figure, known)
        # One spelling for each choice, so that equal choices are recognised.
        chosen = tuple(name for name in known if name in (options.figures or self.figures))
        options = dataclasses.replace(options, figures=chosen)
        source = Source(
            self.name,
            self.title,
            self.citation,
            self.address,
            self.sections,
            QUICK if options.quick else "",
        )
        return Plan(
            source,
            tuple(self.studies(options)),
            {"paper": self.name, **_as_json(options)},
            self._command(options),
            self.claims,
            self.circuits(),
            self.reported,
        )

    def _command(self, options: Options) -> str:
        """The command line that asks for the same."""
        usual = self.quick if options.quick else self.defaults
        words = ["resqunn", "reproduce", self.name, *(["--quick"] if options.quick else [])]
        if options.figures != (usual.figures or self.figures):
            words += ["--figures", *options.figures]
        if options.interpretations != usual.interpretations:
            words += ["--interpretations", options.interpretations]
        if options.data != usual.data:
            words += ["--data", options.data]
        if options.seeds != usual.seeds:
            words += ["--seeds", spelled(options.seeds)]
        if options.epochs != usual.epochs:
            words += ["--epochs", str(options.epochs)]
        return shlex.join(words)


def _as_json(options: Options) -> dict[str, object]:
    values = dataclasses.asdict(options)
    return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}
