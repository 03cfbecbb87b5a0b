"""Facts of the paper that are checked item by item, without statistics.

Each check returns for every reading what is counted and whether each item is as in the paper.
"""

from __future__ import annotations

from typing import Any

import torch

from resqunn.lab.study.evidence import Evidence
from resqunn.papers.resqunns.figures import DEPTHS, FEATURES, WIRINGS

Fact = tuple[str, str, list[bool]]

BOTH = {"cut": "paper", "true": "true gradients"}
"""A survey's two settings, as readings."""

REACHED_2 = {
    "none": (False, True),
    "X+O1": (False, True),
    "O1+O2": (True, True),
    "X+O2": (False, True),
    "(X+O1)+O2": (True, True),
}
"""Fig. 3 and 7: which of two layers get a gradient."""

REACHED_3 = ("(O1+O2)+O3", "((X+O1)+O2)+O3")
"""Fig. 11: the wirings that give each of three layers a gradient."""


def _reached(layers: list[dict[str, Any]]) -> tuple[bool, ...]:
    return tuple(layer["status"] != "none" for layer in layers)


def two_layers(evidence: Evidence) -> list[Fact]:
    """For each wiring, whether the layers with a gradient are the paper's."""
    rows = evidence.gradients.get((2, 1), ())
    what = "wirings of two layers whose gradients are as in the paper"
    return [
        (reading, what, [_reached(row[side]) == REACHED_2.get(row["wiring"]) for row in rows])
        for side, reading in BOTH.items()
        if rows
    ]


def any_depth(evidence: Evidence) -> list[Fact]:
    """For each wiring, whether depth 4 gives the same layers a gradient as depth 1."""
    shallow, deep = (evidence.gradients.get((2, depth), ()) for depth in (1, 4))
    what = "wirings of two layers with the same gradients at depth 1 and 4"
    return [
        (
            reading,
            what,
            [_reached(a[side]) == _reached(b[side]) for a, b in zip(shallow, deep, strict=True)],
        )
        for side, reading in BOTH.items()
        if shallow and deep
    ]


def three_layers(evidence: Evidence) -> list[Fact]:
    """For each wiring, whether it reaches all three layers exactly if the paper says so."""
    rows = evidence.gradients.get((3, 1), ())
    what = "wirings of three layers that reach all of them exactly if the paper says so"
    return [
        (reading, what, [all(_reached(row[side])) == (row["wiring"] in REACHED_3) for row in rows])
        for side, reading in BOTH.items()
        if rows
    ]


def feature_sizes(_: Evidence) -> list[Fact]:
    """For each wiring, whether the head reads as many features as Table 2 says."""
    from resqunn.nn.presets import paper_model

    image = torch.zeros(1, 1, 28, 28)
    with torch.no_grad():
        found = {
            wiring: paper_model(wiring, generator=torch.Generator().manual_seed(0))
            .features(image)
            .numel()
            for wiring in WIRINGS
        }
    return [("paper", "feature sizes as in Table 2", [found[w] == FEATURES[w] for w in WIRINGS])]


def hyperparameters(evidence: Evidence) -> list[Fact]:
    """For each trained series of Fig. 8, 9 and 10 as written, whether it is what Table 3 says."""
    items = []
    for series in evidence.series:
        c = series.config
        if series.study not in ("fig8", "fig9", "fig10") or series.reading != "paper":
            continue
        classes, head = (4, "quantum") if series.study == "fig10" else (10, "linear")
        items.append(
            (c.data, c.classes, c.per_class, c.head) == ("mnist", classes, 200, head)
            and (c.batch_size, c.learning_rate, c.epochs) == (16, 0.01, 30)
            and (c.encoding, c.kernel_size, c.depths) == ("ry", 2, DEPTHS)
        )
    return [("paper", "configurations as in Table 3", items)] if items else []
