"""Learning curves of runs, as a figure that one may restyle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from resqunn.checks import checked
from resqunn.errors import ConfigurationError, RunError, unknown_name
from resqunn.figures import Axes, Figure, axes_for
from resqunn.lab.training.records import Run, open_run

METRICS = ("accuracy", "loss")


@checked
def plot_learning_curves(
    runs: Run | str | Path | Mapping[str, Any],
    *,
    metric: str = "accuracy",
    ax: Axes | None = None,
) -> Figure:
    """Accuracy or loss by epoch, on validation images (solid) and training images (dashed).

    Args:
        metric: `"accuracy"` or `"loss"`.
        runs: one run, or several by name: what `train` returns, or their folders.
        ax: matplotlib's axes; by default those of a new figure.

    Raises:
        ConfigurationError: for no run, another metric, or arguments of a wrong type.
        RunError: for a folder without a run, or a run without a finished epoch.

    >>> import tempfile
    >>> from resqunn.lab import TrainConfig, train
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = train(TrainConfig(classes=2, epochs=2), f"{folder}/run")
    ...     figure = plot_learning_curves(run)
    >>> [line.get_label() for line in figure.axes[0].lines]
    ['validation', 'training']
    """
    named = runs if isinstance(runs, Mapping) else {"": runs}
    if not named:
        raise ConfigurationError("runs must be 1 or more, got none")
    if metric not in METRICS:
        raise unknown_name("metric", metric, METRICS)
    opened = {name: one if isinstance(one, Run) else open_run(one) for name, one in named.items()}
    for run in opened.values():
        if not run.epochs:
            raise RunError(f"{run.folder} has no finished epoch: run `resqunn resume` on it")
    axes = axes_for(ax, 4.8, 3.2)
    for name, run in opened.items():
        epochs = [epoch.epoch for epoch in run.epochs]
        values = [getattr(epoch, f"validation_{metric}") for epoch in run.epochs]
        (line,) = axes.plot(epochs, values, label=f"{name} validation".strip())
        values = [getattr(epoch, f"train_{metric}") for epoch in run.epochs]
        label = f"{name} training".strip()
        axes.plot(epochs, values, linestyle="--", color=line.get_color(), alpha=0.7, label=label)
    axes.set(xlabel="epoch", ylabel=metric)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend()
    return axes.figure
