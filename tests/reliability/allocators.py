"""Lets torch and numpy ask `guarded.MEMORY` for all their memory.

torch asks libc10 for memory, which calls `posix_memalign` and `free` of the C library through a
table of addresses that the dynamic linker fills in; other functions are put there. numpy has a
way of its own (NEP 49). Linux with 64 bits only.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import CFUNCTYPE, POINTER, c_char, c_char_p, c_int, c_size_t, c_ubyte, c_void_p
from pathlib import Path
from typing import Any

import numpy as np
import torch

from reliability.guarded import LIBC, MEMORY, PAGE, READ_WRITE


def install() -> None:
    """From here on torch and numpy ask `MEMORY`; what they have already is left alone.

    Raises:
        RuntimeError: if they do not.
    """
    library = ctypes.CDLL(str(Path(torch.__file__).parent / "lib" / "libc10.so"))
    _replace(library, {"posix_memalign": _posix_memalign, "free": _free})
    _set_numpy_handler()
    with MEMORY.at("after"):
        tensor, array = torch.empty(3), np.empty(3)
    if not MEMORY.holds(tensor) or not MEMORY.holds(torch.from_numpy(array)):
        raise RuntimeError("torch or numpy allocates memory in another way")


@CFUNCTYPE(c_int, POINTER(c_void_p), c_size_t, c_size_t)
def _posix_memalign(target: Any, alignment: int, size: int) -> int:
    if MEMORY.side is None:
        return LIBC.posix_memalign(target, alignment, size)
    # No more than numbers need, as for a part of a tensor: kernels may rely on nothing else.
    target[0] = MEMORY.allocate(size)
    return 0


@CFUNCTYPE(None, c_void_p)
def _free(at: int | None) -> None:
    if at is not None and not MEMORY.free(at):
        LIBC.free(at)


@CFUNCTYPE(c_void_p, c_void_p, c_size_t)
def _numpy_malloc(_: Any, size: int) -> int:
    return LIBC.malloc(size) if MEMORY.side is None else MEMORY.allocate(size)


@CFUNCTYPE(c_void_p, c_void_p, c_size_t, c_size_t)
def _numpy_calloc(_: Any, count: int, size: int) -> int:
    if MEMORY.side is None:
        return LIBC.calloc(count, size)
    at = MEMORY.allocate(count * size)
    ctypes.memset(at, 0, count * size)
    return at


@CFUNCTYPE(c_void_p, c_void_p, c_void_p, c_size_t)
def _numpy_realloc(_: Any, at: int | None, size: int) -> int:
    held = MEMORY.size(at or 0)
    if held is None and (at is not None or MEMORY.side is None):
        return LIBC.realloc(at, size)
    with MEMORY.at(MEMORY.side or "after"):
        moved = MEMORY.allocate(size)
    if held is not None:
        ctypes.memmove(moved, at, min(size, held))
        MEMORY.free(at or 0)
    return moved


@CFUNCTYPE(None, c_void_p, c_void_p, c_size_t)
def _numpy_free(_: Any, at: int | None, size: int) -> None:
    if at is not None and not MEMORY.free(at):
        LIBC.free(at)


class _Handler(ctypes.Structure):
    """`PyDataMem_Handler` of numpy's C interface."""

    _fields_ = [
        ("name", c_char * 127),
        ("version", c_ubyte),
        ("context", c_void_p),
        ("malloc", type(_numpy_malloc)),
        ("calloc", type(_numpy_calloc)),
        ("realloc", type(_numpy_realloc)),
        ("free", type(_numpy_free)),
    ]


_FUNCTIONS = (_numpy_malloc, _numpy_calloc, _numpy_realloc, _numpy_free)
_HANDLER = _Handler(b"guarded", 1, None, *_FUNCTIONS)
SET_HANDLER = 304
"""The place of `PyDataMem_SetHandler` in the table of numpy's C interface."""


def _set_numpy_handler() -> None:
    from numpy._core._multiarray_umath import _ARRAY_API

    python = ctypes.pythonapi
    python.PyCapsule_GetPointer.restype = c_void_p
    python.PyCapsule_GetPointer.argtypes = [ctypes.py_object, c_char_p]
    python.PyCapsule_New.restype = ctypes.py_object
    python.PyCapsule_New.argtypes = [c_void_p, c_char_p, c_void_p]
    table = ctypes.cast(python.PyCapsule_GetPointer(_ARRAY_API, None), POINTER(c_void_p))
    set_handler = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object)(table[SET_HANDLER])
    set_handler(python.PyCapsule_New(ctypes.addressof(_HANDLER), b"mem_handler", None))


class _LinkMap(ctypes.Structure):
    """What the dynamic linker knows about a library (link.h)."""

    _fields_ = [("base", ctypes.c_uint64), ("name", c_char_p), ("dynamic", POINTER(c_size_t))]


SYMBOLS, STRINGS, RELA, RELA_SIZE, CALLS_SIZE, CALLS = 6, 5, 7, 8, 2, 23
"""Tags of a library's dynamic section (elf.h)."""


def _replace(library: ctypes.CDLL, functions: dict[str, Callable]) -> None:
    """Lets a library call these functions in place of those of the C library."""
    link = ctypes.cast(c_void_p(library._handle), POINTER(_LinkMap)).contents
    entries, k = {}, 0
    while link.dynamic[k]:
        entries[link.dynamic[k]] = link.dynamic[k + 1]
        k += 2
    symbols, strings = entries[SYMBOLS], entries[STRINGS]
    for table, size in ((RELA, RELA_SIZE), (CALLS, CALLS_SIZE)):
        rows = ctypes.cast(entries.get(table, 0), POINTER(c_size_t))
        for row in range(entries.get(size, 0) // 24):
            offset, number = rows[3 * row], rows[3 * row + 1] >> 32
            name = ctypes.c_uint32.from_address(symbols + 24 * number).value
            function = functions.get(ctypes.string_at(strings + name).decode()) if number else None
            if function is not None:
                slot = link.base + offset
                LIBC.mprotect(slot // PAGE * PAGE, PAGE, READ_WRITE)
                address = ctypes.cast(function, c_void_p).value
                c_size_t.from_address(slot).value = address or 0
