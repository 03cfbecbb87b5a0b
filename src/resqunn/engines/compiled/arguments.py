"""What kernels are called with, as one block of 64-bit numbers.

Of an array that is its address and its shape. What differs from call to call comes first, so that
the rest is put together once.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor


class Constants:
    """Arguments that stay the same from call to call, prepared once: for the kernel a tuple.

    Args:
        arguments: the entries, or one named tuple of them, whose names the kernel then uses.
    """

    def __init__(self, *arguments: Any) -> None:
        (first, *_) = arguments or (None,)
        named = isinstance(first, tuple)
        self.kept = _tensors(first if named else arguments)
        kinds, self.numbers = flattened(self.kept)
        self.kind = (type(first) if named else "tuple", *kinds)


def _tensors(entries: Iterable[Any]) -> list[Any]:
    """The entries, arrays among them as tensors."""
    found: list[Any] = []
    for entry in entries:
        if isinstance(entry, tuple):
            inside = _tensors(entry)
            found.append(type(entry)(*inside) if hasattr(entry, "_fields") else tuple(inside))
        elif isinstance(entry, np.ndarray):
            found.append(torch.from_numpy(np.ascontiguousarray(entry)))
        else:
            found.append(entry)
    return found


class Varying:
    """What differs from call to call: a whole number, or the address of an array.

    Args:
        dtype: of the array's numbers; None for a whole number.
        shape: the array's, the same in each call.
    """

    def __init__(self, dtype: torch.dtype | None = None, *shape: int) -> None:
        self.kind = ("varying", int if dtype is None else (dtype, len(shape)))
        self.shape = shape


def plain(tensor: Tensor) -> Tensor:
    """The values as they have to be in memory for a kernel: contiguous, nothing put off."""
    return tensor.resolve_neg().contiguous()


def flattened(arguments: Iterable[Any]) -> tuple[list[Any], list[int]]:
    """The arguments' kinds, for which code is compiled, and the numbers that it is given."""
    kinds: list[Any] = []
    numbers: list[int] = []
    for argument in arguments:
        kind = type(argument)
        if kind is int or kind is bool:
            kinds.append(kind)
            numbers.append(argument)
        elif kind is Constants:
            kinds.append(argument.kind)
            numbers += argument.numbers
        elif kind is Varying:
            kinds.append(argument.kind)
            numbers += argument.shape
        elif isinstance(argument, tuple):
            inside, more = flattened(argument)
            kinds.append(("tuple" if kind is tuple else kind, *inside))
            numbers += more
        else:
            shape = argument.shape
            kinds.append((argument.dtype, len(shape)))
            numbers.append(argument.data_ptr())
            numbers += shape
    return kinds, numbers


def packed(numbers: list[int]) -> bytes:
    """The numbers as a kernel reads them."""
    return struct.pack(f"{len(numbers)}q", *numbers)


def varying(kinds: Iterable[Any]) -> int:
    """How many of the arguments, or of the entries of tuples, are `Varying`."""
    nested = [kind for kind in kinds if isinstance(kind, tuple)]
    return sum(1 if kind[0] == "varying" else varying(kind[1:]) for kind in nested)
