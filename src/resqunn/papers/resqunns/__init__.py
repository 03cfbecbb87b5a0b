"""ResQuNNs: Towards Enabling Deep Learning in Quantum Convolution Neural Networks.

Kashif and Shafique, arXiv:2402.09146. Sections, figures and tables named in this folder are
that paper's.
"""

from __future__ import annotations

from resqunn.lab.study.plan import Study
from resqunn.papers.paper import Options, Paper
from resqunn.papers.resqunns import beyond, studies
from resqunn.papers.resqunns.circuits import circuits
from resqunn.papers.resqunns.claims import CLAIMS

STUDIES = {
    ("2",): studies.figure_2,
    ("8",): studies.figure_8,
    ("9",): studies.figure_9,
    ("10",): studies.figure_10,
    ("three-layers",): beyond.three_layers,
    ("full",): beyond.all_images,
    ("3", "7"): studies.figure_7,
    ("7",): studies.figure_7_deeper,
    ("3", "11"): studies.figure_11,
    ("depth",): beyond.depth,
    ("controls",): beyond.controls,
}
"""The studies by the figures that need them, in the order of the report."""


def chosen(options: Options) -> list[Study]:
    """What the chosen figures need."""
    figures = set(options.figures)
    return [build(options) for names, build in STUDIES.items() if figures & set(names)]


PAPER = Paper(
    name="resqunns",
    title="Residual quanvolutional networks: the paper, run again",
    citation="ResQuNNs (Kashif and Shafique)",
    address="https://arxiv.org/abs/2402.09146",
    figures=("2", "3", "7", "8", "9", "10", "11", "three-layers", "depth", "controls"),
    extra=("full",),
    sections={
        "trained": "Trained networks",
        "gradients": "Which layers get a gradient",
        "controls": "Controls",
        "beyond": "Beyond the paper",
    },
    studies=chosen,
    claims=CLAIMS,
    circuits=circuits,
    defaults=Options(data="mnist"),
    quick=Options(seeds=(0, 1), epochs=4, quick=True),
)
