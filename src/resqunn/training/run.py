"""A run and its folder.

config.json       everything that decides the result
manifest.json     versions, seed, threads, checksum of the data: what it was run with
metrics.jsonl     one line an epoch; the same bytes whenever the run is repeated
timings.jsonl     seconds of each epoch; differs from run to run
checkpoints/      the latest epoch, with the optimiser, and the best epoch
result.json       written when the last epoch is done
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from torch import nn

from resqunn import __version__
from resqunn.data.datasets import Dataset, LabelledImages, load_dataset
from resqunn.errors import CheckpointError, ConfigurationError, RunError
from resqunn.nn.network import ResQuNN
from resqunn.nn.presets import residual_model
from resqunn.training.checkpoint import (
    Checkpoint,
    load_checkpoint,
    remove_leftovers,
    save_checkpoint,
    write_atomically,
)
from resqunn.training.config import TrainConfig
from resqunn.training.lock import exclusive
from resqunn.training.loop import BatchReport, Prepared, Scores, evaluate, prepare, train_epoch

_RECORDED = ("torch", "numpy", "numba", "scikit-learn", "safetensors", "pennylane")


@dataclass(frozen=True)
class Epoch:
    """One line of `metrics.jsonl`. Accuracies are taken after the epoch's last step."""

    epoch: int
    loss: float
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    gradient_norms: dict[str, float | None]


@dataclass(frozen=True)
class Run:
    """A finished or interrupted run."""

    folder: Path
    config: TrainConfig
    epochs: tuple[Epoch, ...]

    @property
    def best(self) -> Epoch:
        """The first epoch with the highest validation accuracy."""
        return max(self.epochs, key=lambda e: (e.validation_accuracy, -e.epoch))

    @property
    def finished(self) -> bool:
        return len(self.epochs) == self.config.epochs


@dataclass(frozen=True)
class Callbacks:
    """What a caller wants to hear of while a run goes on."""

    on_start: Callable[[TrainConfig, Dataset, ResQuNN, int], None] | None = None
    """With the configuration, the data, the model, and the epochs already done."""
    on_batch: BatchReport | None = None
    on_epoch: Callable[[Epoch], None] | None = None


SILENT = Callbacks()


def build_model(config: TrainConfig) -> ResQuNN:
    """The network of a configuration, its weights drawn from the seed."""
    return residual_model(
        config.wiring,
        depths=config.depths,
        encoding=config.encoding,
        ansatz=config.ansatz,
        readout=config.readout,
        reupload=config.reupload,
        angle_scale=config.angle_scale,
        input_gradients=config.input_gradients,
        head=config.head,
        classes=config.classes,
        softmax=config.softmax,
        kernel_size=config.kernel_size,
        align=config.align,
        measured=config.measured,
        trainable=config.trainable,
        engine=config.engine,
        dtype=getattr(torch, config.dtype),
        generator=torch.Generator().manual_seed(config.seed),
    ).to(_device(config))


def load_data(config: TrainConfig) -> Dataset:
    """The data set of a configuration."""
    return load_dataset(
        config.data, config.classes, config.per_class, config.seed, config.data_root
    )


def train(config: TrainConfig, folder: str | Path, callbacks: Callbacks = SILENT) -> Run:
    """Trains a network in a new folder.

    Interrupted at any moment, it leaves a run that `resume` continues bit for bit.

    Raises:
        RunError: if the folder already holds anything.
        DivergedError: if the loss becomes NaN or infinite.
        ResqunnError: for a configuration or data that do not fit.
    """
    folder = Path(folder)
    _require_free(folder)
    session = _Session(config)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"cannot write to {folder}: {error.strerror}") from None
    with exclusive(folder):
        _require_free(folder)
        try:
            # From here on the folder is a run, which `resume` can start from nothing but this.
            write_atomically(folder / "config.json", config.to_json().encode())
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
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise RunError(f"{folder} exists and is not an empty folder: choose another one")
    except OSError as error:
        raise RunError(f"cannot write to {folder}: {error.strerror}") from None


