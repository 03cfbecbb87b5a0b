"""Fills the tables of README.md and docs/replication.md from what `resqunn reproduce` found.

    resqunn reproduce --data mnist --seeds 40 --out results/paper
    resqunn reproduce --data mnist --seeds 200:230 --out results/confirmation
    resqunn reproduce --data mnist --figures 8 9 --interpretations all --out results/readings
    python docs/tables.py --paper results/paper --confirmation results/confirmation \
        --interpretations results/readings

keeps the numbers of each folder that is given in docs/replication.json, copies the figures that
the page shows, and writes the tables. Without folders it writes them from docs/replication.json.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pages
from pages import points, table

from resqunn.lab import Results, open_results
from resqunn.lab.report.formatting import quantity
from resqunn.lab.study.questions import Measurement, Stats
from resqunn.lab.study.results import SeriesResult, as_builtins
from resqunn.lab.study.statistics import FEWEST

DOCS = Path(__file__).parent
NUMBERS = DOCS / "replication.json"
PAGES = (DOCS.parent / "README.md", DOCS / "replication.md")
FIGURES = ("fig8-curves", "fig9-frozen", "depth-norms", "gradients-2-layers-depth-1-gradients")
WIRINGS = ("none", "X+O1", "O1+O2", "X+O2", "(X+O1)+O2")
TRUE = "true gradients"
METRICS = ("train_accuracy", "validation_accuracy")

Numbers = dict[str, Any]


def condensed(results: Results) -> Numbers:
    """The part of the results that the tables and the prose show."""
    return {
        "resqunn": results.resqunn,
        "created": results.created,
        "options": results.options,
        "claims": [
            {
                "id": claim.id,
                "source": claim.source,
                "statement": claim.statement,
                "said": claim.said,
                "rule": as_builtins(claim.rule),
                "verdict": claim.verdict,
                "variants": [
                    {
                        "variant": variant.variant,
                        "verdict": variant.verdict,
                        "seeds": variant.seeds,
                        "needed": variant.needed,
                        "deciding": variant.deciding,
                        "measured": [_measured(row) for row in variant.measured],
                    }
                    for variant in claim.variants
                ],
            }
            for claim in results.claims
        ],
        "series": [
            {
                "study": study.id,
                "label": series.label,
                "variant": series.variant,
                "frozen": series.frozen,
                "weights": series.num_weights,
            }
            | _final(series)
            for study in results.studies
            for series in study.series
        ],
        "norms": [
            {
                "panel": row.panel,
                "label": row.label,
                "layers": row.num_layers,
                "norms": list(row.norms),
            }
            for study in results.studies
            for row in study.norms
        ],
    }


def _final(series: SeriesResult) -> Numbers:
    return {metric: _rounded(series.final[metric]) for metric in METRICS}


def _measured(row: Measurement) -> Numbers:
    beyond = None if row.beyond is None else [row.beyond.count, row.beyond.of]
    return {
        "what": quantity(row.quantity),
        "verdict": row.verdict,
        **_rounded(row.stats),
        "held": sum(row.stats.values) if row.quantity.kind == "count" else None,
        "beyond": beyond,
        "superiority": _round(row.superiority),
        "exceptions": row.exceptions,
    }


def _rounded(stats: Stats) -> Numbers:
    ends = stats.interval
    return {
        "seeds": len(stats.values),
        "median": _round(stats.median),
        "interval": None if ends is None else [_round(end) for end in ends],
        "mean": _round(stats.mean),
        "std": _round(stats.std),
    }


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _percent(stats: Numbers) -> str:
    """The median with its interval; where no median was kept, the mean and its deviation."""
    if stats["median"] is None:
        return f"{100 * stats['mean']:.1f} ± {100 * stats['std']:.1f}"
    ends = stats["interval"]
    shown = "" if ends is None else f" [{100 * ends[0]:.1f}, {100 * ends[1]:.1f}]"
    return f"{100 * stats['median']:.1f}{shown}"


def _both(row: Numbers | None) -> str:
    """Training and validation accuracy."""
    return "" if row is None else " / ".join(_percent(row[metric]) for metric in METRICS)


def _find(numbers: Numbers, study: str, label: str, variant: str, frozen: bool) -> Numbers:
    for row in numbers["series"]:
        same = (row["study"], row["label"], row["variant"], row["frozen"])
        if same == (study, label, variant, frozen):
            return row
    raise KeyError(f"{study}, {label}, {variant}, frozen {frozen}")


def wirings(numbers: dict[str, Numbers]) -> str:
    """README's table: the paper's five wirings as written."""
    learn = {"O1+O2": "O1, O2", "(X+O1)+O2": "O1, O2"}
    return table(
        ("wiring", "train", "validation", "layers that learn"),
        [
            (
                f"`{wiring}`",
                *(_percent(row[metric]) for metric in METRICS),
                learn.get(wiring, "O2"),
            )
            for wiring in WIRINGS
            for row in (_find(numbers["paper"], "fig8", wiring, "as written", False),)
        ],
    )


def accuracies(numbers: dict[str, Numbers]) -> str:
    """Fig. 8 and 9, as written and with true derivatives, each beside the frozen benchmark."""
    paper = numbers["paper"]
    return table(
        ("wiring", "cut derivatives (as written)", "frozen layers", "true derivatives"),
        [
            (
                f"`{wiring}`",
                _both(_find(paper, "fig9", wiring, "as written", False)),
                _both(_find(paper, "fig9", wiring, "as written", True)),
                _both(_find(paper, "fig9", wiring, TRUE, False)),
            )
            for wiring in WIRINGS
        ],
    )


def interpretations(numbers: dict[str, Numbers]) -> str:
    """Fig. 8 in some of the interpretations, derivatives cut."""
    shown = {
        "as written": "as written",
        "once": "encoded once",
        "logits": "logits",
        "readout per qubit": "readout per qubit",
    }
    return table(
        ("wiring", *shown.values()),
        [
            (
                f"`{wiring}`",
                *(
                    _both(_find(numbers["interpretations"], "fig8", wiring, r, False))
                    for r in shown
                ),
            )
            for wiring in WIRINGS
        ],
    )


def quantum(numbers: dict[str, Numbers]) -> str:
    """Fig. 10."""
    return table(
        ("wiring", "cut derivatives (as written)", "true derivatives"),
        [
            (
                f"`{wiring}`",
                *(
                    _both(_find(numbers["paper"], "fig10", wiring, variant, False))
                    for variant in ("as written", TRUE)
                ),
            )
            for wiring in WIRINGS
        ],
    )


def claims(numbers: dict[str, Numbers]) -> str:
    """Every claim with its verdicts, as written and with true derivatives, and what decided."""
    again = {claim["id"]: claim for claim in numbers.get("confirmation", {}).get("claims", ())}
    rows = []
    for claim in numbers["paper"]["claims"]:
        written, true = (_found(claim, name) for name in ("as written", TRUE))
        row = [claim["statement"], claim["source"], claim["said"], _said(written), _said(true)]
        if again:
            row.append(_said(_found(again[claim["id"]], "as written")))
        rows.append(row)
    heads = ["claim", "source", "the paper", "as written", "true derivatives"]
    return table(heads + ["as written, seeds 200 to 229"] * bool(again), rows)


def quantities(numbers: dict[str, Numbers]) -> str:
    """What each statistical claim was judged by, as written."""
    rows = []
    for claim in numbers["paper"]["claims"]:
        found = _found(claim, "as written")
        if found is None or claim["rule"]["kind"] == "facts":
            continue
        for row in found["measured"]:
            ahead = "" if row["beyond"] is None else f"{row['beyond'][0]} of {row['beyond'][1]}"
            beats = "" if row["superiority"] is None else f"{row['superiority']:.2f}"
            mean = f"{100 * row['mean']:+.1f} ± {100 * row['std']:.1f}"
            rows.append((row["what"], points(row), mean, ahead, beats, row["verdict"]))
    heads = (
        "quantity, points",
        "median and interval",
        "mean ± std",
        "seeds more than 2 points above 0",
        "a new seed beats one of the other",
        "alone",
    )
    return table(heads, rows)


def readings(numbers: dict[str, Numbers]) -> str:
    """In how many of all interpretations the claims on Fig. 8 and 9 get each verdict."""
    rows = []
    for claim in numbers["interpretations"]["claims"]:
        kinds: dict[str, list[Numbers]] = {kind: [] for kind in KINDS}
        for variant in claim["variants"]:
            kinds[_kind(variant["variant"])].append(variant)
        if all(kinds.values()):
            rows.append((claim["statement"], *map(_spread, kinds.values())))
    return table(("claim", *KINDS), rows)


KINDS = (
    "6 readings, derivatives cut",
    "6 readings, true derivatives",
    "4 readings, double softmax and readout per qubit",
)


def _kind(variant: str) -> str:
    """Of readings those that behave alike."""
    changed = variant.split(", ")
    if "readout per qubit" in changed and "logits" not in changed:
        return KINDS[2]
    return KINDS[TRUE in changed]


def _found(claim: Numbers, variant: str) -> Numbers | None:
    return next((each for each in claim["variants"] if each["variant"] == variant), None)


def _said(variant: Numbers | None) -> str:
    """A verdict and what decided it: "in direction: +9.6 [3.1, 18.2]"."""
    if variant is None:
        return ""
    measured = variant["measured"]
    if not measured:
        return _word(variant)
    row = measured[variant.get("deciding") or 0]
    if row.get("held") is not None:
        return f"{_word(variant)}: {row['held']:g} of {row['seeds']}"
    return f"{_word(variant)}: {points(row)}"


ORDER = ("supported", "in direction", "contradicted", "undecided", "not measured")


def _word(variant: Numbers) -> str:
    few = variant["verdict"] == "undecided" and variant["seeds"] < FEWEST
    return f"undecided: {variant['seeds']} seeds" if few else variant["verdict"]


def _spread(variants: list[Numbers]) -> str:
    """In how many of the interpretations a claim gets each verdict."""
    words = [_word(variant) for variant in variants]
    shown = sorted(set(words), key=lambda word: ORDER.index(word.partition(":")[0]))
    return ", ".join(f"{words.count(word)} {word}" for word in shown)


def controls(numbers: dict[str, Numbers]) -> str:
    """Classical models on the same images."""
    rows = [row for row in numbers["paper"]["series"] if row["study"] == "controls"]
    return table(
        ("model", "weights", "train / validation"),
        [(row["label"], f"{row['weights']:,}", _both(row)) for row in rows],
    )


def norms(numbers: dict[str, Numbers]) -> str:
    """The first layer's gradient norm by number of layers, with and without residuals."""
    rows = numbers["paper"]["norms"]
    kinds = list(dict.fromkeys((row["panel"], row["label"]) for row in rows))
    most = max(row["layers"] for row in rows)
    body = []
    for panel, label in kinds:
        first = {
            row["layers"]: row["norms"][0]
            for row in rows
            if (row["panel"], row["label"]) == (panel, label)
        }
        body.append((f"{panel}, {label}", *(_power(first[n]) for n in range(1, most + 1))))
    return table(("first layer's gradient norm", *(f"n = {n}" for n in range(1, most + 1))), body)


