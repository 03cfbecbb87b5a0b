"""What notebooks show of runs and of results."""

import re
from dataclasses import replace
from pathlib import Path

from resqunn.lab.training.config import TrainConfig
from resqunn.lab.training.records import Epoch, Run

import sample_results


def cells(html: str) -> list[list[str]]:
    """The rows of a table."""
    rows = re.findall(r"<tr>(.*?)</tr>", html)
    return [re.findall(r"<t[hd]>(.*?)</t[hd]>", row) for row in rows]


def run(accuracies: list[float], **options: object) -> Run:
    config = replace(TrainConfig(epochs=5), **options)  # pyright: ignore[reportArgumentType]
    metric = None if config.metric == "accuracy" else 0.75
    epochs = [
        Epoch(number, 1.0, 0.5, 0.9, 0.6, accuracy, {}, metric)
        for number, accuracy in enumerate(accuracies, 1)
    ]
    return Run(Path("runs/<one>"), config, tuple(epochs))


def test_a_run_shows_its_epochs_and_stars_the_best() -> None:
    shown = run([0.5, 0.625, 0.55])._repr_html_()
    assert "<caption>runs/&lt;one&gt;: 3 of 5 epochs</caption>" in shown
    head, *rows = cells(shown)
    assert head == ["epoch", "train loss", "train accuracy", "validation accuracy"]
    assert rows == [
        ["1", "0.5000", "90.0 %", "50.0 %"],
        ["2*", "0.5000", "90.0 %", "62.5 %"],
        ["3", "0.5000", "90.0 %", "55.0 %"],
    ]
    assert cells(run([])._repr_html_()) == [head]


def test_a_run_shows_the_metric_that_chooses() -> None:
    head, row = cells(run([0.5], metric="auroc")._repr_html_())
    assert (head[-1], row[-1]) == ("validation auroc", "0.7500")


def test_a_run_is_printed_in_a_line() -> None:
    shown = repr(run([0.5, 0.625, 0.55]))
    assert shown == "<Run runs/<one>: 3 of 5 epochs, best 2 (validation accuracy 0.6250)>"
    assert repr(run([0.5], metric="auroc")).endswith("best 1 (validation auroc 0.7500)>")
    assert repr(run([])) == "<Run runs/<one>: 0 of 5 epochs>"
    assert "\x1b" not in repr(replace(run([]), folder=Path("\x1b[31m")))


def test_results_show_claims_and_verdicts() -> None:
    results = sample_results.results()
    claims = [replace(results.claims[0], statement="a < b \x1b[31m"), *results.claims[1:]]
    head, *rows = cells(replace(results, claims=tuple(claims))._repr_html_())
    assert head == ["claim", "variant", "verdict", "seeds"]
    assert len(rows) == sum(len(claim.variants) for claim in claims)
    assert rows[0][0] == "a &lt; b \ufffd[31m"
    assert [row[2] for row in rows] == [
        variant.verdict for claim in claims for variant in claim.variants
    ]
