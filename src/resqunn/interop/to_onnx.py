"""`to_onnx`: a trained network as an ONNX file."""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from resqunn.checks import checked
from resqunn.errors import ConfigurationError, MissingExtraError, RunError, ShapeError
from resqunn.interop.to_classical import to_classical


@checked
def to_onnx(module: nn.Module, path: str | Path, images: Tensor) -> None:
    """Writes a layer, a head or a network, in its classical form, as one ONNX file.

    The file's input is called `images`, of any batch size and the sizes of these images, its output
    `values`. Weights are constants; the network is as in `eval` mode. It is written whole, or not
    at all.

    Args:
        module: as for `to_classical`.
        path: of a file that is not there yet.
        images: a batch that the module takes, of one image or more. Its shape and number type
            count, not its values.

    Raises:
        MissingExtraError: without the extra `[onnx]`.
        ConfigurationError: for arguments of a wrong type, a file that is there already, or a
            module that torch cannot export; the message says why.
        CircuitError: as `to_classical`.
        ShapeError: for images that do not fit.
        RunError: if the file cannot be written.

    >>> from resqunn import Quanv2d
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     to_onnx(Quanv2d(1, 4, 2, 2), f"{folder}/layer.onnx", torch.rand(1, 1, 4, 4))
    ...     print(*(path.name for path in Path(folder).iterdir()))
    layer.onnx
    """
    try:
        import onnx
        import onnxscript
    except ImportError:
        raise MissingExtraError("to_onnx", "onnx") from None
    del onnx, onnxscript  # torch imports them
    file = Path(path)
    _require_new(file)
    if not images.ndim or not len(images):
        raise ShapeError(f"images must be a batch of one or more, got shape {tuple(images.shape)}")
    found = to_classical(module).eval()
    two = torch.cat([images[:1], images[:1]])  # of one image torch would make the size a constant
    with torch.no_grad():
        found(two)  # answers images that do not fit in one line
    _write(file, _exported(found, two))


def _exported(module: nn.Module, images: Tensor) -> bytes:
    try:
        with _silent():
            program = torch.onnx.export(
                module,
                (images,),
                dynamo=True,
                input_names=["images"],
                output_names=["values"],
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                verbose=False,
            )
    except Exception as error:  # torch's own are of many kinds
        cause = error.__cause__ or error
        text = str(cause).strip().partition("\n")[0] or type(cause).__name__
        raise ConfigurationError(f"module must be one that torch can export: {text}") from error
    assert program is not None
    model = program.model_proto
    for part in (model.graph, *model.functions):
        for each in (*part.node, *part.value_info):
            del each.metadata_props[:]  # source lines, and the folders of this machine
    return model.SerializeToString()


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Without what torch says of itself."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _require_new(file: Path) -> None:
    if os.path.lexists(file):
        raise ConfigurationError(f"path must be of a file that is not there yet, got {file}")


def _write(file: Path, content: bytes) -> None:
    """
    Raises:
        RunError: for a folder or disk that cannot be used.
    """
    partial: Any = None
    try:
        handle, partial = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
        with os.fdopen(handle, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(handle)
        _require_new(file)
        Path(partial).replace(file)
    except OSError as error:
        raise RunError(f"{file} cannot be written ({error.strerror})") from None
    finally:
        if partial is not None:
            with contextlib.suppress(OSError):
                Path(partial).unlink()
