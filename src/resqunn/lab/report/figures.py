"""The figures of trained networks, one function each: from series to a matplotlib figure.

Each takes `wide`: True for a desktop or paper, False for a phone, where panels are stacked.
Trained layers are drawn solid and filled, frozen ones dashed and hollow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from resqunn.lab.report import formatting
from resqunn.lab.report.marks import (
    curve,
    dot,
    dot_legend,
    dots,
    legend,
    name_rows,
    row_height,
    titled,
    wrapped,
)
from resqunn.lab.report.series import (
    Pair,
    Series,
    drawn_metrics,
    metrics_of,
    of_variant,
    pairs_of,
    variants_of,
)
from resqunn.lab.report.style import (
    FAINT,
    INK,
    NARROW,
    PAPER,
    WIDE,
    Palette,
    number,
    panels,
    percent_axis,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure
else:
    Figure = Any

OVERLAY = 6
"""With more lines than this in a panel, each label gets a panel of its own."""


@styled
def learning_curves(series: Series, palette: Palette, wide: bool = True) -> Figure:
    """Each metric by epoch, variants side by side; bands over seeds."""
    metrics = drawn_metrics(series)
    series = [one for one in series if any(metric in one.curves for metric in metrics)]
    variants, lowest = variants_of(series), _lowest(series, metrics)
    if max(len(of_variant(series, variant)) for variant in variants) > OVERLAY:
        return _curves_apart(series, palette, wide)
    across = wide and 1 < len(variants) <= 3
    shape = (len(metrics), len(variants)) if across else (len(variants), len(metrics))
    height = 2.2 * shape[0] + 0.5 if across else 1.9 * shape[0] + 0.8
    figure, axes = panels(*shape, wide=wide, height=height)
    handles: dict[str, Any] = {}
    for i, variant in enumerate(variants):
        for j, metric in enumerate(metrics):
            ax = axes[j, i] if across else axes[i, j]
            for one in of_variant(series, variant):
                if metric in one.curves:
                    line = curve(ax, one, metric, palette)
                    handles.setdefault(wrapped(formatting.name(one), 30), line)
            word = formatting.metric(metric)
            if across:
                ax.set_title(wrapped(variant, 30) if j == 0 else "")
                ax.set_ylabel(f"{word}, %" if i == 0 else "")
                ax.set_xlabel("epoch" if j == len(metrics) - 1 else "")
            else:
                ax.set_title(titled(variant, word, wide))
                ax.set_ylabel("per cent" if j == 0 else "")
                ax.set_xlabel("epoch" if i == len(variants) - 1 else "")
            percent_axis(ax.yaxis, lowest)
    short = all(len(name) <= 15 for name in handles)
    columns = (5 if short else 3) if wide else (3 if short else 1)
    legend(figure, list(handles.values()), list(handles), columns=columns)
    return figure


def _curves_apart(series: Series, palette: Palette, wide: bool) -> Figure:
    """A panel a label: the last metric, and thin the first one of trained networks."""
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    first, last = (drawn_metrics(series)[end] for end in (0, -1))
    variants, lowest = variants_of(series), _lowest(series, (last,), (first,))
    labels = list(dict.fromkeys(one.label for one in series))
    columns = min(5 if wide else 3 if len(labels) > 4 else 2, len(labels))
    rows = -(-len(labels) // columns)
    size = (WIDE if wide else NARROW, (1.35 * rows + 0.5) * len(variants) + 0.4)
    figure = Figure(figsize=size, layout="constrained")
    parts = figure.subfigures(len(variants), 1, squeeze=False)[:, 0]
    for part, variant in zip(parts, variants, strict=True):
        part.set_facecolor("none")
        part.suptitle(wrapped(variant, 60 if wide else 30), fontsize=9, fontweight="bold")
        axes = part.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
        for ax in axes[len(labels) :]:
            ax.set_visible(False)
        for position, (ax, label) in enumerate(zip(axes, labels, strict=False)):
            for one in of_variant(series, variant):
                if one.label == label and last in one.curves:
                    curve(ax, one, last, palette, markers=False)
                if one.label == label and first in one.curves and first != last and not one.frozen:
                    curve(ax, one, first, palette, thin=True)
            ax.set_title(wrapped(label, 20 if wide else 15), fontsize=8 if wide else 7)
            ax.set_xlabel("epoch" if position >= len(labels) - columns else "")
            ax.set_ylabel("%" if position % columns == 0 else "")
            ax.tick_params(labelbottom=position >= len(labels) - columns)
            percent_axis(ax.yaxis, lowest)
    kinds: list[tuple[str, float, Any]] = [(formatting.metric(last), 1.8, "-")]
    if first != last:
        kinds.insert(0, (formatting.metric(first), 0.7, "-"))
    if any(one.frozen for one in series):
        kinds.append((f"{formatting.metric(last)}, frozen", 1.8, "--"))
    lines = [Line2D([], [], color=INK, linewidth=width, linestyle=s) for _, width, s in kinds]
    legend(figure, lines, [kind for kind, _, _ in kinds], columns=3 if wide else 1)
    return figure


def _lowest(series: Series, bands: Sequence[str], lines: Sequence[str] = ()) -> float:
    """Of what learning curves show of these metrics, with bands over seeds or as a line alone."""
    drawn = [
        (one.curves[metric].low if metric in bands else one.curves[metric].median)
        for one in series
        for metric in (*bands, *lines)
        if metric in one.curves
    ]
    known = [value for values in drawn for value in map(number, values) if value == value]
    return min(known, default=0.0)


@styled
def final_values(
    series: Series,
    palette: Palette,
    wide: bool = True,
    beside: Series = (),
    close: bool = False,
) -> Figure:
    """Each metric after training: median, interval and single seeds, a panel a variant.

    The series of `beside` stand below a line, for comparison. `close` leaves out what is below
    the lowest and above the highest seed.
    """
    variants, metrics = variants_of(series), metrics_of([*series, *beside])
    own = list(dict.fromkeys(formatting.name(one) for one in series))
    width = 30 if wide and len(variants) == 1 else 20
    names = [wrapped(text, width) for text in [*own, *map(formatting.name, beside)]]
    columns = min(3, len(variants)) if wide else 1
    rows = -(-len(variants) // columns)
    height = rows * (row_height(names, 0.33) * max(2, len(names)) + 0.55) + 0.4
    figure, axes = panels(rows, columns, wide=wide, height=height)
    for ax in axes.ravel()[len(variants) :]:
        ax.set_visible(False)
    for i, (ax, variant) in enumerate(zip(axes.ravel(), variants, strict=False)):
        for one in of_variant(series, variant):
            dots(ax, own.index(formatting.name(one)), one, metrics, palette)
        for row, one in enumerate(beside, len(own)):
            dots(ax, row, one, metrics, palette)
        if beside:
            ax.axhline(len(own) - 0.5, color=INK, linewidth=0.7)
        last = i >= len(variants) - columns
        name_rows(ax, names, wrapped(variant, 30), last=last, close=close)
    dot_legend(figure, metrics, [*series, *beside], wide)
    return figure


@styled
def trained_against_frozen(series: Series, palette: Palette, wide: bool = True) -> Figure:
    """Each series with trained layers (filled) above the same with frozen ones (hollow)."""
    from matplotlib.lines import Line2D

    pairs, metrics = pairs_of(series), metrics_of(series)
    variants = variants_of(trained for trained, _ in pairs)
    names = list(dict.fromkeys(map(_both, pairs)))
    columns = len(metrics) if wide or len(metrics) < 3 else 1
    rows = len(variants) * len(metrics) // columns
    height = rows * (row_height(names, 0.42) * max(2, len(names)) + 0.6) + 0.35
    figure, axes = panels(rows, columns, wide=wide, height=height)
    for i, variant in enumerate(variants):
        for j, metric in enumerate(metrics):
            panel = i * len(metrics) + j
            ax = axes.ravel()[panel]
            for trained, frozen in pairs:
                if trained.variant == variant:
                    row = names.index(_both((trained, frozen)))
                    _pair(ax, row, (trained, frozen), metric, palette)
            title = titled(variant, formatting.metric(metric), wide)
            name_rows(ax, names, title, last=panel >= (rows - 1) * columns)
    marks = [
        Line2D([], [], color=INK, marker="o", markersize=5, markerfacecolor=fill)
        for fill in (INK, PAPER)
    ]
    legend(figure, marks, ["trained", "frozen"], columns=2)
    return figure


def _pair(ax: Any, row: int, pair: Pair, metric: str, palette: Palette) -> None:
    shown = [(one, row + shift) for one, shift in zip(pair, (-0.16, 0.16), strict=True)]
    shown = [(one, place) for one, place in shown if metric in one.final]
    medians = [number(one.final[metric].median) for one, _ in shown]
    ax.plot(medians, [place for _, place in shown], color=FAINT, linewidth=3, zorder=1)
    for one, place in shown:
        dot(ax, place, one, one.final[metric], palette)


def _both(pair: Sequence[Any]) -> str:
    """The label of a pair: one name, or one above the other as they are drawn."""
    return "\n".join(dict.fromkeys(wrapped(one.label, 20) for one in pair))
