"""Compiled functions, as Python calls them.

    run = Kernel("resqunn.engines.fused.kernels.programs", "run")
    run(worker, workers, inputs_GNP, tables)

A kernel is a numba function in a module that is imported only if there is something to compile:
importing numba takes as long as a hundred training steps, and 80 MB. For each kind of arguments
its machine code is looked for on disk (`files.py`), or else made (`compiler.py`) and put there;
either way the process runs the code as it is on disk, so that results are the same bits.

What goes in is one block of 64-bit numbers, of a tensor its address and its shape; `Varying` ones
come first, so that the rest is put together once. The interpreter's lock is released meanwhile, so
that Python threads run side by side.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from threading import RLock
from typing import Any

from resqunn.engines.compiled.arguments import flattened, packed, varying
from resqunn.engines.compiled.files import read, write
from resqunn.engines.compiled.settings import settings

_LOCK = RLock()
"""Held while code is loaded or compiled: threads that want the same do not compile it twice."""

PATIENCE = 120.0
"""Seconds for which a fork waits until no thread compiles."""


def _before_fork() -> None:
    # A child that is born while a thread compiles would inherit half-imported modules and the
    # compiler's locks, which nobody there would ever release.
    global _waited
    _waited = _LOCK.acquire(timeout=PATIENCE)


def _after_fork_in_parent() -> None:
    if _waited:
        _LOCK.release()


def _after_fork_in_child() -> None:
    global _LOCK
    _LOCK = RLock()


_waited = False
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )


class Kernel:
    """The compiled form of one function of a module.

    Its arguments are contiguous tensors on the CPU, whole numbers, `Constants`, and tuples of
    these, named or not; it returns nothing.

    Args:
        unrolled: whether the compiler may repeat the bodies of loops, which takes longer.
    """

    def __init__(self, module: str, name: str, *, unrolled: bool = True) -> None:
        self.module, self.name, self.unrolled = module, name, unrolled
        self._variants: dict[tuple[Any, ...], Callable[[bytes], None]] = {}

    def __call__(self, *arguments: Any) -> None:
        kinds, numbers = flattened(arguments)
        self._variant(tuple(kinds))(packed(numbers))

    def prepared(self, *arguments: Any) -> Callable[..., None]:
        """The kernel as a function of those arguments that are `Varying`, in their order: the
        whole numbers and addresses."""
        kinds, others = flattened(arguments)
        run, rest = self._variant(tuple(kinds)), packed(others)
        pack = struct.Struct(f"{varying(kinds)}q").pack

        def call(*numbers: int, kept: Any = arguments) -> None:
            run(pack(*numbers) + rest)

        return call

    def _variant(self, key: tuple[Any, ...]) -> Callable[[bytes], None]:
        found = self._variants.get(key)
        if found is None:
            with _LOCK:
                found = self._variants.get(key) or self._loaded(key)
                self._variants[key] = found
        return found

    def _loaded(self, kinds: tuple[Any, ...]) -> Callable[[bytes], None]:
        # Importing llvmlite takes 39 MB, which programs without compiled engines can do without.
        from resqunn.engines.compiled.machine import circumstances, load

        identity = {"kernel": f"{self.module}.{self.name}", "arguments": str(kinds)}
        identity |= circumstances() | settings()
        code = read(self.name, identity)
        if code is None:
            from resqunn.engines.compiled.compiler import machine_code

            code = machine_code(self.module, self.name, kinds, self.unrolled)
            write(self.name, identity, code)
        return load(code)
