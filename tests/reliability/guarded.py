"""Memory between two pages that must not be touched, for all that torch and numpy allocate.

Once `allocators.install()` was called,

    with MEMORY.at("after"):
        ...

Whatever tensors and arrays are made inside (arguments, results, scratch, the temporaries of
torch's own operations) lie so that they end exactly where a forbidden page begins, or with
`"before"` begin where one ends: reading or writing beyond that end kills the process with SIGSEGV.
On the other side is room up to the next page; it is filled, and looked at when the memory is
freed, so that a write there is known afterwards (`MEMORY.damage`). Fresh and freed memory is
filled too, with NaN or with huge numbers: who reads what nobody has written gets other results
in the two, and a write to what has been freed is known when it is to be used again.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import mmap
from collections import defaultdict, deque
from collections.abc import Iterator
from ctypes import c_int, c_size_t, c_ubyte, c_void_p
from typing import NamedTuple

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
        side = "before" if at > begin else "after"
        distance = spare - touched[-1] if at > begin else touched[0] + 1
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

    def size(self, at: int) -> int | None:
        """How many bytes there are; None if it is no guarded memory."""
        return self._used[at].size if at in self._used else None

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
