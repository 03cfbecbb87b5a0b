r"""Pictures of what a network does: its maps, its gradients, and its outputs' spectrum.

Shape suffixes: B images, C channels, H height, W width.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from resqunn.analysis.gradient_flow import GradientFlow, LayerFlow
from resqunn.analysis.spectrum import Spectrum
from resqunn.checks import checked, require
from resqunn.errors import ConfigurationError, ShapeError
from resqunn.figures import Axes, Figure, SubFigure, axes_for, new_figure
from resqunn.nn.layer import Quanv
from resqunn.nn.network import ResQuNN

MOST_IMAGES = 16

MOST_TICKS = 12

SPREAD = 1e-9
"""Power below this fraction of the largest counts as rounding."""


@checked
def plot_features(
    model: nn.Module,
    images: Float[Tensor, "B C H W"],
    *,
    channels: int = 4,
    figure: Figure | SubFigure | None = None,
) -> Figure | SubFigure:
    r"""Images, and the maps that a layer, or each layer of a network, makes of them.

    A row is an image: its first channel, or its colours, then the first maps of each layer, from
    $-m$ (blue) to $m$ (red), where $m$ is the largest absolute value that the layer has in the
    picture.

    Args:
        model: a layer, or a network: `model.layers` of a `ResQuNN`, else every quanvolutional
            layer of the model. It is evaluated in `eval` mode and keeps its own.
        images: 16 at most, with pixels in [0, 1].
        channels: how many maps of each layer are shown.
        figure: matplotlib's, to draw on; by default a new one.

    Returns:
        The figure: an axes for each picture, row by row.

    Raises:
        ConfigurationError: for less than one channel, a model without such layers, or arguments
            of a wrong type.
        ShapeError: for no images or more than 16, or images that the model does not take.
        MissingExtraError: without matplotlib (extra `[lab]`).

    >>> from resqunn import Quanv2d
    >>> figure = plot_features(Quanv2d(1, 4, 2, 2), torch.rand(3, 1, 8, 8))
    >>> len(figure.axes)  # of three images, each with four maps
    15
    """
    if not 1 <= len(images) <= MOST_IMAGES:
        raise ShapeError(f"images must be 1 to {MOST_IMAGES}, got {len(images)}")
    if channels < 1:
        raise ConfigurationError(f"channels must be 1 or more, got {channels}")
    maps = [made[:, :channels] for made in _maps(model, images)]
    columns = 1 + sum(made.shape[1] for made in maps)
    figure = figure or new_figure(1.15 * columns, 1.15 * len(images) + 0.3)
    axes = figure.subplots(len(images), columns, squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    pixels = images.detach().cpu().numpy()
    for ax, image in zip(axes[:, 0], pixels, strict=True):
        colours = len(image) == 3
        ax.imshow(image.transpose(1, 2, 0) if colours else image[0], cmap="gray", vmin=0, vmax=1)
    axes[0, 0].set_title("image", size="small")
    column = 1
    for number, made in enumerate(maps, 1):
        most = float(made.abs().max()) or 1.0
        for channel in range(made.shape[1]):
            title = f"O{number}, map {channel}" + f"\n\u00b1{most:.2f}" * (channel == 0)
            axes[0, column].set_title(title, size="small")
            for ax, shown_map in zip(axes[:, column], made[:, channel].cpu().numpy(), strict=True):
                ax.imshow(shown_map, cmap="RdBu_r", vmin=-most, vmax=most)
            column += 1
    return figure


def _maps(model: nn.Module, images: Tensor) -> list[Tensor]:
    """What each layer gives, (B, C, H, W)."""
    if isinstance(model, ResQuNN):
        layers = list(model.layers)
    else:
        layers = [module for module in model.modules() if isinstance(module, Quanv)]
    if not layers:
        raise ConfigurationError("model must have a quanvolutional layer, got none")
    kept: dict[nn.Module, Tensor] = {}
    hooks = [
        layer.register_forward_hook(lambda layer, _, made: kept.setdefault(layer, made.detach()))
        for layer in layers
    ]
    modes = [(module, module.training) for module in model.modules()]
    try:
        with torch.no_grad():
            model.eval()(images)
    finally:
        for hook in hooks:
            hook.remove()
        for module, training in modes:
            module.training = training
    for made in kept.values():
        if made.ndim != 4:
            raise ShapeError(f"a layer's maps must be (B, C, H, W), got {tuple(made.shape)}")
    return [kept[layer] for layer in layers if layer in kept]


@checked
def plot_gradient_flow(flows: GradientFlow | Mapping[str, Any], ax: Axes | None = None) -> Figure:
    """Which layers of which networks get a gradient, and how large it is, as a heat map.

    A row is a network, a column a layer; colours are logarithms of norms. Cells without a path
    from the loss say *none*, and cells whose gradient is exactly zero say *zero*.

    Args:
        flows: what `gradient_flow` found, of one network or of several by name.
        ax: matplotlib's axes; by default those of a new figure.

    Raises:
        ConfigurationError: for no network, or arguments of a wrong type.
        MissingExtraError: without matplotlib (extra `[lab]`).

    >>> from resqunn import gradient_flow, paper_model
    >>> images, labels = torch.rand(2, 1, 28, 28), torch.tensor([0, 1])
    >>> flow = gradient_flow(paper_model("none", input_gradients=False), images, labels)
    >>> plot_gradient_flow({"cut": flow}).axes[0].texts[0].get_text()
    'none'
    """
    if isinstance(flows, GradientFlow):
        flows = {"": flows}
    if not flows:
        raise ConfigurationError("flows must be of 1 or more networks, got none")
    for flow in flows.values():
        require("flows", flow, GradientFlow)
    columns = max(len(flow.layers) for flow in flows.values())
    names = list(flows)
    longest = max(map(len, names))
    axes = axes_for(ax, 0.9 * columns + 0.08 * longest + 0.9, 0.42 * len(names) + 0.7)
    sizes = np.full((len(names), columns), np.nan)
    for row, flow in enumerate(flows.values()):
        for column, layer in enumerate(flow.layers):
            if layer.norm and layer.status == "flows":
                sizes[row, column] = math.log10(layer.norm)
    low, high = (np.nanmin(sizes), np.nanmax(sizes)) if np.isfinite(sizes).any() else (0.0, 1.0)
    low, high = (low - 0.5, high + 0.5) if high - low < 1 else (low, high)
    edges = [np.arange(count + 1) - 0.5 for count in (columns, len(names))]
    axes.pcolormesh(*edges, sizes, cmap="viridis", vmin=low, vmax=high, edgecolors="0.8")
    axes.invert_yaxis()
    for row, flow in enumerate(flows.values()):
        for column, layer in enumerate(flow.layers):
            bright = (sizes[row, column] - low) / (high - low) > 0.6
            dark = np.isfinite(sizes[row, column]) and not bright
            axes.text(
                column,
                row,
                _in_words(layer),
                ha="center",
                va="center",
                color="white" if dark else "black",
            )
    axes.set_xticks(range(columns), [f"O{number + 1}" for number in range(columns)])
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(length=0, top=False, labeltop=True, bottom=False, labelbottom=False)
    axes.spines[:].set_visible(False)
    return axes.figure


def _in_words(layer: LayerFlow) -> str:
    return layer.status if layer.status != "flows" else f"{layer.norm:.1e}"


@checked
def plot_spectrum(spectrum: Spectrum, output: int = 0, ax: Axes | None = None) -> Figure:
    r"""How much of an output varies at which frequency of each input.

    The power of input $n$ at frequency $f$ is $\sum_{k:\,|\omega_{kn}| = f} |c_k|^2$: what one
    gets from the mean square of the output, over uniformly random phases of the inputs, for the
    part that varies so. Frequencies without power are left out.

    Args:
        output: number of the output, filters and readout values counted in a row.
        ax: matplotlib's axes; by default those of a new figure.

    Raises:
        ConfigurationError: for an output that there is not, or arguments of a wrong type.
        MissingExtraError: without matplotlib (extra `[lab]`).

    >>> from resqunn import Circuit, spectrum
    >>> circuit = Circuit("ry", "ry_chain", "z", inputs=1, depth=3, reupload=True)
    >>> found = spectrum(circuit, weights=[0.1, 0.2, 0.3])
    >>> plot_spectrum(found).axes[0].get_xlabel()
    'frequency (radians a unit of the input)'
    """
    coefficients = spectrum.coefficients.reshape(-1, spectrum.coefficients.shape[-1])
    if not 0 <= output < len(coefficients):
        raise ConfigurationError(
            f"output must be 0 to {len(coefficients) - 1} of this spectrum, got {output}"
        )
    power = np.abs(coefficients[output]) ** 2
    inputs = spectrum.frequencies.shape[1]
    found = []
    for one in range(inputs):
        frequencies = np.abs(spectrum.frequencies[:, one]).round(9)
        places, which = np.unique(frequencies, return_inverse=True)
        sums = np.bincount(which.reshape(-1), weights=power)
        kept = sums > SPREAD * max(float(sums.max()), 1e-300)
        found.append((places[kept], sums[kept]))
    axes = axes_for(ax, 4.8, 3.0)
    every = np.unique(np.concatenate([places for places, _ in found]))
    width = 0.8 / inputs
    for one, (places, sums) in enumerate(found):
        shift = (one - (inputs - 1) / 2) * width
        at = np.searchsorted(every, places) + shift
        axes.bar(at, sums, width, label=f"$x_{{{one}}}$")
    step = -(-len(every) // MOST_TICKS)
    axes.set_xticks(range(0, len(every), step), [f"{each:.3g}" for each in every[::step]])
    axes.set(xlabel="frequency (radians a unit of the input)", ylabel="power")
    axes.margins(y=0.25 if inputs > 1 else 0.05)
    if inputs > 1:
        axes.legend(ncols=min(inputs, 4))
    return axes.figure
