"""Functions of angles as torch computes them, numbers folded.

Each is what torch's function of that name is, its derivative included, also where there is a kink:
`torch.relu` has the derivative 0 at 0, and `torch.clamp` 1 at its bounds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from resqunn.circuits.angles import FUNCTIONS, Angle, AnyAngle, Expression
from resqunn.errors import CircuitError


def call(function: str, *arguments: AnyAngle) -> AnyAngle:
    """A function of the table; a number where all arguments are, and the argument itself where
    nothing is added to it or it is multiplied by 1.

    >>> from resqunn.circuits.angles import Input
    >>> call("add", 1.0, 2.0), call("multiply", 1.0, Input(0))
    (3.0, Input(index=0))

    Raises:
        CircuitError: where the sign of a zero would count, which expressions do not know.
    """
    if not any(isinstance(argument, Angle) for argument in arguments):
        try:
            return float(FUNCTIONS[function][1](*arguments))
        except (ArithmeticError, ValueError):  # torch gives nan or infinity
            return math.nan
    if function in ("arctan2", "divide") and "-0.0" in map(str, arguments):
        raise CircuitError(f"an angle is the {function} of -0.0: use 0.0")
    if function in ("add", "multiply") and arguments[0] == float(function == "multiply"):
        return arguments[1]
    if function in NEUTRAL and arguments[1] == NEUTRAL[function]:
        return arguments[0]
    return Expression(function, arguments)


NEUTRAL = {"add": 0.0, "subtract": 0.0, "multiply": 1.0, "divide": 1.0}
"""Second arguments that change nothing."""


def named(function: str) -> Callable[..., AnyAngle]:
    """`call` of one function."""
    return lambda *arguments: call(function, *arguments)


def logical_not(a: AnyAngle) -> AnyAngle:
    """1 where a condition is 0."""
    return call("subtract", 1.0, a)


def less(a: AnyAngle, b: AnyAngle) -> AnyAngle:
    """Whether a < b, as 1 or 0."""
    return call("greater", b, a)


def less_equal(a: AnyAngle, b: AnyAngle) -> AnyAngle:
    """Whether a <= b."""
    return call("greater_equal", b, a)


def greater_equal(a: AnyAngle, b: AnyAngle) -> AnyAngle:
    """Whether a >= b."""
    return call("greater_equal", a, b)


def not_equal(a: AnyAngle, b: AnyAngle) -> AnyAngle:
    """Whether a and b differ."""
    return logical_not(call("equal", a, b))


def equal(a: AnyAngle, b: AnyAngle) -> AnyAngle:
    """Whether a = b."""
    return call("equal", a, b)


def where(condition: AnyAngle, a: AnyAngle, b: AnyAngle) -> AnyAngle:
    """Is a where the condition is not 0, and else b."""
    return call("where", condition, a, b)


def relu(a: AnyAngle) -> AnyAngle:
    """Is a where it is positive, and else 0."""
    return where(less_equal(a, 0.0), 0.0, a)


def hardtanh(a: AnyAngle, low: float = -1.0, high: float = 1.0) -> AnyAngle:
    """Is a within bounds, with the derivative 0 at these."""
    above = where(greater_equal(a, float(high)), float(high), a)
    return where(less_equal(a, float(low)), float(low), above)


def leaky_relu(a: AnyAngle, slope: float = 0.01) -> AnyAngle:
    """Is a where it is positive, and else a multiple of it."""
    return where(call("greater", a, 0.0), a, call("multiply", float(slope), a))


def clamp(a: AnyAngle, low: AnyAngle | None = None, high: AnyAngle | None = None) -> AnyAngle:
    """Is a within bounds."""
    found = a
    if low is not None:
        found = where(less(a, low), low, found)
    return found if high is None else where(call("greater", found, high), high, found)


def power(a: AnyAngle, exponent: AnyAngle) -> AnyAngle:
    """Is a to a power."""
    if exponent == 0:
        return 1.0
    if exponent == 1:
        return a
    return call("square", a) if exponent == 2 else call("power", a, exponent)


def reciprocal(a: AnyAngle) -> AnyAngle:
    """1 / a."""
    return call("divide", 1.0, a)


def total(values: Sequence[AnyAngle]) -> AnyAngle:
    """Their sum."""
    return _joined("add", values, 0.0)


def product(values: Sequence[AnyAngle]) -> AnyAngle:
    """Their product."""
    return _joined("multiply", values, 1.0)


def _joined(function: str, values: Sequence[AnyAngle], of_none: float = 0.0) -> AnyAngle:
    """As a tree, which is not nested deeply."""
    if len(values) < 2:
        return values[0] if values else of_none
    half = (len(values) + 1) // 2
    return call(function, _joined(function, values[:half]), _joined(function, values[half:]))


def mean(values: Sequence[AnyAngle]) -> AnyAngle:
    """Their mean."""
    return call("divide", total(values), float(len(values)))


def largest(values: Sequence[AnyAngle]) -> AnyAngle:
    """The largest, whose derivative is shared by those that are as large."""
    found = _joined("maximum", values)
    as_large = [less_equal(found, each) for each in values]
    shares = [where(it, each, 0.0) for it, each in zip(as_large, values, strict=True)]
    return call("divide", total(shares), total(as_large))


def smallest(values: Sequence[AnyAngle]) -> AnyAngle:
    """The smallest, likewise."""
    return call("negative", largest([call("negative", each) for each in values]))


def first_largest(values: Sequence[AnyAngle]) -> AnyAngle:
    """The first of the largest."""
    found = values[0]
    for each in values[1:]:
        found = where(call("greater", each, found), each, found)
    return found


def norm(values: Sequence[AnyAngle]) -> AnyAngle:
    """The Euclidean norm, whose derivative at 0 is 0."""
    squares = total([call("square", each) for each in values])
    none = call("equal", squares, 0.0)
    return where(none, 0.0, call("sqrt", where(none, 1.0, squares)))


def softmax(values: Sequence[AnyAngle]) -> list[AnyAngle]:
    """Their exponentials over the sum of these; the largest is subtracted first."""
    largest = _joined("maximum", values)
    parts = [call("exp", call("subtract", each, largest)) for each in values]
    whole = total(parts)
    return [call("divide", part, whole) for part in parts]
