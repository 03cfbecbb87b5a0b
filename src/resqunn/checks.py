"""Are arguments what their annotations say? Asked once, where a user's values come in.

Only types are asked for here, so that every constructor answers a wrong one in the same
words; ranges are checked where they are known.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import numbers
import types
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from resqunn.errors import ShapeError, WrongTypeError

Function = TypeVar("Function", bound=Callable[..., Any])

_WORDS = {
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    bool: ("True or False", "True or False"),
    str: ("a string", "strings"),
    type(None): ("None", "None"),
}
_NUMBERS = {int: numbers.Integral, float: numbers.Real}

SHOWN = 60
"""Longer values are shown by their type alone."""


def checked(function: Function) -> Function:
    """Refuses arguments that their annotations do not allow, and converts the others.

    >>> @checked
    ... def root(of: float, digits: int | None = None) -> float: ...
    >>> root("two")
    Traceback (most recent call last):
    resqunn.errors.WrongTypeError: of must be a number, got 'two'
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        hints = _hints(function)
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError:
            return function(*args, **kwargs)  # whose message says what is missing or unknown
        for name, value in bound.arguments.items():
            if name in hints and signature.parameters[name].kind not in _VARIADIC:
                require(name, value, hints[name])
                bound.arguments[name] = _settled(value, hints[name])
        return function(*bound.args, **bound.kwargs)

    return wrapper  # pyright: ignore[reportReturnType]


_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_hints = functools.cache(get_type_hints)


def check_fields(instance: Any) -> None:
    """Refuses a dataclass whose fields hold what their annotations do not allow."""
    hints = _hints(type(instance))
    for field in dataclasses.fields(instance):
        require(field.name, getattr(instance, field.name), hints[field.name])


def settle_fields(instance: Any) -> None:
    """Gives the fields of a frozen dataclass the types of their annotations, after a check."""
    check_fields(instance)
    hints = _hints(type(instance))
    for field in dataclasses.fields(instance):
        value = getattr(instance, field.name)
        object.__setattr__(instance, field.name, _settled(value, hints[field.name]))


def _settled(value: Any, hint: Any) -> Any:
    """Lists become tuples, and numpy's numbers Python's, where the annotation says so.

    So equal instances are equal, have the same hash, and are written down alike.
    """
    origin, inside = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _settled(value, next(part for part in inside if _fits(value, part)))
    if origin is tuple:
        members = [inside[0]] * len(value) if inside[-1] is ... else inside
        return tuple(map(_settled, value, members))
    return hint(value) if hint in _NUMBERS else value


def require(name: str, value: Any, hint: Any) -> None:
    """Refuses a value that its annotation does not allow.

    Raises:
        WrongTypeError: says what would be right.
        ShapeError: for an array of another shape or number type.
    """
    if not _fits(value, hint):
        is_array = isinstance(value, getattr(hint, "array_type", ()))
        error = ShapeError if is_array else WrongTypeError
        raise error(f"{name} must be {words(hint)}, got {shown(value)}")


def _fits(value: Any, hint: Any) -> bool:
    origin, inside = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if origin is Annotated:
        return _fits(value, inside[0])
    if origin in (Union, types.UnionType):
        return any(_fits(value, part) for part in inside)
    if origin is Literal:
        return isinstance(value, str)  # which one is a matter of the table of names
    if origin is Iterable and not isinstance(value, Sequence):
        return isinstance(value, Iterable)  # its members may be drawn only once
    if origin in (tuple, Sequence, Iterable):
        if not isinstance(value, Sequence) or isinstance(value, str | bytes):
            return False
        if origin is not tuple or inside[-1] is ...:
            return all(_fits(member, inside[0]) for member in value)
        return len(value) == len(inside) and all(map(_fits, value, inside))
    if hint in _NUMBERS:
        return isinstance(value, _NUMBERS[hint]) and not isinstance(value, bool)
    return isinstance(value, origin or hint)


def words(hint: Any, many: bool = False) -> str:
    """What an annotation allows, one of it or many.

    >>> words(tuple[int, ...] | Literal["all"] | None)
    "a sequence of whole numbers, 'all' or None"
    """
    origin, inside = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return words(inside[0], many)
    if origin in (Union, types.UnionType):
        return _listed([words(part, many) for part in inside])
    if origin is Literal:
        return _listed([repr(value) for value in inside])
    if origin is tuple and inside[-1] is not ...:
        return f"{'pairs' if many else 'a pair'} of {words(inside[0], True)}"
    if origin in (tuple, Sequence, Iterable):
        return f"{'sequences' if many else 'a sequence'} of {words(inside[0], True)}"
    if hint in _WORDS:
        return _WORDS[hint][many]
    name = _name(hint)
    return f"{name}s" if many else f"a{'n' if name[0] in 'AEIO' else ''} {name}"


def _listed(parts: Sequence[str]) -> str:
    return ", ".join(parts[:-1]) + f" or {parts[-1]}" if len(parts) > 1 else parts[0]


def _name(hint: Any) -> str:
    parts = hint.__module__.split(".")[:2]
    own = parts[0] in ("resqunn", "builtins", "pathlib", "jaxtyping")
    public = [] if own else [part for part in parts if not part.startswith("_")]
    return ".".join([*public, hint.__name__])


def shown(value: Any) -> str:
    """A value on one line."""
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"a {value.dtype} array of shape {tuple(value.shape)}"
    text = repr(value)
    short = len(text) <= SHOWN and "\n" not in text
    return text if short else f"a {type(value).__name__}"
