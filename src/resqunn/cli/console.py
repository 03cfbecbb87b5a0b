"""Where the commands write: results to the standard output, all else to the error output."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from rich.console import Console, ConsoleDimensions
from rich.markup import escape

from resqunn.lab.training.harmless import printable

UNSEEN_WIDTH = 160
"""Columns of a table that goes to a file or a pipe, where nothing needs to be wrapped."""


class _Console(Console):
    @property
    def size(self) -> ConsoleDimensions:  # pyright: ignore[reportIncompatibleMethodOverride]
        """As wide as COLUMNS says now, or as the terminal is; else `UNSEEN_WIDTH`."""
        columns = os.environ.get("COLUMNS", "")
        if columns.isdigit():
            return ConsoleDimensions(int(columns), 25)
        return super().size if self.is_terminal else ConsoleDimensions(UNSEEN_WIDTH, 25)

    def on_broken_pipe(self) -> None:
        """Raised to the command's caller; rich itself would exit with 1."""
        raise BrokenPipeError


console = _Console(highlight=False, soft_wrap=True)
errors = _Console(stderr=True, highlight=False, soft_wrap=True)


def shown(text: object) -> str:
    """A text from outside for `console`, which takes nothing in it for markup."""
    return escape(printable(str(text)))


def print_json(value: Any) -> None:
    """A command's result for other programs."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")
