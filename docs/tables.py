"""Fills the tables of README.md and docs/replication.md from what `resqunn reproduce` found.

    resqunn reproduce --out results/paper
    resqunn reproduce --figures 8 9 --readings all --out results/readings
    python docs/tables.py results/paper results/readings

keeps the numbers of both in docs/replication.json, copies the figures that the page shows,
and writes the tables. Without folders it writes the tables from docs/replication.json alone.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
NUMBERS = DOCS / "replication.json"
PAGES = (DOCS.parent / "README.md", DOCS / "replication.md")
FIGURES = ("fig8-curves", "fig9-frozen", "depth", "gradients-layers2")
WIRINGS = ("none", "X+O1", "O1+O2", "X+O2", "(X+O1)+O2")
METRICS = ("train_accuracy", "validation_accuracy")

Numbers = dict[str, Any]


def condensed(summary: Numbers) -> Numbers:
    """The part of a summary.json that the tables and the prose show."""
    return {
        "resqunn": summary["resqunn"],
        "created": summary["created"],
        "options": summary["options"],
        "claims": [
            {key: claim[key] for key in ("id", "source", "statement", "paper", "verdict")}
            | {
                "measured": [
                    {"reading": m["reading"], "verdict": m["verdict"]} | _rounded(m["stats"])
                    for m in claim["measured"]
                ]
            }
            for claim in summary["claims"]
        ],
        "series": [
            {"study": study["id"]}
            | {key: series[key] for key in ("label", "reading", "trainable")}
            | {metric: _rounded(series["final"][metric]) for metric in METRICS}
            for study in summary["studies"]
            for series in study["series"]
        ],
        "controls": [
            {"label": row["label"], "weights": row["weights"]}
            | {metric: _rounded(row["final"][metric]) for metric in METRICS}
            for row in summary["controls"]
        ],
        "depth": (summary["depth"] or {"rows": []})["rows"],
    }


def _rounded(stats: Numbers) -> Numbers:
    return {key: stats[key] and round(stats[key], 6) for key in ("mean", "std")}


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _percent(stats: Numbers) -> str:
    return f"{100 * stats['mean']:.1f} ± {100 * stats['std']:.1f}"


def _both(row: Numbers | None) -> str:
    """Training and validation accuracy."""
    return "" if row is None else " / ".join(_percent(row[metric]) for metric in METRICS)


def _find(numbers: Numbers, study: str, label: str, reading: str, trainable: bool) -> Numbers:
    for row in numbers["series"]:
        same = (row["study"], row["label"], row["reading"], row["trainable"])
        if same == (study, label, reading, trainable):
            return row
    raise KeyError(f"{study}, {label}, {reading}, trainable {trainable}")


def wirings(numbers: dict[str, Numbers]) -> str:
    """README's table: the paper's five wirings as written."""
    learn = {"O1+O2": "O1, O2", "(X+O1)+O2": "O1, O2"}
    return _table(
        ("wiring", "train", "validation", "layers that learn"),
        [
            (
                f"`{wiring}`",
                *(_percent(row[metric]) for metric in METRICS),
                learn.get(wiring, "O2"),
            )
            for wiring in WIRINGS
            for row in (_find(numbers["paper"], "fig8", wiring, "paper", True),)
        ],
    )


def accuracies(numbers: dict[str, Numbers]) -> str:
    """Fig. 8 and 9, as written and with true derivatives, each beside the frozen benchmark."""
    paper = numbers["paper"]
    return _table(
        ("wiring", "cut derivatives (as written)", "frozen layers", "true derivatives"),
        [
            (
                f"`{wiring}`",
                _both(_find(paper, "fig9", wiring, "paper", True)),
                _both(_find(paper, "fig9", wiring, "paper", False)),
                _both(_find(paper, "fig9", wiring, "true gradients", True)),
            )
            for wiring in WIRINGS
        ],
    )


def readings(numbers: dict[str, Numbers]) -> str:
    """Fig. 8 under some of the readings, derivatives cut."""
    shown = {
        "paper": "as written",
        "once": "encoded once",
        "logits": "logits",
        "readout per qubit": "readout per qubit",
    }
    return _table(
        ("wiring", *shown.values()),
        [
            (
                f"`{wiring}`",
                *(_both(_find(numbers["readings"], "fig8", wiring, r, True)) for r in shown),
            )
            for wiring in WIRINGS
        ],
    )


def quantum(numbers: dict[str, Numbers]) -> str:
    """Fig. 10."""
    return _table(
        ("wiring", "cut derivatives (as written)", "true derivatives"),
        [
            (
                f"`{wiring}`",
                *(
                    _both(_find(numbers["paper"], "fig10", wiring, reading, True))
                    for reading in ("paper", "true gradients")
                ),
            )
            for wiring in WIRINGS
        ],
    )


def claims(numbers: dict[str, Numbers]) -> str:
    """Every claim with its verdict as written, with true derivatives, and over all readings."""
    more = {claim["id"]: claim for claim in numbers["readings"]["claims"]}
    rows = []
    for claim in numbers["paper"]["claims"]:
        verdicts = [_verdict(claim, reading) for reading in ("paper", "true gradients")]
        rows.append((claim["statement"], claim["source"], *verdicts, _spread(more[claim["id"]])))
    heads = ("claim", "source", "as written", "true derivatives", "over 16 readings")
    return _table(heads, rows)


WEAKNESS = ("reproduced", "direction only", "not reproduced", "not measured")


def _verdict(claim: Numbers, reading: str) -> str:
    found = [m["verdict"] for m in claim["measured"] if m["reading"] == reading]
    return max(found, key=WEAKNESS.index, default="")


def _spread(claim: Numbers) -> str:
    """Under how many of the readings a claim gets each verdict."""
    readings = list(dict.fromkeys(m["reading"] for m in claim["measured"]))
    if len(readings) <= 2:
        return ""
    counts: dict[str, int] = {}
    for reading in readings:
        verdict = _verdict(claim, reading)
        counts[verdict] = counts.get(verdict, 0) + 1
    return ", ".join(f"{counts[v]} {v}" for v in WEAKNESS if v in counts)


def controls(numbers: dict[str, Numbers]) -> str:
    """Classical models on the same images."""
    return _table(
        ("model", "weights", "train / validation"),
        [(row["label"], f"{row['weights']:,}", _both(row)) for row in numbers["paper"]["controls"]],
    )


def depth(numbers: dict[str, Numbers]) -> str:
    """The first layer's gradient norm by number of layers, with and without residuals."""
    rows = numbers["paper"]["depth"]
    kinds = list(dict.fromkeys((r["ansatz"], r["angle_scale"], r["wiring"]) for r in rows))
    most = max(row["layers"] for row in rows)
    body = []
    for ansatz, scale, wiring in kinds:
        norms = {
            row["layers"]: row["norms"][0]
            for row in rows
            if (row["ansatz"], row["angle_scale"], row["wiring"]) == (ansatz, scale, wiring)
        }
        pixels = "1" if scale == 1 else "π"
        name = f"{ansatz[:2].upper()}, pixels in [0, {pixels}], {wiring}"
        body.append((name, *(f"{norms[n]:.1e}" for n in range(1, most + 1))))
    return _table(("first layer's gradient norm", *(f"n = {n}" for n in range(1, most + 1))), body)


