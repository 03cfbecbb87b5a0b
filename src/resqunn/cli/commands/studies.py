"""A question from a file, answered."""

from __future__ import annotations

import dataclasses
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from resqunn.cli import progress, tables
from resqunn.cli.commands.carrying_out import carry_out


@dataclass(frozen=True)
class Study:
    """Answer a question of your own: train its networks over seeds, judge, and write a report.

    If it is stopped, the same command continues where it was; with more --seeds it adds those,
    and without it a folder keeps those that it has.

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
        from resqunn.lab.study.folder import seeds_held
        from resqunn.lab.study.inquiry import Inquiry
        from resqunn.lab.study.outlook import outlook

        inquiry = Inquiry.read(self.file)
        folder = self.out or Path("results") / self.file.stem
        held = None
        if self.seeds is not None:
            inquiry = dataclasses.replace(inquiry, seeds=self.seeds)
        elif held := seeds_held(folder, inquiry.numbers):
            inquiry = dataclasses.replace(inquiry, seeds=held)
        plan = inquiry.plan(self._command())

        def looked(width: int) -> bool:
            expected = progress.waiting(
                "looking ahead", lambda: outlook(plan, folder, width, self.data_root)
            )
            tables.outlook(inquiry, expected, folder, held=bool(held))
            return not self.plan

        carry_out(
            plan,
            folder,
            workers=self.workers,
            dask=self.dask,
            data_root=self.data_root,
            before=looked,
        )

    def _command(self) -> str:
        words = ["resqunn", "study", str(self.file)]
        if self.seeds is not None:
            words += ["--seeds", self.seeds]
        return shlex.join(words)
