"""`reproduce`: plans, runs what is missing, judges, and writes the summary."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from resqunn.data.datasets import load_dataset
from resqunn.lab.study.evidence import read_run
from resqunn.lab.study.executors import Executor, Outcome, ProgressReport, Serial, execute
from resqunn.lab.study.folder import check_writable, opened, unwritable
from resqunn.lab.study.plan import Options, Plan
from resqunn.lab.study.summary import failures, summarise
from resqunn.lab.study.tables import write_tables
from resqunn.lab.training.files import as_json, sealed, write_atomically
from resqunn.papers.resqunns import catalogue


@dataclass(frozen=True)
class Reproduction:
    """What `reproduce` leaves."""

    plan: Plan
    folder: Path
    summary: dict[str, Any]
    failed: tuple[Outcome, ...]

    @property
    def summary_path(self) -> Path:
        """Where the summary is."""
        return self.folder / "summary.json"


def reproduce(
    options: Options,
    folder: str | Path,
    executor: Executor | None = None,
    *,
    data_root: str | Path | None = None,
    on_progress: ProgressReport | None = None,
) -> Reproduction:
    """Reruns the paper's studies in a results folder, or what is left of them.

    Interrupted at any moment, it is continued by the same call. Runs that fail twice are
    reported, in failures.json and the summary, and tried again by the next call.

    Args:
        executor: where runs are executed; by default in this process, one after the other.
        data_root: folder with the data files; RESQUNN_DATA if not given.

    Raises:
        RunError: if the folder belongs to other options or cannot be written to.
        DataError: if the data set cannot be had.
    """
    folder = Path(folder)
    root = None if data_root is None else str(Path(data_root).absolute())
    plan = catalogue.plan(options)
    runs = [replace(run, config=replace(run.config, data_root=root)) for run in plan.runs]
    with opened(folder, options):
        if plan.studies or plan.controls:
            load_dataset(options.data, root=root)  # once, before hundreds of runs fail at it
        for run in plan.runs:
            read_run(folder, run)  # a damaged one shows now, not after hours of training
        failed = execute(
            executor or Serial(), runs, folder, on_progress, lambda: check_writable(folder)
        )
        summary = summarise(plan, folder, failed)
        try:
            write_tables(plan, folder, summary)
            write_atomically(folder / "failures.json", as_json(failures(failed)))
            write_atomically(folder / "summary.json", sealed("summary.json", summary))
        except OSError as error:
            raise unwritable(folder, error) from None
    return Reproduction(plan, folder, summary, tuple(failed))
