"""Reads the command line, runs the command, and turns mistakes into one line and exit code 2.

Torch is imported by the commands that need it, so that `--help` is instant.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
import warnings
from collections.abc import Iterator
from typing import Annotated, Any

import tyro

from resqunn import __version__
from resqunn.cli.commands import COMMANDS, Command, Train
from resqunn.cli.mistakes import in_one_line
from resqunn.cli.signals import Stopped
from resqunn.errors import ResqunnError, unknown_name
from resqunn.lab.training.config import PRESETS
from resqunn.lab.training.harmless import one_line, printable

BROKEN_PIPE = 141
"""The status that shells show for a command that SIGPIPE has ended."""

DESCRIPTION = """\
Trainable, multi-layer, residual quanvolutional neural networks.

Example: resqunn train --wiring "(X+O1)+O2" --epochs 10 --out runs/demo

resqunn COMMAND --help shows the options of a command, resqunn --version the version.
"""


def run(arguments: list[str] | None = None) -> None:
    """Does what the arguments say; exits as `cli.main` says."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments == ["--version"]:
        sys.stdout.write(f"resqunn {__version__}\n")
        return
    try:
        with _warnings_in_one_line():
            parsed(arguments).run()
    except ResqunnError as error:
        sys.stderr.write(f"resqunn: error: {_told(str(error))}\n")
        sys.exit(2)
    except Stopped as stop:
        sys.stderr.write(f"resqunn: {one_line(stop)}\n")
        sys.exit(stop.status)
    except BrokenPipeError:
        # The reader of our output has closed it, as `| head` does: no more can be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(BROKEN_PIPE)


def _told(message: str) -> str:
    """One line, but for a picture below it that points at a character, indented by four."""
    first, *picture = message.split("\n")
    if not all(line.startswith("    ") for line in picture):
        return one_line(message)
    return "\n".join([one_line(first), *map(printable, picture)])


@contextlib.contextmanager
def _warnings_in_one_line() -> Iterator[None]:
    """Those that are meant for users, without the place in the code that they come from."""
    before = warnings.showwarning

    def show(message: Any, category: type[Warning], *place: Any, **more: Any) -> None:
        if category is UserWarning:
            sys.stderr.write(f"resqunn: warning: {one_line(message)}\n")
        else:
            before(message, category, *place, **more)

    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = before


def parsed(arguments: list[str]) -> Command:
    """The command that the arguments name, with its options.

    Raises:
        ConfigurationError: if there is no such command, option or value.
    """
    with in_one_line(arguments):
        return tyro.cli(
            _commands(_preset(arguments)),  # pyright: ignore[reportArgumentType]
            prog="resqunn",
            description=DESCRIPTION,
            args=arguments or ["--help"],
            config=(tyro.conf.AvoidSubcommands, tyro.conf.OmitArgPrefixes),
        )


def _preset(arguments: list[str]) -> str:
    """The value of --preset, which decides the defaults of all other options of `train`."""
    name = "resqunn"
    for argument, following in itertools.pairwise([*arguments, name]):
        if argument == "--preset":
            name = following
        elif argument.startswith("--preset="):
            name = argument.partition("=")[2]
    if name not in PRESETS:
        raise unknown_name("preset", name, PRESETS)
    return name


def _commands(preset: str) -> Any:
    train = Train(config=PRESETS[preset])
    union: Any = Annotated[Train, tyro.conf.subcommand("train", default=train)]
    for name, command in COMMANDS.items():
        if command is not Train:
            union |= Annotated[command, tyro.conf.subcommand(name)]
    return union
