"""What is wrong with a command line, in one line that says what would be right.

The parser tells what it stumbled over through a hook that tyro calls private: should a newer
version lack it, its own message appears in its place, a box of several lines.
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
from collections.abc import Iterator, Sequence
from typing import Any

from resqunn.checks import words
from resqunn.cli.commands import COMMANDS
from resqunn.errors import ConfigurationError, ResqunnError, unknown_name

try:
    from tyro._errors import on_parse_error
except ImportError:
    on_parse_error = None


@contextlib.contextmanager
def told_in_one_line(arguments: Sequence[str]) -> Iterator[None]:
    """Raises what is wrong with the command line, instead of printing it and exiting."""

    def tell(event: Any) -> None:
        raise _mistake(event, list(arguments))

    with contextlib.nullcontext() if on_parse_error is None else on_parse_error(tell):
        yield


def _mistake(event: Any, arguments: list[str]) -> ResqunnError:
    """The error for an event of tyro's."""
    command = next((name for name in arguments if name in COMMANDS), "")
    see = f" (see: {' '.join(['resqunn', command]).strip()} --help)"
    kind = type(event).__name__
    if kind == "UnrecognizedArgs":
        return _unrecognized(event.tokens[0], arguments, command, see)
    if kind == "MissingArgs":
        names = [each.arg.field.intern_name.upper() for each in event.missing_arguments]
        return ConfigurationError(f"resqunn {command} needs a {' and a '.join(names)}{see}")
    argument = getattr(event, "argument", None)
    if argument is None:
        return ConfigurationError(f"{getattr(event, 'message', kind).splitlines()[0]}{see}")
    option = argument.display_name()
    if kind == "InvalidChoice":
        return unknown_name(f"value of {option}:", event.value, event.choices)
    found = " ".join(_values(option, arguments))
    taken = words(argument.field.type)
    return ConfigurationError(
        f"{option} must be {taken}, got {found!r}{see}" if found else f"{option} needs {taken}{see}"
    )


def _unrecognized(token: str, arguments: list[str], command: str, see: str) -> ResqunnError:
    if arguments[0] not in COMMANDS:
        if not token.startswith("-"):
            return unknown_name("command", token, COMMANDS)
        return ConfigurationError(
            f"{token} comes before the command: write resqunn COMMAND {token} (commands are: "
            f"{', '.join(COMMANDS)})"
        )
    if token.startswith("-"):
        name = token.partition("=")[0]
        known = list(options(COMMANDS[command]))
        close = difflib.get_close_matches(name.replace("_", "-"), known, n=1, cutoff=0.5)
        hint = f"; did you mean {close[0]}?" if close else ""
        return ConfigurationError(f"resqunn {command} has no option {name}{hint}{see}")
    # A value that is attached by "=" is no argument of its own.
    attached = [a.removesuffix(f"={token}") for a in arguments if a.endswith(f"={token}")]
    before = attached[0] if attached else arguments[max(1, arguments.index(token)) - 1]
    return ConfigurationError(f"nothing is expected after {before}, but there is {token!r}{see}")


def options(command: type) -> Iterator[str]:
    """The names of a command's options, as its dataclass says them."""
    for field in dataclasses.fields(command):
        if dataclasses.is_dataclass(field.default_factory):
            yield from options(field.default_factory)  # pyright: ignore[reportArgumentType]
        elif field.default is not dataclasses.MISSING and "Positional" not in str(field.type):
            name = field.name.replace("_", "-")
            yield f"--{name}"
            if isinstance(field.default, bool):
                yield f"--no-{name}"


def _values(option: str, arguments: list[str]) -> list[str]:
    """What stands after an option."""
    for number, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name.replace("_", "-") != option:
            continue
        if equals:
            return [value]
        rest = arguments[number + 1 :]
        end = next((n for n, a in enumerate(rest) if a.startswith("--")), len(rest))
        return rest[:end]
    return []
