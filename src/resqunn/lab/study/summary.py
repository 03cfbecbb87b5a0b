"""summary.json: everything that was found, in the form that the report reads (format 2).

Accuracies are fractions in [0, 1]. Bands of learning curves run from the lowest to the highest
seed, because outcomes gather in two clusters rather than around a mean.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from resqunn import __version__
from resqunn.circuits.circuit import Circuit
from resqunn.circuits.readouts import ChosenZ
from resqunn.lab.study.controls import NOTES
from resqunn.lab.study.evidence import METRICS, RunResult, collect, finals, read_run
from resqunn.lab.study.executors import Outcome
from resqunn.lab.study.plan import Plan, Series, Study
from resqunn.lab.study.statistics import stats
from resqunn.lab.training.files import FORMAT
from resqunn.papers.resqunns.claims import judge

VANISHING = 1e-2
"""A gradient norm below this fraction of the largest layer's counts as vanishing."""


def summarise(plan: Plan, folder: Path, failed: Sequence[Outcome] = ()) -> dict[str, Any]:
    """The content of summary.json, from the runs that are done."""
    results = {run.key: found for run in plan.runs if (found := read_run(folder, run)) is not None}
    return {
        "format": FORMAT,
        "resqunn": __version__,
        "options": plan.options.as_dict(),
        "environment": _environment(list(results.values())),
        "seconds": round(sum(result.seconds for result in results.values()), 1),
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "studies": [_study(study, results) for study in plan.studies],
        "gradients": [g for study in plan.surveys if (g := _gradients(study, results))],
        "depth": None if plan.depth is None else _depth(plan.depth, results),
        "claims": judge(collect(plan, results)),
        "controls": [] if plan.controls is None else _controls(plan.controls, results),
        "circuits": circuits(),
        "failures": failures(failed),
    }


def failures(failed: Sequence[Outcome]) -> list[dict[str, Any]]:
    """The runs that failed every time, and their last errors."""
    return [
        {
            "key": each.run.key,
            "study": each.run.study,
            "label": each.run.label,
            "seed": each.run.seed,
            "error": each.error,
        }
        for each in failed
    ]


def _done(series: Series, results: Mapping[str, RunResult]) -> list[RunResult]:
    return [results[run.key] for run in series.runs if run.key in results]


def _environment(results: Sequence[RunResult]) -> dict[str, Any]:
    manifests = [result.manifest for result in results if result.manifest]
    data = {
        f"{r.run.config.data}, {r.run.config.classes} classes, "
        f"{r.run.config.per_class or 'all'} images each, seed {r.run.seed}": r.manifest[
            "data_sha256"
        ]
        for r in results
        if r.manifest
    }
    first = manifests[0] if manifests else {}
    return {
        "versions": first.get("versions", {}),
        "platform": first.get("platform", ""),
        "data_sha256": dict(sorted(data.items())),
    }


def _study(study: Study, results: Mapping[str, RunResult]) -> dict[str, Any]:
    return {
        "id": study.id,
        "title": study.title,
        "source": study.source,
        "paper": study.paper,
        "series": [s for each in study.series if (s := _series(each, _done(each, results)))],
    }


def _series(series: Series, done: Sequence[RunResult]) -> dict[str, Any] | None:
    if not done:
        return None
    config = dataclasses.asdict(series.config)
    del config["seed"], config["data_root"]
    epochs = list(zip(*(result.epochs for result in done), strict=True))
    return {
        "label": series.label,
        "reading": series.reading,
        "trainable": series.trainable,
        "keys": [run.key for run in series.runs],
        "config": config,
        "epochs": {
            name: _band([[getattr(epoch, name) for epoch in same] for same in epochs])
            for name in (*METRICS, "loss")
        },
        "final": {metric: stats(v.values()).as_dict() for metric, v in finals(done).items()},
        "gradient_norms": {
            part: _norms([[epoch.gradient_norms[part] for epoch in same] for same in epochs])
            for part in done[0].epochs[0].gradient_norms
        },
        "seconds": round(sum(result.seconds for result in done) / len(done), 3),
    }


def _band(values: list[list[float]]) -> dict[str, list[float]]:
    return {
        "mean": [sum(same) / len(same) for same in values],
        "low": [min(same) for same in values],
        "high": [max(same) for same in values],
    }


def _norms(values: list[list[float | None]]) -> list[float] | None:
    known = [[norm for norm in same if norm is not None] for same in values]
    if not all(known):
        return None
    return [sum(same) / len(same) for same in known]


def _gradients(study: Study, results: Mapping[str, RunResult]) -> dict[str, Any] | None:
    series = study.series[0]  # circuits of depth 1, as in the paper's figures
    done = _done(series, results)
    if not done:
        return None
    rows = [
        {"wiring": row["wiring"]} | {side: _marked(row[side]) for side in ("cut", "true")}
        for row in done[0].result["rows"]
    ]
    return {
        "id": study.id,
        "title": study.title,
        "source": study.source,
        "paper": study.paper,
        "layers": len(series.config.depths),
        "rows": rows,
    }


def _marked(layers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    largest = max((layer["norm"] or 0.0 for layer in layers), default=0.0)
    return [
        layer | {"vanishing": layer["status"] == "flows" and layer["norm"] < VANISHING * largest}
        for layer in layers
    ]


def _depth(study: Study, results: Mapping[str, RunResult]) -> dict[str, Any]:
    rows = [
        {
            "ansatz": series.config.ansatz,
            "angle_scale": series.config.angle_scale,
            "wiring": seeds[0]["wiring"],
            "layers": seeds[0]["layers"],
            "norms": [
                median(norm or 0.0 for norm in norms)
                for norms in zip(*(row["norms"] for row in seeds), strict=True)
            ],
        }
        for series in study.series
        for seeds in zip(*(r.result["rows"] for r in _done(series, results)), strict=True)
    ]
    return {"title": study.title, "rows": rows}


def _controls(study: Study, results: Mapping[str, RunResult]) -> list[dict[str, Any]]:
    found = []
    for series in study.series:
        done = _done(series, results)
        if done:
            weights = done[0].result.get("weights")
            found.append(
                {
                    "label": series.label,
                    "note": NOTES.get(series.kind, "the network of Fig. 8, for comparison"),
                    "weights": _weights(series) if weights is None else int(weights),
                    "final": {m: stats(v.values()).as_dict() for m, v in finals(done).items()},
                }
            )
    return found


def _weights(series: Series) -> int:
    """Trained weights of a network; its head's shape comes with a first image."""
    import torch

    from resqunn.lab.training.run import build_model

    side = 8 if series.config.data == "digits" else 28
    model = build_model(series.config)
    with torch.no_grad():
        model(torch.zeros(1, 1, side, side))
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def circuits() -> list[dict[str, str]]:
    """The circuits of the studies, drawn."""
    rows = (
        ("layer 1 as written (re-upload, depth 4)", "rx_chain", 4, True),
        ("layer 1, encoded once", "rx_chain", 4, False),
        ("layer 2 (depth 1)", "rx_chain", 1, True),
        ("the layer of Fig. 2 (depth 2)", "ry_chain", 2, False),
    )
    drawn = [
        {
            "title": title,
            "drawing": Circuit(
                "ry", ansatz, "mean_z", inputs=4, depth=depth, reupload=reupload
            ).draw(),
        }
        for title, ansatz, depth, reupload in rows
    ]
    readout = ChosenZ("z6,z7,z8,z9", (6, 7, 8, 9))
    head = Circuit("amplitude", "ry_chain", readout, inputs=1024, depth=1)
    return [*drawn, {"title": "quantum head, last wires measured", "drawing": head.draw()}]
