"""Variational Quanvolutional Neural Networks with enhanced image encoding.

Mattern, Martyniuk, Willems, Bergmann and Paschke, arXiv:2106.07327. Its authors published the logs
of all their runs, so that each is run again and stands beside theirs.
"""

from __future__ import annotations

from resqunn.lab.study.plan import Reported
from resqunn.papers.mattern.claims import CLAIMS
from resqunn.papers.mattern.networks import KERNELS
from resqunn.papers.mattern.reported import CIRCUITS
from resqunn.papers.mattern.studies import chosen
from resqunn.papers.paper import Options, Paper

PAPER = Paper(
    name="mattern",
    title="Variational quanvolutions with three encodings: the paper, run again",
    citation="Variational Quanvolutional Neural Networks (Mattern et al.)",
    address="https://arxiv.org/abs/2106.07327",
    figures=tuple(KERNELS),
    sections={"trained": "Circuit by circuit"},
    extra=("orders",),
    studies=chosen,
    claims=CLAIMS,
    defaults=Options(data="mnist", seeds=tuple(CIRCUITS), epochs=50),
    quick=Options(seeds=(0, 1), epochs=2, quick=True),
    # Of training and validation images the authors log the mean over the last 20 epochs.
    reported=Reported("test", "last", "accuracy", averaged=20),
)
