"""The results as CSV tables; their bytes depend on the results alone.

claims      a row for each quantity in each variant, with its verdict and its claim's
final       a row for each metric of a series: mean, standard deviation, interval
seeds       the same, a row for each seed
epochs      a row for each epoch: mean, lowest and highest seed
gradients   a row for each layer of a network, differentiated in one way
norms       a row for each layer: gradient norms by number of layers

Metrics are fractions in [0, 1]. `low` and `high` are the ends of the 95 % interval of a mean,
and for an epoch the lowest and the highest seed.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from resqunn.errors import RunError
from resqunn.lab.study.results import Results, SeriesResult, Stats, Term
from resqunn.lab.training.files import remove_partials, write_atomically
from resqunn.lab.training.harmless import cell, own_folder

FOLDER = "tables"

Rows = Iterable[Sequence[Any]]

STATS = ("mean", "std", "low", "high", "count")
SERIES = ("study", "label", "variant", "frozen")


def write_tables(folder: Path, results: Results) -> tuple[str, ...]:
    """Writes `folder/tables/*.csv`, each with a header, and returns the files' names.

    Texts that a spreadsheet would take for a formula begin with an apostrophe.

    Raises:
        RunError: if `tables` is a symbolic link or cannot be written.
    """
    target = folder / FOLDER
    try:
        own_folder(target)
        remove_partials(target)
        for name, (header, rows) in TABLES.items():
            text = io.StringIO(newline="")
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(header)
            writer.writerows([cell(value) for value in row] for row in rows(results))
            write_atomically(target / name, text.getvalue().encode())
    except OSError as error:
        raise RunError(f"the tables cannot be written: {error}") from None
    return tuple(TABLES)


def _stats(stats: Stats) -> list[Any]:
    low, high = stats.interval or (None, None)
    return [stats.mean, stats.std, low, high, len(stats.values)]


def _terms(terms: Sequence[Term]) -> list[str]:
    frozen = ("true" if term.frozen else "false" for term in terms)
    return ["; ".join(term.label for term in terms), "; ".join(frozen)]


def _claims(results: Results) -> Rows:
    for claim in results.claims:
        for row in claim.measured:
            quantity = row.quantity
            yield [
                claim.id,
                claim.verdict,
                row.variant,
                row.verdict,
                quantity.kind,
                quantity.metric,
                *_terms(quantity.plus),
                *_terms(quantity.minus),
                quantity.unit,
                quantity.figure,
                *_stats(row.stats),
            ]


def _series(results: Results) -> Iterator[tuple[list[Any], SeriesResult]]:
    for study in results.studies:
        for series in study.series:
            yield [study.id, series.label, series.variant, series.frozen], series


def _final(results: Results) -> Rows:
    for start, series in _series(results):
        for metric, stats in series.final.items():
            yield [*start, metric, *_stats(stats), series.num_weights]


def _seeds(results: Results) -> Rows:
    for start, series in _series(results):
        for metric, stats in series.final.items():
            for seed, value in zip(series.seeds, stats.values, strict=True):
                yield [*start, metric, seed, value]


def _epochs(results: Results) -> Rows:
    for start, series in _series(results):
        for metric, curve in series.curves.items():
            rows = zip(curve.mean, curve.low, curve.high, strict=True)
            for epoch, values in enumerate(rows, 1):
                yield [*start, metric, epoch, *values]


def _gradients(results: Results) -> Rows:
    for study in results.studies:
        table = study.gradients
        for row in table.rows if table else ():
            for setting, cells in row.cells.items():
                for found in cells:
                    yield [study.id, row.label, setting, found.layer, found.state, found.norm]


def _norms(results: Results) -> Rows:
    for study in results.studies:
        for row in study.norms:
            for layer, norm in enumerate(row.norms, 1):
                yield [study.id, row.panel, row.label, row.num_layers, layer, norm]


TABLES: dict[str, tuple[tuple[str, ...], Callable[[Results], Rows]]] = {
    "claims.csv": (
        (
            *("claim", "claim_verdict", "variant", "verdict", "kind", "metric"),
            *("plus", "plus_frozen", "minus", "minus_frozen", "unit", "source_figure", *STATS),
        ),
        _claims,
    ),
    "final.csv": ((*SERIES, "metric", *STATS, "num_weights"), _final),
    "seeds.csv": ((*SERIES, "metric", "seed", "value"), _seeds),
    "epochs.csv": ((*SERIES, "metric", "epoch", "mean", "low", "high"), _epochs),
    "gradients.csv": (("study", "label", "setting", "layer", "state", "norm"), _gradients),
    "norms.csv": (("study", "panel", "label", "num_layers", "layer", "norm"), _norms),
}
