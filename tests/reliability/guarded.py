"""Memory between two pages that must not be touched, for all that torch and numpy allocate.

`install()` once a process, then

    with MEMORY.at("after"):
        ...

Whatever tensors and arrays are made inside (arguments, results, scratch, the temporaries of
torch's own operations) lie so that they end exactly where a forbidden page begins, or with
`"before"` begin where one ends: reading or writing beyond that end kills the process with SIGSEGV.
On the other side is room up to the next page; it is filled, and looked at when the memory is
freed, so that a write there is known afterwards (`MEMORY.damage`). Fresh and freed memory is
filled too, with NaN or with huge numbers: who reads what nobody has written gets other results
in the two, and a write to what has been freed is known when it is to be used again.

torch asks libc10 for memory, which calls `posix_memalign` and `free` of the C library through a
table of addresses that the dynamic linker fills in; other functions are put there. numpy has a
way of its own (NEP 49). Linux with 64 bits only.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import mmap
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from ctypes import CFUNCTYPE, POINTER, c_char, c_char_p, c_int, c_size_t, c_ubyte, c_void_p
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

PAGE = mmap.PAGESIZE
NONE, READ_WRITE = 0, mmap.PROT_READ | mmap.PROT_WRITE
FILLS = {"after": 0xFF, "before": 0x7F}
"""Of float32 and float64 the first is NaN, the second a huge number."""

SPARED, LARGE = 32, 2**17
"""So many freed blocks of a size are left unused, unless they are large, which are given back."""

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.mmap.restype = c_void_p
LIBC.mmap.argtypes = [c_void_p, c_size_t, c_int, c_int, c_int, c_size_t]
LIBC.mprotect.argtypes = [c_void_p, c_size_t, c_int]
LIBC.munmap.argtypes = [c_void_p, c_size_t]
LIBC.free.argtypes = [c_void_p]
LIBC.memcmp.argtypes = [c_void_p, c_void_p, c_size_t]
for _name in ("malloc", "calloc", "realloc"):
    getattr(LIBC, _name).restype = c_void_p
LIBC.malloc.argtypes = [c_size_t]
LIBC.calloc.argtypes = [c_size_t, c_size_t]
LIBC.realloc.argtypes = [c_void_p, c_size_t]
LIBC.posix_memalign.argtypes = [c_void_p, c_size_t, c_size_t]


class Block(NamedTuple):
    """Memory in use: of `room` bytes from `begin` on, all that may be touched, `size` bytes from
    `at` on are somebody's."""

    begin: int
    room: int
    at: int
    size: int
    fill: int

    def fault(self) -> str | None:
        """What has been written outside, if anything."""
        begin, room, at, size, fill = self
        start, spare = (begin, room - size) if at > begin else (at + size, room - size)
        if not spare or (
            c_ubyte.from_address(start).value == fill
            and LIBC.memcmp(start, start + 1, spare - 1) == 0
        ):
            return None
        found = ctypes.string_at(start, spare)
        touched = [k for k, byte in enumerate(found) if byte != fill]
        side, distance = (
            ("before", spare - touched[-1]) if at > begin else ("after", touched[0] + 1)
        )
        return f"{len(touched)} bytes written {side} {size} bytes, at a distance of {distance}"


class Memory:
    """All guarded blocks of the process."""

    def __init__(self) -> None:
        self.side: str | None = None
        self.damage: list[str] = []
        self._used: dict[int, Block] = {}
        self._freed: dict[tuple[int, int], deque[Block]] = defaultdict(deque)

    @contextlib.contextmanager
    def at(self, side: str | None) -> Iterator[None]:
        """What is allocated inside has a forbidden page directly after or before it; as ever
        with None."""
        outside, self.side = self.side, side
        try:
            yield
        finally:
            self.side = outside

    def holds(self, tensor: torch.Tensor) -> bool:
        """Whether a tensor's memory is guarded (of no values, there is none)."""
        return not tensor.numel() or tensor.untyped_storage().data_ptr() in self._used

    def inspect(self) -> None:
        """Looks at all blocks."""
        blocks = [*self._used.values(), *itertools.chain(*self._freed.values())]
        self.damage += filter(None, (block.fault() for block in blocks))

    def allocate(self, size: int) -> int:
        assert self.side is not None
        room = (size + PAGE - 1) // PAGE * PAGE or PAGE
        fill = FILLS[self.side]
        freed = self._freed[room, fill]
        if len(freed) > SPARED:
            block = freed.popleft()
            self._look_at(block)
            begin = block.begin
        else:
            begin = self._mapped(room)
            ctypes.memset(begin, fill, room)
        at = begin if self.side == "before" else begin + room - size
        self._used[at] = Block(begin, room, at, size, fill)
        return at

    def _mapped(self, room: int) -> int:
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        base = LIBC.mmap(None, room + 2 * PAGE, NONE, flags, -1, 0)
        if base == c_void_p(-1).value or LIBC.mprotect(base + PAGE, room, READ_WRITE):
            raise MemoryError(f"no {room} bytes, {len(self._used)} blocks are in use")
        return base + PAGE

    def _look_at(self, block: Block) -> None:
        fault = block.fault()
        if fault is not None:
            self.damage.append(fault)

    def free(self, at: int) -> bool:
        """Whether it was one of these blocks."""
        block = self._used.pop(at, None)
        if block is None:
            return False
        self._look_at(block)
        begin, room, _, _, fill = block
        if room < LARGE:
            ctypes.memset(begin, fill, room)
            self._freed[room, fill].append(Block(begin, room, begin, 0, fill))
        else:
            LIBC.munmap(begin - PAGE, room + 2 * PAGE)
        return True


MEMORY = Memory()


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
    # In "after" the alignment is as little as a tensor of that size can have.
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
    block = MEMORY._used.get(at or 0)
    if block is None and (at is not None or MEMORY.side is None):
        return LIBC.realloc(at, size)
    with MEMORY.at(MEMORY.side or "after"):
        moved = MEMORY.allocate(size)
    if block is not None:
        ctypes.memmove(moved, block.at, min(size, block.size))
        MEMORY.free(block.at)
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
                LIBC.mprotect(slot // PAGE * PAGE, 2 * PAGE, READ_WRITE)
                address = ctypes.cast(function, c_void_p).value
                c_size_t.from_address(slot).value = address or 0
