"""Which studies belong to the figures that were chosen."""

from __future__ import annotations

from resqunn.lab.study.plan import Options, Plan
from resqunn.papers.resqunns import beyond
from resqunn.papers.resqunns import figures as paper

TRAINED = {
    "2": paper.figure_2,
    "8": paper.figure_8,
    "9": paper.figure_9,
    "10": paper.figure_10,
    "three-layers": beyond.three_layers,
}
"""Studies of trained networks, by the figure that needs them."""

SURVEYS = ({"3", "7"}, paper.figure_7), ({"3", "11"}, paper.figure_11)
"""Surveys of gradients, by the figures that need them."""


def plan(options: Options) -> Plan:
    """Everything that the chosen figures need.

    >>> from resqunn.lab.study.plan import Options
    >>> [study.id for study in plan(Options(figures=("8", "9"))).studies]
    ['fig8', 'fig9']
    """
    chosen = set(options.figures)
    trained = [build(options) for figure, build in TRAINED.items() if figure in chosen]
    if options.full:
        trained.append(beyond.full(options))
    surveys = [build() for figures, build in SURVEYS if chosen & figures]
    return Plan(
        options,
        tuple(trained),
        tuple(surveys),
        beyond.depth(options) if "depth" in chosen else None,
        beyond.controls(options) if "controls" in chosen else None,
    )
