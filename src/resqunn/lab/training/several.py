"""Runs that go on at once: trained in stacks, each writing its own folder.

What happens to one of them, a loss that becomes NaN or a disk that is full, ends it alone.
"""

from __future__ import annotations

import contextlib
import sys
import time
import warnings
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from resqunn.analysis.dead_weights import num_live_weights
from resqunn.errors import RunError
from resqunn.lab.training.config import TrainConfig
from resqunn.lab.training.evaluation import (
    Prepared,
    Scores,
    evaluate,
    evaluated,
    prepare,
    seed_samples,
)
from resqunn.lab.training.files import exists, sealed, write_atomically
from resqunn.lab.training.inputs import recorded
from resqunn.lab.training.metrics import gives_probabilities, measures
from resqunn.lab.training.models import seeded
from resqunn.lab.training.optimizer import rate_factor
from resqunn.lab.training.provenance import changed, circumstances
from resqunn.lab.training.records import (
    Epoch,
    Run,
    add_stretch,
    append,
    has_result,
    keep_lines,
    last_stretch,
    write_result,
)
from resqunn.lab.training.scores import NAME, read_scores, score_run, write_scores
from resqunn.lab.training.session import SILENT, Callbacks, Session, threads
from resqunn.lab.training.stack import BatchReport, Learner, Stack, Trained, require_finite

EVALUATED = 1
"""Beside a seed and an epoch: of the samples that scores are made of."""


def alike(config: TrainConfig) -> Hashable:
    """What runs must have in common to be trained in one stack.

    That is all but the seed, whether layers are trained and derivatives cut, and whether test
    images are scored. A network of the caller's is trained alone: it may draw from torch's random
    numbers, which are the process's.
    """
    if config.model is not None:
        return config
    return replace(
        config,
        preset="resqunn",
        seed=0,
        trainable=True,
        input_gradients=True,
        data_root=None,
        test=True,
    )


class Training:
    """A run that goes on in its folder, from the epoch after the last of `epochs`."""

    def __init__(
        self,
        session: Session,
        folder: Path,
        epochs: Sequence[Epoch] = (),
        callbacks: Callbacks = SILENT,
    ) -> None:
        self.session, self.folder, self.callbacks = session, folder, callbacks
        self.epochs = list(epochs)
        self.prepared: dict[str, Prepared] = {}

    @property
    def run(self) -> Run:
        """What there is of it."""
        return Run(self.folder, self.session.config, tuple(self.epochs))

    @property
    def next_epoch(self) -> int:
        """The number of the epoch that is trained next."""
        return len(self.epochs) + 1

    def begin(self) -> None:
        """Notes with what it goes on, and computes what training cannot change."""
        session, folder = self.session, self.folder
        with writing(folder):
            (folder / "checkpoints").mkdir(exist_ok=True)
            if not self.epochs:
                write_atomically(
                    folder / "manifest.json", sealed("manifest.json", self._manifest())
                )
                (folder / "stretches.jsonl").unlink(missing_ok=True)  # of a start before this one
            else:
                self._record_stretch()
            for name in ("metrics.jsonl", "timings.jsonl"):
                keep_lines(folder / name, len(self.epochs))
        model, config = session.model, session.config
        if self.callbacks.on_start is not None:
            self.callbacks.on_start(session.config, session.data, model, len(self.epochs))
        self.train, self.validation = (
            prepare(model, data) for data in (session.train, session.validation)
        )
        self.prepared = {"train": self.train, "validation": self.validation}
        self.learner = Learner(
            model,
            session.optimizer,
            self.train,
            session.config.seed,
            session.parts,
            self._on_batch,
            session.objective,
            config.clip_norm,
            None if config.schedule == "constant" else partial(rate_factor, config),
            len(self.epochs),
            config.train_scores == "during",
        )

    @property
    def _on_batch(self) -> BatchReport | None:
        """The caller's, whose random numbers are none of those that a network draws."""
        tell = self.callbacks.on_batch
        if tell is None or self.session.config.model is None:
            return tell

        def apart(*report: Any) -> None:
            with torch.random.fork_rng(devices=[]):
                tell(*report)

        return apart

    def _manifest(self) -> dict[str, Any]:
        config, data, model = self.session.config, self.session.data, self.session.model
        return {
            **circumstances(config.threads),
            "command": sys.argv,
            "seed": config.seed,
            "data": config.data,
            **recorded(config, data),
            "num_weights": sum(p.numel() for p in model.parameters() if p.requires_grad),
            "num_live_weights": num_live_weights(model),
        }

    def _record_stretch(self) -> None:
        """Notes with what a resumed run goes on, and says what is not as it was before."""
        number, folder = self.next_epoch, self.folder
        stretch = {"first_epoch": number, **circumstances(self.session.config.threads)}
        changes = changed(last_stretch(folder), stretch)
        add_stretch(folder, stretch)
        if changes:
            warnings.warn(
                f"{folder} goes on from epoch {number} with {changes}: its numbers may differ "
                "from those of a run that was not interrupted",
                stacklevel=2,
            )

    def record(self, trained: Trained | RunError, seconds: float) -> None:
        """Evaluates the network after an epoch, and writes it all down.

        Args:
            trained: what became of it.
            seconds: that the epoch has taken, without the evaluation.

        Raises:
            RunError: if a number is not finite, or the folder cannot be written to.
        """
        if isinstance(trained, RunError):
            raise trained
        start = time.perf_counter()
        number, model, config = self.next_epoch, self.session.model, self.session.config
        with _drawing(config, number, EVALUATED):
            seed_samples(model, config.seed, number, EVALUATED)
            on_train = self._on_train(trained)
            on_validation, scores_NK = evaluated(model, self.validation)
        require_finite(on_train.loss, f"after the last step of epoch {number}")
        require_finite(on_validation.loss, f"on validation images in epoch {number}")
        for part, norm in trained.norms.items():
            require_finite(norm or 0.0, f"in epoch {number}", f"gradient norm of {part}")
        chosen = None
        if config.metric != "accuracy":
            labels, softmaxed = self.validation.labels, gives_probabilities(model)
            chosen = measures(scores_NK, labels, on_validation.loss, softmaxed)[config.metric]
        epoch = Epoch(
            number,
            trained.loss,
            on_train.loss,
            on_train.accuracy,
            on_validation.loss,
            on_validation.accuracy,
            trained.norms,
            chosen,
        )
        self.epochs.append(epoch)
        seconds = round(seconds + time.perf_counter() - start, 4)
        run = self.run
        with writing(self.folder):
            append(self.folder / "metrics.jsonl", epoch.as_dict())
            append(self.folder / "timings.jsonl", {"epoch": number, "seconds": seconds})
            self.session.save(run, *(["best"] if run.best is epoch else []), "latest")
        if self.callbacks.on_epoch is not None:
            self.callbacks.on_epoch(epoch)

    def _on_train(self, trained: Trained) -> Scores:
        """Of the images that are trained on, as the configuration asks."""
        if trained.cross_entropy is None or trained.accuracy is None:
            return evaluate(self.session.model, self.train)
        return Scores(trained.cross_entropy, trained.accuracy)

    def finish(self) -> Run:
        """Writes the metrics of the best and the last epoch, then the result."""
        run = self.run
        with writing(self.folder):
            write_scores(run, score_run(run, self.session, self.prepared))
            write_result(run)
        return run


