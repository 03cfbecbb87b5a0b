"""Training runs: started, resumed and evaluated. `records.py` says what their folders hold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from resqunn.errors import RunError
from resqunn.lab.training.checkpoint import remove_leftovers
from resqunn.lab.training.config import TrainConfig
from resqunn.lab.training.files import is_partial, remove_partials, write_atomically
from resqunn.lab.training.lock import exclusive
from resqunn.lab.training.loop import Scores, evaluate, prepare
from resqunn.lab.training.records import (
    Epoch,
    Run,
    checkpoint_of,
    open_run,
    read_record,
    refuse_linked_parts,
    write_result,
)
from resqunn.lab.training.session import (
    SILENT,
    Callbacks,
    Session,
    build_model,
    load_data,
    restore_weights,
    threads,
    writing,
)
from resqunn.nn.network import ResQuNN

__all__ = [
    "Callbacks",
    "Epoch",
    "Run",
    "build_model",
    "evaluate_run",
    "load_data",
    "load_model",
    "open_run",
    "resume",
    "train",
]


def train(config: TrainConfig, folder: str | Path, callbacks: Callbacks = SILENT) -> Run:
    """Trains a network in a new folder.

    Interrupted at any moment, it leaves a run that `resume` continues bit for bit.

    Raises:
        RunError: if the folder already holds anything.
        RunError: if the loss becomes NaN or infinite.
        ResqunnError: for a configuration or data that do not fit.
    """
    folder = Path(folder)
    _require_free(folder)
    session = Session(config)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"cannot write to {folder}: {error.strerror}") from None
    with exclusive(folder):
        _require_free(folder)
        try:
            remove_partials(folder)
            # From here on the folder is a run, which `resume` can start from nothing but this.
            write_atomically(folder / "config.json", config.to_json())
        except OSError as error:
            raise RunError(f"cannot write to {folder}: {error.strerror}") from None
        return session.go(folder, [], callbacks)


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
    folder: str | Path, callbacks: Callbacks = SILENT, *, data_root: str | Path | None = None
) -> Run:
    """Continues an interrupted run from its last whole epoch, to the same bytes.

    A finished run is returned as it is. With other versions of torch or of this library than
    before, which `stretches.jsonl` records, a warning says so.

    Args:
        data_root: folder with the data files, if they no longer lie where they were.

    Raises:
        RunError: if the folder holds no run, or the data are no longer the same.
        RunError: if the checkpoint is damaged or does not fit, or a part is a symbolic link.
    """
    folder = Path(folder)
    TrainConfig.from_json(folder / "config.json")  # is there a run?
    with exclusive(folder):
        refuse_linked_parts(folder)
        return _resume(folder, callbacks, data_root)


def _resume(folder: Path, callbacks: Callbacks, data_root: str | Path | None) -> Run:
    run = open_run(folder)
    if run.epochs:
        checkpoint_of(folder, "best", run.config)  # a damaged one shows now, not at the end
    with writing(folder):
        remove_partials(folder)
        remove_leftovers(folder / "checkpoints")
        if run.finished:
            write_result(run)
            return run
    moved = data_root is not None and str(data_root) != run.config.data_root
    session = Session(replace(run.config, data_root=str(data_root)) if moved else run.config)
    if run.epochs:
        _require_same_data(folder, session)
    if moved:
        with writing(folder):
            write_atomically(folder / "config.json", session.config.to_json())
    if run.epochs:
        session.restore(folder, checkpoint_of(folder, "latest", run.config))
    return session.go(folder, list(run.epochs), callbacks)


def _require_same_data(folder: Path, session: Session) -> None:
    found = session.data.sha256
    expected = read_record(folder, "manifest.json").get("data_sha256")
    if found != expected:
        raise RunError(
            f"the data of {folder} have changed: SHA-256 {found}, but the run was started with "
            f"{expected}"
        )


def evaluate_run(folder: str | Path, checkpoint: str = "best") -> tuple[int, Scores]:
    """The scores of a run's checkpoint on its validation images, and its epoch.

    Args:
        checkpoint: "best" (by validation accuracy) or "latest".

    Raises:
        RunError: as `resume`.
    """
    folder = Path(folder)
    config = TrainConfig.from_json(folder / "config.json")
    saved = checkpoint_of(folder, checkpoint, config)
    session = Session(config)
    _require_same_data(folder, session)
    session.restore(folder, saved, with_optimizer=False)
    with threads(config.threads):
        return saved.epoch, evaluate(session.model, prepare(session.model, session.validation))


def load_model(folder: str | Path, checkpoint: str = "best") -> ResQuNN:
    """The trained network of a run, in evaluation mode; its data are not needed.

    It maps images (B, C, H, W) with pixels in [0, 1], of the run's number type and on its
    device, to scores (B, classes).

    Args:
        checkpoint: "best" (by validation accuracy) or "latest".

    Raises:
        RunError: if the folder holds no run, or the checkpoint is missing or damaged.
    """
    folder = Path(folder)
    config = TrainConfig.from_json(folder / "config.json")
    saved = checkpoint_of(folder, checkpoint, config)
    model = build_model(config)
    restore_weights(model, folder, saved)
    return model.eval()
