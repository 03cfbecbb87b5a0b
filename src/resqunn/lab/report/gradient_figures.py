"""The figures about gradients: which layers they reach, and how they fade with depth."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from resqunn.lab.report.style import FAINT, INK, PAPER, Palette, number, panels, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure
else:
    Figure = Any

SETTINGS = (("cut", "cut input derivatives (paper)"), ("true", "true derivatives"))

STATES = {
    "none": (PAPER, INK, "none: no path"),
    "zero": ("#c3c9d1", "#111418", "exactly zero"),
    "vanishing": ("#f2c45a", "#111418", "vanishing"),
    "flows": ("#0f6e68", "#fefefe", "flows"),
}
"""Of a gradient: the cell's colour, its text's, and the legend."""


def state_of(cell: dict[str, Any]) -> str:
    """ "none", "zero", "vanishing" or "flows"."""
    flows = cell["status"] == "flows"
    return "vanishing" if flows and cell.get("vanishing") else cell["status"]


def short(norm: float | int | None) -> str:
    """A norm in few characters: 1.2e-3."""
    if norm is None:
        return "-"
    mantissa, _, exponent = f"{norm:.1e}".partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa


@styled
def gradient_grid(table: dict[str, Any], wide: bool = True) -> Figure:
    """Each wiring's layers, cut derivatives beside true ones: the state and norm of each."""
    from matplotlib.patches import Patch, Rectangle

    rows, layers = table["rows"], table["layers"]
    height = (0.25 * len(rows) + 0.55) * (1 if wide else 2) + 0.45
    figure, axes = panels(*((1, 2) if wide else (2, 1)), wide=wide, height=height)
    for ax, (setting, title) in zip(axes.ravel(), SETTINGS, strict=True):
        for r, row in enumerate(rows):
            for c, cell in enumerate(row[setting][:layers]):
                state = state_of(cell)
                face, ink, _ = STATES.get(state, STATES["none"])
                ax.add_patch(
                    Rectangle(
                        (c + 0.03, r + 0.07),
                        0.94,
                        0.86,
                        facecolor=face,
                        edgecolor=FAINT if state == "none" else face,
                        linewidth=0.8,
                    )
                )
                word = state if state in ("none", "zero") else short(cell["norm"])
                ax.text(c + 0.5, r + 0.5, word, color=ink, size=8, ha="center", va="center")
        ax.set(xlim=(0, layers), ylim=(len(rows), 0))
        ax.set_xticks([c + 0.5 for c in range(layers)], [f"O{c + 1}" for c in range(layers)])
        ax.set_yticks([r + 0.5 for r in range(len(rows))], [row["wiring"] for row in rows])
        ax.xaxis.set_ticks_position("top")
        ax.tick_params(length=0, labeltop=True)
        ax.grid(visible=False)
        ax.spines[:].set_visible(False)
        ax.set_title(title)
    handles = [
        Patch(facecolor=face, edgecolor=FAINT, linewidth=0.8) for face, _, _ in STATES.values()
    ]
    figure.legend(
        handles,
        [word for _, _, word in STATES.values()],
        loc="outside upper center",
        ncols=4 if wide else 2,
    )
    return figure


@styled
def gradient_by_depth(depth: dict[str, Any], palette: Palette, wide: bool = True) -> Figure:
    """Norm of the first layer's gradient (solid) and the last's (dotted) by number of layers."""
    from matplotlib.lines import Line2D

    rows = [row for row in depth["rows"] if row["norms"]]
    kinds = list(dict.fromkeys((row["ansatz"], row["angle_scale"]) for row in rows))
    wirings = list(dict.fromkeys(row["wiring"] for row in rows))
    columns = 2 if len(kinds) > 1 else 1
    lines = -(-len(kinds) // columns)
    figure, axes = panels(lines, columns, wide=wide, height=1.9 * lines + 0.7)
    for ax in axes.ravel()[len(kinds) :]:
        ax.set_visible(False)
    for i, (ax, (ansatz, scale)) in enumerate(zip(axes.ravel(), kinds, strict=False)):
        for wiring in wirings:
            chosen = sorted(
                (
                    row
                    for row in rows
                    if (row["ansatz"], row["angle_scale"], row["wiring"]) == (ansatz, scale, wiring)
                ),
                key=lambda row: row["layers"],
            )
            counts = [row["layers"] for row in chosen]
            for end, style in ((-1, ":"), (0, "-")):
                norms = [number(row["norms"][end]) for row in chosen]
                ax.plot(
                    counts,
                    [norm if norm > 0 else float("nan") for norm in norms],
                    color=palette.colour(wiring),
                    linestyle=style,
                    linewidth=1.1 if end else 1.8,
                    marker="" if end else palette.marker(wiring),
                    markersize=4,
                )
        ax.set_yscale("log")
        ax.yaxis.set_major_formatter(lambda value, _: f"1e{math.log10(value):.0f}")
        ax.yaxis.set_minor_formatter(lambda value, _: "")
        ax.set_title(f"{ansatz}, {_radians(scale)}" if wide else f"{ansatz}\n{_radians(scale)}")
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.set_xlabel("layers" if i >= len(kinds) - columns else "")
        ax.set_ylabel("gradient norm" if i % columns == 0 else "")
    marks = [Line2D([], [], color=palette.colour(w), marker=palette.marker(w)) for w in wirings]
    marks += [Line2D([], [], color=INK), Line2D([], [], color=INK, linestyle=":")]
    names = [*(_residuals(wiring) for wiring in wirings), "first layer", "last layer"]
    figure.legend(marks, names, loc="outside upper center", ncols=4 if wide else 2)
    return figure


def _radians(scale: float | int) -> str:
    return (
        "pixels to \u03c0" if math.isclose(scale, math.pi, rel_tol=1e-6) else f"pixels to {scale:g}"
    )


def _residuals(wiring: str) -> str:
    return {"none": "no residuals", "all residual": "all residuals"}.get(wiring, wiring)
