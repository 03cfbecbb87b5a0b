"""The figures, one function each: from a part of `summary.json` to a matplotlib figure.

Each takes `wide`: True for a desktop or paper, False for a phone, where panels are stacked.
Trained layers are drawn solid and filled, frozen ones dashed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from resqunn.lab.report.marks import curve, dot, final, final_legend, legend, name_rows, wrapped
from resqunn.lab.report.style import (
    FAINT,
    INK,
    NARROW,
    PAPER,
    WIDE,
    Palette,
    accuracy_axis,
    number,
    panels,
    styled,
)
from resqunn.lab.report.summary import QUANTITIES, name_of, pairs_of, readings_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure
else:
    Figure = Any

OVERLAY = 6
"""With more lines than this in a panel, each wiring gets a panel of its own."""


@styled
def learning_curves(study: dict[str, Any], palette: Palette, wide: bool = True) -> Figure:
    """Accuracy by epoch, train and validation, readings side by side; bands over seeds."""
    readings = readings_of(study)
    most = max(sum(s["reading"] == reading for s in study["series"]) for reading in readings)
    if most > OVERLAY:
        return _curves_apart(study, palette, wide)
    across = wide and 1 < len(readings) <= 3
    count = len(readings)
    height = (4.4 if across else 1.9 * count + 0.3) + 0.5
    figure, axes = panels(*((2, count) if across else (count, 2)), wide=wide, height=height)
    handles: dict[str, Any] = {}
    for i, reading in enumerate(readings):
        for j, (quantity, word) in enumerate(QUANTITIES):
            ax = axes[j, i] if across else axes[i, j]
            for series in study["series"]:
                if series["reading"] == reading:
                    line = curve(ax, series, quantity, palette)
                    handles.setdefault(name_of(series), line)
            if across:
                ax.set_title(reading if j == 0 else "")
                ax.set_ylabel(f"{word} accuracy, %" if i == 0 else "")
                ax.set_xlabel("epoch" if j == 1 else "")
            else:
                ax.set_title(f"{reading}: {word}" if wide else f"{reading}\n{word}")
                ax.set_ylabel("accuracy, %" if j == 0 else "")
                ax.set_xlabel("epoch" if i == count - 1 else "")
            accuracy_axis(ax.yaxis)
    legend(figure, list(handles.values()), list(handles), columns=5 if wide else 3)
    return figure


def _curves_apart(study: dict[str, Any], palette: Palette, wide: bool) -> Figure:
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    readings = readings_of(study)
    labels = list(dict.fromkeys(series["label"] for series in study["series"]))
    columns = min(5 if wide else 3 if len(labels) > 4 else 2, len(labels))
    rows = -(-len(labels) // columns)
    size = (WIDE if wide else NARROW, (1.35 * rows + 0.5) * len(readings) + 0.4)
    figure = Figure(figsize=size, layout="constrained")
    parts = figure.subfigures(len(readings), 1, squeeze=False)[:, 0]
    for part, reading in zip(parts, readings, strict=True):
        part.set_facecolor("none")
        part.suptitle(reading, fontsize=9, fontweight="bold")
        axes = part.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
        for ax in axes[len(labels) :]:
            ax.set_visible(False)
        chosen = [series for series in study["series"] if series["reading"] == reading]
        for position, (ax, label) in enumerate(zip(axes, labels, strict=False)):
            for series in chosen:
                if series["label"] == label:
                    curve(ax, series, "validation_accuracy", palette, markers=False)
                    if series["trainable"]:
                        curve(ax, series, "train_accuracy", palette, thin=True)
            ax.set_title(label, fontsize=8 if wide else 7)
            ax.set_xlabel("epoch" if position >= len(labels) - columns else "")
            ax.set_ylabel("%" if position % columns == 0 else "")
            ax.tick_params(labelbottom=position >= len(labels) - columns)
            accuracy_axis(ax.yaxis)
    kinds: list[tuple[str, float, Any]] = [("train", 0.7, "-"), ("validation", 1.8, "-")]
    if not all(series["trainable"] for series in study["series"]):
        kinds.append(("validation, frozen", 1.8, "--"))
    lines = [Line2D([], [], color=INK, linewidth=width, linestyle=s) for _, width, s in kinds]
    legend(figure, lines, [kind for kind, _, _ in kinds], columns=3)
    return figure


@styled
def final_accuracies(study: dict[str, Any], palette: Palette, wide: bool = True) -> Figure:
    """Accuracy after the last epoch: mean, 95 % interval and single seeds."""
    readings = readings_of(study)
    names = list(dict.fromkeys(name_of(series) for series in study["series"]))
    columns = min(3, len(readings)) if wide else 1
    rows = -(-len(readings) // columns)
    height = rows * (0.33 * max(2, len(names)) + 0.55) + 0.35
    figure, axes = panels(rows, columns, wide=wide, height=height)
    for ax in axes.ravel()[len(readings) :]:
        ax.set_visible(False)
    for i, (ax, reading) in enumerate(zip(axes.ravel(), readings, strict=False)):
        for series in study["series"]:
            if series["reading"] == reading:
                row, filled = names.index(name_of(series)), series["trainable"]
                final(ax, row, series["final"], palette, series["label"], filled=filled)
        name_rows(ax, names, reading, last=i >= len(readings) - columns)
    final_legend(figure, wide)
    return figure


@styled
def trained_against_frozen(study: dict[str, Any], palette: Palette, wide: bool = True) -> Figure:
    """Each series with trained layers (filled) above the same with frozen ones (hollow)."""
    from matplotlib.lines import Line2D

    pairs = pairs_of(study)
    readings = list(dict.fromkeys(trained["reading"] for trained, _ in pairs))
    names = list(dict.fromkeys(_both(trained, frozen) for trained, frozen in pairs))
    height = len(readings) * (0.42 * max(2, len(names)) + 0.6) + 0.35
    figure, axes = panels(len(readings), 2, wide=wide, height=height)
    for trained, frozen in pairs:
        row = names.index(_both(trained, frozen))
        for ax, (quantity, word) in zip(
            axes[readings.index(trained["reading"])], QUANTITIES, strict=True
        ):
            means = [number(s["final"][quantity]["mean"]) for s in (frozen, trained)]
            ax.plot(means, [row + 0.16, row - 0.16], color=FAINT, linewidth=3, zorder=1)
            for series, shift in ((trained, -0.16), (frozen, 0.16)):
                stats = series["final"][quantity]
                dot(ax, row + shift, stats, palette, trained["label"], series["trainable"])
            title = f"{trained['reading']}:{' ' if wide else chr(10)}{word}"
            name_rows(ax, names, title, last=trained["reading"] == readings[-1])
    marks = [
        Line2D([], [], color=INK, marker="o", markersize=5, markerfacecolor=fill)
        for fill in (INK, PAPER)
    ]
    legend(figure, marks, ["trained", "frozen"], columns=2)
    return figure


def _both(trained: dict[str, Any], frozen: dict[str, Any]) -> str:
    """The label of a pair: one name, or one above the other as they are drawn."""
    return "\n".join(dict.fromkeys((trained["label"], frozen["label"])))


@styled
def controls(
    rows: Sequence[dict[str, Any]],
    beside: Sequence[dict[str, Any]],
    palette: Palette,
    wide: bool = True,
) -> Figure:
    """Final accuracies of the controls, with the trained series `beside` them for comparison."""
    names = [wrapped(row["label"], 30 if wide else 20) for row in [*rows, *beside]]
    figure, axes = panels(1, 1, wide=wide, height=0.4 * len(names) + 0.85)
    for i, row in enumerate([*rows, *beside]):
        label = row["label"] if i >= len(rows) else ""
        final(axes[0, 0], i, row["final"], palette, label)
    if beside:
        axes[0, 0].axhline(len(rows) - 0.5, color=INK, linewidth=0.7)
    name_rows(axes[0, 0], names, "")
    final_legend(figure, wide)
    return figure
