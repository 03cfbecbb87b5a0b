"""A circuit as a picture: wires, boxes and controls, drawn with matplotlib.

One unit of the axes is an inch, so that a box is as wide as what is written in it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from resqunn.circuits.angles import Input, leaves
from resqunn.circuits.channels import ChannelOperation
from resqunn.circuits.drawing import angles_of, columns_of, measured
from resqunn.circuits.observables import Observable
from resqunn.circuits.operations import Operation
from resqunn.errors import CircuitError
from resqunn.figures import Axes, Figure, axes_for, load

MOST_COLUMNS, MOST_QUBITS = 300, 100

ROW, BOX, GAP = 0.52, 0.36, 0.12
"""Inches from wire to wire, the height of a box, and from box to box."""

SIZE, CHARACTER, LEAST_WIDTH = 10, 0.085, 0.36
"""Of letters in points; inches of one, and of the narrowest box."""

COLOURS = {
    "input": "#cfe5f3",
    "weight": "#fbe3b5",
    "both": "#d5ecd4",
    "fixed": "#eceff2",
    "channel": "#f6d5e6",
}
"""Of boxes: gates at angles that read inputs, weights, both or neither, and channels."""

INK, WIRE = "#1f2328", "#8a929c"


def draw(
    operations: Sequence[Operation],
    observables: Sequence[Observable],
    num_qubits: int,
    prepared: str | None = None,
    ax: Axes | None = None,
) -> Figure:
    """The picture of a circuit, on the axes that are given or on a figure of its own.

    Raises:
        CircuitError: for a circuit that is too large to be seen.
    """
    places = columns_of(operations, num_qubits, prepared is not None)
    columns = max(places, default=-1) + 1
    if columns > MOST_COLUMNS or num_qubits > MOST_QUBITS:
        raise CircuitError(
            f"a picture must be of {MOST_COLUMNS} columns of gates and {MOST_QUBITS} qubits or "
            f"fewer, got {columns} and {num_qubits}: draw it as text"
        )
    widths = [LEAST_WIDTH] * max(columns, prepared is not None)
    if prepared is not None:
        widths[0] = max(LEAST_WIDTH, CHARACTER * (len(prepared) + 2.5))
    for place, operation in zip(places, operations, strict=True):
        longest = max(len(text) for text in _texts(operation))
        widths[place] = max(widths[place], CHARACTER * (longest + 1))
    ends = [measured(observables, qubit) for qubit in range(num_qubits)]
    margin = CHARACTER * (len(str(num_qubits - 1)) + 1)
    starts = [margin + GAP]
    for width in widths:
        starts.append(starts[-1] + width + GAP)
    right = starts[-1] + CHARACTER * max(map(len, ends), default=0) + 0.1
    height = ROW * num_qubits
    axes = axes_for(ax, right + 0.1, height + 0.1)
    # On axes that are smaller than the picture letters shrink with the boxes.
    box = axes.get_window_extent()
    scale = min(1.0, box.width / axes.figure.dpi / right, box.height / axes.figure.dpi / height)
    pen = _Pen(axes, SIZE * scale)
    axes.set(xlim=(0, right), ylim=(height - ROW / 2, -ROW / 2), aspect="equal")
    axes.set_axis_off()
    for qubit, end in enumerate(ends):
        pen.word(margin, qubit, str(qubit), ha="right", color=WIRE)
        pen.wire(margin + GAP / 2, starts[-1], qubit)
        pen.word(starts[-1] + 0.06, qubit, _pretty(end), ha="left")
    if prepared is not None:
        pen.box(starts[0], widths[0], range(num_qubits), f"|{prepared}⟩", COLOURS["input"])
    for place, operation in zip(places, operations, strict=True):
        pen.operation(operation, starts[place], widths[place])
    return axes.figure


class _Pen:
    """What the parts of a circuit look like."""

    def __init__(self, ax: Any, size: float) -> None:
        self._ax = ax
        self._size = size
        self._patches = load("patches")

    def word(self, x: float, row: float | int, text: str, **options: Any) -> None:
        options = {"ha": "center", "color": INK, "size": self._size} | options
        self._ax.text(x, ROW * row, text, va="center_baseline", zorder=4, **options)

    def wire(self, left: float, right: float, row: int) -> None:
        ends = [ROW * row] * 2
        self._ax.plot([left, right], ends, color=WIRE, linewidth=1, zorder=1)

    def box(
        self, left: float, width: float, rows: Sequence[int], text: str, colour: str, dashed=False
    ) -> None:
        low, high = min(rows), max(rows)
        place = (left, ROW * low - BOX / 2)
        shape = self._patches.Rectangle(
            place,
            width,
            ROW * (high - low) + BOX,
            facecolor=colour,
            edgecolor=INK,
            linewidth=0.8,
            linestyle="--" if dashed else "-",
            zorder=3,
        )
        self._ax.add_patch(shape)
        self.word(left + width / 2, (low + high) / 2, text)

    def operation(self, operation: Operation, left: float, width: float) -> None:
        middle, qubits = left + width / 2, operation.qubits
        if len(qubits) > 1:
            ends = [ROW * min(qubits), ROW * max(qubits)]
            self._ax.plot([middle, middle], ends, color=INK, linewidth=1, zorder=2)
        colour = COLOURS[_kind(operation)]
        dashed = isinstance(operation, ChannelOperation)
        for row, symbol, text in zip(qubits, operation.symbols, _texts(operation), strict=True):
            at = (middle, ROW * row)
            if symbol == "●":
                self._ax.add_patch(self._patches.Circle(at, 0.06, facecolor=INK, zorder=3))
            elif symbol == "⊕":
                self._target(at)
            elif symbol == "╳":
                self._cross(at)
            else:
                self.box(left, width, [row], _pretty(text), colour, dashed)

    def _target(self, at: tuple[float, float]) -> None:
        r = 0.11
        ring = self._patches.Circle(at, r, facecolor="white", edgecolor=INK, zorder=3)
        self._ax.add_patch(ring)
        for x, y in ((r, 0), (0, r)):
            ends = [at[0] - x, at[0] + x], [at[1] - y, at[1] + y]
            self._ax.plot(*ends, color=INK, linewidth=1, zorder=4)

    def _cross(self, at: tuple[float, float]) -> None:
        r = 0.08
        for sign in (1, -1):
            ends = [at[0] - r, at[0] + r], [at[1] - sign * r, at[1] + sign * r]
            self._ax.plot(*ends, color=INK, linewidth=1.4, zorder=4)


def _texts(operation: Operation) -> list[str]:
    """What stands on each of its wires; the angle is on the last."""
    names = [symbol.strip("[]") for symbol in operation.symbols]
    names[-1] += angles_of(operation)
    return names


def _kind(operation: Operation) -> str:
    if isinstance(operation, ChannelOperation):
        return "channel"
    read = {type(leaf) for angle in operation.angles for leaf in leaves(angle)}
    if len(read) == 2:
        return "both"
    return ("input" if Input in read else "weight") if read else "fixed"


def _pretty(text: str) -> str:
    """Numbers of inputs and weights as indices.

    >>> _pretty("RY(0.5*x1 + w12)")
    'RY(0.5 $x_{1}$ + $w_{12}$)'
    """
    text = text.replace("_", " ").replace("*", " ")
    text = re.sub(r"<([^<>]*)>", r"⟨\1⟩", text)
    return re.sub(r"\b([xw])(\d+)\b", r"$\1_{\2}$", text)