def complete(run: Run) -> bool:
    """Writes the result of a finished run, if its scores are there; says whether it is done.

    A run of an earlier version has no scores, and is done if it has its result.

    Raises:
        RunError: if the folder cannot be written to.
    """
    with contextlib.suppress(RunError):
        if read_scores(run) is not None:
            with writing(run.folder):
                write_result(run)
            return True
    return has_result(run) and not exists(run.folder / NAME)


@contextmanager
def _drawing(config: TrainConfig, *numbers: int) -> Iterator[None]:
    """Around what a network of the caller's does, which may draw from torch's random numbers."""
    if config.model is None:
        yield
        return
    with seeded(config.seed, *numbers):
        yield


def go(trainings: Sequence[Training]) -> dict[Path, Run | Exception]:
    """Trains runs that are `alike` to their end, together, and says what became of each."""
    ended: dict[Path, Run | Exception] = {}

    @contextmanager
    def telling(training: Training) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            ended[training.folder] = error

    with threads(trainings[0].session.config.threads):
        for training in trainings:
            with telling(training):
                training.begin()
        stack, members, first = None, (), trainings[0].session
        while going := [training for training in trainings if training.folder not in ended]:
            if stack is None or going != members:
                first = going[0].session
                learners = [training.learner for training in going]
                stack = Stack(learners, first.config.batch_size, first.steps)
                members = going
            start = time.perf_counter()
            with _drawing(first.config, going[0].next_epoch):
                results = stack.train_epoch([training.next_epoch for training in going])
            seconds = (time.perf_counter() - start) / len(going)
            for training, result in zip(going, results, strict=True):
                with telling(training):
                    training.record(result, seconds)
                    if training.run.finished:
                        ended[training.folder] = training.finish()
    return ended


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Around what is written, so that an error of the caller's own is not taken for the disk's.

    Raises:
        RunError: if the folder cannot be written to.
    """
    try:
        yield
    except OSError as error:
        raise RunError(
            f"cannot write to {folder} ({error.strerror}): mend that, then continue with "
            f"`resqunn resume {folder}`"
        ) from None
