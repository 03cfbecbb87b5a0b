"""The guard: may compiled code read a tensor's memory, or decisions be made by its values?

Compiled code is opaque to torch. It may run only on ordinary tensors: dense, in the
processor's own memory, with nothing of torch's above them. Everything else is evaluated by the
reference engine, which is made of torch operations alone, or refused in one line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch._C import (
    DispatchKey,
    DispatchKeySet,
    _functorch,  # pyright: ignore[reportAttributeAccessIssue]
)
from torch._compile import _disable_dynamo
from torch.autograd import forward_ad

from resqunn.errors import FreedMemoryError

_ORDINARY = 0
for _key in ("CPU", "AutogradCPU", "ADInplaceOrView", "AutocastCPU", "Negative"):
    _ORDINARY |= DispatchKeySet(getattr(DispatchKey, _key)).raw_repr()
_OTHERS = ~_ORDINARY
"""What shows of a tensor that is not dense memory of the processor: another device or layout, a
subclass, a fake, meta or functional tensor, one that stands for many (`torch.vmap`)."""


def interpreted() -> bool:
    """Whether torch runs an interpreter of its own, to which decisions by value are opaque.

    That is `torch.compile` and `torch.export`, `torch.func`, dual numbers, `torch.jit.trace`,
    and any dispatch mode (`make_fx`, `FakeTensorMode`).
    """
    return (
        torch.compiler.is_compiling()
        or torch._C._are_functorch_transforms_active()
        or forward_ad._current_level >= 0
        or torch._C._len_torch_dispatch_stack() > 0
        or torch._C._get_tracing_state() is not None
    )


_exporting: Callable[[], bool] = getattr(
    torch.compiler, "is_exporting", torch.compiler.is_compiling
)
"""Before 2.7 torch did not say, and whatever it compiled was traced as for an export."""


def compiling() -> bool:
    """Whether `torch.compile` reads this code, which may leave out what `left_out` runs."""
    return torch.compiler.is_compiling() and not _exporting()


def exporting_to_onnx() -> bool:
    """Whether `torch.onnx.export` is at work."""
    return torch.onnx.is_in_onnx_export()


# torch.compile runs it, as in statevector/plan.py: by itself it takes the answer to be no.
exporting_to_onnx._dynamo_marked_constant = True  # pyright: ignore[reportFunctionMemberAccess]


# torch.compiler.disable would import the compiler, which takes seconds, with the library.
@_disable_dynamo
def left_out(function: Callable[..., Tensor], *arguments: Any) -> Tensor:
    """Runs as it is what `torch.compile` would otherwise read: a break in its graph."""
    return function(*arguments)


def ordinary(*tensors: Tensor) -> bool:
    """Whether compiled code may read these tensors."""
    return not interpreted() and has_memory(*tensors)


def has_memory(*tensors: Tensor) -> bool:
    """Whether these tensors are dense memory of the processor, and nothing else."""
    for tensor in tensors:  # noqa: SIM110  a generator takes twice as long
        if torch._C._dispatch_keys(tensor).raw_repr() & _OTHERS:
            return False
    return True


def transformed(*tensors: Tensor) -> bool:
    """Whether nothing but `torch.vmap` and `torch.func.grad` (or `vjp`), if anything, stands above
    tensors that are ordinary otherwise, or stood when they were made."""
    if (
        torch.compiler.is_compiling()
        or forward_ad._current_level >= 0
        or torch._C._len_torch_dispatch_stack() > 0
        or torch._C._get_tracing_state() is not None
    ):
        return False
    levels = _functorch.get_interpreter_stack() or ()
    if any(level.key() not in _TRANSFORMS for level in levels):
        return False
    return has_memory(*map(_below, tensors))


_TRANSFORMS = (_functorch.TransformType.Vmap, _functorch.TransformType.Grad)


def _below(tensor: Tensor) -> Tensor:
    """The tensor that transformations of `torch.func` have wrapped."""
    while _functorch.is_functorch_wrapped_tensor(tensor):
        tensor = _functorch.get_unwrapped(tensor)
    return tensor


def require_memory(*tensors: Tensor) -> None:
    """Asks whether the memory of ordinary tensors is still there, as large as they say.

    Raises:
        FreedMemoryError: if it has been freed or made smaller (`untyped_storage().resize_`).
    """
    for tensor in tensors:
        held, values = tensor.untyped_storage().nbytes() // tensor.itemsize, tensor.numel()
        # Only repeated values take less room than there are values.
        enough = held >= tensor.storage_offset() + values
        if values and not enough and held < _extent(tensor):
            raise FreedMemoryError(
                f"a tensor of shape {tuple(tensor.shape)} must have its memory, got a storage "
                f"of {held} values: it has been freed"
            )


def _extent(tensor: Tensor) -> int:
    """How many values of its storage a tensor reaches over."""
    steps = zip(tensor.shape, tensor.stride(), strict=True)
    return int(tensor.storage_offset()) + 1 + sum((size - 1) * stride for size, stride in steps)


def autocasting(device: torch.device) -> bool:
    """Whether torch computes matrix products and convolutions in half precision."""
    return torch.amp.is_autocast_available(device.type) and torch.is_autocast_enabled(device.type)
