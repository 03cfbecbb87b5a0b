"""Training runs: started, resumed and evaluated. `records.py` says what their folders hold."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from torch import nn

from resqunn.data.datasets import Dataset
from resqunn.data.images import Images
from resqunn.errors import RunError
from resqunn.lab.training.checkpoint import remove_leftovers
from resqunn.lab.training.config import GIVEN, TrainConfig
from resqunn.lab.training.evaluation import Scores, evaluate, prepare, seed_samples
from resqunn.lab.training.files import exists, is_partial, remove_partials, write_atomically
from resqunn.lab.training.harmless import brief
from resqunn.lab.training.inputs import (
    given,
    load_data,
    named_shape,
    recorded_shape,
    require_same,
)
from resqunn.lab.training.lock import exclusive
from resqunn.lab.training.memory import available_memory
from resqunn.lab.training.models import Model, named, required
from resqunn.lab.training.records import (
    Epoch,
    Run,
    checkpoint_of,
    open_run,
    read_record,
    refuse_linked_parts,
)
from resqunn.lab.training.scores import ScoredEpoch, score, splits_of
from resqunn.lab.training.session import (
    SILENT,
    Callbacks,
    Session,
    build_model,
    network,
    restore_weights,
    threads,
)
from resqunn.lab.training.several import Training, alike, complete, go, writing

__all__ = [
    "Callbacks",
    "Epoch",
    "Run",
    "build_model",
    "evaluate_run",
    "load_data",
    "load_model",
    "measure_run",
    "open_run",
    "resume",
    "train",
    "train_several",
]

_Folder = TypeVar("_Folder", str, Path, str | Path)

COPIES = 4
"""How often what `Session.nbytes` counts is in memory, about, with what batches make of it."""


def train(
    config: TrainConfig,
    folder: str | Path,
    callbacks: Callbacks = SILENT,
    *,
    data: Images | Dataset | None = None,
    model: Model = None,
) -> Run:
    """Trains a network in a new folder.

    Interrupted at any moment, it leaves a run that `resume` continues bit for bit.

    Args:
        data: images of your own, in place of those that the configuration names: `Images`, which
            are split as it says, or a `Dataset`. Whoever continues or evaluates the run gives
            them again.
        model: a network of your own, in place of that of the options: a `torch.nn.Module`, which
            is trained itself, or the address "package.module:factory" of a function
            `factory(config, shape)` that makes one (`config.model` may name it too). It maps
            images (B, C, H, W) to scores (B, K). Whoever continues, evaluates or loads the run
            gives it again, a module untrained.

    Raises:
        RunError: if the folder already holds anything.
        RunError: if the loss becomes NaN or infinite.
        ResqunnError: for a configuration or data that do not fit.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = train(TrainConfig(classes=2, epochs=2), f"{folder}/run")
    >>> len(run.epochs), run.best.validation_accuracy > 0.5
    (2, True)
    """
    with ExitStack() as held:
        config = named(given(config, data), model)
        own = config.model if model is None else model
        return _alone(_started(config, Path(folder), callbacks, held, data, own))


def train_several(
    configs: Mapping[_Folder, TrainConfig],
    data_root: str | Path | None = None,
    *,
    data: Images | Dataset | None = None,
) -> dict[Path, Run | Exception]:
    """Trains a network in each of some folders, or goes on with it, as many at once as can be.

    Networks that differ in the seed alone, in whether layers are trained, or in whether
    derivatives are cut, are trained together, as far as memory allows; metrics, checkpoints and
    result of each have the same bytes as if it had been alone.

    Args:
        configs: of each folder, which is new, or holds a run of this configuration; factories
            that they name as `model` are called.
        data_root: folder with the data files, in place of the configurations'.
        data: images for all of them, as in `train`.

    Returns:
        For each folder the finished run, or the error that ended it and no other.
    """
    ended: dict[Path, Run | Exception] = {}
    stacks: dict[Hashable, list[tuple[Path, TrainConfig]]] = {}
    for folder, config in configs.items():
        moved = config if data_root is None else replace(config, data_root=str(data_root))
        moved = given(moved, data)
        stacks.setdefault(alike(moved), []).append((Path(folder), moved))
    for runs in stacks.values():
        waiting = deque(runs)
        while waiting:
            ended |= _train_some(waiting, data)
    return {Path(folder): ended[Path(folder)] for folder in configs}


def _train_some(
    waiting: deque[tuple[Path, TrainConfig]], data: Images | Dataset | None
) -> dict[Path, Run | Exception]:
    """Takes as many runs from the front as fit into memory, and trains them."""
    ended: dict[Path, Run | Exception] = {}
    trainings: list[Training] = []
    room, used = available_memory() // 2, 0
    with ExitStack() as held:
        while waiting and (not trainings or used < room):
            folder, config = waiting.popleft()
            try:
                found = _begun(config, folder, held, data)
            except Exception as error:
                ended[folder] = error
                continue
            if isinstance(found, Run):
                ended[folder] = found
            elif trainings and found.session.shape != trainings[0].session.shape:
                ended |= go([found])
            else:
                trainings.append(found)
                used += COPIES * found.session.nbytes
        return ended | (go(trainings) if trainings else {})


def _begun(
    config: TrainConfig, folder: Path, held: ExitStack, data: Images | Dataset | None
) -> Training | Run:
    """A run that is started, continued, or found done."""
    if not exists(folder / "config.json"):
        return _started(config, folder, SILENT, held, data, config.model)
    if TrainConfig.from_json(folder / "config.json").sha256 != config.sha256:
        raise RunError(
            f"{folder} holds another run: delete it, and the same command makes this one"
        )
    # Its data may lie in another place than when it was begun: their checksum is compared.
    return _continued(folder, SILENT, config.data_root, held, data, config.model)


def _alone(training: Training) -> Run:
    (found,) = go([training]).values()
    if isinstance(found, Run):
        return found
    raise found


def _started(
    config: TrainConfig,
    folder: Path,
    callbacks: Callbacks,
    held: ExitStack,
    data: Images | Dataset | None,
    model: Model,
) -> Training:
    _require_free(folder)
    session = Session(config, data, model)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"cannot write to {folder}: {error.strerror}") from None
    held.enter_context(exclusive(folder))
    _require_free(folder)
    try:
        remove_partials(folder)
        # From here on the folder is a run, which `resume` can start from nothing but this.
        write_atomically(folder / "config.json", session.config.to_json())
    except OSError as error:
        raise RunError(f"cannot write to {folder}: {error.strerror}") from None
    return Training(session, folder, callbacks=callbacks)


def _require_free(folder: Path) -> None:
    try:
        if (folder / "config.json").exists():
            raise RunError(
                f"{folder} already holds a run: continue it with `resqunn resume {folder}` or "
                "choose another folder"
            )
        # What a process that was killed in its first write left behind does not count.
        if folder.exists() and not (
            folder.is_dir() and all(is_partial(entry) for entry in folder.iterdir())
        ):
            raise RunError(f"{folder} exists and is not an empty folder: choose another one")
    except OSError as error:
        raise RunError(f"cannot write to {folder}: {error.strerror}") from None


def resume(
    folder: str | Path,
    callbacks: Callbacks = SILENT,
    *,
    data_root: str | Path | None = None,
    data: Images | Dataset | None = None,
    model: Model = None,
) -> Run:
    """Continues an interrupted run from its last whole epoch, to the same bytes.

    A finished run is returned as it is. With other versions of torch or of this library than
    before, which `stretches.jsonl` records, a warning says so.

    Args:
        data_root: folder with the data files, if they no longer lie where they were.
        data: the images, if they were given in Python.
        model: the network or its factory's address, if it is not that of the options.

    Raises:
        RunError: if the folder holds no run, or the data are no longer the same.
        RunError: if the checkpoint is damaged or does not fit, or a part is a symbolic link.
    """
    with ExitStack() as held:
        found = _continued(Path(folder), callbacks, data_root, held, data, model)
        return found if isinstance(found, Run) else _alone(found)


def _continued(
    folder: Path,
    callbacks: Callbacks,
    data_root: str | Path | None,
    held: ExitStack,
    data: Images | Dataset | None,
    model: Model,
) -> Training | Run:
    """A run that goes on from its last whole epoch, or is done."""
    TrainConfig.from_json(folder / "config.json")  # is there a run?
    held.enter_context(exclusive(folder))
    refuse_linked_parts(folder)
    run = open_run(folder)
    if run.epochs:
        checkpoint_of(folder, "best", run.config)  # a damaged one shows now, not at the end
    with writing(folder):
        remove_partials(folder)
        remove_leftovers(folder / "checkpoints")
    if run.finished and complete(run):
        return run
    moved = data_root is not None and str(data_root) != run.config.data_root
    config = replace(run.config, data_root=str(data_root)) if moved else run.config
    session = Session(config, _required(folder, config, data), required(folder, config, model))
    if run.epochs:
        _require_same_data(folder, session)
    if moved:
        with writing(folder):
            write_atomically(folder / "config.json", session.config.to_json())
    if run.epochs:
        session.restore(folder, checkpoint_of(folder, "latest", run.config))
    training = Training(session, folder, run.epochs, callbacks)
    if run.finished:  # but for its last files
        with threads(config.threads):
            return training.finish()
    return training


def _required(
    folder: Path, config: TrainConfig, data: Images | Dataset | None
) -> Images | Dataset | None:
    """The images that were given in Python, if a run needs them."""
    if data is not None and config.data != GIVEN:
        raise RunError(f"{folder} was trained on {brief(config.data)}: leave data out")
    return data


def _require_same_data(folder: Path, session: Session) -> None:
    require_same(session.data, read_record(folder, "manifest.json"), folder)


def evaluate_run(
    folder: str | Path,
    checkpoint: str = "best",
    *,
    data: Images | Dataset | None = None,
    model: Model = None,
) -> tuple[int, Scores]:
    """The scores of a run's checkpoint on its validation images, and its epoch.

    Args:
        checkpoint: "best" (by the run's metric on validation images) or "latest".
        data: the images, if they were given in Python.
        model: the network or its factory's address, if it is not that of the options.

    Raises:
        RunError: as `resume`.
    """
    epoch, session = restored(folder, checkpoint, data, model)
    with threads(session.config.threads):
        seed_samples(session.model, session.config.seed)
        return epoch, evaluate(session.model, prepare(session.model, session.validation))


def measure_run(
    folder: str | Path,
    checkpoint: str = "best",
    *,
    data: Images | Dataset | None = None,
    model: Model = None,
) -> tuple[ScoredEpoch, tuple[str, ...]]:
    """The metrics of a run's checkpoint on its validation and test images, and the classes.

    Args:
        checkpoint, data, model: as `evaluate_run`.

    Raises:
        RunError: as `resume`.
    """
    epoch, session = restored(folder, checkpoint, data, model)
    with threads(session.config.threads):
        return score(session, epoch, splits_of(session)), session.train.classes


def restored(
    folder: str | Path,
    checkpoint: str = "best",
    data: Images | Dataset | None = None,
    model: Model = None,
) -> tuple[int, Session]:
    """The epoch of a run's checkpoint, and its network with its data.

    Raises:
        RunError: as `resume`.
    """
    folder = Path(folder)
    config = TrainConfig.from_json(folder / "config.json")
    saved = checkpoint_of(folder, checkpoint, config)
    session = Session(config, _required(folder, config, data), required(folder, config, model))
    _require_same_data(folder, session)
    session.restore(folder, saved, with_optimizer=False)
    return saved.epoch, session


def load_model(folder: str | Path, checkpoint: str = "best", *, model: Model = None) -> nn.Module:
    """The trained network of a run, in evaluation mode; its data are not needed.

    It maps images (B, C, H, W) with pixels in [0, 1], of the run's number type and on its
    device, to scores (B, classes).

    Args:
        checkpoint: "best" (by the run's metric on validation images) or "latest".
        model: the network or its factory's address, if it is not that of the options.

    Raises:
        RunError: if the folder holds no run, or the checkpoint is missing or damaged.

    >>> import tempfile, torch
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = train(TrainConfig(classes=2, epochs=1), f"{folder}/run")
    ...     model = load_model(run.folder)
    >>> model(torch.rand(3, 1, 8, 8)).shape
    torch.Size([3, 2])
    """
    folder = Path(folder)
    config = TrainConfig.from_json(folder / "config.json")
    saved = checkpoint_of(folder, checkpoint, config)
    shape = named_shape(config) or recorded_shape(read_record(folder, "manifest.json"), folder)
    found = network(config, shape, required(folder, config, model))
    restore_weights(found, folder, saved)
    return found.eval()
