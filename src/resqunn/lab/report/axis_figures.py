"""Figures of what a study varies, and of its networks' gradients."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from resqunn.lab.report import formatting
from resqunn.lab.report.marks import legend, titled, wrapped
from resqunn.lab.report.series import Series
from resqunn.lab.report.style import Palette, close_axis, number, panels, styled
from resqunn.lab.study.questions import Stats
from resqunn.lab.study.results import Axis, SeriesResult
from resqunn.lab.study.statistics import stats

if TYPE_CHECKING:
    from matplotlib.figure import Figure
else:
    Figure = Any

SPREAD = 0.28
"""Of the distance between two values of an axis, what the networks' marks take."""


@styled
def by_axis(axis: Axis, series: Series, metric: str, palette: Palette, wide: bool = True) -> Figure:
    """A metric over the values of an axis: for each network the median over seeds, its interval
    and every seed, each the mean over what else is varied."""
    labels = list(dict.fromkeys(one.label for one in series if _varies(one, axis, series)))
    figure, axes = panels(1, 1, wide=wide, height=2.6 if wide else 2.9)
    ax, handles = axes[0, 0], []
    for number_, label in enumerate(labels):
        shift = SPREAD * ((number_ + 0.5) / len(labels) - 0.5)
        own = [one for one in series if one.label == label]
        found = [
            (place + shift, of)
            for place, value in enumerate(axis.values)
            if (of := _together(own, axis.name, value, metric)) is not None
        ]
        handles.append(_line(ax, found, label, palette))
    names = [wrapped(value, 14 if wide else 9) for value in axis.values]
    ax.set_xticks(range(len(names)), names)
    ax.set_xlabel(axis.name.replace("_", " "))
    ax.set_ylabel(formatting.metric(metric) + ", %")
    ax.grid(axis="x", visible=False)
    close_axis(ax.yaxis)
    legend(figure, handles, [wrapped(label, 30) for label in labels], columns=4 if wide else 2)
    return figure


def _line(ax: Any, found: Sequence[tuple[float, Stats]], label: str, palette: Palette) -> Any:
    colour = palette.colour(label)
    for place, of in found:
        values = [number(value) for value in of.values]
        ax.scatter([place] * len(values), values, s=7, color=colour, alpha=0.5, linewidths=0)
        if of.interval is not None:
            ends = [number(end) for end in of.interval]
            ax.plot(
                [place, place], ends, color=colour, linewidth=4.5, alpha=0.28, solid_capstyle="butt"
            )
    (line,) = ax.plot(
        [place for place, _ in found],
        [number(of.median) for _, of in found],
        color=colour,
        marker=palette.marker(label),
        markersize=5,
    )
    return line


def _varies(one: SeriesResult, axis: Axis, series: Series) -> bool:
    """Whether a network's runs differ along an axis; those of what does not read it do not."""
    same = [other.keys for other in series if other.label == one.label]
    return axis.name in one.values and len(set(same)) > 1


def _together(own: Series, name: str, value: str, metric: str) -> Stats | None:
    """By seed, the mean over all variants of one network that have a value."""
    columns = [
        one.by_seed(metric) for one in own if one.values.get(name) == value and metric in one.final
    ]
    if not columns:
        return None
    seeds = [seed for seed in columns[0] if all(seed in column for column in columns)]
    if not seeds:
        return None
    return stats(sum(column[seed] for column in columns) / len(columns) for seed in seeds)


@styled
def gradient_norms(series: Series, palette: Palette, wide: bool = True) -> Figure:
    """The gradient norm of each part of the networks by epoch, the mean over seeds."""
    parts = list(
        dict.fromkeys(name for one in series for name, row in one.gradient_norms.items() if row)
    )
    columns = min(len(parts), 3 if wide else 2)
    rows = math.ceil(len(parts) / columns)
    figure, axes = panels(rows, columns, wide=wide, height=1.9 * rows + 0.5, share="row")
    for ax in axes.ravel()[len(parts) :]:
        ax.set_visible(False)
    handles: dict[str, Any] = {}
    for ax, part in zip(axes.ravel(), parts, strict=False):
        for one in series:
            found = one.gradient_norms.get(part)
            if not found:
                continue
            known = [number(value) if value > 0 else math.nan for value in found]
            (line,) = ax.plot(
                range(1, len(known) + 1),
                known,
                color=palette.colour(one.label),
                linestyle="--" if one.frozen else "-",
            )
            handles.setdefault(wrapped(formatting.name(one), 30), line)
        ax.set_yscale("log")
        ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        ax.yaxis.set_minor_formatter(lambda value, _: "")
        ax.set_title(titled("", part, wide))
        ax.set_xlabel("epoch")
        ax.xaxis.get_major_locator().set_params(integer=True)
    for ax in axes.ravel()[: len(parts)]:
        _more_ticks(ax.yaxis)
    legend(figure, list(handles.values()), list(handles), columns=4 if wide else 2)
    return figure


def _more_ticks(axis: Any) -> None:
    """Numbers at 1, 2 and 5 along a logarithmic axis that has few powers of ten."""
    from matplotlib.ticker import LogLocator

    low, high = axis.get_view_interval()
    if math.floor(math.log10(high)) - math.ceil(math.log10(low)) < 2:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
