"""Numba types for a vector register, and for a block of them: neighbouring patches at once.

Loops over arrays are vectorised by the compiler or not, depending on what it can prove
about overlaps and strides. A value of type `Lanes` is a vector by construction. Inside
compiled functions:

    a = load(array, offset)       # width(array) neighbouring entries of a flat array
    b = spread(array[0], array)   # one scalar in every lane, a register fit for `array`
    store(array, offset, a * b - a)
    add(array, offset, b)         # to the entries that are there

`load_block`, `store_block`, `spread_block` and `add_block` do the same with `BLOCK` registers at
once.

Only float arithmetic is defined: `+`, `-`, `*`, `/` and the unary minus. A product that is added
to something may be fused into one instruction (`product_sum` and `exactly` settle whether);
nothing else is reordered, and NaN stays NaN.
"""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.typing.templates import AbstractTemplate, infer_global
from numba.extending import intrinsic, lower_builtin, models, register_model
from numba.np.arrayobj import populate_array

from resqunn.engines.compiled.compiler import compiled
from resqunn.engines.compiled.machine import fuses
from resqunn.engines.compiled.registers import BLOCK, LANE_BYTES

inner = compiled(forceinline=True)
"""Decorates what is called in one place: a call with its tables takes as long as the arithmetic
of half a pass."""

apart = compiled()
"""Decorates kernels, and what is called in several places or seldom; this takes less to compile."""


class Lanes(types.Type):
    """As many values of one float type as fill so many registers of `LANE_BYTES`."""

    def __init__(self, scalar: types.Float, registers: int) -> None:
        self.scalar = scalar
        self.count = registers * LANE_BYTES * 8 // scalar.bitwidth
        super().__init__(name=f"Lanes({scalar} x {self.count})")


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, lanes: Lanes) -> None:
        scalar = manager.lookup(lanes.scalar).get_value_type()
        super().__init__(manager, lanes, ir.VectorType(scalar, lanes.count))


def _address(builder: Any, context: Any, lanes: Any, array: Any, offset: Any) -> Any:
    """The address of entry `offset` of a flat array, as a pointer to a vector."""
    vector = context.get_value_type(lanes)
    place = builder.gep(_data(builder, context, lanes.scalar, array), [offset])
    return builder.bitcast(place, vector.as_pointer())


def _data(builder: Any, context: Any, scalar: Any, array: Any) -> Any:
    """Where the entries of a flat array lie."""
    return context.data_model_manager[types.Array(scalar, 1, "C")].get(builder, array, "data")


@intrinsic
def in_a_row(typing_context, array):
    """All entries of an array, in one row."""
    row_type = types.Array(array.dtype, 1, "C")

    def emit(context, builder, signature, arguments):
        source = context.make_array(array)(context, builder, arguments[0])
        row = context.make_array(row_type)(context, builder)
        size, step = source.nitems, source.itemsize
        populate_array(row, source.data, [size], [step], step, meminfo=None)
        return row._getvalue()

    return row_type(array), emit


def _vector_of(builder: Any, vector: Any, value: Any) -> Any:
    """A value in every lane."""
    undefined, index = ir.Constant(vector, ir.Undefined), ir.IntType(32)
    one = builder.insert_element(undefined, value, ir.Constant(index, 0))
    zeros = ir.Constant(ir.VectorType(index, vector.count), [0] * vector.count)
    return builder.shuffle_vector(one, undefined, zeros)


