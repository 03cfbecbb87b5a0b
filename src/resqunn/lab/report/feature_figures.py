"""Feature maps as pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from resqunn.lab.report.marks import wrapped
from resqunn.lab.report.style import NARROW, WIDE, styled
from resqunn.lab.study.results import FeatureMaps

if TYPE_CHECKING:
    from matplotlib.figure import Figure
else:
    Figure = Any


@styled
def feature_maps(found: Sequence[FeatureMaps], wide: bool = True) -> Figure:
    """A row for each network and image: the image, then maps. On a phone only the first image."""
    from matplotlib.figure import Figure

    rows = [
        (each.label, picture) for each in found for picture in each.pictures[: None if wide else 1]
    ]
    most = max(len(picture.maps) for _, picture in rows)
    side = (WIDE if wide else NARROW) / (most + 2.2)
    figure = Figure(
        figsize=(WIDE if wide else NARROW, side * len(rows) * 1.05 + 0.3), layout="constrained"
    )
    axes = figure.subplots(len(rows), most + 1, squeeze=False)
    for row, (label, picture) in zip(axes, rows, strict=True):
        for ax, pixels in zip(row, (picture.image, *picture.maps), strict=False):
            finite = all(math.isfinite(value) for line in pixels for value in line)
            if pixels and pixels[0] and finite:
                ax.imshow(pixels, cmap="gray", interpolation="nearest", aspect="equal")
        for ax in row:
            ax.set(xticks=[], yticks=[])
            ax.grid(visible=False)
            ax.spines[:].set_visible(False)
        name = wrapped(f"{label}, {picture.name}", 16 if wide else 12)
        row[0].set_ylabel(name, rotation=0, ha="right", va="center")
    for number, ax in enumerate(axes[0]):
        ax.set_title("image" if number == 0 else f"channel {number}" if wide else str(number))
    return figure
