"""Reads the command line, runs the command, and turns mistakes into one line and exit code 2.

Torch is imported by the commands that need it, so that `--help` is instant.
"""

from __future__ import annotations

import itertools
import sys
from typing import Annotated, Any

import tyro

from resqunn import __version__
from resqunn.cli import commands
from resqunn.errors import ResqunnError, UnknownNameError
from resqunn.training.config import PRESETS

DESCRIPTION = """\
Trainable, multi-layer, residual quanvolutional neural networks.

Example: resqunn train --wiring "(X+O1)+O2" --epochs 10 --out runs/demo
"""


def main(arguments: list[str] | None = None) -> None:
    """Entry point: exits with 0, with 2 after a mistake, with 130 after Ctrl-C."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments == ["--version"]:
        sys.stdout.write(f"resqunn {__version__}\n")
        return
    try:
        command: commands.Command = tyro.cli(
            _commands(_preset(arguments)),  # pyright: ignore[reportArgumentType]
            prog="resqunn",
            description=DESCRIPTION,
            args=arguments or ["--help"],
            config=(tyro.conf.AvoidSubcommands, tyro.conf.OmitArgPrefixes),
        )
        command.run()
    except ResqunnError as error:
        sys.stderr.write(f"resqunn: error: {error}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.stderr.write("resqunn: interrupted\n")
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output has closed it, as `| head` does.
        sys.stderr.close()
        sys.exit(141)


def _preset(arguments: list[str]) -> str:
    """The value of --preset, which decides the defaults of all other options of `train`."""
    name = "resqunn"
    for argument, following in itertools.pairwise([*arguments, name]):
        if argument == "--preset":
            name = following
        elif argument.startswith("--preset="):
            name = argument.partition("=")[2]
    if name not in PRESETS:
        raise UnknownNameError("preset", name, PRESETS)
    return name


def _commands(preset: str) -> Any:
    train = commands.Train(config=PRESETS[preset])
    union: Any = Annotated[commands.Train, tyro.conf.subcommand("train", default=train)]
    for command in commands.COMMANDS[1:]:
        union |= Annotated[command, tyro.conf.subcommand(command.__name__.lower())]
    return union
