"""The results as CSV tables; their bytes depend on the results alone.

claims      a row for each quantity in each variant, with its verdict, its variant's and its claim's
final       a row for each metric of a series: median, interval, mean, standard deviation
seeds       the same, a row for each seed
epochs      a row for each epoch: median, lowest and highest seed
gradients   a row for each layer of a network, differentiated in one way
norms       a row for each layer: gradient norms by number of layers

Metrics and limits are fractions in [0, 1]. `low` and `high` are the ends of the interval of a
median, and for an epoch the lowest and the highest seed; `beyond` is how many seeds lie more than
`delta` above zero, `beyond_low` and `beyond_high` the ends of the interval of their share.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from resqunn.errors import RunError
from resqunn.lab.study.questions import Share, Stats, Term
from resqunn.lab.study.results import Results, SeriesResult
from resqunn.lab.training.files import remove_partials, write_atomically
from resqunn.lab.training.harmless import cell, own_folder

FOLDER = "tables"

Rows = Iterable[Sequence[Any]]

STATS = ("median", "low", "high", "mean", "std", "count")
SERIES = ("study", "label", "variant", "frozen")


def write_tables(folder: Path, results: Results) -> tuple[str, ...]:
    """Writes `folder/tables/*.csv`, each with a header, and returns the names of those with rows.

    Texts that a spreadsheet would take for a formula begin with an apostrophe.

    Raises:
        RunError: if `tables` is a symbolic link or cannot be written.
    """
    target = folder / FOLDER
    try:
        own_folder(target)
        remove_partials(target)
        filled = []
        for name, (header, rows) in TABLES.items():
            text = io.StringIO(newline="")
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(header)
            found = [[cell(value) for value in row] for row in rows(results)]
            writer.writerows(found)
            filled += [name] if found else []
            write_atomically(target / name, text.getvalue().encode())
    except OSError as error:
        raise RunError(f"the tables cannot be written: {error}") from None
    return tuple(filled)


def _stats(stats: Stats) -> list[Any]:
    low, high = stats.interval or (None, None)
    return [stats.median, low, high, stats.mean, stats.std, len(stats.values)]


def _share(share: Share | None) -> list[Any]:
    return [None] * 3 if share is None else [share.count, *share.interval]


def _terms(terms: Sequence[Term]) -> list[str]:
    frozen = ("true" if term.frozen else "false" for term in terms)
    return ["; ".join(term.label for term in terms), "; ".join(frozen)]


def _claims(results: Results) -> Rows:
    for claim in results.claims:
        rule = claim.rule
        for variant in claim.variants:
            for row in variant.measured:
                quantity = row.quantity
                yield [
                    claim.id,
                    claim.verdict,
                    variant.variant,
                    variant.verdict,
                    variant.needed,
                    row.verdict,
                    rule.kind,
                    rule.margin,
                    rule.delta,
                    quantity.figure,
                    quantity.kind,
                    quantity.metric,
                    *_terms(quantity.plus),
                    *_terms(quantity.minus),
                    quantity.unit,
                    *_stats(row.stats),
                    *_share(row.beyond),
                    row.superiority,
                    row.exceptions,
                ]


def _series(results: Results) -> Iterator[tuple[list[Any], SeriesResult]]:
    for study in results.studies:
        for series in study.series:
            yield [study.id, series.label, series.variant, series.frozen], series


def _final(results: Results) -> Rows:
    for start, series in _series(results):
        for metric, stats in series.final.items():
            learns = _share(series.learns.get(metric))
            weights = series.num_weights, series.num_live_weights
            yield [*start, metric, *_stats(stats), *learns, *weights]


def _seeds(results: Results) -> Rows:
    for start, series in _series(results):
        for metric, stats in series.final.items():
            for seed, value in zip(series.seeds, stats.values, strict=True):
                yield [*start, metric, seed, value]


def _epochs(results: Results) -> Rows:
    for start, series in _series(results):
        for metric, curve in series.curves.items():
            rows = zip(curve.median, curve.low, curve.high, strict=True)
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
            *("claim", "claim_verdict", "variant", "variant_verdict", "seeds_needed", "verdict"),
            *("rule", "margin", "delta", "source_figure", "kind", "metric"),
            *("plus", "plus_frozen", "minus", "minus_frozen", "unit", *STATS),
            *("beyond", "beyond_low", "beyond_high", "superiority", "exceptions"),
        ),
        _claims,
    ),
    "final.csv": (
        (
            *(*SERIES, "metric", *STATS, "learn", "learn_low", "learn_high"),
            *("num_weights", "num_live_weights"),
        ),
        _final,
    ),
    "seeds.csv": ((*SERIES, "metric", "seed", "value"), _seeds),
    "epochs.csv": ((*SERIES, "metric", "epoch", "median", "low", "high"), _epochs),
    "gradients.csv": (("study", "label", "setting", "layer", "state", "norm"), _gradients),
    "norms.csv": (("study", "panel", "label", "num_layers", "layer", "norm"), _norms),
}
