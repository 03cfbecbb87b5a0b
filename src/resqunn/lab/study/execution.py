"""A plan's runs, carried out: progress, second attempts, and kernels compiled beforehand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean

import torch

from resqunn.lab.study.executors.base import Executor, Outcome
from resqunn.lab.study.plan import TRAIN, PlannedRun
from resqunn.lab.study.stacks import plan_stacks
from resqunn.lab.study.tasks import finished
from resqunn.lab.training.evaluation import EVALUATION_BATCH
from resqunn.lab.training.inputs import load_data, named_shape, shape_of
from resqunn.lab.training.session import build_model

ATTEMPTS = 2
"""Times that a run is tried before it is reported as failed."""


Kind = tuple[str, str]
"""The task, and a hash of the configuration without its seed."""


@dataclass
class Progress:
    """How far the command is; `seconds_left` is None as long as nothing is known."""

    total: int
    done: int = 0
    failed: int = 0
    running: int = 0
    seconds_left: float | None = None
    stage: str = "training"
    _kinds: dict[str, Kind] = field(default_factory=dict)
    _seconds: dict[Kind | str, list[float]] = field(default_factory=dict)

    @property
    def left(self) -> int:
        """Runs that have not ended, without those that are running."""
        return self.total - self.done - self.failed - self.running

    def learn(
        self, outcomes: Sequence[Outcome], waiting: Mapping[str, PlannedRun], width: int
    ) -> None:
        """Takes note of the time of runs and estimates the rest, by their keys, from runs of the
        same kind."""
        for outcome in outcomes:
            for kind in (self._kind(outcome.run.key, outcome.run), outcome.run.task):
                self._seconds.setdefault(kind, []).append(outcome.seconds)
        every = fmean(seconds for known in self._seconds.values() for seconds in known)
        means = {kind: fmean(known) for kind, known in self._seconds.items()}
        kinds = Counter(self._kind(key, run) for key, run in waiting.items())
        expected = (n * means.get(kind, means.get(kind[0], every)) for kind, n in kinds.items())
        self.seconds_left = sum(expected) / width

    def _kind(self, key: str, run: PlannedRun) -> Kind:
        found = self._kinds.get(key)
        if found is None:
            alike = replace(run.config, seed=0).sha256
            found = self._kinds[key] = run.task, alike
        return found


ProgressReport = Callable[[Progress], None]


def execute(
    executor: Executor,
    runs: Sequence[PlannedRun],
    folder: Path,
    on_progress: ProgressReport | None = None,
    check: Callable[[], None] | None = None,
) -> list[Outcome]:
    """Does every run that is not done yet, and returns those that failed every time.

    Args:
        check: called after a failure; raises if no run can succeed any more, as when the disk
            is full.
    """
    waiting = {run.key: run for run in runs if not finished(folder, run)}
    progress = Progress(len(runs), done=len(runs) - len(waiting))
    report = on_progress or (lambda _: None)
    if waiting and executor.width > 1:
        progress.stage = "compiling"
        report(progress)
        compile_kernels(list(waiting.values()))
        progress.stage = "training"
    failed: list[Outcome] = []
    for number in range(1, ATTEMPTS + 1):
        tried, failed, width = list(waiting.values()), [], max(1, executor.width)
        # What has failed is tried alone, lest it take others down with it again.
        stacks = plan_stacks(tried, width) if number == 1 else [(run,) for run in tried]
        left = {run.key: place for place, stack in enumerate(stacks) for run in stack}
        progress.running = _running(left, width)
        report(progress)
        for outcomes in executor.outcomes(stacks, folder):
            for outcome in outcomes:
                if outcome.error is None:
                    del waiting[outcome.run.key]
            progress.learn(outcomes, waiting, width)
            for outcome in outcomes:
                del left[outcome.run.key]
                if outcome.error is None:
                    progress.done += 1
                else:
                    if check is not None:
                        check()
                    failed.append(outcome)
                progress.running = _running(left, width)
                progress.failed = len(failed) if number == ATTEMPTS else 0
                report(progress)
        if not failed:
            break
    return failed


def _running(left: Mapping[str, int], width: int) -> int:
    """How many runs go on, given the number of the stack of each that has not ended, in their
    order."""
    return sum(count for _, count in list(Counter(left.values()).items())[:width])


def compile_kernels(runs: Sequence[PlannedRun]) -> None:
    """Compiles what the runs need into the cache on disk, before many processes want it."""
    torch_threads = torch.get_num_threads()
    seen = set()
    try:
        torch.set_num_threads(1)
        for run in runs:
            config = run.config
            shape = (config.depths, config.encoding, config.ansatz, config.readout)
            kind = (*shape, config.reupload, config.head, config.measured, config.input_gradients)
            kind = (*kind, config.noise, config.shots)
            kind = (*kind, config.kernel_size, config.stride, config.groups, config.filters)
            kind = (*kind, config.channel_mode)
            if run.task != TRAIN or config.model is not None or kind in seen:
                continue
            seen.add(kind)
            shape = named_shape(config) or shape_of(load_data(config))
            model = build_model(config, shape)
            # A batch has no more images than there are, whatever the configuration says.
            images = torch.rand(min(config.batch_size, EVALUATION_BATCH), *shape.image)
            loss = model(images).sum()
            if loss.requires_grad:
                loss.backward()
            with torch.no_grad():
                model(torch.rand(EVALUATION_BATCH, *shape.image))
    finally:
        torch.set_num_threads(torch_threads)
