"""The same as CSV tables, without times: their bytes depend on the results alone."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from resqunn.lab.study.evidence import METRICS, final, read_run
from resqunn.lab.study.plan import Plan
from resqunn.lab.training.files import write_atomically


def write_tables(plan: Plan, folder: Path, summary: dict[str, Any]) -> None:
    """Writes `tables/*.csv`."""
    for name, (header, rows) in {
        "runs": (("study", "label", "reading", "trainable", "seed", "key", *METRICS), _runs),
        "epochs": (("key", "epoch", "loss", *METRICS), _epochs),
        "gradients": (("study", "wiring", "derivatives", "layer", "status", "norm"), _gradients),
        "depth": (("ansatz", "angle_scale", "wiring", "layers", "layer", "norm"), _depth),
        "claims": (
            ("claim", "reading", "quantity", "mean", "std", "low", "high", "verdict", "overall"),
            _claims,
        ),
    }.items():
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows(plan, folder, summary))
        write_atomically(folder / "tables" / f"{name}.csv", text.getvalue().encode())


Rows = Iterable[Sequence[Any]]


def _runs(plan: Plan, folder: Path, _: dict[str, Any]) -> Rows:
    trained = [*plan.studies, *([plan.controls] if plan.controls else [])]
    for study in trained:
        for series in study.series:
            for run in series.runs:
                found = read_run(folder, run)
                values = [final(found, m) for m in METRICS] if found else ["", ""]
                yield [
                    study.id,
                    series.label,
                    series.reading,
                    series.trainable,
                    run.seed,
                    run.key,
                    *values,
                ]


def _epochs(plan: Plan, folder: Path, _: dict[str, Any]) -> Rows:
    for run in plan.runs:
        found = read_run(folder, run)
        for epoch in found.epochs if found else ():
            yield [run.key, epoch.epoch, epoch.loss, *(getattr(epoch, m) for m in METRICS)]


def _gradients(_: Plan, __: Path, summary: dict[str, Any]) -> Rows:
    for study in summary["gradients"]:
        for row in study["rows"]:
            for side in ("cut", "true"):
                for layer in row[side]:
                    values = [layer["layer"], layer["status"], layer["norm"]]
                    yield [study["id"], row["wiring"], side, *values]


def _depth(_: Plan, __: Path, summary: dict[str, Any]) -> Rows:
    for row in (summary["depth"] or {"rows": []})["rows"]:
        for layer, norm in enumerate(row["norms"], 1):
            yield [row["ansatz"], row["angle_scale"], row["wiring"], row["layers"], layer, norm]


def _claims(_: Plan, __: Path, summary: dict[str, Any]) -> Rows:
    for claim in summary["claims"]:
        for m in claim["measured"]:
            stats = m["stats"]
            low, high = stats["interval"] or ("", "")
            std = "" if stats["std"] is None else stats["std"]
            yield [
                claim["id"],
                m["reading"],
                m["quantity"],
                stats["mean"],
                std,
                low,
                high,
                m["verdict"],
                claim["verdict"],
            ]
