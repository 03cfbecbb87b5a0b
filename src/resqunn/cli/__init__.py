"""The `resqunn` command."""

from resqunn.cli.main import main

__all__ = ["main"]
