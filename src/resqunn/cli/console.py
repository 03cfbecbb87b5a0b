"""Where the commands write: results to the standard output, all else to the error output."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console

console = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """A command's result for other programs."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")
