"""The paper's studies, and the report on them."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import tyro

from resqunn.cli import progress, tables
from resqunn.cli.console import console
from resqunn.errors import MissingExtraError
from resqunn.lab.study.plan import FIGURES


@dataclass(frozen=True)
class Reproduce:
    """Rerun the paper's studies, judge its claims, and leave a report.

    Stopped at any moment, the same command goes on where it was.

    Example: resqunn reproduce --figures 8 9 --out results/figures
    """

    out: Path | None = None
    """Results folder. Default: results/paper, or results/quick with --quick."""

    figures: tuple[str, ...] = FIGURES
    """Figures of the paper, and the studies beyond it."""

    readings: str = "default"
    """default: the paper as written, and with true gradients; all: every combination."""

    quick: bool = False
    """The embedded digits, few epochs and seeds: everything works, nothing is judged fairly."""

    full: bool = False
    """Also train the best wirings on all images of the data set."""

    data: str | None = None
    """Data set; mnist, or digits with --quick."""

    data_root: Path | None = None
    """Folder with the data files; RESQUNN_DATA if not given."""

    seeds: int | None = None
    """Runs of each network; 5, or 2 with --quick."""

    epochs: int | None = None
    """Passes over the training images; 30, or 4 with --quick."""

    workers: int | None = None
    """Processes; by default one a core."""

    dask: str | None = None
    """Address of a Dask scheduler, such as tcp://10.0.0.1:8786, to run there instead."""

    def run(self) -> None:
        from resqunn.data.sources import source
        from resqunn.lab.report import write_report
        from resqunn.lab.study.executors import choose
        from resqunn.lab.study.plan import Options
        from resqunn.papers.resqunns import figures as paper
        from resqunn.papers.resqunns.reproduce import reproduce

        seeds, epochs = (paper.QUICK_SEEDS, paper.QUICK_EPOCHS) if self.quick else (5, 30)
        options = Options(
            self.data or ("digits" if self.quick else "mnist"),
            seeds if self.seeds is None else self.seeds,
            epochs if self.epochs is None else self.epochs,
            self.figures,
            self.readings,
            self.quick,
            self.full,
        )
        source(options.data)
        folder = self.out or Path("results") / ("quick" if self.quick else "paper")
        workers = os.cpu_count() or 1 if self.workers is None else self.workers
        executor = choose(workers, self.dask)
        try:
            found = progress.reproducing(
                folder,
                lambda report: reproduce(
                    options, folder, executor, data_root=self.data_root, on_progress=report
                ),
            )
        finally:
            executor.close()
        tables.verdicts(found.summary, found.summary_path)
        try:
            console.print(f"report   {write_report(folder)}")
        except MissingExtraError as error:
            console.print(f"report   not written: {error}")


@dataclass(frozen=True)
class Report:
    """Write the report of a folder of results, as one HTML page with its figures and numbers.

    Example: resqunn report results/figures
    """

    folder: tyro.conf.Positional[Path]
    """Folder of `resqunn reproduce`, which holds a summary.json."""

    def run(self) -> None:
        from resqunn.lab.report import write_report

        sys.stdout.write(f"{progress.waiting('drawing', lambda: write_report(self.folder))}\n")
