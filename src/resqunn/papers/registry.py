"""Which papers can be rerun: those of this package, those of others, and any by its address.

Another package offers its paper through an entry point of the group `resqunn.papers`; one that
is not installed is named as `module:object`.
"""

from __future__ import annotations

from importlib import metadata

from resqunn.errors import ConfigurationError, unknown_name
from resqunn.lab.training.addresses import imported
from resqunn.papers.paper import Paper

GROUP = "resqunn.papers"

OWN = {
    "resqunns": "resqunn.papers.resqunns:PAPER",
    "mattern": "resqunn.papers.mattern:PAPER",
}
"""The addresses of this package's papers, by their names."""


def addresses() -> dict[str, str]:
    """Every paper that is known here: its name and its address."""
    others = {point.name: point.value for point in metadata.entry_points(group=GROUP)}
    return {**others, **OWN}


def paper(name: str) -> Paper:
    """The paper of a name, or at an address `module:object`.

    Raises:
        ConfigurationError: if there is none; says what exists, or why it cannot be imported.
    """
    known = addresses()
    if ":" not in name and name not in known:
        raise unknown_name("paper", name, [*known, "MODULE:OBJECT"])
    address = known.get(name, name)
    found = imported(address, "the paper")
    if not isinstance(found, Paper):
        raise ConfigurationError(
            f"{address!r} must be a resqunn.papers.Paper, got {type(found).__name__}"
        )
    return found
