"""The `resqunn` command."""

from __future__ import annotations

import sys

from resqunn.cli.signals import leaving_at_once

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> None:
    """Entry point: exits with 0, with 2 after a mistake, with 130 after Ctrl-C, 143 after SIGTERM.

    Args:
        arguments: of the command line; by default those of this process.
    """
    with leaving_at_once():
        from resqunn.errors import MissingExtraError, require_laboratory

        try:
            require_laboratory("the command")
        except MissingExtraError as error:
            sys.stderr.write(f"resqunn: error: {error}\n")
            sys.exit(2)
        from resqunn.cli.command_line import run

        run(arguments)