TABLES: dict[str, Callable[[dict[str, Numbers]], str]] = {
    "five-wirings": wirings,
    "accuracies": accuracies,
    "readings": readings,
    "quantum-head": quantum,
    "claims": claims,
    "controls": controls,
    "depth": depth,
}


def filled(page: str, numbers: dict[str, Numbers]) -> str:
    """The page with every table between `<!-- NAME -->` and `<!-- end of NAME -->` written."""

    def write(found: re.Match[str]) -> str:
        name = found[1]
        return f"<!-- {name} -->\n{TABLES[name](numbers)}\n<!-- end of {name} -->"

    names = "|".join(TABLES)
    return re.sub(rf"<!-- ({names}) -->\n.*?<!-- end of \1 -->", write, page, flags=re.DOTALL)


def main(paper: Path | None = None, readings: Path | None = None) -> None:
    if paper is not None and readings is not None:
        numbers = {
            name: condensed(json.loads((folder / "summary.json").read_text(encoding="utf-8")))
            for name, folder in (("paper", paper), ("readings", readings))
        }
        NUMBERS.write_text(json.dumps(numbers, indent=0) + "\n", encoding="utf-8")
        for name in FIGURES:
            shutil.copy(paper / "report" / "figures" / f"{name}.png", DOCS / "figures")
    numbers = json.loads(NUMBERS.read_text(encoding="utf-8"))
    for page in PAGES:
        page.write_text(filled(page.read_text(encoding="utf-8"), numbers), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
