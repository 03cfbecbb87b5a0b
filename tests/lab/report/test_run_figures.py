"""Learning curves are a run's metrics, epoch by epoch."""

from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from resqunn.errors import ConfigurationError, RunError
from resqunn.lab import TrainConfig, plot_learning_curves, train


def test_curves_are_the_metrics_of_each_run(tmp_path: Path) -> None:
    config = TrainConfig(wiring="none", depths=(1,), per_class=5, epochs=3)
    run = train(config, tmp_path / "run")
    axes = Figure().subplots(1, 2)
    for ax, metric in zip(axes, ("accuracy", "loss"), strict=True):
        runs: dict[str, Any] = {"a": run, "b": tmp_path / "run"}
        assert plot_learning_curves(runs, metric=metric, ax=ax) is ax.figure
        assert [line.get_label() for line in ax.lines] == [
            "a validation", "a training", "b validation", "b training",
        ]  # fmt: skip
        for line, part in zip(ax.lines, ("validation", "train") * 2, strict=True):
            assert list(line.get_xdata()) == [1, 2, 3]
            wanted = [getattr(epoch, f"{part}_{metric}") for epoch in run.epochs]
            assert list(line.get_ydata()) == wanted
    figure = plot_learning_curves(str(tmp_path / "run"))
    assert [line.get_label() for line in figure.axes[0].lines] == ["validation", "training"]


def test_mistakes_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"^runs must be 1 or more, got none"):
        plot_learning_curves({})
    with pytest.raises(ConfigurationError, match="unknown metric 'speed'"):
        plot_learning_curves(tmp_path, metric="speed")
    with pytest.raises(RunError):
        plot_learning_curves(tmp_path)
