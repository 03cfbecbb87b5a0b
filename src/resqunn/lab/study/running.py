"""A plan, run in a results folder: what is missing is run, then everything is judged."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from resqunn.data.datasets import Dataset
from resqunn.data.sources import SOURCES
from resqunn.errors import DataError
from resqunn.lab.study.execution import ProgressReport, execute
from resqunn.lab.study.executors.base import Executor, Outcome, Serial
from resqunn.lab.study.finished import FinishedRun, read_runs
from resqunn.lab.study.folder import check_writable, opened, unwritable
from resqunn.lab.study.plan import TRAIN, Plan
from resqunn.lab.study.results import Results, as_builtins, write_results
from resqunn.lab.study.summary import failures, summarise
from resqunn.lab.study.tables import write_tables
from resqunn.lab.study.tasks import task
from resqunn.lab.training.config import TrainConfig
from resqunn.lab.training.files import as_json, write_atomically
from resqunn.lab.training.harmless import brief
from resqunn.lab.training.inputs import load_data, located
from resqunn.lab.training.metrics import require_defined
from resqunn.lab.training.provenance import versions


@dataclass(frozen=True)
class Finished:
    """What `run` leaves: the results, where they are, and the runs that failed every time."""

    results: Results
    path: Path
    failed: tuple[Outcome, ...]


def run(
    plan: Plan,
    folder: str | Path,
    executor: Executor | None = None,
    *,
    data_root: str | Path | None = None,
    on_progress: ProgressReport | None = None,
) -> Finished:
    """Runs a plan in a results folder, or what is left of it.

    Interrupted at any moment, it is continued by the same call. Runs that fail twice are
    reported, in failures.json and the results, and tried again by the next call.

    Args:
        executor: where runs are executed; by default in this process, one after the other.
        data_root: folder with the data files; RESQUNN_DATA if not given. Data sets without
            files take no notice of it.

    Raises:
        ConfigurationError: for a task that does not exist.
        RunError: if the folder belongs to other options, limits or rules, or cannot be written to.
        DataError: if a data set cannot be had.
    """
    folder = Path(folder)
    runs = [replace(each, config=placed(each.config, data_root)) for each in plan.runs]
    for address in {each.task for each in runs} - {TRAIN}:
        task(address)
    with opened(folder, plan.options, plan.limits):
        for config in plan.data:
            # Once, before hundreds of runs fail at it.
            require_reported(plan, load_data(placed(config, data_root)))
        # A damaged run shows now, not after hours of training.
        _tell_versions(folder, read_runs(folder, plan.runs, plan.reported).values())
        failed = execute(
            executor or Serial(), runs, folder, on_progress, lambda: check_writable(folder)
        )
        results = summarise(plan, folder, failed)
        try:
            write_tables(folder, results)
            write_atomically(folder / "failures.json", as_json(as_builtins(failures(failed))))
            path = write_results(folder, results)
        except OSError as error:
            raise unwritable(folder, error) from None
    return Finished(results, path, tuple(failed))


def require_reported(plan: Plan, data: Dataset) -> None:
    """
    Raises:
        DataError: if the images have no such split or metric as the plan's claims are about.
    """
    if plan.reported is None:
        return
    split = plan.reported.split
    images = data.test if split == "test" else data.validation
    if images is None:
        raise DataError(
            f"{data.name} has no test images: give it some, or judge by split = 'validation' and "
            "epoch = 'last'"
        )
    asked = [quantity.metric for claim in plan.claims for quantity in claim.quantities]
    for name in dict.fromkeys((plan.reported.name, *asked)):
        metric, _, _ = name.removeprefix(f"{split}_").partition(", ")  # without its condition
        require_defined(metric, images.labels, images.classes, split)


def placed(config: TrainConfig, data_root: str | Path | None = None) -> TrainConfig:
    """A configuration with the folder that its data are looked for in.

    Args:
        data_root: in place of its own; data sets without files take no notice of it.
    """
    row = SOURCES.get(config.data)
    unused = not row.files if row else Path(config.data).is_absolute()
    root = config.data_root if data_root is None else str(Path(data_root).absolute())
    return located(replace(config, data_root=None if unused else root))


def _tell_versions(folder: Path, runs: Iterable[FinishedRun]) -> None:
    """Warns if there are runs of another torch, whose last digits may differ."""
    ours = versions()["torch"]
    recorded = [run.manifest.get("versions") for run in runs]
    theirs = {str(found.get("torch", ours)) for found in recorded if isinstance(found, dict)}
    if others := sorted(theirs - {ours}):
        warnings.warn(
            f"{folder} holds runs made with torch {brief(' and '.join(others))}, and what is left "
            f"is made with torch {ours}: their numbers may differ in the last digits",
            stacklevel=3,
        )
