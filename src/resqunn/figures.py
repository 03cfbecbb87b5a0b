"""Where a picture is drawn: on axes that are given, or on a figure of its own.

Pictures are drawn with matplotlib under whatever style is set; none of them asks pyplot or
changes a setting.
"""

from __future__ import annotations

import base64
import importlib
import io
from typing import TYPE_CHECKING, Any

from resqunn.errors import ConfigurationError, MissingExtraError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
else:  # matplotlib is imported when the first picture is drawn
    Axes = Figure = SubFigure = Any


def load(module: str) -> Any:
    """A module of matplotlib.

    Raises:
        MissingExtraError: without matplotlib.
    """
    try:
        importlib.import_module("matplotlib")
    except ModuleNotFoundError as error:
        if error.name != "matplotlib":
            raise
        raise MissingExtraError("a picture", "lab") from None
    return importlib.import_module(f"matplotlib.{module}")


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, sizes in inches."""
    return load("figure").Figure(figsize=(width, height), layout="constrained")


def axes_for(ax: Any, width: float, height: float) -> Any:
    """The axes that are given, or those of a new figure of this size in inches.

    Raises:
        ConfigurationError: for what are no axes.
    """
    if ax is None:
        return new_figure(width, height).add_subplot()
    if not isinstance(ax, load("axes").Axes):
        raise ConfigurationError(f"ax must be matplotlib's Axes or None, got {ax!r}")
    return ax


def as_image(figure: Figure, words: str) -> str:
    """The figure as an HTML image that holds its SVG, and what it says in words."""
    buffer = io.StringIO()
    load("backends.backend_svg").FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None})
    code = base64.b64encode(buffer.getvalue().encode()).decode()
    return f'<img alt="{words}" style="max-width: 100%" src="data:image/svg+xml;base64,{code}">'
