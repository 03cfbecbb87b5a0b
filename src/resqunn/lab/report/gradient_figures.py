"""The figures about gradients: which layers they reach, and how they fade with depth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from resqunn.lab.report.marks import legend, row_height, wrapped
from resqunn.lab.report.style import FAINT, INK, PAPER, Palette, number, panels, styled
from resqunn.lab.study.results import GradientCell, GradientTable, NormsByDepth

if TYPE_CHECKING:
    from matplotlib.figure import Figure
else:
    Figure = Any

STATES = {
    "none": (PAPER, INK, "none: no path"),
    "zero": ("#c3c9d1", "#111418", "exactly zero"),
    "vanishing": ("#f2c45a", "#111418", "vanishing"),
    "flows": ("#0f6e68", "#fefefe", "flows"),
}
"""Of a gradient: the cell's colour, its text's, and the legend."""


def short(norm: float | int | None) -> str:
    """A norm in few characters: 1.2e-3."""
    if norm is None:
        return "-"
    mantissa, _, exponent = f"{norm:.1e}".partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa


@styled
def gradient_grid(table: GradientTable, wide: bool = True) -> Figure:
    """Each network's layers, a panel a setting: the state and norm of each."""
    from matplotlib.patches import Patch

    names = [wrapped(row.label, 24 if wide else 16) for row in table.rows]
    columns = min(2, len(table.settings)) if wide else 1
    rows = -(-len(table.settings) // columns)
    height = rows * (row_height(names, 0.25) * len(names) + 0.55) + 0.45
    figure, axes = panels(rows, columns, wide=wide, height=height)
    for ax in axes.ravel()[len(table.settings) :]:
        ax.set_visible(False)
    for ax, (setting, title) in zip(axes.ravel(), table.settings.items(), strict=False):
        for r, row in enumerate(table.rows):
            for c, cell in enumerate(row.cells.get(setting, ())[: table.num_layers]):
                _cell(ax, c, r, cell)
        ax.set(xlim=(0, table.num_layers), ylim=(len(names), 0))
        ax.set_xticks([c + 0.5 for c in range(table.num_layers)], _layers(table, setting))
        ax.set_yticks([r + 0.5 for r in range(len(names))], names)
        ax.xaxis.set_ticks_position("top")
        ax.tick_params(length=0, labeltop=True)
        ax.grid(visible=False)
        ax.spines[:].set_visible(False)
        ax.set_title(wrapped(title, 40 if wide else 30))
    handles = [
        Patch(facecolor=face, edgecolor=FAINT, linewidth=0.8) for face, _, _ in STATES.values()
    ]
    legend(figure, handles, [word for _, _, word in STATES.values()], columns=4 if wide else 2)
    return figure


def _cell(ax: Any, column: int, row: int, cell: GradientCell) -> None:
    from matplotlib.patches import Rectangle

    face, ink, _ = STATES[cell.state]
    edge = FAINT if cell.state == "none" else face
    place = (column + 0.03, row + 0.07)
    ax.add_patch(Rectangle(place, 0.94, 0.86, facecolor=face, edgecolor=edge, linewidth=0.8))
    word = cell.state if cell.state in ("none", "zero") else short(cell.norm)
    ax.text(column + 0.5, row + 0.5, word, color=ink, size=8, ha="center", va="center")


def _layers(table: GradientTable, setting: str) -> list[str]:
    """The layers' names, as the first network has them."""
    named = [cell.layer for row in table.rows[:1] for cell in row.cells.get(setting, ())]
    return [*named, *(str(k + 1) for k in range(len(named), table.num_layers))][: table.num_layers]


@styled
def gradient_by_depth(rows: Sequence[NormsByDepth], palette: Palette, wide: bool = True) -> Figure:
    """Norm of the first layer's gradient (solid) and the last's (dotted) by number of layers."""
    from matplotlib.lines import Line2D

    kinds = list(dict.fromkeys(row.panel for row in rows))
    labels = list(dict.fromkeys(row.label for row in rows))
    columns = 2 if len(kinds) > 1 else 1
    lines = -(-len(kinds) // columns)
    figure, axes = panels(lines, columns, wide=wide, height=1.9 * lines + 0.7)
    for ax in axes.ravel()[len(kinds) :]:
        ax.set_visible(False)
    for i, (ax, kind) in enumerate(zip(axes.ravel(), kinds, strict=False)):
        for label in labels:
            chosen = [row for row in rows if (row.panel, row.label) == (kind, label)]
            _depth_lines(ax, sorted(chosen, key=lambda row: row.num_layers), label, palette)
        ax.set_title(wrapped(kind, 40 if wide else 18))
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.set_xlabel("layers" if i >= len(kinds) - columns else "")
        ax.set_ylabel("gradient norm" if i % columns == 0 else "")
    if any(_positive(norm) > 0 for row in rows for norm in row.norms):
        # Shared by all panels.
        axes.ravel()[0].set_yscale("log")
        for ax in axes.ravel():
            ax.yaxis.set_major_formatter(lambda value, _: f"1e{math.log10(value):.0f}")
            ax.yaxis.set_minor_formatter(lambda value, _: "")
    marks = [Line2D([], [], color=palette.colour(w), marker=palette.marker(w)) for w in labels]
    marks += [Line2D([], [], color=INK), Line2D([], [], color=INK, linestyle=":")]
    names = [*(wrapped(label, 24) for label in labels), "first layer", "last layer"]
    legend(figure, marks, names, columns=4 if wide else 2)
    return figure


def _depth_lines(ax: Any, rows: Sequence[NormsByDepth], label: str, palette: Palette) -> None:
    for end, style in ((-1, ":"), (0, "-")):
        ax.plot(
            [row.num_layers for row in rows],
            [_positive(row.norms[end]) for row in rows],
            color=palette.colour(label),
            linestyle=style,
            linewidth=1.1 if end else 1.8,
            marker="" if end else palette.marker(label),
            markersize=4,
        )


def _positive(norm: float | int) -> float:
    """A norm on a logarithmic axis; zero leaves a gap."""
    return number(norm) if norm > 0 else float("nan")
