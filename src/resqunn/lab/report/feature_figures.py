"""Feature maps as pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from resqunn.lab.report.marks import wrapped
from resqunn.lab.report.style import NARROW, WIDE, styled
from resqunn.lab.study.results import FeatureMaps, Picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure
else:
    Figure = Any

Pixels = Sequence[Sequence[float]]


@styled
def feature_maps(found: Sequence[FeatureMaps], wide: bool = True) -> Figure:
    """A row for each network and image: the image, then maps. On a phone only the first image."""
    from matplotlib.figure import Figure

    rows = [(each, picture) for each in found for picture in each.pictures[: None if wide else 1]]
    most = max(len(picture.maps) for _, picture in rows)
    side = (WIDE if wide else NARROW) / (most + 2.2)
    figure = Figure(
        figsize=(WIDE if wide else NARROW, (side * 1.05 + 0.14) * len(rows) + 0.3),
        layout="constrained",
    )
    axes = figure.subplots(len(rows), most + 1, squeeze=False)
    for row, (each, picture) in zip(axes, rows, strict=True):
        _image(row[0], picture)
        channels = each.channels or range(1, len(picture.maps) + 1)
        total = f" of {each.of}" if each.of > len(picture.maps) else ""
        for ax, pixels, channel in zip(row[1:], picture.maps, channels, strict=False):
            ax.set_title(f"channel {channel}{total}" if wide else str(channel), fontsize=7, pad=2)
            _map(ax, pixels)
        for ax in row:
            ax.set(xticks=[], yticks=[])
            ax.grid(visible=False)
            ax.spines[:].set_visible(False)
        name = wrapped(f"{each.label}, {picture.name}", 16 if wide else 12)
        row[0].set_ylabel(name, rotation=0, ha="right", va="center")
    axes[0][0].set_title("image", fontsize=7, pad=2)
    return figure


def _image(ax: Any, picture: Picture) -> None:
    if picture.colours and all(map(_drawable, picture.colours)):
        red, green, blue = picture.colours
        pixels = [list(zip(*lines, strict=True)) for lines in zip(red, green, blue, strict=True)]
        ax.imshow(pixels, interpolation="nearest", aspect="equal")
    else:
        _map(ax, picture.image)


def _map(ax: Any, pixels: Pixels) -> None:
    """In its own grey values; where there is but one, a word."""
    if not _drawable(pixels):
        return
    if len({value for line in pixels for value in line}) == 1:
        ax.text(0.5, 0.5, "constant", size=7, ha="center", va="center", transform=ax.transAxes)
        ax.set_aspect("equal")
        return
    ax.imshow(pixels, cmap="gray", interpolation="nearest", aspect="equal")


def _drawable(pixels: Pixels) -> bool:
    whole = bool(pixels and pixels[0])
    return whole and all(math.isfinite(value) for line in pixels for value in line)
