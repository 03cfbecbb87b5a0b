"""Torch's operations on arrays of angles.

Views of an array are views here too, so that what is written into one is found in the other.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from resqunn.circuits.angles import Angle, AnyAngle
from resqunn.errors import CircuitError
from resqunn.interop import elementary
from resqunn.interop.elementary import call, named

Angles = np.ndarray
"""Of objects: angles and numbers."""


def unknown(name: str) -> str:
    """The message for an operation without an expression."""
    return (
        f"an angle is computed by torch's {name!r}, which has no expression here: compute it "
        "outside of the circuit, or of other functions"
    )


def _array(values: Any) -> Angles:
    if isinstance(values, np.ndarray):
        return values
    found = np.empty((), dtype=object)
    found[()] = _number(values)
    return found


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, bool | int) else value


def _elementwise(function: Callable[..., AnyAngle]) -> Callable[..., Angles]:
    """For each entry, the arrays broadcast against each other."""

    def of_arrays(*values: Any) -> Angles:
        arrays = np.broadcast_arrays(*map(_array, values))
        found = np.empty(arrays[0].shape, dtype=object)
        for place in np.ndindex(found.shape):
            entries = [array[place] for array in arrays]
            if any(isinstance(each, complex) for each in entries):
                raise CircuitError("an angle is computed of complex numbers: use real ones")
            found[place] = function(*entries)
        return found

    return of_arrays


def _with_alpha(function: str) -> Callable[..., Angles]:
    def of_arrays(a: Any, b: Any, *, alpha: Any = 1) -> Angles:
        return BINARY[function](a, b if alpha == 1 else BINARY["multiply"](b, alpha))

    return of_arrays


def _axes(array: Angles, dims: Any) -> tuple[int, ...]:
    if dims is None or dims == []:
        return tuple(range(array.ndim))
    dims = (dims,) if isinstance(dims, int) else dims
    return tuple(d % max(1, array.ndim) for d in dims)


def _reduction(function: Callable[[Sequence[AnyAngle]], AnyAngle]) -> Callable[..., Angles]:
    def of_array(a: Any, dims: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Angles:
        array = _array(a)
        axes = _axes(array, dims) if array.ndim else ()
        others = [axis for axis in range(array.ndim) if axis not in axes]
        rows = array.transpose(*others, *axes).reshape(*[array.shape[k] for k in others], -1)
        found = np.empty(rows.shape[:-1], dtype=object)
        for place in np.ndindex(found.shape):
            found[place] = function(list(rows[place]))
        kept = [1 if axis in axes else size for axis, size in enumerate(array.shape)]
        return found.reshape(kept) if keepdim else found

    return of_array


def _norm(
    a: Any, order: Any = 2, dims: Any = None, keepdim: bool = False, **options: Any
) -> Angles:
    if order not in (None, 2):
        raise CircuitError(unknown(f"norm of order {order}"))
    return _reduction(elementary.norm)(a, dims, keepdim)


def _p_norm(a: Any, order: Any = 2, dims: Any = None, keepdim: bool = False) -> Angles:
    return _norm(a, order, dims, keepdim)


def _largest(a: Angles, *dims: Any) -> Any:
    """Of all, or of each row with what stands for its place, which nothing may read."""
    if not dims:
        return _reduction(elementary.largest)(a)
    return _reduction(elementary.first_largest)(a, *dims), None


def _smallest(a: Angles, *dims: Any) -> Any:
    found = _largest(NEGATIVE(a), *dims)
    return (NEGATIVE(found[0]), None) if dims else NEGATIVE(found)


def _softmax(a: Angles, dim: int, half_to_float: bool = False) -> Angles:
    found = np.moveaxis(np.empty(a.shape, dtype=object), dim, -1)
    rows = np.moveaxis(a, dim, -1)
    for place in np.ndindex(found.shape[:-1]):
        found[place] = elementary.softmax(list(rows[place]))
    return np.moveaxis(found, -1, dim)


def _matrix_product(a: Angles, b: Angles) -> Angles:
    """Of matrices and vectors, and of batches of matrices."""
    left, right = (a[None] if a.ndim == 1 else a), (b[:, None] if b.ndim == 1 else b)
    shape = (*left.shape[:-1], right.shape[-1])
    found = np.empty(shape, dtype=object)
    for place in np.ndindex(shape):
        row, column = left[place[:-1]], right[(*place[:-2], slice(None), place[-1])]
        products = map(named("multiply"), row, column)
        found[place] = elementary.total(list(products))
    if a.ndim == 1:
        found = found[0]
    return found[..., 0] if b.ndim == 1 else found


def _linear(x: Angles, weight: Angles, bias: Angles | None = None) -> Angles:
    found = _matrix_product(np.atleast_2d(x), weight.T)
    return found if bias is None else BINARY["add"](found, bias)


def _cumulative(a: Angles, dim: int, **options: Any) -> Angles:
    rows = np.moveaxis(a.copy(), dim, 0)
    for k in range(1, len(rows)):
        rows[k : k + 1] = BINARY["add"](rows[k - 1 : k], rows[k : k + 1])
    return np.moveaxis(rows, 0, dim)


def _sliced(
    a: Angles, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Angles:
    end = None if end is None or end > a.shape[dim] else end
    return a[(slice(None),) * (dim % a.ndim) + (slice(start, end, step),)]


def _selected(a: Angles, dim: int, index: int) -> Angles:
    return a[(slice(None),) * (dim % a.ndim) + (slice(index, index + 1 or None),)].squeeze(dim)


def _expanded(a: Angles, sizes: Sequence[int], **options: Any) -> Angles:
    lead = len(sizes) - a.ndim
    shape = [a.shape[k - lead] if size == -1 else size for k, size in enumerate(sizes)]
    return np.broadcast_to(a, shape)


def _squeezed(a: Angles, dims: Any = None) -> Angles:
    axes = [d for d in _axes(a, dims) if a.shape[d] == 1] if a.ndim else []
    return a.squeeze(tuple(axes))


def _reshaped(a: Angles, shape: Sequence[int]) -> Angles:
    return a.reshape(shape)


def _parts(a: Angles, size: Any, dim: int = 0) -> list[Angles]:
    length = a.shape[dim]
    sizes = size if isinstance(size, list | tuple) else [size] * -(-length // size)
    ends = list(itertools.accumulate(sizes))
    return [_sliced(a, dim, end - s, end) for s, end in zip(sizes, ends, strict=True)]


def _unbound(a: Angles, dim: int = 0) -> list[Angles]:
    return [_selected(a, dim, k) for k in range(a.shape[dim])]


def _indices(index: Any) -> Any:
    """What selects, which is known before any value is.

    Raises:
        CircuitError: where it depends on values.
    """
    if index is None:
        return slice(None)
    if any(isinstance(each, Angle) for each in index.flat):
        raise CircuitError("which values are read depends on values: use fixed indices")
    return index.astype(bool if all(isinstance(each, bool) for each in index.flat) else int)


def _indexed(a: Angles, indices: Sequence[Any]) -> Angles:
    return a[tuple(map(_indices, indices))].copy()


def _index_selected(a: Angles, dim: int, index: Angles) -> Angles:
    return np.take(a, _indices(index), axis=dim)


def _padded(a: Angles, pad: Sequence[int], value: float = 0.0) -> Angles:
    margins = [(0, 0)] * (a.ndim - len(pad) // 2)
    pairs = list(zip(pad[::2], pad[1::2], strict=True))[::-1]
    found = np.full(
        [low + size + high for size, (low, high) in zip(a.shape, margins + pairs, strict=True)],
        float(value),
        dtype=object,
    )
    inside = tuple(
        slice(low, low + size) for size, (low, _) in zip(a.shape, margins + pairs, strict=True)
    )
    found[inside] = a
    return found


def _filled(shape: Sequence[int], value: Any) -> Angles:
    found = np.empty(shape, dtype=object)
    found[...] = _number(value)
    return found


def _like(value: float) -> Callable[..., Angles]:
    return lambda a, **options: _filled(a.shape, value)


def _of_shape(value: float) -> Callable[..., Angles]:
    return lambda shape, **options: _filled(shape, value)


def _new_of_shape(value: float) -> Callable[..., Angles]:
    return lambda a, shape, **options: _filled(shape, value)


def _cast(a: Angles, *, dtype: torch.dtype | None = None, **options: Any) -> Angles:
    computed = any(isinstance(each, Angle) for each in a.flat)
    if computed and dtype in (torch.float32, torch.float16, torch.bfloat16):
        raise CircuitError("an angle is computed in single precision or less: leave out the cast")
    if dtype is None or dtype.is_floating_point or dtype.is_complex:
        return a.copy()
    if computed:
        # `graphs` has seen that it is a condition, 0 or 1 already.
        return a.copy()
    return _elementwise(lambda each: float(bool(each) if dtype == torch.bool else int(each)))(a)


def _clamped(a: Any, low: Any = None, high: Any = None) -> Angles:
    bounds = [np.asarray(None) if each is None else _array(each) for each in (low, high)]
    if any(isinstance(each, Angle) for bound in bounds for each in bound.flat):
        raise CircuitError("an angle is clamped by bounds that are computed: use torch.where")
    arrays = np.broadcast_arrays(_array(a), *bounds)
    found = np.empty(arrays[0].shape, dtype=object)
    for place in np.ndindex(found.shape):
        entries: list[Any] = [array[place] for array in arrays]
        found[place] = elementary.clamp(*entries)
    return found


NEGATIVE = _elementwise(named("negative"))
BINARY = {name: _elementwise(named(name)) for name in ("add", "subtract", "multiply", "divide")}

VIEWS: dict[str, Callable[..., Any]] = {
    "select": _selected,
    "slice": _sliced,
    "view": _reshaped,
    "_unsafe_view": _reshaped,
    "reshape": _reshaped,
    "unsqueeze": lambda a, dim: np.expand_dims(a, dim),
    "squeeze": _squeezed,
    "expand": _expanded,
    "permute": lambda a, dims: a.transpose(dims),
    "transpose": lambda a, first, second: a.swapaxes(first, second),
    "t": lambda a: a.T,
    "alias": lambda a: a,
    "split": _parts,
    "split_with_sizes": _parts,
    "unbind": _unbound,
    "diagonal": lambda a, offset=0, first=0, second=1: a.diagonal(offset, first, second),
}

ELEMENTWISE: dict[str, Callable[..., AnyAngle]] = {
    **{
        name: named(name)
        for name in (
            "maximum", "minimum", "square", "sqrt", "exp", "log", "sin", "cos", "tan", "tanh",
            "sigmoid", "sign", "detach",
        )
    },
    **{name: named(f"arc{name[1:]}") for name in ("asin", "acos", "atan", "atan2")},
    "mul": named("multiply"),
    "div": named("divide"),
    "true_divide": named("divide"),
    "neg": named("negative"),
    "abs": named("absolute"),
    "sgn": named("sign"),
    "gt": named("greater"),
    "lt": elementary.less,
    "ge": elementary.greater_equal,
    "le": elementary.less_equal,
    "eq": elementary.equal,
    "ne": elementary.not_equal,
    "logical_not": elementary.logical_not,
    "logical_and": named("multiply"),
    "logical_or": named("maximum"),
    "bitwise_not": elementary.logical_not,
    "bitwise_and": named("multiply"),
    "bitwise_or": named("maximum"),
    "where": elementary.where,
    "relu": elementary.relu,
    "leaky_relu": elementary.leaky_relu,
    "pow": elementary.power,
    "reciprocal": elementary.reciprocal,
    "rsqrt": lambda a: elementary.reciprocal(call("sqrt", a)),
    "deg2rad": lambda a: call("multiply", a, float(np.pi / 180)),
}  # fmt: skip

KNOWN: dict[str, Callable[..., Any]] = {
    **VIEWS,
    **{name: _elementwise(function) for name, function in ELEMENTWISE.items()},
    "add": _with_alpha("add"),
    "sub": _with_alpha("subtract"),
    "rsub": lambda a, b, alpha=1: _with_alpha("subtract")(b, a, alpha=alpha),
    "clamp": _clamped,
    "clamp_min": lambda a, low: _clamped(a, low),
    "clamp_max": lambda a, high: _clamped(a, None, high),
    "hardtanh": lambda a, low=-1.0, high=1.0: _elementwise(
        lambda each: elementary.hardtanh(each, float(low), float(high))
    )(a),
    "sum": _reduction(elementary.total),
    "mean": _reduction(elementary.mean),
    "prod": _reduction(elementary.product),
    "amax": _reduction(elementary.largest),
    "amin": _reduction(elementary.smallest),
    "max": _largest,
    "min": _smallest,
    "linalg_vector_norm": _norm,
    "norm": _p_norm,
    "_softmax": _softmax,
    "dot": _matrix_product,
    "vdot": _matrix_product,
    "mv": _matrix_product,
    "mm": _matrix_product,
    "bmm": _matrix_product,
    "matmul": _matrix_product,
    "linear": _linear,
    "addmm": lambda bias, a, b: BINARY["add"](bias, _matrix_product(a, b)),
    "cumsum": _cumulative,
    "cat": lambda parts, dim=0: np.concatenate([p for p in parts if p.shape != (0,)], axis=dim),
    "stack": lambda parts, dim=0: np.stack(parts, axis=dim),
    "repeat": lambda a, repeats: np.tile(a, repeats),
    "flip": lambda a, dims: np.flip(a, dims).copy(),
    "roll": lambda a, shifts, dims=None: np.roll(a, shifts, dims or None),
    "index": _indexed,
    "index_select": _index_selected,
    "constant_pad_nd": _padded,
    "clone": lambda a, memory_format=None: a.copy(),
    "lift_fresh_copy": lambda a: a.copy(),
    "lift_fresh": lambda a: a,
    "contiguous": lambda a, memory_format=None: a.copy(),
    "_to_copy": _cast,
    "zeros": _of_shape(0.0),
    "ones": _of_shape(1.0),
    "full": lambda shape, value, **options: _filled(shape, value),
    "zeros_like": _like(0.0),
    "ones_like": _like(1.0),
    "full_like": lambda a, value, **options: _filled(a.shape, value),
    "new_zeros": _new_of_shape(0.0),
    "new_ones": _new_of_shape(1.0),
    "scalar_tensor": lambda value, **options: _filled((), value),
    "copy": lambda a, b, non_blocking=False: np.broadcast_to(_array(b), a.shape).copy(),
    "fill": lambda a, value: np.broadcast_to(_array(value), a.shape).copy(),
    "zero": lambda a: _filled(a.shape, 0.0),
}
"""What is computed for each of torch's operations."""

IN_PLACE = {
    f"{name}_"
    for name in ("copy", "fill", "zero", "add", "sub", "mul", "div", "neg", "clamp", "relu", "pow")
}
"""Operations that write what they compute into their first argument."""

BOOLEAN = {
    *VIEWS, "gt", "lt", "ge", "le", "eq", "ne", "logical_not", "logical_and", "logical_or",
    "bitwise_not", "bitwise_and", "bitwise_or", "where", "cat", "stack", "repeat", "flip", "roll",
    "index", "index_select", "clone", "contiguous", "lift_fresh", "lift_fresh_copy", "copy",
    "fill", "zero", "detach", "_to_copy",
}  # fmt: skip
"""Operations whose results may be conditions."""

WHOLE = {*VIEWS, "sum", "add", "sub", "mul", "neg", "clone", "_to_copy", "cat", "stack", "detach"}
"""Operations whose results may be whole numbers, counts of conditions."""
