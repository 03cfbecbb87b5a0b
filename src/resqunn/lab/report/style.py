"""How figures look: one colour and one marker a label, the same everywhere, and how a figure
is written.

The colours are Okabe and Ito's, which people with colour blindness can distinguish, without black
and yellow, which vanish on a dark or a light page.
"""

from __future__ import annotations

import functools
import html
import io
import math
import re
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from resqunn.errors import MissingExtraError
from resqunn.lab.training.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
else:  # matplotlib is imported when the first figure is drawn
    Axes = Figure = Any

P = ParamSpec("P")
R = TypeVar("R")

INK, FAINT, PAPER = "#1f2328", "#c8cdd3", "#ffffff"
"""Lines and words, grid lines, background; in the page they follow its light or dark mode."""

WIDE, NARROW = 7.4, 3.5
"""Widths in inches: of a figure on a desktop or on paper, and on a phone."""

OKABE_ITO = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9")
SPARE = ("#808080", "#8c6d31", "#7b5cd6", "#5b8c00", "#b5446e", "#3a8f8f")
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "p", "h", "<", ">")
"""One fewer than colours: labels that share a colour differ in their marker."""

RC: dict[Any, Any] = {
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.labelsize": 8.5,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.edgecolor": INK,
    "axes.facecolor": "none",
    "figure.facecolor": PAPER,
    "grid.color": FAINT,
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.parse_math": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "resqunn",
    "figure.constrained_layout.w_pad": 0.05,
    "figure.constrained_layout.h_pad": 0.05,
}


class Palette:
    """A colour and a marker for each label, in order of first appearance."""

    def __init__(self, labels: Iterable[str]) -> None:
        colours = OKABE_ITO + SPARE
        self._looks = {
            label: (colours[i % len(colours)], MARKERS[i % len(MARKERS)])
            for i, label in enumerate(dict.fromkeys(labels))
        }

    def colour(self, label: str) -> str:
        return self._looks.get(label, (INK, "o"))[0]

    def marker(self, label: str) -> str:
        return self._looks.get(label, (INK, "o"))[1]


def styled(function: Callable[P, R]) -> Callable[P, R]:
    """Runs a function under the style, whatever the user's own matplotlib settings are."""

    @functools.wraps(function)
    def inner(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            import matplotlib
        except ModuleNotFoundError as error:
            if error.name != "matplotlib":
                raise
            raise MissingExtraError("the report", "lab") from None
        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(RC)
            with warnings.catch_warnings():
                # The page's own fonts have the letters that matplotlib's has not.
                warnings.filterwarnings("ignore", "Glyph .* missing from font")
                return function(*args, **kwargs)

    return inner


def panels(
    rows: int, columns: int, *, wide: bool, height: float, share: str = "all"
) -> tuple[Figure, Any]:
    """A figure of rows x columns axes with shared scales; `height` is in inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDE if wide else NARROW, height), layout="constrained")
    shared: Any = share
    return figure, figure.subplots(rows, columns, squeeze=False, sharex=shared, sharey=shared)


def percent_axis(axis: Any, lowest: float = 0.0) -> None:
    """Per cent up to 100 along an axis: from 0, or from a round number below `lowest`."""
    from matplotlib.ticker import MultipleLocator

    step = 0.25 if lowest < 0.4 else 0.2 if lowest < 0.7 else 0.1
    low = max(0.0, math.floor(min(lowest, 0.9) / step + 1e-9) * step)
    axis.set_major_locator(MultipleLocator(step))
    axis.set_major_formatter(lambda value, _: f"{100 * value:.0f}")
    room = 1 - low
    axis.axes.set(**{f"{axis.axis_name}lim": (low - 0.02 * room, 1 + 0.03 * room)})


def close_axis(axis: Any) -> None:
    """Per cent along an axis that goes from what is drawn to what is drawn, with its own ticks."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(lambda value, _: f"{100 * value:.3g}")
    axis.axes.autoscale(enable=True, axis=axis.axis_name)


def number(value: float | int | None) -> float:
    """A number to draw; a missing or infinite one leaves a gap."""
    return float("nan") if value is None or not math.isfinite(value) else float(value)


@styled
def write_figure(figure: Figure, stem: Path) -> str:
    """Writes `stem.svg` and `stem.png`, and returns the SVG."""
    svg = svg_of(figure)
    write_atomically(stem.with_name(f"{stem.name}.svg"), svg.encode())
    figure.set_layout_engine("none")  # everything is in its place by now
    write_atomically(stem.with_name(f"{stem.name}.png"), png_of(figure))
    return svg


@styled
def png_of(figure: Figure) -> bytes:
    """The figure as a PNG file."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    buffer = io.BytesIO()
    figure.set_dpi(200)
    FigureCanvasAgg(figure).print_png(buffer)
    return buffer.getvalue()


@styled
def svg_of(figure: Figure) -> str:
    """The figure as an SVG document, the same at each call."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    buffer = io.StringIO()
    # Not `savefig`, which draws everything twice.
    FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None})
    return buffer.getvalue()


def inline(svg: str, prefix: str, label: str) -> str:
    """An SVG document as an element of a page: its own ids, the page's font and colours."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<style[^>]*>.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' xmlns(:xlink)?="[^"]*"', "", svg).replace("xlink:href=", "href=")
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))
    svg = re.sub(r' id="([^"]*)"', lambda m: f' id="{prefix}-{m[1]}"' if m[1] in used else "", svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\g<1>{prefix}-", svg)
    svg = re.sub(r"'DejaVu Sans'[^;\"]*", "var(--sans)", svg)
    for colour, name in ((INK, "ink"), (FAINT, "faint"), (PAPER, "paper")):
        svg = svg.replace(colour, f"var(--{name})")
    return svg.replace("<svg ", f'<svg role="img" aria-label="{html.escape(label)}" ', 1)
