"""The paper's circuits, drawn for the report."""

from __future__ import annotations

from resqunn.circuits.circuit import Circuit
from resqunn.circuits.readouts import ChosenZ
from resqunn.lab.study.results import Drawing


def circuits() -> tuple[Drawing, ...]:
    """The circuits of the studies."""
    rows = (
        ("layer 1 as written (re-upload, depth 4)", "rx_chain", 4, True),
        ("layer 1, encoded once", "rx_chain", 4, False),
        ("layer 2 (depth 1)", "rx_chain", 1, True),
        ("the layer of Fig. 2 (depth 2)", "ry_chain", 2, False),
    )
    drawn = [
        Drawing(
            title,
            Circuit("ry", ansatz, "mean_z", inputs=4, depth=depth, reupload=reupload).draw(),
        )
        for title, ansatz, depth, reupload in rows
    ]
    readout = ChosenZ("z6,z7,z8,z9", (6, 7, 8, 9))
    head = Circuit("amplitude", "ry_chain", readout, inputs=1024, depth=1)
    return (*drawn, Drawing("quantum head, last wires measured", head.draw()))
