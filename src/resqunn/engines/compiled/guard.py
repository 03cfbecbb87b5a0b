"""What the compiled engines can read: float32 and float64 in the processor's own memory."""

from __future__ import annotations

from torch import Tensor

from resqunn.engines.base import DTYPES
from resqunn.errors import ConfigurationError, ShapeError


def check_tensors(engine: str, inputs_GNP: Tensor, weights_GFW: Tensor) -> None:
    """Refuses tensors whose memory a compiled kernel must not touch.

    Raises:
        ConfigurationError: for tensors that are not on the CPU.
        ShapeError: for other number types, or two different ones.
    """
    for tensor in (inputs_GNP, weights_GFW):
        if not tensor.is_cpu:
            raise ConfigurationError(
                f"engine {engine!r} runs on the CPU, not on {tensor.device}: use 'statevector'"
            )
        if tensor.dtype not in DTYPES:
            raise ShapeError(
                f"engine {engine!r} computes in float32 or float64, not in {tensor.dtype}"
            )
    if inputs_GNP.dtype != weights_GFW.dtype:
        raise ShapeError(
            f"inputs are {inputs_GNP.dtype} and weights {weights_GFW.dtype}: convert one of them"
        )