def resume(folder: str | Path, callbacks: Callbacks = SILENT) -> Run:
    """Continues an interrupted run from its last whole epoch, to the same bytes.

    A finished run is returned as it is.

    Raises:
        RunError: if the folder holds no run, or the data are no longer the same.
        CheckpointError: if the checkpoint is damaged.
    """
    folder = Path(folder)
    open_run(folder)
    with exclusive(folder):
        return _resume(folder, callbacks)


def _resume(folder: Path, callbacks: Callbacks) -> Run:
    run = open_run(folder)
    for place in (folder, folder / "checkpoints"):
        remove_leftovers(place)
    if run.finished:
        _write_result(run)
        return run
    session = _Session(run.config)
    if run.epochs:
        found = session.data.sha256
        expected = _read_json(folder / "manifest.json").get("data_sha256")
        if found != expected:
            raise RunError(
                f"the data of {folder} have changed: SHA-256 {found}, but the run was started "
                f"with {expected}"
            )
        session.restore(folder, load_checkpoint(folder / "checkpoints", "latest"))
    return session.go(folder, list(run.epochs), callbacks)


def open_run(folder: str | Path) -> Run:
    """Reads a run's configuration and the epochs of its latest checkpoint."""
    folder = Path(folder)
    config = TrainConfig.from_json(folder / "config.json")
    path = folder / "metrics.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    # A run that was stopped in its first epoch has no checkpoint, and at most one line.
    started = len(lines) > 1 or (folder / "checkpoints" / "latest.json").exists()
    done = load_checkpoint(folder / "checkpoints", "latest").epoch if started else 0
    try:
        epochs = tuple(Epoch(**json.loads(line)) for line in lines[:done])
    except (ValueError, TypeError) as error:
        raise RunError(f"{path} cannot be read: {error}") from None
    if [epoch.epoch for epoch in epochs] != list(range(1, done + 1)):
        raise RunError(f"{path} does not hold the {done} epochs of the latest checkpoint")
    return Run(folder, config, epochs)


def evaluate_run(folder: str | Path, checkpoint: str = "best") -> tuple[int, Scores]:
    """The scores of a run's checkpoint on its validation images, and its epoch.

    Args:
        checkpoint: "best" (by validation accuracy) or "latest".
    """
    folder = Path(folder)
    config = TrainConfig.from_json(folder / "config.json")
    saved = load_checkpoint(folder / "checkpoints", checkpoint)
    session = _Session(config)
    session.restore(folder, saved, with_optimizer=False)
    with _threads(config.threads):
        return saved.epoch, evaluate(session.model, prepare(session.model, session.validation))


