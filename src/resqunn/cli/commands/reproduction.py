"""Papers, rerun, and the report on them."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import tyro

from resqunn.cli import progress, tables
from resqunn.cli.commands.carrying_out import carry_out
from resqunn.lab.training.harmless import one_line


@dataclass(frozen=True)
class Reproduce:
    """Rerun a paper's studies, judge its claims, and write a report.

    If it is stopped, the same command continues where it was.

    Example: resqunn reproduce --figures 8 9 --out results/figures
    """

    paper: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="[PAPER]")] = "resqunns"
    """A name that `resqunn papers` lists, or MODULE:OBJECT for a paper of your own."""

    out: Annotated[
        Path | None,
        tyro.conf.arg(
            metavar="FOLDER",
            help_behavior_hint="(default: results/PAPER; with --quick results/PAPER-quick)",
        ),
    ] = None
    """Results folder."""

    figures: Annotated[
        tuple[str, ...],
        tyro.conf.arg(metavar="FIGURE...", help_behavior_hint="(default: all but those of --full)"),
    ] = ()
    """Figures of the paper and further studies to run, as `resqunn papers` lists them."""

    interpretations: str = "default"
    """Of what the paper leaves open: default, the most likely ones; all, every combination."""

    quick: bool = False
    """Use little data, few epochs and few seeds: shows that everything works, not what holds."""

    full: bool = False
    """Also run the studies that take long."""

    data: Annotated[
        str | None,
        tyro.conf.arg(
            metavar="STR", help_behavior_hint="(default: the paper's; with --quick digits)"
        ),
    ] = None
    """Data set, of ten classes for the ResQuNN paper: digits, mnist, fashion_mnist, kmnist,
    cifar10, eurosat, organamnist, organcmnist or organsmnist; with fewer there are pathmnist,
    dermamnist, octmnist, pneumoniamnist, retinamnist, breastmnist, bloodmnist and tissuemnist."""

    data_root: Annotated[
        Path | None,
        tyro.conf.arg(metavar="FOLDER", help_behavior_hint="(default: $RESQUNN_DATA)"),
    ] = None
    """Folder that holds the data files."""

    seeds: Annotated[
        str | None,
        tyro.conf.arg(
            metavar="INT|A:B", help_behavior_hint="(default: the paper's; with --quick 2)"
        ),
    ] = None
    """Seeds of each network: how many, counted from 0, or a range such as 200:230."""

    epochs: Annotated[
        int | None,
        tyro.conf.arg(metavar="INT", help_behavior_hint="(default: the paper's; with --quick 4)"),
    ] = None
    """Passes over the training images."""

    workers: Annotated[
        int | None,
        tyro.conf.arg(metavar="INT", help_behavior_hint="(default: one for each usable core)"),
    ] = None
    """Processes that train at the same time."""

    dask: Annotated[
        str | None,
        tyro.conf.arg(metavar="ADDRESS", help_behavior_hint="(default: no cluster)"),
    ] = None
    """Train on the Dask cluster of this scheduler, such as tcp://10.0.0.1:8786."""

    def run(self) -> None:
        from resqunn.data.sources import require_used, source
        from resqunn.lab.study.seeds import seeds
        from resqunn.papers.registry import paper

        found = paper(self.paper)
        options = found.quick if self.quick else found.defaults
        if self.data is not None:
            options = replace(options, data=self.data)
        if self.seeds is not None:
            options = replace(options, seeds=seeds(self.seeds))
        if self.epochs is not None:
            options = replace(options, epochs=self.epochs)
        chosen = (self.figures or options.figures or found.figures) + found.extra * self.full
        options = replace(options, figures=chosen, interpretations=self.interpretations)
        require_used(source(options.data), "data_root", self.data_root)
        plan = found.plan(options)
        folder = self.out or Path("results") / (found.name + "-quick" * self.quick)
        carry_out(plan, folder, workers=self.workers, dask=self.dask, data_root=self.data_root)


@dataclass(frozen=True)
class Papers:
    """List the papers that can be rerun.

    Example: resqunn papers
    """

    def run(self) -> None:
        from resqunn.papers.registry import addresses, paper

        rows = [(name, paper(name)) for name in addresses()]
        tables.papers(
            [
                (name, found.citation or found.title, " ".join((*found.figures, *found.extra)))
                for name, found in rows
            ]
        )


@dataclass(frozen=True)
class Report:
    """Write the report of a results folder: one HTML page, its figures and its numbers.

    Example: resqunn report results/figures
    """

    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FOLDER")]
    """Results folder of `resqunn study` or `resqunn reproduce`."""

    def run(self) -> None:
        from resqunn.lab.report.page import write_report

        path = progress.waiting("drawing", lambda: write_report(self.folder))
        sys.stdout.write(f"{one_line(path)}\n")
