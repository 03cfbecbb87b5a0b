"""What is wrong with a command line, in one line that says what would be right.

The parser reports what it cannot read through a hook that tyro calls private: should a newer
version lack it, its own message appears in its place, a box of several lines.
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from resqunn.checks import words
from resqunn.cli.commands import COMMANDS
from resqunn.errors import ConfigurationError, ResqunnError, unknown_name

try:
    from tyro._errors import on_parse_error
except ImportError:
    on_parse_error = None

SYNONYMS = {
    "--out": ("o", "output", "out-dir", "outdir", "output-dir", "output-folder", "folder", "save"),
    "--learning-rate": ("lr", "rate", "step-size"),
    "--batch-size": ("b", "bs", "batch", "mini-batch", "minibatch"),
    "--epochs": ("e", "n-epochs", "num-epochs", "max-epochs", "iterations"),
    "--data": ("d", "dataset", "data-set"),
    "--data-root": ("root", "data-dir", "data-path", "data-folder"),
    "--depths": ("layers", "num-layers", "n-layers"),
    "--values": ("qubits", "num-qubits", "n-qubits", "wires"),
    "--workers": ("j", "jobs", "num-workers", "n-jobs", "processes"),
    "--classes": ("num-classes", "n-classes"),
    "--engine": ("backend", "simulator"),
}
"""What other programs call an option of ours."""

PRINTING = ("evaluate", "gradients", "wirings", "draw", "papers", "datasets")
"""Commands that write no files."""

SIMILAR = 0.7
"""Least similarity of an option that is proposed in place of another, as difflib measures it."""


@contextlib.contextmanager
def in_one_line(arguments: Sequence[str]) -> Iterator[None]:
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
    if not option.startswith("-"):  # nothing stands where a folder should, or an option's name
        unknown = [a for a in arguments if a.startswith("-") and not _knows(command, a)]
        if unknown:
            return _unrecognized(unknown[0], arguments, command, see)
        return ConfigurationError(f"resqunn {command} needs a {option.upper()}{see}")
    if kind == "InvalidChoice":
        return unknown_name(f"value of {option}:", event.value, event.choices)
    found = " ".join(_values(option, arguments))
    taken = _taken(argument.field.type)
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
        return ConfigurationError(
            f"resqunn {command} has no option {name}{_hint(name, command)}{see}"
        )
    # A value that is attached by "=" is no argument of its own.
    attached = [a.removesuffix(f"={token}") for a in arguments if a.endswith(f"={token}")]
    before = attached[0] if attached else arguments[max(1, arguments.index(token)) - 1]
    return ConfigurationError(f"nothing is expected after {before}, but there is {token!r}{see}")


def _knows(command: str, argument: str) -> bool:
    return argument.partition("=")[0].replace("_", "-") in options(COMMANDS[command])


def _taken(hint: Any) -> str:
    """What an option takes: leaving it out is what None says in the configuration."""
    if get_origin(hint) is Annotated:
        return _taken(get_args(hint)[0])
    if get_origin(hint) in (Union, UnionType):
        hint = Union[tuple(part for part in get_args(hint) if part is not type(None))]  # noqa: UP007
    return "a path" if hint is Path else words(hint)


def _hint(name: str, command: str) -> str:
    """What the user may have meant by an option that the command does not have."""
    plain = name.lstrip("-").replace("_", "-")
    known = list(options(COMMANDS[command]))
    meant = next((option for option, others in SYNONYMS.items() if plain in others), None)
    if meant == "--out" and command in PRINTING:
        return ": it prints its result, which your shell writes to a file with > FILE"
    if meant not in known:
        names = [option.removeprefix("--") for option in known]
        close = difflib.get_close_matches(plain, names, n=1, cutoff=SIMILAR)
        meant = f"--{close[0]}" if close else None
    return f"; did you mean {meant}?" if meant else ""


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
