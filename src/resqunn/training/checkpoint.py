"""Checkpoints: safetensors files with a SHA-256, replaced atomically.

A checkpoint is a file `NAME-EPOCH.safetensors` and a pointer `NAME.json` that names it and
holds its SHA-256. The file is complete on disk before the pointer is replaced, so that at
any moment the pointer names a whole checkpoint. Nothing is ever unpickled.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from resqunn.errors import CheckpointError

FORMAT = 1


@dataclass(frozen=True)
class Checkpoint:
    """Tensors by name, at the end of an epoch (0: before training)."""

    epoch: int
    tensors: dict[str, Tensor]


def write_atomically(path: Path, content: bytes) -> None:
    """Writes a file so that a reader, or a crash, sees the old one or the new one whole."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def save_checkpoint(folder: Path, name: str, checkpoint: Checkpoint) -> None:
    """Replaces the checkpoint `name` in `folder`."""
    content = save({key: tensor.contiguous() for key, tensor in checkpoint.tensors.items()})
    file = folder / f"{name}-{checkpoint.epoch:05d}.safetensors"
    write_atomically(file, content)
    pointer = {
        "format": FORMAT,
        "epoch": checkpoint.epoch,
        "file": file.name,
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    write_atomically(folder / f"{name}.json", (json.dumps(pointer, indent=2) + "\n").encode())
    for old in folder.glob(f"{name}-*.safetensors"):
        if old.name != file.name:
            old.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Removes what a crash between two steps of `save_checkpoint` left behind."""
    for partial in folder.glob(".*.partial"):
        partial.unlink(missing_ok=True)
    for pointer in folder.glob("*.json"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            current = json.loads(pointer.read_text(encoding="utf-8"))["file"]
            for old in folder.glob(f"{pointer.stem}-*.safetensors"):
                if old.name != current:
                    old.unlink(missing_ok=True)


def load_checkpoint(folder: Path, name: str) -> Checkpoint:
    """Reads the checkpoint `name` of `folder`.

    Raises:
        CheckpointError: if it is missing, fails its checksum, or is of another format.
    """
    pointer = folder / f"{name}.json"
    try:
        entry = json.loads(pointer.read_text(encoding="utf-8"))
        found, epoch = entry["format"], int(entry["epoch"])
        expected, file = entry["sha256"], folder / Path(entry["file"]).name
    except FileNotFoundError:
        raise CheckpointError(f"{folder} holds no checkpoint {name!r}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{pointer} cannot be read as a checkpoint: {error!r}") from None
    if found != FORMAT:
        raise CheckpointError(
            f"{pointer} has format {found}, but this version reads format {FORMAT}: "
            "use the version of resqunn that wrote it (see manifest.json)"
        )
    try:
        content = file.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{file} cannot be read: {error.strerror}") from None
    if hashlib.sha256(content).hexdigest() != expected:
        raise CheckpointError(
            f"{file} fails its checksum: it is damaged or altered; train the run again"
        )
    try:
        return Checkpoint(epoch, load(content))
    except SafetensorError as error:
        raise CheckpointError(f"{file} is not a safetensors file: {error}") from None
