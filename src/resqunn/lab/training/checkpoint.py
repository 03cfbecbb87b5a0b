"""Checkpoints: safetensors files with a SHA-256, replaced atomically.

A checkpoint is a file `NAME-EPOCH.safetensors` and a pointer `NAME.json` that names it and
holds its SHA-256, and those of the configuration and the metrics that it belongs to. The file
is complete on disk before the pointer is replaced, so that at any moment the pointer names a
whole checkpoint. Nothing is ever unpickled.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from resqunn.errors import RunError
from resqunn.lab.training.files import (
    exists,
    read_bounded,
    read_sealed,
    remove_partials,
    sealed,
    write_atomically,
)

NAMES = ("best", "latest")
"""Of the checkpoints that a run has."""

LIMIT = 2**32
"""Bytes that a checkpoint may have: a billion weights."""

AGAIN = "put the original back, or delete the run's folder and make the run again"


@dataclass(frozen=True)
class Checkpoint:
    """Tensors by name, at the end of an epoch (0: before training).

    Attributes:
        config_sha256, metrics_sha256: of what they were trained by, and of the lines of
            `metrics.jsonl` up to this epoch.
    """

    epoch: int
    tensors: dict[str, Tensor]
    config_sha256: str = ""
    metrics_sha256: str = ""


def save_checkpoint(folder: Path, checkpoint: Checkpoint, *names: str) -> None:
    """Replaces the checkpoints of these names in `folder`."""
    content = save({key: tensor.contiguous() for key, tensor in checkpoint.tensors.items()})
    sha256 = hashlib.sha256(content).hexdigest()
    for name in names:
        file = folder / f"{name}-{checkpoint.epoch:05d}.safetensors"
        write_atomically(file, content)
        pointer = {
            "epoch": checkpoint.epoch,
            "file": file.name,
            "file_sha256": sha256,
            "config_sha256": checkpoint.config_sha256,
            "metrics_sha256": checkpoint.metrics_sha256,
        }
        write_atomically(folder / f"{name}.json", sealed(f"{name}.json", pointer))
        _remove_others(folder, name, file.name)


def _remove_others(folder: Path, name: str, current: str) -> None:
    """Removes the files of a checkpoint's earlier epochs, and nothing else of a like name."""
    ours = re.compile(rf"{re.escape(name)}-\d{{5,}}\.safetensors")
    for old in folder.iterdir():
        if ours.fullmatch(old.name) and old.name != current and not old.is_symlink():
            old.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Removes what a crash between two steps of `save_checkpoint` left behind."""
    remove_partials(folder)
    for name in NAMES:
        # A damaged pointer names nothing, so that nothing is removed on its word.
        with contextlib.suppress(RunError):
            _remove_others(folder, name, _pointer(folder, name)["file"])


def _pointer(folder: Path, name: str) -> dict[str, Any]:
    """The entries of `NAME.json`.

    Raises:
        RunError: if it cannot be used; it may have been written by anybody.
    """
    path = folder / f"{name}.json"
    entry = read_sealed(path, RunError, AGAIN)
    epoch = entry.get("epoch")
    texts = [entry.get(key) for key in ("file_sha256", "config_sha256", "metrics_sha256")]
    if (
        type(epoch) is not int
        or not 0 <= epoch < 2**31
        or entry.get("file") != f"{name}-{epoch:05d}.safetensors"
        or not all(isinstance(text, str) for text in texts)
    ):
        raise RunError(f"{path} does not name a checkpoint of its folder: {AGAIN}")
    return entry


@dataclass(frozen=True)
class Entry:
    """What a tensor of a checkpoint must be.

    Attributes:
        shape: its sizes, None for one that is not known beforehand.
        value: what each of its numbers must be, if that is known.
        lowest: what none of its numbers may be below, if there is such a bound.
    """

    shape: tuple[int | None, ...]
    dtype: torch.dtype
    value: float | None = None
    lowest: float | None = None


def check_entries(found: Mapping[str, Tensor], expected: Mapping[str, Entry]) -> None:
    """Compares tensors, which may have been written by anybody, with what they must be.

    Raises:
        ValueError: naming the first that is missing, is not expected, has another shape or number
            type, or holds numbers that cannot be.
    """
    for name in [*expected, *found]:
        if name not in found:
            raise ValueError(f"{name} is missing")
        if name not in expected:
            raise ValueError(f"{name!r:.80} is not expected")
        tensor, entry = found[name], expected[name]
        shape = tuple(tensor.shape)
        if tensor.dtype != entry.dtype:
            raise ValueError(f"{name} must be {entry.dtype}, got {tensor.dtype}")
        if len(shape) != len(entry.shape) or any(
            wanted not in (None, size) for size, wanted in zip(shape, entry.shape, strict=True)
        ):
            raise ValueError(f"{name} must have shape {entry.shape}, got {shape}")
        if not torch.isfinite(tensor).all():
            raise ValueError(f"{name} holds numbers that are not finite")
        if entry.value is not None and (tensor != entry.value).any():
            raise ValueError(f"{name} must be {entry.value:g}, got {tensor.flatten()[0]:g}")
        if entry.lowest is not None and (tensor < entry.lowest).any():
            raise ValueError(f"{name} holds numbers below {entry.lowest:g}")


def load_checkpoint(folder: Path, name: str) -> Checkpoint:
    """Reads the checkpoint `name` of `folder`.

    Raises:
        RunError: if it is missing, fails its checksum, or is of another format.
    """
    pointer = folder / f"{name}.json"
    if not exists(pointer):
        raise RunError(f"{folder} holds no checkpoint {name!r}: there is no {pointer.name}")
    entry = _pointer(folder, name)
    while True:
        file = folder / entry["file"]
        try:
            content = read_bounded(file, LIMIT)
            break
        except ValueError as error:
            raise RunError(f"{file} cannot be read ({error}): {AGAIN}") from None
        except OSError as error:
            # A run that goes on meanwhile replaces first the pointer, then the file.
            before, entry = entry, _pointer(folder, name)
            if entry == before:
                raise RunError(f"{file} cannot be read ({error.strerror}): {AGAIN}") from None
    if hashlib.sha256(content).hexdigest() != entry["file_sha256"]:
        raise RunError(f"{file} fails its checksum: it is damaged or altered; {AGAIN}")
    try:
        tensors = load(content)
    except SafetensorError as error:
        raise RunError(f"{file} is not a safetensors file ({error}): {AGAIN}") from None
    return Checkpoint(entry["epoch"], tensors, entry["config_sha256"], entry["metrics_sha256"])