def _power(value: float) -> str:
    """With a minus that no line ends at."""
    return f"{value:.1e}".replace("-", "\u2212")


TABLES: dict[str, Callable[[dict[str, Numbers]], str]] = {
    "five-wirings": wirings,
    "accuracies": accuracies,
    "interpretations": interpretations,
    "quantum-head": quantum,
    "claims": claims,
    "quantities": quantities,
    "readings": readings,
    "controls": controls,
    "depth": norms,
}


def filled(page: str, numbers: dict[str, Numbers]) -> str:
    """The page with every table of this script written."""
    return pages.filled(page, TABLES, numbers)


def main(folders: dict[str, Path]) -> None:
    numbers = json.loads(NUMBERS.read_text(encoding="utf-8"))
    numbers |= {name: condensed(open_results(folder)) for name, folder in folders.items()}
    if folders:
        NUMBERS.write_text(json.dumps(numbers, indent=0) + "\n", encoding="utf-8")
    if "paper" in folders:
        for name in FIGURES:
            shutil.copy(folders["paper"] / "report" / "figures" / f"{name}.png", DOCS / "figures")
    for page in PAGES:
        page.write_text(filled(page.read_text(encoding="utf-8"), numbers), encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("paper", "confirmation", "interpretations"):
        parser.add_argument(f"--{name}", type=Path)
    main({name: folder for name, folder in vars(parser.parse_args()).items() if folder})
