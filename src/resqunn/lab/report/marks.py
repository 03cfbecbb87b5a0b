"""What the figures are drawn with: a curve, a row of dots, a legend."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Sequence
from typing import Any

from resqunn.lab.report import formatting
from resqunn.lab.report.style import INK, PAPER, Palette, close_axis, number, percent_axis
from resqunn.lab.study.questions import Stats
from resqunn.lab.study.results import SeriesResult

MAX_LINES = 3
"""Of a name in a figure."""


def curve(
    ax: Any,
    series: SeriesResult,
    metric: str,
    palette: Palette,
    *,
    thin: bool = False,
    markers: bool = True,
) -> Any:
    """A metric by epoch: the median, with a band from the lowest to the highest seed."""
    found, colour = series.curves[metric], palette.colour(series.label)
    epochs = list(range(1, len(found.median) + 1))
    (line,) = ax.plot(
        epochs,
        [number(value) for value in found.median],
        color=colour,
        linestyle="--" if series.frozen else "-",
        linewidth=0.7 if thin else 1.6,
        marker=palette.marker(series.label) if markers and not thin else "",
        markersize=3.5,
        markevery=max(1, len(epochs) // 6),
    )
    ax.xaxis.get_major_locator().set_params(integer=True)
    if not thin:
        low, high = ([number(value) for value in edge] for edge in (found.low, found.high))
        ax.fill_between(epochs, low, high, color=colour, alpha=0.15, linewidth=0)
    return line


class _Wrapper(textwrap.TextWrapper):
    """Breaks lines at spaces, and behind underscores and hyphens within a word."""

    wordsep_simple_re = re.compile(r"(\s+)|(?<=\w_)(?=\w)|(?<=[^\W\d_]-)(?=[^\W\d_])")


def wrapped(text: str, width: int) -> str:
    """A name on at most three lines of `width` characters.

    >>> wrapped("amplitude_frozen, china", 12).split("\\n")
    ['amplitude_', 'frozen,', 'china']
    """
    wrapper = _Wrapper(width, max_lines=MAX_LINES, placeholder=" \u2026", break_on_hyphens=False)
    return "\n".join(wrapper.wrap(text)) or text


def titled(variant: str, metric: str, wide: bool) -> str:
    """A panel's title: the variant, if it has a name, and the metric."""
    parts = [wrapped(part, 42 if wide else 22) for part in (variant, metric) if part]
    short = wide and sum(map(len, parts)) <= 42
    return (": " if short else "\n").join(parts)


def offsets(count: int) -> list[float]:
    """Where the dots of the metrics stand within a row of height 1."""
    return [0.3 * i / (count - 1) - 0.15 for i in range(count)] if count > 1 else [0.0]


def sizes(count: int) -> list[float]:
    """Their areas in square points: the last one, which counts most, is the largest."""
    return [14 + 16 * i / (count - 1) for i in range(count)] if count > 1 else [30.0]


def dots(
    ax: Any,
    row: float | int,
    series: SeriesResult,
    metrics: Sequence[str],
    palette: Palette,
) -> None:
    """A series in its row: each metric's median, interval and seeds, one below the other."""
    count = len(metrics)
    for metric, shift, size in zip(metrics, offsets(count), sizes(count), strict=True):
        if metric in series.final:
            dot(ax, row + shift, series, series.final[metric], palette, size=size)


def dot(
    ax: Any,
    row: float | int,
    series: SeriesResult,
    stats: Stats,
    palette: Palette,
    *,
    size: float = 30.0,
) -> None:
    """A median, hollow if the layers were frozen; its interval, if any; and every seed."""
    colour = palette.colour(series.label)
    if stats.interval is not None:
        ax.plot(
            [number(end) for end in stats.interval],
            [row, row],
            color=colour,
            linewidth=4.5,
            alpha=0.28,
            solid_capstyle="butt",
            zorder=1,
        )
    values = [number(value) for value in stats.values]
    ax.scatter(values, [row] * len(values), s=9, color=colour, alpha=0.9, linewidths=0, zorder=2)
    ax.scatter(
        [number(stats.median)],
        [row],
        s=size,
        marker=palette.marker(series.label),
        facecolor=PAPER if series.frozen else colour,
        edgecolor=colour,
        linewidths=1.2,
        zorder=3,
    )


def name_rows(
    ax: Any, names: Sequence[str], title: str, *, last: bool = True, close: bool = False
) -> None:
    """Rows with names, from the top, over an axis of per cent, whole or of what is drawn."""
    (close_axis if close else percent_axis)(ax.xaxis)
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    ax.tick_params(axis="y", length=0)
    ax.set_title(title)
    ax.set_xlabel("per cent" if last else "")


def row_height(names: Sequence[str], least: float) -> float:
    """Inches of a row that holds the longest of these names."""
    return max(least, 0.16 * max((name.count("\n") + 1 for name in names), default=1) + 0.06)


def dot_legend(figure: Any, metrics: Sequence[str], series: Sequence[SeriesResult], wide: bool):
    """What the dots are: medians, a size a metric; the interval if any is shown; single seeds."""
    from matplotlib.lines import Line2D

    def mark(size: float) -> Any:
        return Line2D([], [], color=INK, marker="o", linestyle="", markersize=size)

    marks = [mark(math.sqrt(size)) for size in sizes(len(metrics))]
    names = [formatting.metric(metric) for metric in metrics]
    if has_intervals(series):
        marks.append(Line2D([], [], color=INK, linewidth=4.5, alpha=0.28))
        names.append("interval of the median")
    legend(figure, [*marks, mark(2.5)], [*names, "one seed"], columns=4 if wide else 2)


def has_intervals(series: Sequence[SeriesResult]) -> bool:
    """Whether any of these has seeds enough for an interval."""
    return any(stats.interval for one in series for stats in one.final.values())


def legend(figure: Any, handles: Sequence[Any], names: Sequence[str], *, columns: int) -> None:
    figure.legend(
        handles,
        names,
        loc="outside upper center",
        ncols=columns,
        columnspacing=1.2,
        handlelength=1.8,
        handletextpad=0.5,
    )
