"""Double precision, whatever torch's default is, in what other packages compute with torch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_DOUBLE = {torch.float32: torch.float64, torch.complex64: torch.complex128}


def to_double(tensor: Tensor) -> Tensor:
    """The tensor on the CPU in float64."""
    return tensor.to(device="cpu", dtype=torch.float64)


class DoublePrecision(TorchFunctionMode):
    """Within it, Python's numbers, and sequences of them, become tensors in double precision.

    PennyLane leaves the precision to torch's default where a device returns Python's floats
    and where the entries of a gate are written as such, and so rounds at 6e-8. The default
    itself belongs to all threads, a mode to one.

    >>> with DoublePrecision():
    ...     torch.as_tensor(0.1).dtype, torch.tensor([0.5j]).dtype
    (torch.float64, torch.complex128)
    """

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        found = func(*args, **kwargs)
        made = func in (torch.as_tensor, torch.tensor) and kwargs.get("dtype") is None
        if made and found.dtype in _DOUBLE and not hasattr(args[0], "dtype"):
            return func(*args, **kwargs | {"dtype": _DOUBLE[found.dtype]})
        return found
