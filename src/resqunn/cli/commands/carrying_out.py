"""A plan, carried out by the processes or the cluster that a command names, and its report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from resqunn.cli import progress, tables
from resqunn.cli.console import console, shown

if TYPE_CHECKING:
    from resqunn.lab.study.plan import Plan


def carry_out(
    plan: Plan,
    folder: Path,
    *,
    workers: int | None,
    dask: str | None,
    data_root: Path | None,
    before: Callable[[int], bool] = lambda _: True,
) -> None:
    """Runs what is left of a plan, and shows its verdicts and where the report is.

    Args:
        workers: processes; None is one for each usable core.
        dask: the address of a cluster's scheduler, if there is one.
        before: is told how many stacks of runs go on at once; says whether anything is run.
    """
    from resqunn.engines.compiled.cores import allowed_cores
    from resqunn.lab.report.page import write_report
    from resqunn.lab.study.executors.choice import executor
    from resqunn.lab.study.running import run

    place = executor(allowed_cores() if workers is None else workers, dask)
    try:
        if not before(place.width):
            return
        finished = progress.reproducing(
            folder,
            lambda report: run(plan, folder, place, data_root=data_root, on_progress=report),
        )
    finally:
        place.close()
    tables.verdicts(finished.results, finished.path)
    console.print(f"report   {shown(write_report(folder))}")
