"""What a circuit can do, as a figure: from reports to a matplotlib figure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from resqunn.analysis.circuit_report import CircuitReport
from resqunn.errors import ConfigurationError, RunError
from resqunn.lab.report.figure_folder import KINDS
from resqunn.lab.report.style import INK, OKABE_ITO, panels, png_of, styled, svg_of
from resqunn.lab.training.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure
else:
    Figure = Any

MOST_PANELS = 12

LEAST = 0.2
"""Pairs at the lower end of the axis."""


@styled
def fidelity_histograms(reports: Mapping[str, CircuitReport], wide: bool = True) -> Figure:
    """How often two random states have each fidelity, beside Haar-random states; a panel a
    circuit.
    """
    columns = min(len(reports), 3 if wide else 1)
    rows = math.ceil(len(reports) / columns)
    figure, axes = panels(rows, columns, wide=wide, height=2.2 * rows + 0.5)
    for place, (name, report) in enumerate(reports.items()):
        ax, bins = axes[place // columns, place % columns], len(report.haar)
        edges = np.arange(bins + 1) / bins
        shares, least = report.fidelities / report.pairs, LEAST / report.pairs
        ax.stairs(np.maximum(shares, least), edges, fill=True, color=OKABE_ITO[0], alpha=0.6)
        ax.stairs(np.maximum(report.haar, least), edges, color=INK, linewidth=1.2)
        value, error = report.expressibility.value, report.expressibility.error
        ax.set_title(f"{name}\n{value:.4f} ± {error:.4f}")
        ax.set(yscale="log", ylim=(least, 1.5), xlim=(0, 1))
        ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        ax.set_xlabel("fidelity" if place + columns >= len(reports) else "")
        ax.set_ylabel("share of pairs" if place % columns == 0 else "")
    for ax in axes.reshape(-1)[len(reports) :]:
        ax.set_visible(False)
    figure.suptitle("Divergence from Haar-random states (line)", fontsize=9)
    return figure


def require_drawable(path: Path, circuits: int) -> None:
    """
    Raises:
        ConfigurationError: for a file that is no SVG or PNG by its name, or too many circuits.
    """
    if path.suffix not in KINDS:
        raise ConfigurationError(f"figure must be a file .svg or .png, got {str(path)!r}")
    if circuits > MOST_PANELS:
        raise ConfigurationError(
            f"a figure must be of {MOST_PANELS} circuits or fewer, got {circuits}"
        )


def write(figure: Figure, path: Path) -> None:
    """Writes a figure as SVG or PNG, whichever the file's name ends with.

    Raises:
        RunError: for a file that cannot be written.
    """
    content = svg_of(figure).encode() if path.suffix == ".svg" else png_of(figure)
    try:
        write_atomically(path, content)
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror or error}") from None
