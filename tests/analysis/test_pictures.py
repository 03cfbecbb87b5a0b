"""Pictures show the numbers that they are of, on the axes that they are given."""

import sys
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch import nn

from resqunn import (
    Circuit,
    ConfigurationError,
    LinearHead,
    MissingExtraError,
    Quanv1d,
    Quanv2d,
    ResQuNN,
    ShapeError,
    gradient_flow,
    paper_model,
    plot_features,
    plot_gradient_flow,
    plot_spectrum,
    spectrum,
)


def pictures(figure: Figure) -> list[list[np.ndarray]]:
    """The arrays that are shown, row by row."""
    shown = [np.asarray(ax.images[0].get_array()) for ax in figure.axes]
    rows, columns = figure.axes[0].get_gridspec().get_geometry()
    return [shown[row * columns : (row + 1) * columns] for row in range(rows)]


def test_features_are_those_of_each_layer() -> None:
    layers = [Quanv2d(1, 8, 2, 2), Quanv2d(8, 16, 2, groups=8, readout="mean_z")]
    norm = nn.BatchNorm2d(8)
    norm.running_mean = torch.full((8,), 0.3)
    model = nn.Sequential(layers[0], norm, layers[1], LinearHead(3, 16 * 9)).train()
    images = torch.rand(2, 1, 8, 8)
    figure = plot_features(model, images, channels=3)
    assert model.training
    assert norm.training
    assert torch.equal(norm.running_mean, torch.full((8,), 0.3))
    assert isinstance(figure, Figure)
    with torch.no_grad():
        first = layers[0](images)
        second = layers[1](norm.eval()(first))
    for row, shown in enumerate(pictures(figure)):
        wanted = [images[row, 0], *first[row, :3], *second[row, :3]]
        assert all(np.allclose(a, b) for a, b in zip(shown, wanted, strict=True))
    limits = [ax.images[0].get_clim()[1] for ax in figure.axes[1:7]]
    assert np.allclose(limits[:3], first[:, :3].abs().max())
    assert np.allclose(limits[3:], second[:, :3].abs().max())


def test_features_of_a_residual_network_in_colour_on_a_figure_of_ones_own() -> None:
    layers: list[nn.Module] = [nn.Conv2d(3, 4, 3), Quanv2d(4, 4, 2, groups=4, readout="mean_z")]
    model = ResQuNN(layers, "O1+O2", LinearHead(2))
    top, below = Figure().subfigures(2, 1)
    assert plot_features(model, torch.rand(1, 3, 6, 6), channels=9, figure=below) is below
    assert len(below.axes) == 1 + 4 + 4
    assert below.axes[0].images[0].get_array().shape == (6, 6, 3)
    assert not top.axes


def test_a_heat_map_holds_each_norm_and_says_none_and_zero() -> None:
    images, labels = torch.rand(4, 1, 28, 28), torch.tensor([0, 1, 2, 3])
    flows = {
        wiring: gradient_flow(paper_model(wiring), images, labels)
        for wiring in ("X+O2", "(X+O1)+O2")
    }
    ax = Figure().subplots()
    figure = plot_gradient_flow(flows, ax=ax)
    assert figure is ax.figure
    texts = {text.get_position(): text.get_text() for text in ax.texts}
    norms = np.ma.filled(ax.collections[0].get_array().reshape(2, 2), np.nan)
    for row, flow in enumerate(flows.values()):
        for column, layer in enumerate(flow.layers):
            if layer.status == "none":
                assert texts[column, row] == "none"
                assert np.isnan(norms[row, column])
            else:
                assert layer.norm is not None
                assert texts[column, row] == f"{layer.norm:.1e}"
                assert np.isclose(10 ** norms[row, column], layer.norm)
    assert [label.get_text() for label in ax.get_yticklabels()] == list(flows)
    html = flows["X+O2"]._repr_html_()
    assert "<td>O1</td><td>none</td><td>-</td><td>-</td>" in html


def test_power_at_each_frequency_is_that_of_a_closed_form() -> None:
    # cos(x0) cos(x1): a mean square of 1/4, all of it at 1; cos(x) alone of 1/2.
    both = Circuit("ry", "rx_chain", "zz", inputs=2, depth=0)
    figure = plot_spectrum(spectrum(both))
    heights = [patch.get_height() for patch in figure.axes[0].patches]  # pyright: ignore
    assert np.allclose(heights, [0.25, 0.25])
    one = spectrum(Quanv2d(1, 1, 1, depth=0, readout="z0"))
    ax = Figure().subplots()
    plot_spectrum(one, ax=ax)
    (bar,) = ax.patches
    assert np.isclose(bar.get_height(), 0.5)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["3.14"]


def test_the_power_is_the_mean_square() -> None:
    layer = Quanv2d(1, 4, 2, depth=2, reupload=True, dtype=torch.float64)
    found = spectrum(layer)
    figure = plot_spectrum(found, output=2)
    heights = [patch.get_height() for patch in figure.axes[0].patches]  # pyright: ignore
    points = np.random.default_rng(0).uniform(-1, 1, (4000, 4))  # a period of pixels times pi
    values = found.at(points)[0, 2]
    assert np.isclose(sum(heights) / 4, np.mean(values**2), rtol=0.15)
    assert np.isclose(sum(heights) / 4, np.sum(np.abs(found.coefficients[0, 2]) ** 2))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: plot_features(nn.Flatten(), torch.rand(1, 1, 2, 2)), ConfigurationError,
         "model must have a quanvolutional layer, got none"),
        (lambda: plot_features(Quanv2d(1, 4, 2), torch.rand(17, 1, 2, 2)), ShapeError,
         "images must be 1 to 16, got 17"),
        (lambda: plot_features(Quanv2d(1, 4, 2), torch.rand(1, 1, 2, 2), channels=0),
         ConfigurationError, "channels must be 1 or more, got 0"),
        (lambda: plot_features(nn.Sequential(nn.Flatten(2), Quanv1d(1, 4, 4)),
                               torch.rand(1, 1, 2, 2)),
         ShapeError, r"a layer's maps must be \(B, C, H, W\), got \(1, 4, 1\)"),
        (lambda: plot_gradient_flow({}), ConfigurationError, "flows must be of 1 or more"),
        (lambda: plot_gradient_flow({"a": "b"}), ConfigurationError,  # pyright: ignore
         "flows must be a GradientFlow, got 'b'"),
        (lambda: plot_spectrum(spectrum(Quanv2d(1, 4, 2)), 4), ConfigurationError,
         "output must be 0 to 3 of this spectrum, got 4"),
        (lambda: plot_spectrum(spectrum(Quanv2d(1, 4, 2)), ax="here"),  # pyright: ignore
         ConfigurationError, "ax must be matplotlib's Axes or None, got 'here'"),
    ],
)  # fmt: skip
def test_mistakes_are_told(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{message}"):
        call()


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("matplotlib.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"^a picture needs the extra \[lab\]"):
        plot_features(Quanv2d(1, 4, 2), torch.rand(1, 1, 2, 2))
