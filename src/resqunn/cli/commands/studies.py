"""A question from a file, answered."""

from __future__ import annotations

import dataclasses
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from resqunn.cli import progress, tables
from resqunn.cli.console import console, shown


@dataclass(frozen=True)
class Study:
    """Answer a question of your own: train its networks over seeds, judge, and write a report.

    If it is stopped, the same command continues where it was; with more --seeds it adds those.

    Example: resqunn study question.toml --plan
    """

    file: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FILE.toml")]
    """Question file: networks, what is varied, seeds, and what is asked."""

    out: Annotated[
        Path | None,
        tyro.conf.arg(metavar="FOLDER", help_behavior_hint="(default: results/NAME of the file)"),
    ] = None
    """Results folder."""

    seeds: Annotated[
        str | None,
        tyro.conf.arg(metavar="INT|A:B", help_behavior_hint="(default: the file's)"),
    ] = None
    """Seeds of each network: how many, counted from 0, or a range such as 200:230."""

    plan: bool = False
    """Show what would be run, and stop."""

    data_root: Annotated[
        Path | None,
        tyro.conf.arg(
            metavar="FOLDER",
            help_behavior_hint="(default: $RESQUNN_DATA; for a path the file's folder)",
        ),
    ] = None
    """Folder that holds the data files."""

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
        from resqunn.engines.compiled.cores import allowed_cores
        from resqunn.lab.report.page import write_report
        from resqunn.lab.study.executors.choice import executor
        from resqunn.lab.study.inquiry import Inquiry
        from resqunn.lab.study.outlook import outlook
        from resqunn.lab.study.running import run

        inquiry = Inquiry.read(self.file)
        if self.seeds is not None:
            inquiry = dataclasses.replace(inquiry, seeds=self.seeds)
        plan = inquiry.plan(self._command())
        folder = self.out or Path("results") / self.file.stem
        workers = allowed_cores() if self.workers is None else self.workers
        place = executor(workers, self.dask)
        try:
            expected = progress.waiting(
                "looking ahead", lambda: outlook(plan, folder, place.width, self.data_root)
            )
            tables.outlook(inquiry, expected, folder)
            if self.plan:
                return
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

    def _command(self) -> str:
        words = ["resqunn", "study", str(self.file)]
        if self.seeds is not None:
            words += ["--seeds", self.seeds]
        return shlex.join(words)