def _moves(registers: int) -> tuple[Any, Any, Any, Any]:
    """`load`, `store`, `spread` and `add` for values of so many registers."""

    @intrinsic
    def load(typing_context, array, offset):
        lanes = Lanes(array.dtype, registers)

        def emit(context, builder, signature, arguments):
            address = _address(builder, context, lanes, *arguments)
            return builder.load(address, align=array.dtype.bitwidth // 8)

        return lanes(array, types.intp), emit

    @intrinsic
    def store(typing_context, array, offset, lanes):
        def emit(context, builder, signature, arguments):
            address = _address(builder, context, lanes, *arguments[:2])
            builder.store(arguments[2], address, align=array.dtype.bitwidth // 8)
            return context.get_dummy_value()

        return types.void(array, types.intp, lanes), emit

    @intrinsic
    def spread(typing_context, scalar, array):
        lanes = Lanes(array.dtype, registers)

        def emit(context, builder, signature, arguments):
            value = context.cast(builder, arguments[0], scalar, array.dtype)
            return _vector_of(builder, context.get_value_type(lanes), value)

        return lanes(scalar, array), emit

    @intrinsic
    def add(typing_context, array, offset, lanes):
        def emit(context, builder, signature, arguments):
            address = _address(builder, context, lanes, *arguments[:2])
            align = array.dtype.bitwidth // 8
            found = builder.load(address, align=align)
            total = builder.fadd(found, arguments[2], flags=("contract",))
            builder.store(total, address, align=align)
            return context.get_dummy_value()

        return types.void(array, types.intp, lanes), emit

    return load, store, spread, add


load, store, spread, add = _moves(1)
load_block, store_block, spread_block, add_block = _moves(BLOCK)


@intrinsic
def each(typing_context, lanes, scalar):
    """A number in as many lanes as another value has."""

    def emit(context, builder, signature, arguments):
        value = context.cast(builder, arguments[1], scalar, lanes.scalar)
        return _vector_of(builder, arguments[0].type, value)

    return lanes(lanes, scalar), emit


@intrinsic
def fold(typing_context, total, a, b):
    """A register plus the products of two blocks, register by register in order."""

    def emit(context, builder, signature, arguments):
        sums, a_value, b_value = arguments
        count, index = total.count, ir.IntType(32)
        for first in range(0, a.count, count):
            mask = ir.Constant(ir.VectorType(index, count), list(range(first, first + count)))
            parts = [
                builder.shuffle_vector(v, ir.Constant(v.type, ir.Undefined), mask)
                for v in (a_value, b_value)
            ]
            product = builder.fmul(*parts, flags=("contract",))
            sums = builder.fadd(sums, product, flags=("contract",))
        return sums

    return total(total, a, b), emit


def _define(operation: Any, instruction: str, operands: int) -> None:
    """Gives `Lanes` one arithmetic operator."""

    # Not with `overload`, by which each use of an operator is a call of a function.
    @infer_global(operation)
    class Typing(AbstractTemplate):
        metadata = {"target": "cpu"}  # asked before those for all targets
        prefer_literal = True

        def generic(self, args, kws):
            of_lanes = isinstance(args[0], Lanes) and set(args) == {args[0]}
            return args[0](*args) if of_lanes and len(args) == operands else None

    @lower_builtin(operation, *[Lanes] * operands)
    def _emit(context, builder, signature, arguments):
        return getattr(builder, instruction)(*arguments, flags=("contract",))


_define(operator.add, "fadd", 2)
_define(operator.sub, "fsub", 2)
_define(operator.mul, "fmul", 2)
_define(operator.truediv, "fdiv", 2)
_define(operator.neg, "fneg", 1)


@intrinsic
def exactly(typing_context, a, b):
    """The rounded product of two registers, which is never fused with what is done with it."""

    def emit(context, builder, signature, arguments):
        return builder.fmul(*arguments)

    return a(a, b), emit


@intrinsic
def product_sum(typing_context, a, b, c):
    """$a b + c$ of registers, rounded once if the processor can do so, else twice; the same bits
    wherever it stands, which is not promised of `a * b + c`."""

    def emit(context, builder, signature, arguments):
        if not fuses():
            return builder.fadd(builder.fmul(*arguments[:2]), arguments[2])
        vector = arguments[0].type
        kind = ir.FunctionType(vector, [vector] * 3)
        name = f"llvm.fma.v{a.count}f{a.scalar.bitwidth}"
        return builder.call(builder.module.declare_intrinsic(name, (), kind), arguments)

    return a(a, b, c), emit


@intrinsic
def root(typing_context, lanes):
    """The square root."""

    def emit(context, builder, signature, arguments):
        vector = context.get_value_type(lanes)
        name = f"llvm.sqrt.v{lanes.count}f{lanes.scalar.bitwidth}"
        kind = ir.FunctionType(vector, [vector])
        return builder.call(builder.module.declare_intrinsic(name, (), kind), arguments)

    return lanes(lanes), emit


@intrinsic
def total(typing_context, lanes):
    """The sum of all lanes: of the two halves of a register, and so on."""

    def emit(context, builder, signature, arguments):
        (value,), count, index = arguments, lanes.count, ir.IntType(32)
        undefined = ir.Constant(value.type, ir.Undefined)
        while count > 1:
            count //= 2
            # Lanes past the first half repeat it; nothing reads them.
            places = [count + lane % count for lane in range(lanes.count)]
            mask = ir.Constant(ir.VectorType(index, lanes.count), places)
            value = builder.fadd(value, builder.shuffle_vector(value, undefined, mask))
        return builder.extract_element(value, ir.Constant(index, 0))

    return lanes.scalar(lanes), emit


@intrinsic
def transpose(typing_context, array, source, target, step):
    """Transposes a square of registers in a flat array: entry j of the i-th, counted from `source`
    on, becomes entry i of the j-th of those that lie `step` apart from `target` on.

    All are read before one is written.
    """
    lanes = Lanes(array.dtype, 1)

    def emit(context, builder, signature, arguments):
        count, index = lanes.count, ir.IntType(32)
        values, source, target, step = arguments
        align = array.dtype.bitwidth // 8

        def address(first, k, step):
            offset = builder.add(first, builder.mul(step, ir.Constant(step.type, k)))
            return _address(builder, context, lanes, values, offset)

        whole = ir.Constant(source.type, count)
        rows = [builder.load(address(source, i, whole), align=align) for i in range(count)]
        distance = 1
        while distance < count:
            # Of rows i and i + distance, entries with the wrong bit of j change places.
            places = range(count)
            up = [k if not k & distance else count + k - distance for k in places]
            down = [k + distance if not k & distance else count + k for k in places]
            for i in places:
                if not i & distance:
                    pair = rows[i], rows[i + distance]
                    for to, order in ((i, up), (i + distance, down)):
                        mask = ir.Constant(ir.VectorType(index, count), order)
                        rows[to] = builder.shuffle_vector(*pair, mask)
            distance *= 2
        for j in range(count):
            builder.store(rows[j], address(target, j, step), align=align)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp, types.intp), emit


@intrinsic
def any_beyond(typing_context, lanes, bound):
    """Whether the absolute value of some lane is greater than the bound; NaN is not."""

    def emit(context, builder, signature, arguments):
        value, count, bits = arguments[0], lanes.count, lanes.scalar.bitwidth
        whole = ir.VectorType(ir.IntType(bits), count)
        unsigned = ir.Constant(whole, [2 ** (bits - 1) - 1] * count)
        absolute = builder.bitcast(
            builder.and_(builder.bitcast(value, whole), unsigned), value.type
        )
        limit = context.cast(builder, arguments[1], signature.args[1], lanes.scalar)
        limits = _vector_of(builder, value.type, limit)
        marks = builder.sext(builder.fcmp_ordered(">", absolute, limits), whole)
        # Halves on halves, down to what processors test at once.
        while count * bits > 256:
            count //= 2
            halves = (
                ir.Constant(ir.VectorType(ir.IntType(32), count), list(range(first, first + count)))
                for first in (0, count)
            )
            undefined = ir.Constant(marks.type, ir.Undefined)
            low, high = (builder.shuffle_vector(marks, undefined, half) for half in halves)
            marks = builder.or_(low, high)
        found = builder.bitcast(marks, ir.IntType(256))
        return builder.icmp_unsigned("!=", found, ir.Constant(found.type, 0))

    return types.boolean(lanes, types.float64), emit


@intrinsic
def negative_if_odd(typing_context, value, number):
    """The value with its sign turned where the lowest bit of a number's lane is set."""

    def emit(context, builder, signature, arguments):
        bits = value.scalar.bitwidth
        whole = ir.VectorType(ir.IntType(bits), value.count)
        of_value, of_number = (builder.bitcast(argument, whole) for argument in arguments)
        sign = builder.shl(of_number, ir.Constant(whole, [bits - 1] * value.count))
        return builder.bitcast(builder.xor(of_value, sign), arguments[0].type)

    return value(value, value), emit


def _seconds(first: int) -> Any:
    """Every second lane of two registers in a row, from the first or the second on."""

    @intrinsic
    def seconds(typing_context, low, high):
        def emit(context, builder, signature, arguments):
            places = [2 * lane + first for lane in range(low.count)]
            mask = ir.Constant(ir.VectorType(ir.IntType(32), low.count), places)
            return builder.shuffle_vector(*arguments, mask)

        return low(low, low), emit

    return seconds


even_lanes, odd_lanes = _seconds(0), _seconds(1)


@intrinsic
def width(typing_context, array):
    """How many lanes a register has that fits `array`."""
    # Of the type alone, so that the compiler sees a constant.
    count = Lanes(array.dtype, 1).count

    def emit(context, builder, signature, arguments):
        return ir.Constant(context.get_value_type(types.intp), count)

    return types.intp(array), emit


@intrinsic
def entry(typing_context, array, offset):
    """One entry of a flat array. Unlike `array[offset]` it does not ask whether the offset is
    negative, which would keep loops from being vectorised."""

    def emit(context, builder, signature, arguments):
        data = _data(builder, context, array.dtype, arguments[0])
        return builder.load(builder.gep(data, [arguments[1]]))

    return array.dtype(array, types.intp), emit


@intrinsic
def set_entry(typing_context, array, offset, value):
    """Writes one entry of a flat array."""

    def emit(context, builder, signature, arguments):
        data = _data(builder, context, array.dtype, arguments[0])
        builder.store(arguments[2], builder.gep(data, [arguments[1]]))
        return context.get_dummy_value()

    return types.void(array, types.intp, array.dtype), emit
