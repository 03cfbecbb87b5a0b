"""Names and paths of images: which is which, and where a path leads. No torch, no numpy here."""

from __future__ import annotations

import os
from pathlib import Path

from resqunn.data.sources import SOURCES, Source, source
from resqunn.errors import ConfigurationError, DataError

DATA_ROOT = "RESQUNN_DATA"
"""Environment variable: the folder that holds the data sets."""

ALLOWED = "or a path: an .npz file, or a folder that holds a folder of images for each class"


def is_path(name: str | Path, root: str | Path | None = None) -> bool:
    """Whether this is a path and no name of the table.

    A path has a separator or ends with .npz, or there is something of that name.

    Args:
        root: the folder that it is in, if it is not the current one or below `RESQUNN_DATA`.
    """
    if isinstance(name, Path):
        return True
    if name in SOURCES:
        return False
    separators = [os.sep, *([os.altsep] if os.altsep else [])]
    return (
        any(separator in name for separator in separators)
        or name.lower().endswith(".npz")
        or (bool(name) and any(_exists(base / name) for base in _bases(root)))
    )


def row_or_none(name: str | Path, root: str | Path | None = None) -> Source | None:
    """The row of the table of that name, or None for a path.

    Raises:
        ConfigurationError: for a name that is neither.
    """
    if is_path(name, root):
        return None
    try:
        return source(str(name))
    except ConfigurationError as error:
        where = "here" if root is None else f"in {root}"
        said = str(error).removesuffix(")")
        unknown = f"unknown data set {str(name)!r}"
        said = said.replace(unknown, f"{unknown}, and no file or folder of that name {where}", 1)
        raise ConfigurationError(f"{said}; {ALLOWED})") from None


def require_root_used(name: str | Path, option: str, root: str | Path | None) -> None:
    """Refuses a folder for images that do not lie in it.

    Raises:
        ConfigurationError: naming the option; for a name that is none.
    """
    row = row_or_none(name, root)
    if root is None:
        return
    if row is None and Path(name).is_absolute():
        raise ConfigurationError(
            f"{option} must be left out for {str(name)!r}, a path that is absolute, got "
            f"{str(root)!r}"
        )
    if row is not None and not row.files:
        raise ConfigurationError(
            f"{option} must be left out for {row.name}, which ship with this package, got "
            f"{str(root)!r}"
        )


def base_of(path: str | Path, root: str | Path | None = None) -> Path:
    """The folder that a path starts from: `root`, or else the current folder or `RESQUNN_DATA`.

    Raises:
        DataError: if there is nothing at the path.
    """
    bases = _bases(root)
    for base in bases:
        if _exists(base / path):
            return base
    below = [str(base) for base in bases if str(base) != "."]
    tried = f" here or below {' or '.join(below)}" if below and root is None else ""
    tried = f" below {root}" if root is not None else tried
    raise DataError(
        f"there is no {path}{tried}: give the path of an .npz file or a folder of images"
    )


def _bases(root: str | Path | None) -> list[Path]:
    """The folders that a relative path may start from; an absolute one leads there from any."""
    if root is not None:
        return [Path(root)]
    return [Path(), *(Path(named) for named in [os.environ.get(DATA_ROOT)] if named)]


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # it cannot be seen, or is no path
        return False
