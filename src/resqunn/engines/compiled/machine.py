"""Machine code for this processor: made from LLVM's language, and loaded into this process."""

from __future__ import annotations

import ctypes  # noqa: TID251 - runs what this library has compiled, after its checksum
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from llvmlite import binding

ENTRY = "resqunn_entry"
"""The name of the function in a piece of code; it takes the address of a block of numbers."""


@lru_cache(maxsize=1)
def circumstances() -> dict[str, str]:
    """What code depends on besides the kernel's name and arguments."""
    sources = sha256()
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        sources.update(path.read_bytes())
    return {
        "sources": sources.hexdigest(),
        "numba": version("numba"),
        "llvmlite": version("llvmlite"),
        "system": binding.get_process_triple(),
        "processor": binding.get_host_cpu_name(),
        "features": _features(),
    }


def emit(module: binding.ModuleRef, level: int, vectorize: bool, unroll: bool) -> bytes:
    """The machine code of a module, which is optimized by LLVM's passes of a level up to 3."""
    target = _target()
    options = binding.create_pipeline_tuning_options(level)
    options.loop_vectorization, options.loop_unrolling = vectorize, unroll
    module.triple, module.data_layout = target.triple, str(target.target_data)
    builder = binding.create_pass_builder(target, options)
    builder.getModulePassManager().run(module, builder)
    for function in module.functions:
        # Not before: whatever is called once would be inlined, however large it makes others.
        if not function.is_declaration and function.name != ENTRY:
            function.linkage = "internal"
    return target.emit_object(module)


def load(code: bytes) -> Callable[..., None]:
    """The function of a piece of machine code."""
    engine = binding.create_mcjit_compiler(binding.parse_assembly(""), _target())
    engine.add_object_file(binding.ObjectFileRef.from_data(code))
    engine.finalize_object()
    address = engine.get_function_address(ENTRY)
    function: Any = ctypes.CFUNCTYPE(None, ctypes.c_char_p)(address)
    function.engine = engine  # which owns the memory
    return function


def _target() -> binding.TargetMachine:
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding.Target.from_triple(binding.get_process_triple()).create_target_machine(
        cpu=binding.get_host_cpu_name(),
        features=_features(),
        opt=3,
        codemodel="jitdefault",
        jit=True,
    )


def _features() -> str:
    try:
        return binding.get_host_cpu_features().flatten()
    except RuntimeError:  # LLVM cannot tell on this kind of processor
        return ""


@lru_cache(maxsize=1)
def fuses() -> bool:
    """Whether the processor multiplies and adds in one instruction, which rounds once."""
    features = _features().split(",")
    return "+fma" in features or binding.get_process_triple().startswith(("aarch64", "arm64"))
