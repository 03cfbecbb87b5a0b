"""The numbers behind the page, as CSV and JSON: one row a seed, an epoch, a layer or a claim."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from resqunn.lab.report.gradient_figures import state_of
from resqunn.lab.report.summary import QUANTITIES
from resqunn.lab.training.files import as_json, write_atomically

Rows = Iterable[Sequence[Any]]


def write_numbers(folder: Path, summary: dict[str, Any]) -> list[str]:
    """Writes one CSV file a kind of number, and all of them as JSON; returns the names."""
    folder.mkdir(parents=True, exist_ok=True)
    tables: dict[str, tuple[Sequence[str], Rows]] = {
        "claims.csv": (
            ("claim", "source", "verdict", "reading", "quantity", "measured_in", *MEASURED),
            _claims(summary),
        ),
        "final.csv": (
            ("study", "label", "reading", "trainable", "quantity", *STATS),
            _final(summary),
        ),
        "seeds.csv": (
            ("study", "label", "reading", "trainable", "quantity", "number", "value"),
            _seeds(summary),
        ),
        "epochs.csv": (
            ("study", "label", "reading", "trainable", "quantity", "epoch", "mean", "low", "high"),
            _epochs(summary),
        ),
        "gradients.csv": (
            ("table", "wiring", "derivatives", "layer", "state", "norm"),
            _gradients(summary),
        ),
        "depth.csv": (
            ("ansatz", "angle_scale", "wiring", "layers", "layer", "norm"),
            _depth(summary),
        ),
    }
    names = ["summary.json"]
    for name, (heads, rows) in tables.items():
        rows = list(rows)
        if rows:
            text = io.StringIO(newline="")
            writer = csv.writer(text)
            writer.writerow(heads)
            writer.writerows(rows)
            write_atomically(folder / name, text.getvalue().encode())
            names.append(name)
    write_atomically(folder / "summary.json", as_json(summary))
    return names


STATS = ("mean", "std", "interval_low", "interval_high", "seeds")
MEASURED = (*STATS, "verdict_of_measurement")


def _stats(stats: dict[str, Any] | None) -> list[Any]:
    if stats is None:
        return [None] * 5
    interval = stats.get("interval") or (None, None)
    return [stats["mean"], stats.get("std"), *interval, len(stats["values"])]


def _claims(summary: dict[str, Any]) -> Rows:
    for claim in summary["claims"]:
        start = [claim["id"], claim["source"], claim["verdict"], claim.get("reading")]
        for row in claim["measured"]:
            rest = [row["quantity"], row["reading"], *_stats(row["stats"]), row["verdict"]]
            yield [*start, *rest]


def _series(summary: dict[str, Any]) -> Iterable[tuple[list[Any], dict[str, Any]]]:
    for study in summary["studies"]:
        for series in study["series"]:
            start = [study["id"], series["label"], series["reading"], series["trainable"]]
            yield start, series
    for row in summary["controls"]:
        yield ["controls", row["label"], "", ""], row


def _final(summary: dict[str, Any]) -> Rows:
    for start, series in _series(summary):
        for quantity, _ in QUANTITIES:
            yield [*start, quantity, *_stats(series["final"][quantity])]


def _seeds(summary: dict[str, Any]) -> Rows:
    for start, series in _series(summary):
        for quantity, _ in QUANTITIES:
            for number, value in enumerate(series["final"][quantity]["values"]):
                yield [*start, quantity, number, value]


def _epochs(summary: dict[str, Any]) -> Rows:
    for start, series in _series(summary):
        for quantity, curve in series.get("epochs", {}).items():
            count = len(curve["mean"])
            low, high = (curve.get(edge) or [None] * count for edge in ("low", "high"))
            for epoch, values in enumerate(zip(curve["mean"], low, high, strict=False), 1):
                yield [*start, quantity, epoch, *values]


def _gradients(summary: dict[str, Any]) -> Rows:
    for table in summary["gradients"]:
        for row in table["rows"]:
            for setting in ("cut", "true"):
                for cell in row[setting]:
                    start = [table["id"], row["wiring"], setting, cell["layer"]]
                    yield [*start, state_of(cell), cell["norm"]]


def _depth(summary: dict[str, Any]) -> Rows:
    for row in (summary.get("depth") or {}).get("rows", []):
        start = [row["ansatz"], row["angle_scale"], row["wiring"], row["layers"]]
        for layer, norm in enumerate(row["norms"], 1):
            yield [*start, f"O{layer}", norm]
