"""Papers, rerun, and the report on them."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import tyro

from resqunn.cli import progress, tables
from resqunn.cli.console import console, one_line, shown


@dataclass(frozen=True)
class Reproduce:
    """Rerun a paper's studies, judge its claims, and leave a report.

    Stopped at any moment, the same command goes on where it was.

    Example: resqunn reproduce --figures 8 9 --out results/figures
    """

    paper: tyro.conf.Positional[str] = "resqunns"
    """A name that `resqunn papers` lists, or MODULE:OBJECT."""

    out: Path | None = None
    """Results folder. Default: results/PAPER, or results/PAPER-quick with --quick."""

    figures: tuple[str, ...] = ()
    """Figures of the paper, and the studies beyond it (see `resqunn papers`). Default: all."""

    interpretations: str = "default"
    """Of what the paper leaves open. default: those it is mainly read in; all: every
    combination."""

    quick: bool = False
    """Little data, few epochs and seeds: everything works, nothing is judged fairly."""

    full: bool = False
    """Also what takes long and is otherwise left out."""

    data: str | None = None
    """Data set. Default: the paper's, or digits with --quick."""

    data_root: Path | None = None
    """Folder with the data files; RESQUNN_DATA if not given."""

    seeds: str | None = None
    """Runs of each network: a number of seeds, or a range such as 200:230. Default: the
    paper's, or 2 with --quick."""

    epochs: int | None = None
    """Passes over the training images. Default: the paper's, or 4 with --quick."""

    workers: int | None = None
    """Processes; by default one for each core that the command may use."""

    dask: str | None = None
    """Address of a Dask scheduler, such as tcp://10.0.0.1:8786, to run there instead."""

    def run(self) -> None:
        from resqunn.data.sources import source
        from resqunn.engines.compiled.cores import allowed_cores
        from resqunn.lab.report.page import write_report
        from resqunn.lab.study.executors.choice import executor
        from resqunn.lab.study.running import run
        from resqunn.papers.paper import seeds
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
        source(options.data)
        plan = found.plan(options)
        folder = self.out or Path("results") / (found.name + "-quick" * self.quick)
        workers = allowed_cores() if self.workers is None else self.workers
        place = executor(workers, self.dask)
        try:
            finished = progress.reproducing(
                folder,
                lambda report: run(
                    plan, folder, place, data_root=self.data_root, on_progress=report
                ),
            )
        finally:
            place.close()
        tables.verdicts(finished.results, finished.path)
        console.print(f"report   {shown(write_report(folder))}")


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
    """Write the report of a folder of results, as one HTML page with its figures and numbers.

    Example: resqunn report results/figures
    """

    folder: tyro.conf.Positional[Path]
    """Folder of `resqunn reproduce`, which holds a summary.json."""

    def run(self) -> None:
        from resqunn.lab.report.page import write_report

        path = progress.waiting("drawing", lambda: write_report(self.folder))
        sys.stdout.write(f"{one_line(path)}\n")
