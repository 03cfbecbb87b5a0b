"""The picture on top of the README, and those of docs/pictures.md.

    python docs/overview.py

Times are those of docs/benchmarks.json, gradients those of `resqunn gradients --layers 2`; the
maps are of a layer whose weights are drawn from a seed. It writes docs/figures/overview.svg and
.png, and overview-narrow.svg for a phone. Each figure of docs/pictures.md is what the block of
code before it draws.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.patches
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from resqunn import GradientFlow, Quanv2d, load_dataset, plot_gradient_flow
from resqunn.analysis.gradient_flow import survey

DOCS = Path(__file__).parent
LAYER = "2x2 (4 qubits), {}, depth 4, 16 images"
CASES = {"encoding once": LAYER.format("once"), "re-uploading": LAYER.format("re-upload")}
ORANGE = "#e8590c"
LIBRARIES = {"resqunn": "#0f766e", "nn.Conv2d": "#8a929c", "PennyLane, broadcast": "#d9a066"}
TITLE: dict[str, Any] = {"fontsize": 15, "fontweight": "bold"}
STYLE = {
    "font.size": 13,
    "figure.facecolor": "white",
    "svg.hashsalt": "resqunn",
}


def what_it_does(part: Any) -> None:
    """An image, the circuit that reads each patch, and its maps."""
    part.suptitle("each patch goes through a circuit", **TITLE)
    layer = Quanv2d(1, 4, 2, depth=1, generator=torch.Generator().manual_seed(5))
    image = load_dataset("digits").train.images[:1]
    with torch.no_grad():
        maps = layer(image)[0]
    most = float(maps.abs().max())
    grid = part.add_gridspec(2, 6, width_ratios=(1.25, 0.35, 1, 1, 1, 1), height_ratios=(1, 1.9))
    shown = [part.add_subplot(grid[0, column]) for column in range(6)]
    shown[0].imshow(image[0, 0], cmap="gray", vmin=0, vmax=1)
    patch = matplotlib.patches.Rectangle((2.5, 1.5), 2, 2, fill=False, color=ORANGE, linewidth=3)
    shown[0].add_patch(patch)
    for ax, one in zip(shown[2:], maps, strict=True):
        ax.imshow(one, cmap="RdBu_r", vmin=-most, vmax=most)
    shown[1].annotate(
        "",
        (1, 0.5),
        (0, 0.5),
        xycoords="axes fraction",
        arrowprops={"arrowstyle": "-|>", "color": ORANGE, "lw": 2.5, "mutation_scale": 22},
    )
    shown[1].set_frame_on(False)
    for ax in shown:
        ax.set(xticks=[], yticks=[])
    below = part.add_subplot(grid[1, :])
    layer.circuit.draw("mpl", ax=below)
    below.set_axis_on()
    below.set(xticks=[], yticks=[])
    below.spines[:].set(color=ORANGE, linewidth=3)


def what_it_costs(part: Any) -> None:
    """A layer's time beside those of a convolution and of PennyLane."""
    cases = {
        case["case"]: case for case in json.loads((DOCS / "benchmarks.json").read_text())["cases"]
    }
    ax = part.subplots()
    place, ticks = 0.0, {}
    for name, case in CASES.items():
        for library, colour in LIBRARIES.items():
            time = cases[case]["milliseconds"][library]
            ax.barh(place, time, 0.8, color=colour)
            ax.text(time * 1.12, place, f"{time:,.2f} ms", va="center")
            ticks.setdefault(name, place + 1)
            place += 1
        place += 0.6
    ax.set(xscale="log", xlim=(0.2, 1500), xticks=[])
    ax.minorticks_off()
    ax.set_yticks(list(ticks.values()), [name.replace(" ", "\n") for name in ticks])
    ax.tick_params(length=0)
    ax.invert_yaxis()
    ax.spines[["top", "right", "bottom"]].set_visible(False)
    part.suptitle("a step of 16 images (log)", **TITLE)
    part.legend(
        [matplotlib.patches.Patch(color=colour) for colour in LIBRARIES.values()],
        [name.removesuffix(", broadcast") for name in LIBRARIES],
        loc="outside lower center",
        ncols=3,
        frameon=False,
        columnspacing=1,
        handlelength=1,
    )


def who_learns(part: Any) -> None:
    """Gradient norms of both layers, derivatives cut and true, for each wiring."""
    ax = part.subplots()
    flows = {
        str(wiring): GradientFlow((*cut.layers, *true.layers)) for wiring, cut, true in survey(2)
    }
    plot_gradient_flow(flows, ax=ax)
    ax.set_xticks(range(4), ["O1", "O2", "O1", "O2"])
    ax.axvline(1.5, color="white", linewidth=6)
    for place, words in ((0.5, "derivatives cut"), (2.5, "true derivatives")):
        ax.text(place, 4.6, words, ha="center", va="top")
    part.suptitle("which layers get a gradient", **TITLE)


PARTS = (what_it_does, what_it_costs, who_learns)


def overview(wide: bool) -> Figure:
    """All three side by side, or below each other."""
    if wide:
        figure = Figure(figsize=(13.6, 3.9), layout="constrained")
        parts = figure.subfigures(1, 3, width_ratios=(1, 1, 1.25), wspace=0.03)
    else:
        figure = Figure(figsize=(5, 11), layout="constrained")
        parts = figure.subfigures(3, 1, height_ratios=(1, 1, 1), hspace=0.04)
    for draw, part in zip(PARTS, parts, strict=True):
        draw(part)
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08)
    return figure


def of_the_page() -> Iterator[tuple[str, Figure]]:
    """The figures of docs/pictures.md, and their files."""
    text = (DOCS / "pictures.md").read_text(encoding="utf-8")
    for code, file in re.findall(r"```python\n([^`]*)```\n\n!\[.*?\]\((.*?)\)", text):
        names: dict[str, Any] = {}
        exec(code, names)
        yield file, names["figure"]


if __name__ == "__main__":
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        for name, wide in (("overview", True), ("overview-narrow", False)):
            figure = overview(wide)
            stem = DOCS / "figures" / name
            FigureCanvasSVG(figure).print_svg(stem.with_suffix(".svg"), metadata={"Date": None})
            if wide:
                figure.set_dpi(100)
                FigureCanvasAgg(figure).print_png(stem.with_suffix(".png"))
        matplotlib.rcdefaults()
        matplotlib.rcParams["svg.hashsalt"] = "resqunn"
        for file, figure in of_the_page():
            FigureCanvasSVG(figure).print_svg(DOCS / file, metadata={"Date": None})
