"""The pictures of docs/benchmarks.md: bars of the contestants, and curves of how times grow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import scaling
from benchmarks.layers import CONV, ONCE, OURS, REUPLOAD

COLOURS = {OURS: "#0072b2", CONV: "#999999"}
CURVES = {
    scaling.ONCE: ("resqunn, once", "#0072b2", "o"),
    scaling.REUPLOAD: ("resqunn, re-upload", "#d55e00", "s"),
    scaling.CONV: ("nn.Conv2d", "#777777", "^"),
}
"""What a curve is called, and its colour and mark."""


def _pyplot() -> Any:
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "resqunn"
    from matplotlib import pyplot

    return pyplot


def contestants(data: dict[str, Any], path: Path) -> None:
    """Bars of every contestant at the cases that most peers take part in."""
    plt = _pyplot()
    wanted = [str(ONCE), str(REUPLOAD)]
    entries = [next(e for e in data["cases"] if e["case"] == case) for case in wanted]
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.4), sharex=True, layout="constrained")
    for axis, entry in zip(axes, entries, strict=True):
        times = sorted(entry["milliseconds"].items(), key=lambda item: -item[1])
        names = [name for name, _ in times]
        colours = [COLOURS.get(name, "#d9b38c") for name in names]
        bars = axis.barh(names, [value for _, value in times], color=colours)
        axis.bar_label(bars, [f"{value:,.2f} ms" for _, value in times], padding=3, fontsize=8)
        axis.set_xscale("log")
        axis.set_xlim(0.1, 2e6)
        axis.set_title(entry["case"].removeprefix("2x2 (4 qubits), "), fontsize=10)
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("values and gradients of one layer, milliseconds (logarithmic)", fontsize=9)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def curves(panels: list[dict[str, Any]], path: Path) -> None:
    """A panel for each thing that varies; broken lines are fits, whose slopes the legends say."""
    plt = _pyplot()
    figure, axes = plt.subplots(2, 3, figsize=(11, 6.6), layout="constrained")
    for axis, panel in zip(axes.flat, panels, strict=False):
        _panel(axis, panel)
    for axis in axes[:, 0]:
        axis.set_ylabel("values and gradients, ms", fontsize=9)
    for axis in axes.flat[len(panels) :]:
        axis.set_axis_off()
    axes.flat[-1].legend(
        handles=_legend(plt), loc="center", fontsize=9, frameon=False, labelspacing=1.0
    )
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _legend(plt: Any) -> list[Any]:
    marks = [
        plt.Line2D([], [], color=colour, marker=mark, markersize=5, label=label)
        for label, colour, mark in CURVES.values()
    ]
    fit = plt.Line2D([], [], color="#333333", linestyle="--", linewidth=1, label="fitted line")
    return [*marks, fit]


def _panel(axis: Any, panel: dict[str, Any]) -> None:
    from matplotlib.ticker import LogLocator

    for name, found in panel["milliseconds"].items():
        _, colour, mark = CURVES[name]
        x, y = np.array(found, dtype=float).T
        slope = panel["slopes"][name]
        label = "no fit" if slope is None else f"slope {slope:.2f}"
        axis.plot(x, y, marker=mark, markersize=4, linewidth=1.2, color=colour, label=label)
        if slope is not None:
            tail = x >= panel["linear_from"]
            middle = np.exp(np.log(y[tail]).mean() - slope * np.log(x[tail]).mean())
            line = middle * x[tail] ** slope
            axis.plot(x[tail], line, "--", color="#333333", linewidth=1, zorder=3)
    ticks = sorted({value for found in panel["milliseconds"].values() for value, _ in found})
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xticks(_apart(ticks), [f"{value:,}" for value in _apart(ticks)])
    axis.yaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
    axis.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.minorticks_off()
    axis.set_xlabel(panel["title"], fontsize=9)
    axis.tick_params(labelsize=8)
    axis.grid(color="#e6e6e6", linewidth=0.6)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
    low, high = axis.get_ylim()
    axis.set_ylim(low, high * (high / low) ** 0.3)  # room for the legend
    axis.legend(fontsize=8, frameon=False, loc="upper left")


def _apart(ticks: list[int]) -> list[int]:
    """Those whose labels do not touch: each a third more than the last one."""
    found: list[int] = []
    for tick in ticks:
        if not found or tick >= 1.32 * found[-1]:
            found.append(tick)
    return found
