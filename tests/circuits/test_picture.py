"""The picture of a circuit shows its gates, on their wires and in their order."""

import math
import re
import sys
from typing import Any

import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle

from resqunn import Circuit, CircuitError, ConfigurationError, MissingExtraError, Noise
from resqunn.circuits.noisy_circuit import add_noise

CIRCUIT = Circuit("ry", "rx_chain", "mean_z", inputs=3, depth=1)


def words(figure: Figure) -> list[tuple[int, str]]:
    """What is written, with its wire, from left to right."""
    texts = sorted(figure.axes[0].texts, key=lambda text: text.get_position()[0])
    rows = {float(text.get_text()): text.get_position()[1] for text in texts[:]
            if re.fullmatch(r"\d+", text.get_text())}  # fmt: skip
    found = []
    for text in texts:
        if not re.fullmatch(r"\d+", text.get_text()):
            row = min(rows, key=lambda n: abs(rows[n] - text.get_position()[1]))
            found.append((int(row), text.get_text()))
    return found


def of_kind(figure: Figure, kind: type) -> list[Any]:
    return [patch for patch in figure.axes[0].patches if type(patch) is kind]


def test_every_gate_and_what_is_measured_stand_on_their_wires() -> None:
    figure = CIRCUIT.draw("mpl")
    for q in range(3):
        on_wire = [text for row, text in words(figure) if row == q]
        assert on_wire == [f"RY($x_{{{q}}}$)", f"RX($w_{{{q}}}$)", "⟨Z⟩/3"]
    circles = [patch.center for patch in of_kind(figure, Circle)]
    rows = sorted({y for _, y in circles})
    # Two CNOTs, each a dot above a ring, the second one to the right of the first.
    assert [rows.index(y) for _, y in circles] == [0, 1, 1, 2]
    assert circles[0][0] == circles[1][0] < circles[2][0] == circles[3][0]


def test_words_fit_into_their_boxes_which_do_not_overlap() -> None:
    circuit = Circuit("iqp", "crz_ring", "xyz", inputs=3, depth=1)
    figure = circuit.draw("mpl")
    figure.draw_without_rendering()
    boxes = [patch.get_window_extent() for patch in of_kind(figure, Rectangle)]
    assert len(boxes) == 3 + 3 + 2 * 3 + 3  # H, RZ, ZZ on two wires, CRZ's target
    for one, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[one + 1 :])
    for text in figure.axes[0].texts:
        extent = text.get_window_extent()
        inside = [box for box in boxes if box.overlaps(extent)]
        for box in inside:
            assert box.x0 <= extent.x0
            assert extent.x1 <= box.x1


def test_channels_are_dashed_and_amplitudes_one_box() -> None:
    noisy = add_noise(CIRCUIT, Noise(phase_flip=0.1, readout=0.2, where="readout"))
    boxes = of_kind(noisy.draw("mpl"), Rectangle)
    assert [box.get_linestyle() for box in boxes].count("--") == 6
    figure = Circuit("amplitude", "ry_chain", "z", inputs=8, depth=0).draw("mpl")
    (box,) = of_kind(figure, Rectangle)
    assert box.get_height() > 2 * 0.5
    assert "|amplitude⟩" in {text for _, text in words(figure)}


def test_axes_that_are_given_are_drawn_on_with_smaller_letters() -> None:
    figure = Figure(figsize=(2, 2))
    left, right = figure.subplots(1, 2)
    assert CIRCUIT.draw("mpl", ax=right) is figure
    assert not left.patches
    assert right.patches
    assert right.texts[0].get_size() < CIRCUIT.draw("mpl").axes[0].texts[0].get_size()


def test_a_notebook_shows_the_picture_or_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    assert CIRCUIT._repr_html_().startswith('<img alt="0: ─RY(x0)')
    large = Circuit("ry", "rx_chain", "z", inputs=101, depth=1)
    assert large._repr_html_().startswith("<pre>  0: ─RY(x0)")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for name in [name for name in sys.modules if name.startswith("matplotlib.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(MissingExtraError, match=r"^a picture needs the extra \[lab\]"):
        CIRCUIT.draw("mpl")
    assert CIRCUIT._repr_html_().startswith("<pre>0: ─RY(x0)")
    assert "&lt;Z&gt;/3" in CIRCUIT._repr_html_()


def test_mistakes_are_told() -> None:
    drawn: Any = CIRCUIT.draw
    with pytest.raises(ConfigurationError, match="unknown kind of drawing 'mp'; did you mean"):
        drawn("mp")
    with pytest.raises(ConfigurationError, match=r"^ax must be None for a text, got"):
        drawn("text", ax=Figure().subplots())
    with pytest.raises(ConfigurationError, match=r"^ax must be matplotlib's Axes or None, got 3"):
        drawn("mpl", ax=3)
    deep = Circuit("ry", "rx_chain", "z", inputs=2, depth=math.ceil(300 / 2))
    with pytest.raises(CircuitError, match=r"^a picture must be of 300 columns"):
        deep.draw("mpl")
