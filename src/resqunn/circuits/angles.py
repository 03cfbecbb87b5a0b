r"""Angles of gates, as data: inputs, weights, numbers, and what is computed of them.

    Input(0)                            # a value of the patch
    0.5 * Weight(2)                     # half a weight
    (pi - Input(0)) * (pi - Input(1))   # of the ZZ feature map
    Expression("arctan", (Input(0),))

Nothing is computed here, and no code is stored: an expression is the name of a function and its
arguments.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from resqunn.checks import settle_fields, shown
from resqunn.errors import CircuitError, unknown_name


class Angle:
    """An angle that is not a number: numbers and angles may be added to it and so on."""

    def __add__(self, other: AnyAngle) -> Expression:
        return Expression("add", (self, other))

    def __radd__(self, other: AnyAngle) -> Expression:
        return Expression("add", (other, self))

    def __sub__(self, other: AnyAngle) -> Expression:
        return Expression("subtract", (self, other))

    def __rsub__(self, other: AnyAngle) -> Expression:
        return Expression("subtract", (other, self))

    def __mul__(self, other: AnyAngle) -> Expression:
        return Expression("multiply", (self, other))

    def __rmul__(self, other: AnyAngle) -> Expression:
        return Expression("multiply", (other, self))

    def __truediv__(self, other: AnyAngle) -> Expression:
        return Expression("divide", (self, other))

    def __rtruediv__(self, other: AnyAngle) -> Expression:
        return Expression("divide", (other, self))

    def __neg__(self) -> Expression:
        return Expression("negative", (self,))


@dataclass(frozen=True)
class _Numbered(Angle):
    index: int

    def __post_init__(self) -> None:
        if type(self.index) is not int:
            settle_fields(self)
        if self.index < 0:
            raise CircuitError(f"index must be 0 or more, got {self.index}")


@dataclass(frozen=True)
class Input(_Numbered):
    """The angle is input value `index` of the circuit, in radians."""

    def __str__(self) -> str:
        return f"x{self.index}"


@dataclass(frozen=True)
class Weight(_Numbered):
    """The angle is trainable weight `index` (flattened row-major), in radians."""

    def __str__(self) -> str:
        return f"w{self.index}"


AnyAngle: TypeAlias = Angle | float | int

INFIX = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}
"""Functions of two arguments that are written between them."""

STRENGTH = {"add": 1, "subtract": 1, "multiply": 2, "divide": 2, "negative": 2}
"""How strongly signs bind."""

FUNCTIONS: dict[str, tuple[int, Callable[..., float]]] = {
    "add": (2, operator.add),
    "subtract": (2, operator.sub),
    "multiply": (2, operator.mul),
    "divide": (2, operator.truediv),
    "power": (2, math.pow),
    "maximum": (2, max),
    "minimum": (2, min),
    "greater": (2, lambda a, b: float(a > b)),
    "greater_equal": (2, lambda a, b: float(a >= b)),
    "equal": (2, lambda a, b: float(a == b)),
    "arctan2": (2, math.atan2),
    "negative": (1, lambda a: -a),
    "detach": (1, lambda a: a),
    "absolute": (1, math.fabs),
    "sign": (1, lambda a: float((a > 0) - (a < 0))),
    "square": (1, lambda a: a * a),
    "sqrt": (1, math.sqrt),
    "exp": (1, math.exp),
    "log": (1, math.log),
    "sin": (1, math.sin),
    "cos": (1, math.cos),
    "tan": (1, math.tan),
    "arcsin": (1, math.asin),
    "arccos": (1, math.acos),
    "arctan": (1, math.atan),
    "tanh": (1, math.tanh),
    "sigmoid": (1, lambda a: 0.5 + 0.5 * math.tanh(0.5 * a)),
    "where": (3, lambda c, a, b: a if c else b),
}
"""How many arguments each function takes, and its value. `greater(a, b)` is 1 where a > b and
else 0, with the derivative 0, and so are `greater_equal` and `equal`; `where(c, a, b)` is a where
c is not 0, and else b; `detach(a)` is a, with the derivative 0."""


@dataclass(frozen=True)
class Expression(Angle):
    """A function of angles.

    >>> print(0.5 * (Input(0) + Weight(1)))
    0.5*(x0 + w1)

    Raises:
        ConfigurationError: for a function that the table does not have.
        CircuitError: for another number of arguments, or what is no angle.
    """

    function: str
    arguments: tuple[AnyAngle, ...]

    def __post_init__(self) -> None:
        if self.function not in FUNCTIONS:
            raise unknown_name("function", self.function, FUNCTIONS)
        count, _ = FUNCTIONS[self.function]
        if len(self.arguments) != count:
            raise CircuitError(
                f"{self.function} must have {count} argument(s), got {len(self.arguments)}"
            )
        settled = tuple(map(settled_angle, self.arguments))
        object.__setattr__(self, "arguments", settled)

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        # Once: what is shared by many expressions would be gone through for each of them.
        return hash((self.function, self.arguments))

    def __deepcopy__(self, memo: dict[int, Any]) -> Expression:
        return self  # nothing in it changes

    def __getstate__(self) -> dict[str, Any]:
        # Hashes of strings differ from process to process.
        return {"function": self.function, "arguments": self.arguments}

    def __str__(self) -> str:
        texts = list(map(written, self.arguments))
        if self.function not in STRENGTH:
            return f"{self.function}({', '.join(texts)})"
        strength = STRENGTH[self.function]
        for k, argument in enumerate(self.arguments):
            # What binds less is put in brackets, and on the right what binds as much.
            function = argument.function if isinstance(argument, Expression) else ""
            if STRENGTH.get(function, 9) < strength + (k == 1):
                texts[k] = f"({texts[k]})"
        if self.function == "negative":
            return f"-{texts[0]}"
        sign = INFIX[self.function]
        return (f" {sign} " if strength == 1 else sign).join(texts)


def written(angle: AnyAngle) -> str:
    """An angle for a reader."""
    return f"{angle:.4g}" if isinstance(angle, float) else str(angle)


def settled_angle(angle: AnyAngle) -> AnyAngle:
    """The angle; numbers as Python's floats.

    Raises:
        CircuitError: for what is no angle or no finite number.
    """
    if isinstance(angle, Angle):
        return angle
    try:
        number = float(angle)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise CircuitError(f"an angle must be an Angle or a finite number, got {shown(angle)}")
    return number


def replaced(angle: AnyAngle, leaf: Callable[[Input | Weight], AnyAngle]) -> AnyAngle:
    """The angle with something in place of each input and weight."""
    if isinstance(angle, Input | Weight):
        return leaf(angle)
    if isinstance(angle, Expression):
        return Expression(angle.function, tuple(replaced(a, leaf) for a in angle.arguments))
    return angle


def value(angle: AnyAngle, inputs: Sequence[float], weights: Sequence[float]) -> float:
    """The angle at given inputs and weights."""
    if isinstance(angle, Expression):
        arguments = [value(each, inputs, weights) for each in angle.arguments]
        return float(FUNCTIONS[angle.function][1](*arguments))
    if isinstance(angle, Input | Weight):
        return float((inputs if isinstance(angle, Input) else weights)[angle.index])
    assert not isinstance(angle, Angle)
    return float(angle)


def leaves(angle: AnyAngle) -> set[Input | Weight]:
    """The inputs and weights that an angle reads."""
    if isinstance(angle, Input | Weight):
        return {angle}
    if isinstance(angle, Expression):
        return set().union(*map(leaves, angle.arguments))
    return set()


def terms(angle: AnyAngle) -> list[tuple[float, AnyAngle]]:
    """Coefficients and angles whose sum the angle is; a number is a multiple of 1.

    >>> terms((Input(0) - 2 * Weight(0)) / 2 + 1)
    [(0.5, Input(index=0)), (-1.0, Weight(index=0)), (1.0, 1.0)]
    """
    if not isinstance(angle, Expression):
        return [(1.0, angle)] if isinstance(angle, Angle) else [(float(angle), 1.0)]
    function, arguments = angle.function, angle.arguments
    if function == "add":
        return [each for argument in arguments for each in terms(argument)]
    if function in ("subtract", "negative"):
        *first, last = arguments
        return [each for a in first for each in terms(a)] + _times(terms(last), -1.0)
    for scale, of in (arguments, arguments[::-1]) if function == "multiply" else ():
        if isinstance(scale, float):
            return _times(terms(of), scale)
    if function == "divide" and isinstance(arguments[1], float) and arguments[1]:
        return _times(terms(arguments[0]), 1 / arguments[1])
    return [(1.0, angle)]


def _times(parts: list[tuple[float, AnyAngle]], scale: float) -> list[tuple[float, AnyAngle]]:
    return [(scale * coefficient, angle) for coefficient, angle in parts]


def total(parts: list[tuple[float, AnyAngle]]) -> AnyAngle:
    """The sum of coefficients times angles, as simple as it can be written."""
    number = sum(c for c, angle in parts if angle == 1.0)
    shares: dict[AnyAngle, float] = {}
    for coefficient, angle in parts:
        if angle != 1.0:
            shares[angle] = shares.get(angle, 0.0) + coefficient
    found = [
        angle if share == 1 else Expression("multiply", (share, angle))
        for angle, share in shares.items()
    ]
    if not found:
        return float(number)
    return Expression("add", (added(found), number)) if number else added(found)


def added(angles: Sequence[AnyAngle]) -> AnyAngle:
    """The sum as a tree, which is not nested deeply."""
    if len(angles) == 1:
        return angles[0]
    half = (len(angles) + 1) // 2
    return Expression("add", (added(angles[:half]), added(angles[half:])))
