"""Compiles kernels. Importing this file imports numba.

`compiled` decorates the functions. What Python calls is not numba's own wrapper, for which a
process needs numba, but an entry that builds the kernel's arguments from a block of numbers.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import count
from typing import Any

import torch
from llvmlite import binding, ir
from numba import njit, types
from numba.core import config
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target
from numba.np.arrayobj import populate_array

from resqunn.engines.compiled.arguments import varying
from resqunn.engines.compiled.machine import ENTRY, emit

LIBRARY = {"cos", "sin"}
"""What code may call besides itself: the C library's functions, which every process has."""


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Decorates a function that kernels call, or a kernel.

    References to arrays are not counted, which in small functions takes as long as the
    arithmetic, and for which a process would need numba: no compiled function may create an
    array.
    """
    options |= {"error_model": "numpy", "_nrt": False}

    def decorated(function: Callable[..., Any]) -> Any:
        with _compiling():
            return njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, **options)(function)

    return decorated


@contextlib.contextmanager
def _compiling() -> Iterator[None]:
    """Without the settings of numba's with which there is nothing that a kernel could call."""
    own = {"DISABLE_JIT": 0, "BOUNDSCHECK": None}
    before = {name: getattr(config, name, value) for name, value in own.items()}
    vars(config).update(own)
    try:
        yield
    finally:
        vars(config).update(before)


@contextlib.contextmanager
def _language_only() -> Iterator[None]:
    """Without machine code of numba's own, and with nobody else compiling meanwhile.

    numba optimizes each function together with all that it calls, and makes machine code of them,
    again for each that calls it. Here functions are only linked, as LLVM's language: the kernel's
    is to be optimized once, and made into machine code, by `emit`.
    """
    codegen = cpu_target.target_context.codegen()
    engine, library = getattr(codegen, "_engine", None), getattr(codegen, "_library_class", None)
    unused = (
        (engine, "add_module"),
        (engine, "finalize_object"),
        (codegen, "set_env"),
        (library, "_optimize_functions"),
        (library, "_optimize_final_module"),
    )
    if not all(hasattr(owner, name) for owner, name in unused):
        yield  # another numba, which may do as it does
        return
    with global_compiler_lock, contextlib.ExitStack() as undone:
        for owner, name in unused:
            undone.callback(_put_back, owner, name, vars(owner).get(name, _ABSENT))
            setattr(owner, name, _nothing)
        yield


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Without searches for cyclic garbage: little arises, and they take a tenth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


_ABSENT = object()


def _put_back(owner: Any, name: str, value: Any) -> None:
    if value is _ABSENT:
        delattr(owner, name)
    else:
        setattr(owner, name, value)


def _nothing(*_: Any) -> None:
    pass


def machine_code(module: str, name: str, kinds: tuple[Any, ...], unrolled: bool) -> bytes:
    """Compiles a kernel for one kind of arguments (both as those of `kernel.Kernel`)."""
    kernel = getattr(import_module(module), name)
    arguments = tuple(map(_type_of, kinds))
    with _compiling(), _uncollected(), _language_only():
        kernel.compile(arguments)
        overload = kernel.overloads[arguments]
    language = binding.parse_assembly(kernel.inspect_llvm(arguments))
    language.link_in(binding.parse_assembly(str(_entry(overload, kinds))))
    for function in language.functions:
        if not function.is_declaration:
            function.linkage = "external" if function.name == ENTRY else "linkonce_odr"
        elif not function.name.startswith("llvm.") and function.name not in LIBRARY:
            raise TypeError(f"kernel {name} calls {function.name}, which only numba has")
    return emit(language, int(config.OPT), bool(config.LOOP_VECTORIZE), unrolled)


def _type_of(kind: Any) -> Any:
    if kind in (int, bool):
        return types.int64 if kind is int else types.boolean
    if kind[0] == "varying":
        return _type_of(kind[1])
    if isinstance(kind[0], torch.dtype):
        scalar = getattr(types, str(kind[0]).removeprefix("torch."))
        return types.Array(scalar, kind[1], "C")
    entries = [_type_of(entry) for entry in kind[1:]]
    if kind[0] == "tuple":
        return types.BaseTuple.from_types(entries)
    return types.NamedTuple(entries, kind[0])


def _entry(overload: Any, kinds: tuple[Any, ...]) -> ir.Module:
    """A function that takes the address of numbers and calls the kernel."""
    context, signature = cpu_target.target_context, overload.signature
    module = context.create_module(ENTRY)
    numbers_type = ir.IntType(64).as_pointer()
    entry = ir.Function(module, ir.FunctionType(ir.VoidType(), [numbers_type]), ENTRY)
    builder = ir.IRBuilder(entry.append_basic_block())

    def read(first: int) -> Iterator[Any]:
        places = (ir.Constant(ir.IntType(64), k) for k in count(first))
        return (builder.load(builder.gep(entry.args[0], [place])) for place in places)

    numbers = read(0), read(varying(kinds))
    pairs = zip(signature.args, kinds, strict=True)
    arguments = [_argument(context, builder, wanted, kind, numbers) for wanted, kind in pairs]
    kernel = context.declare_function(module, overload.fndesc)
    context.call_conv.call_function(builder, kernel, types.none, signature.args, arguments)
    builder.ret_void()
    return module


def _argument(
    context: Any, builder: Any, wanted: Any, kind: Any, numbers: tuple[Iterator[Any], Iterator[Any]]
) -> Any:
    """One argument, from as many of the numbers as it takes: those that vary, and the others."""
    if isinstance(wanted, types.BaseTuple):
        pairs = zip(wanted, kind[1:], strict=True)
        entries = [_argument(context, builder, each, of, numbers) for each, of in pairs]
        return context.make_tuple(builder, wanted, entries)
    others = numbers[1]
    number = next(numbers[0] if isinstance(kind, tuple) and kind[0] == "varying" else others)
    if not isinstance(wanted, types.Array):
        zero = ir.Constant(number.type, 0)
        return builder.icmp_signed("!=", number, zero) if wanted == types.boolean else number
    array = context.make_array(wanted)(context, builder)
    shape = [next(others) for _ in range(wanted.ndim)]
    itemsize = ir.Constant(number.type, wanted.dtype.bitwidth // 8)
    strides = [itemsize]
    for length in shape[:0:-1]:
        strides.insert(0, builder.mul(strides[0], length))
    data = builder.inttoptr(number, array.data.type)
    populate_array(array, data, shape, strides, itemsize, meminfo=None)
    return array._getvalue()