class _Session:
    """A model, its optimiser and its data, ready to go on."""

    def __init__(self, config: TrainConfig) -> None:
        self.config = config
        self.model = build_model(config)  # first: a mistake in the options shows at once
        self.data = load_data(config)
        device, dtype = _device(config), getattr(torch, config.dtype)
        self.train = _moved(self.data.train, device, dtype)
        self.validation = _moved(self.data.validation, device, dtype)
        with torch.no_grad():
            self.model(self.train.images[:1])  # gives the head its shape
        trained = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(trained, lr=config.learning_rate, fused=True)
        self.parts: dict[str, nn.Module] = {
            f"O{k}": layer for k, layer in enumerate(self.model.layers, 1)
        } | {"head": self.model.head}

    def go(self, folder: Path, epochs: list[Epoch], callbacks: Callbacks) -> Run:
        """Trains from the epoch after the last of `epochs` to the end."""
        (folder / "checkpoints").mkdir(exist_ok=True)
        if not epochs:
            write_atomically(folder / "manifest.json", _json(_manifest(self.config, self.data)))
        write_atomically(
            folder / "metrics.jsonl", b"".join(_line(asdict(epoch)) for epoch in epochs)
        )
        if callbacks.on_start is not None:
            callbacks.on_start(self.config, self.data, self.model, len(epochs))
        with _threads(self.config.threads):
            train, validation = (prepare(self.model, d) for d in (self.train, self.validation))
            self._epochs(folder, epochs, callbacks, train, validation)
        run = Run(folder, self.config, tuple(epochs))
        _write_result(run)
        return run

    def _epochs(
        self,
        folder: Path,
        epochs: list[Epoch],
        callbacks: Callbacks,
        train: Prepared,
        validation: Prepared,
    ) -> None:
        for number in range(len(epochs) + 1, self.config.epochs + 1):
            start = time.perf_counter()
            loss, norms = train_epoch(
                self.model,
                self.optimizer,
                train,
                seed=self.config.seed,
                epoch=number,
                batch_size=self.config.batch_size,
                parts=self.parts,
                on_batch=callbacks.on_batch,
            )
            on_train = evaluate(self.model, train)
            on_validation = evaluate(self.model, validation)
            epoch = Epoch(
                number,
                loss,
                on_train.loss,
                on_train.accuracy,
                on_validation.loss,
                on_validation.accuracy,
                norms,
            )
            epochs.append(epoch)
            _append(folder / "metrics.jsonl", asdict(epoch))
            seconds = round(time.perf_counter() - start, 4)
            _append(folder / "timings.jsonl", {"epoch": number, "seconds": seconds})
            run = Run(folder, self.config, tuple(epochs))
            if run.best is epoch:
                self.save(folder, "best", number)
            self.save(folder, "latest", number)
            if callbacks.on_epoch is not None:
                callbacks.on_epoch(epoch)

    def save(self, folder: Path, name: str, epoch: int) -> None:
        tensors = {f"model/{key}": value for key, value in self.model.state_dict().items()}
        for number, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"adam/{number}/{key}": value for key, value in state.items()}
        save_checkpoint(folder / "checkpoints", name, Checkpoint(epoch, tensors))

    def restore(self, folder: Path, checkpoint: Checkpoint, with_optimizer: bool = True) -> None:
        weights: dict[str, torch.Tensor] = {}
        state: dict[int, dict[str, torch.Tensor]] = {}
        for key, tensor in checkpoint.tensors.items():
            kind, _, name = key.partition("/")
            if kind == "model":
                weights[name] = tensor
            else:
                number, _, entry = name.partition("/")
                state.setdefault(int(number), {})[entry] = tensor
        try:
            self.model.load_state_dict(weights)
            if with_optimizer:
                groups = self.optimizer.state_dict()["param_groups"]
                self.optimizer.load_state_dict({"state": state, "param_groups": groups})
        except (RuntimeError, ValueError) as error:
            raise CheckpointError(
                f"the checkpoint of {folder} does not fit its configuration: {error}"
            ) from None


def _write_result(run: Run) -> None:
    result = {"final": asdict(run.epochs[-1]), "best": asdict(run.best)}
    write_atomically(run.folder / "result.json", _json(result))


def _device(config: TrainConfig) -> torch.device:
    try:
        device = torch.device(config.device)
    except RuntimeError:
        raise ConfigurationError(
            f"device must be a torch device such as cpu or cuda, not {config.device!r}"
        ) from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConfigurationError("device is cuda, but no GPU is available: use --device cpu")
    return device


def _moved(data: LabelledImages, device: torch.device, dtype: torch.dtype) -> LabelledImages:
    return replace(data, images=data.images.to(device, dtype), labels=data.labels.to(device))


def _manifest(config: TrainConfig, data: Dataset) -> dict[str, Any]:
    versions = {"python": platform.python_version(), "resqunn": __version__}
    for name in _RECORDED:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "versions": versions,
        "platform": platform.platform(),
        "processor": platform.machine(),
        "command": sys.argv,
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "seed": config.seed,
        "threads": config.threads,
        "data": config.data,
        "data_sha256": data.sha256,
        "images": {"train": len(data.train), "validation": len(data.validation)},
    }


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2) + "\n").encode()


def _line(value: Any) -> bytes:
    return (json.dumps(value) + "\n").encode()


def _append(path: Path, value: Any) -> None:
    with path.open("ab") as file:
        file.write(_line(value))
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Torch's number of threads for as long as a run takes."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read: {error}") from None
    if not isinstance(value, dict):
        raise RunError(f"{path} cannot be read: it holds no JSON object")
    return value
