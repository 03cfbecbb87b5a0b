"""Facts of the paper that are checked item by item, without statistics.

Each function returns for every interpretation what is counted, and whether each item is as in
the paper.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from resqunn.lab.study.results import GradientCell, GradientTable, StudyResult
from resqunn.nn.presets import paper_model
from resqunn.papers.resqunns.studies import DEPTHS, FEATURES, WIRINGS, gradients_id

Facts = list[tuple[str, str, list[bool]]]
Studies = Mapping[str, StudyResult]

SETTINGS = {"cut": "as written", "true": "true gradients"}
"""The settings of the tables of gradients, as interpretations."""

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


def _table(studies: Studies, layers: int, depth: int) -> GradientTable | None:
    study = studies.get(gradients_id(layers, depth))
    return None if study is None else study.gradients


def _reached(cells: tuple[GradientCell, ...]) -> tuple[bool, ...]:
    return tuple(cell.state != "none" for cell in cells)


def two_layers(studies: Studies) -> Facts:
    """For each wiring, whether the layers with a gradient are the paper's."""
    table = _table(studies, 2, 1)
    if table is None:
        return []
    what = "wirings of two layers whose gradients are as in the paper"
    return [
        (
            interpretation,
            what,
            [_reached(row.cells[setting]) == REACHED_2.get(row.label) for row in table.rows],
        )
        for setting, interpretation in SETTINGS.items()
    ]


def any_depth(studies: Studies) -> Facts:
    """For each wiring, whether depth 4 gives the same layers a gradient as depth 1."""
    shallow, deep = _table(studies, 2, 1), _table(studies, 2, 4)
    if shallow is None or deep is None:
        return []
    what = "wirings of two layers with the same gradients at depth 1 and 4"
    return [
        (
            interpretation,
            what,
            [
                _reached(a.cells[setting]) == _reached(b.cells[setting])
                for a, b in zip(shallow.rows, deep.rows, strict=True)
            ],
        )
        for setting, interpretation in SETTINGS.items()
    ]


def three_layers(studies: Studies) -> Facts:
    """For each wiring, whether it reaches all three layers exactly if the paper says so."""
    table = _table(studies, 3, 1)
    if table is None:
        return []
    what = "wirings of three layers that reach all of them exactly if the paper says so"
    return [
        (
            interpretation,
            what,
            [all(_reached(row.cells[setting])) == (row.label in REACHED_3) for row in table.rows],
        )
        for setting, interpretation in SETTINGS.items()
    ]


def feature_sizes(_: Studies) -> Facts:
    """For each wiring, whether the head reads as many features as Table 2 says."""
    image = torch.zeros(1, 1, 28, 28)
    with torch.no_grad():
        found = {
            wiring: paper_model(wiring, generator=torch.Generator().manual_seed(0))
            .features(image)
            .numel()
            for wiring in WIRINGS
        }
    items = [found[wiring] == FEATURES[wiring] for wiring in WIRINGS]
    return [("as written", "feature sizes as in Table 2", items)]


def hyperparameters(studies: Studies) -> Facts:
    """For each trained series of Fig. 8, 9 and 10 as written, whether it is what Table 3 says."""
    written = {
        "data": "mnist",
        "per_class": 200,
        "batch_size": 16,
        "learning_rate": 0.01,
        "epochs": 30,
        "encoding": "ry",
        "kernel_size": 2,
        "depths": DEPTHS,
    }
    ten = written | {"classes": 10, "head": "linear"}
    four = written | {"classes": 4, "head": "quantum"}
    items = [
        all(series.config[name] == value for name, value in expected.items())
        for study, expected in (("fig8", ten), ("fig9", ten), ("fig10", four))
        if study in studies
        for series in studies[study].series
        if series.variant == "as written"
    ]
    return [("as written", "configurations as in Table 3", items)] if items else []
