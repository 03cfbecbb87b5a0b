"""Angles in the arrays of whatever PennyLane interface they are given in."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

from resqunn.circuits.angles import FUNCTIONS, AnyAngle, Expression, Input, Weight


def computed(
    of: Any, angles: Sequence[AnyAngle], leaf: Callable[[Input | Weight], Any]
) -> list[Any]:
    """Each angle, given the inputs and weights; numbers stay Python's.

    Args:
        of: `pennylane.math`.
    """
    return [_computed(of, angle, leaf) for angle in angles]


def _computed(of: Any, angle: AnyAngle, leaf: Callable[[Input | Weight], Any]) -> Any:
    if isinstance(angle, Input | Weight):
        return leaf(angle)
    if not isinstance(angle, Expression):
        return angle
    arguments = [_computed(of, each, leaf) for each in angle.arguments]
    if all(isinstance(argument, float) for argument in arguments):
        try:
            return float(FUNCTIONS[angle.function][1](*arguments))
        except (ArithmeticError, ValueError):  # torch gives nan or infinity
            return math.nan
    like = of.get_interface(*arguments)
    return _functions(of, like)[angle.function](*alike(of, arguments))


def alike(of: Any, values: Sequence[Any]) -> list[Any]:
    """The values as arrays of one kind and shape, if one of them is an array.

    PennyLane's gates of several angles, and torch's functions, take no others.
    """
    arrays = [value for value in values if not isinstance(value, float)]
    if len(values) < 2 or not arrays:
        return list(values)
    largest = max(arrays, key=of.ndim)
    ones = of.ones_like(of.detach(largest))
    return [value if value is largest else value * ones for value in values]


def _functions(of: Any, like: str) -> dict[str, Callable[..., Any]]:
    """Of arrays, for each of the table; each is what `engines.expressions` has torch compute.

    Where several arrays are given, the first alone would tell the interface otherwise.
    """
    named = functools.partial(functools.partial, like=like)
    return {
        "add": operator.add,
        "subtract": operator.sub,
        "multiply": operator.mul,
        "divide": operator.truediv,
        "power": operator.pow,
        "maximum": named(of.maximum),
        "minimum": named(of.minimum),
        "greater": lambda a, b: of.where(a > b, of.ones_like(a), of.zeros_like(a)),
        "greater_equal": lambda a, b: of.where(a >= b, of.ones_like(a), of.zeros_like(a)),
        "equal": lambda a, b: of.where(a == b, of.ones_like(a), of.zeros_like(a)),
        "arctan2": named(of.arctan2),
        "negative": operator.neg,
        "detach": of.detach,
        "absolute": of.abs,
        "sign": of.sign,
        "square": lambda a: a * a,
        "sqrt": of.sqrt,
        "exp": of.exp,
        "log": of.log,
        "sin": of.sin,
        "cos": of.cos,
        "tan": of.tan,
        "arcsin": of.arcsin,
        "arccos": of.arccos,
        "arctan": of.arctan,
        "tanh": of.tanh,
        "sigmoid": lambda a: 0.5 + 0.5 * of.tanh(0.5 * a),
        "where": lambda c, a, b: of.where(c != 0, a, b),
    }
