"""The laboratory: training, studies over many seeds, and reports (extra `[lab]`)."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from resqunn.errors import require_laboratory

if TYPE_CHECKING:
    from resqunn.lab.report.page import write_report
    from resqunn.lab.report.run_figures import plot_learning_curves
    from resqunn.lab.study.asked import Question
    from resqunn.lab.study.claims import Claim
    from resqunn.lab.study.executors.choice import executor
    from resqunn.lab.study.inquiry import Inquiry
    from resqunn.lab.study.plan import Plan, Series, Study
    from resqunn.lab.study.questions import Quantity, Rule, Term
    from resqunn.lab.study.results import Measured, Results, open_results
    from resqunn.lab.study.running import run
    from resqunn.lab.training.config import TrainConfig
    from resqunn.lab.training.run import (
        Callbacks,
        evaluate_run,
        load_model,
        measure_run,
        open_run,
        resume,
        train,
        train_several,
    )
    from resqunn.lab.training.scores import read_scores

require_laboratory("resqunn.lab")

_PLACES = {
    "Callbacks": "training.run",
    "Claim": "study.claims",
    "Inquiry": "study.inquiry",
    "Measured": "study.results",
    "Plan": "study.plan",
    "Quantity": "study.questions",
    "Question": "study.asked",
    "Results": "study.results",
    "Rule": "study.questions",
    "Series": "study.plan",
    "Study": "study.plan",
    "Term": "study.questions",
    "TrainConfig": "training.config",
    "evaluate_run": "training.run",
    "executor": "study.executors.choice",
    "load_model": "training.run",
    "measure_run": "training.run",
    "open_results": "study.results",
    "open_run": "training.run",
    "plot_learning_curves": "report.run_figures",
    "read_scores": "training.scores",
    "resume": "training.run",
    "run": "study.running",
    "train": "training.run",
    "train_several": "training.run",
    "write_report": "report.page",
}

__all__ = [
    "Callbacks",
    "Claim",
    "Inquiry",
    "Measured",
    "Plan",
    "Quantity",
    "Question",
    "Results",
    "Rule",
    "Series",
    "Study",
    "Term",
    "TrainConfig",
    "evaluate_run",
    "executor",
    "load_model",
    "measure_run",
    "open_results",
    "open_run",
    "plot_learning_curves",
    "read_scores",
    "resume",
    "run",
    "train",
    "train_several",
    "write_report",
]


def __getattr__(name: str) -> Any:
    # Loaded on first use, so that `resqunn --help` need not import torch.
    if name not in _PLACES:
        raise AttributeError(f"module 'resqunn.lab' has no attribute {name!r}")
    return getattr(importlib.import_module(f"resqunn.lab.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
