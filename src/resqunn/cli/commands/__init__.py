"""The commands: one class a command, its fields are the options."""

from __future__ import annotations

from typing import Any, Protocol

from resqunn.cli.commands.circuits import Circuit
from resqunn.cli.commands.networks import Datasets, Draw, Gradients, Wirings
from resqunn.cli.commands.reproduction import Papers, Report, Reproduce
from resqunn.cli.commands.runs import Evaluate, Resume, Train
from resqunn.cli.commands.studies import Study


class Command(Protocol):
    """What every command can do."""

    def run(self) -> None: ...


COMMANDS: dict[str, type[Any]] = {
    command.__name__.lower(): command
    for command in (
        Train,
        Resume,
        Evaluate,
        Gradients,
        Wirings,
        Draw,
        Circuit,
        Study,
        Reproduce,
        Papers,
        Report,
        Datasets,
    )
}
"""In the order of the help."""
