"""Checkpoints: safetensors files with a SHA-256, replaced atomically.

A checkpoint is a file `NAME-EPOCH.safetensors` and a pointer `NAME.json` that names it and
holds its SHA-256, and those of the configuration and the metrics that it belongs to. The file
is complete on disk before the pointer is replaced, so that at any moment the pointer names a
whole checkpoint. Nothing is ever unpickled.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from resqunn.errors import RunError
from resqunn.lab.training.files import (
    read_sealed,
    remove_partials,
    sealed,
    write_atomically,
)

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


def save_checkpoint(folder: Path, name: str, checkpoint: Checkpoint) -> None:
    """Replaces the checkpoint `name` in `folder`."""
    content = save({key: tensor.contiguous() for key, tensor in checkpoint.tensors.items()})
    file = folder / f"{name}-{checkpoint.epoch:05d}.safetensors"
    write_atomically(file, content)
    pointer = {
        "epoch": checkpoint.epoch,
        "file": file.name,
        "file_sha256": hashlib.sha256(content).hexdigest(),
        "config_sha256": checkpoint.config_sha256,
        "metrics_sha256": checkpoint.metrics_sha256,
    }
    write_atomically(folder / f"{name}.json", sealed(f"{name}.json", pointer))
    for old in folder.glob(f"{name}-*.safetensors"):
        if old.name != file.name:
            old.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Removes what a crash between two steps of `save_checkpoint` left behind."""
    remove_partials(folder)
    for pointer in folder.glob("*.json"):
        # A damaged pointer names nothing, so that nothing is removed on its word.
        with contextlib.suppress(RunError):
            current = read_sealed(pointer, RunError, AGAIN)["file"]
            for old in folder.glob(f"{pointer.stem}-*.safetensors"):
                if old.name != current:
                    old.unlink(missing_ok=True)


@dataclass(frozen=True)
class Entry:
    """What a tensor of a checkpoint must be.

    Attributes:
        shape: its sizes, None for one that is not known beforehand.
        lowest: what none of its numbers may be below, if there is such a bound.
    """

    shape: tuple[int | None, ...]
    dtype: torch.dtype
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
            raise ValueError(f"{name:.80} is not expected")
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
        if entry.lowest is not None and (tensor < entry.lowest).any():
            raise ValueError(f"{name} holds numbers below {entry.lowest:g}")


def load_checkpoint(folder: Path, name: str) -> Checkpoint:
    """Reads the checkpoint `name` of `folder`.

    Raises:
        RunError: if it is missing, fails its checksum, or is of another format.
    """
    pointer = folder / f"{name}.json"
    if not pointer.exists():
        raise RunError(f"{folder} holds no checkpoint {name!r}: there is no {pointer.name}")
    entry = read_sealed(pointer, RunError, AGAIN)
    while True:
        file = folder / entry["file"]
        try:
            content = file.read_bytes()
            break
        except OSError as error:
            # A run that goes on meanwhile replaces first the pointer, then the file.
            before, entry = entry, read_sealed(pointer, RunError, AGAIN)
            if entry == before:
                raise RunError(f"{file} cannot be read ({error.strerror}): {AGAIN}") from None
    if hashlib.sha256(content).hexdigest() != entry["file_sha256"]:
        raise RunError(f"{file} fails its checksum: it is damaged or altered; {AGAIN}")
    try:
        tensors = load(content)
    except SafetensorError as error:
        raise RunError(f"{file} is not a safetensors file ({error}): {AGAIN}") from None
    return Checkpoint(entry["epoch"], tensors, entry["config_sha256"], entry["metrics_sha256"])
