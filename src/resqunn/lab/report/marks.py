"""What the figures are drawn with: a curve, a row of dots, a legend."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from resqunn.lab.report.style import INK, PAPER, Palette, accuracy_axis, number, numbers


def curve(
    ax: Any,
    series: dict[str, Any],
    quantity: str,
    palette: Palette,
    *,
    thin: bool = False,
    markers: bool = True,
) -> Any:
    curve, colour = series["epochs"][quantity], palette.colour(series["label"])
    epochs = list(range(1, len(curve["mean"]) + 1))
    (line,) = ax.plot(
        epochs,
        numbers(curve["mean"], 0),
        color=colour,
        linestyle="-" if series["trainable"] else "--",
        linewidth=0.7 if thin else 1.6,
        marker=palette.marker(series["label"]) if markers and not thin else "",
        markersize=3.5,
        markevery=max(1, len(epochs) // 6),
    )
    ax.xaxis.get_major_locator().set_params(integer=True)
    if not thin:
        low, high = (numbers(curve.get(edge), len(epochs)) for edge in ("low", "high"))
        ax.fill_between(epochs, low, high, color=colour, alpha=0.15, linewidth=0)
    return line


def wrapped(text: str, width: int) -> str:
    return "\n".join(textwrap.wrap(text, width)) or text


def final(
    ax: Any, row: float | int, final: Any, palette: Palette, label: str, *, filled: bool = True
) -> None:
    dot(ax, row - 0.15, final["train_accuracy"], palette, label, filled, small=True)
    dot(ax, row + 0.15, final["validation_accuracy"], palette, label, filled)


def dot(
    ax: Any,
    row: float | int,
    stats: dict[str, Any],
    palette: Palette,
    label: str,
    filled: bool,
    small: bool = False,
) -> None:
    colour, mean = palette.colour(label), number(stats["mean"])
    low, high = (number(edge) for edge in stats.get("interval") or (None, None))
    ax.plot(
        [max(low, 0), min(high, 1)],
        [row, row],
        color=colour,
        linewidth=4.5,
        alpha=0.28,
        solid_capstyle="butt",
        zorder=1,
    )
    values = numbers(stats["values"], 0)
    ax.scatter(values, [row] * len(values), s=9, color=colour, alpha=0.9, linewidths=0, zorder=2)
    ax.scatter(
        [mean],
        [row],
        s=14 if small else 30,
        marker=palette.marker(label),
        facecolor=colour if filled else PAPER,
        edgecolor=colour,
        linewidths=1.2,
        zorder=3,
    )


def name_rows(ax: Any, names: Sequence[str], title: str, *, last: bool = True) -> None:
    accuracy_axis(ax.xaxis)
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    ax.tick_params(axis="y", length=0)
    ax.set_title(title)
    ax.set_xlabel("accuracy, %" if last else "")


def final_legend(figure: Any, wide: bool) -> None:
    from matplotlib.lines import Line2D

    marks = [
        Line2D([], [], color=INK, marker="o", linestyle="", markersize=3.8),
        Line2D([], [], color=INK, marker="o", linestyle="", markersize=5.8),
        Line2D([], [], color=INK, linewidth=4.5, alpha=0.28),
        Line2D([], [], color=INK, marker="o", linestyle="", markersize=2.5),
    ]
    names = ["train (above)", "validation (below)", "95 % interval", "one seed"]
    legend(figure, marks, names, columns=4 if wide else 2)


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
