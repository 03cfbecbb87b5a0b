"""The folder of figures: what a report has written there, and nothing else, is removed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from resqunn.errors import RunError
from resqunn.lab.training.files import (
    read_sealed,
    refuse_links,
    remove_partials,
    sealed,
    write_atomically,
)
from resqunn.lab.training.harmless import own_folder

LIST = "files.json"
FIGURES = "figures"
KINDS = (".svg", ".png")


class FigureFolder:
    """`figures/` in a report's folder, and beside it the list of what the report wrote there.

    Raises:
        RunError: if one of the two folders is a symbolic link.
    """

    def __init__(self, report: Path) -> None:
        own_folder(report)
        self._folder = own_folder(report / FIGURES)
        self._list = report / LIST
        for place in (report, self._folder):
            remove_partials(place)
        self._earlier = _listed(self._list)
        self._names: set[str] = set()

    def stem(self, name: str) -> Path:
        """Where the files of a figure go, without their suffixes: a name not yet taken.

        They are listed at once, so that a report that is cut short is tidied up by the next.
        """
        while any(self._taken(f"{name}{kind}") for kind in KINDS):
            name = f"{name}-{len(self._names)}"
        self._names |= {f"{name}{kind}" for kind in KINDS}
        self._write(self._earlier | self._names)
        return self._folder / name

    def _taken(self, name: str) -> bool:
        """Whether a figure has the name, or a file that no report has listed: a user's own."""
        theirs = name not in self._earlier and os.path.lexists(self._folder / name)
        return name in self._names or theirs

    def tidy(self) -> None:
        """Removes the figures of an earlier report that this one does not have."""
        for name in self._earlier - self._names:
            (self._folder / name).unlink(missing_ok=True)
        self._write(self._names)

    def _write(self, names: Iterable[str]) -> None:
        write_atomically(self._list, sealed(LIST, {FIGURES: sorted(names)}))


def _listed(path: Path) -> set[str]:
    """The figures that an earlier report wrote; none if its list is missing, damaged or a link,
    since then they cannot be distinguished from a user's own pictures."""
    try:
        refuse_links([path])
        names = read_sealed(path, RunError, "").get(FIGURES)
    except RunError:
        return set()
    if not isinstance(names, list):
        return set()
    return {name for name in names if isinstance(name, str) and _plain(name)}


def _plain(name: str) -> bool:
    """Whether this is the name of a figure in the folder itself."""
    return Path(name).name == name and "\0" not in name and name.endswith(KINDS)
