"""Fills the tables of docs/noise_study.md from what the question examples/noise.toml found.

    resqunn study examples/noise.toml --out results/noise
    python docs/noise_study.py results/noise

keeps the numbers in docs/noise_study.json and copies the figure. Without a folder it writes the
tables from docs/noise_study.json alone.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pages
from pages import points, table

from resqunn.lab import Results, open_results
from resqunn.lab.report.formatting import quantity
from resqunn.lab.study.questions import Stats

DOCS = Path(__file__).parent
NUMBERS, PAGE = DOCS / "noise_study.json", DOCS / "noise_study.md"
FIGURE = "question-noise"

CHANNELS = ("depolarizing", "bit_flip", "phase_flip", "phase_damping", "amplitude_damping")
STRENGTHS = ("0.01", "0.02", "0.05", "0.1", "0.2")
BASES = ("one layer", "none", "X+O1", "O1+O2", "X+O2", "(X+O1)+O2")
TRAINED = {"": "without noise", " (0.02)": "at 0.02", " (0.1)": "at 0.1"}

Numbers = dict[str, Any]


def condensed(results: Results) -> Numbers:
    """The part of the results that the page shows."""
    (study,) = results.studies
    return {
        "resqunn": results.resqunn,
        "created": results.created,
        "options": results.options,
        "seconds": results.seconds,
        "claims": [
            {
                "statement": claim.statement,
                "verdict": claim.verdict,
                "measured": [
                    {"what": quantity(row.quantity), **_rounded(row.stats)}
                    for row in claim.variants[0].measured
                ],
            }
            for claim in results.claims
        ],
        "final": {
            one.label: {each.metric: _rounded(one.final[each.metric]) for each in results.evaluated}
            for one in study.series
        },
        "metrics": {
            f"{each.noise}|{each.shots or 'exact'}": each.metric for each in results.evaluated
        },
    }


def _rounded(stats: Stats) -> Numbers:
    ends = stats.interval
    return {
        "seeds": len(stats.values),
        "median": round(stats.median, 5),
        "interval": None if ends is None else [round(end, 5) for end in ends],
    }


def _value(numbers: Numbers, label: str, noise: str, shots: object = "exact") -> str:
    found = numbers["final"][label][numbers["metrics"][f"{noise}|{shots}"]]
    return f"{100 * found['median']:.1f}"


def verdicts(numbers: Numbers) -> str:
    """Every claim with its verdict and what it rests on."""
    return table(
        ("claim", "difference, points", "verdict"),
        [
            (claim["statement"], "; ".join(map(points, claim["measured"])), claim["verdict"])
            for claim in numbers["claims"]
        ],
    )


def channels(numbers: Numbers) -> str:
    """Networks trained without noise under each channel at two strengths."""
    shown = [f"{channel}={p}" for channel in CHANNELS for p in ("0.05", "0.2")]
    heads = ["network", "no noise", *(text.replace("_", " ").replace("=", " ") for text in shown)]
    rows = [
        [f"`{label}`" if label != "one layer" else label]
        + [_value(numbers, label, noise) for noise in ("none", *shown)]
        for label in BASES
    ]
    return table(heads, rows)


def hardened(numbers: Numbers) -> str:
    """Networks trained with and without depolarizing noise, along its strength."""
    heads = ["network", "trained", "0", *STRENGTHS]
    rows = []
    for label in BASES:
        for suffix, word in TRAINED.items():
            noises = ("none", *(f"depolarizing={p}" for p in STRENGTHS))
            values = [_value(numbers, label + suffix, noise) for noise in noises]
            rows.append([f"`{label}`" if label != "one layer" else label, word, *values])
    return table(heads, rows)


def shots(numbers: Numbers) -> str:
    """What finitely many shots cost, without noise and with some."""
    counts = ("exact", 1000, 100)
    noises = {"none": "no noise", "depolarizing=0.05": "depolarizing 0.05"}
    heads = ["network"]
    heads += [
        f"{word}, {f'{n:,} shots' if n != 'exact' else n}"
        for word in noises.values()
        for n in counts
    ]
    rows = [
        [f"`{label}`" if label != "one layer" else label]
        + [_value(numbers, label, noise, n) for noise in noises for n in counts]
        for label in BASES
    ]
    return table(heads, rows)


TABLES: dict[str, Callable[[Numbers], str]] = {
    "verdicts": verdicts,
    "channels": channels,
    "hardened": hardened,
    "shots": shots,
}


def filled(page: str, numbers: Numbers) -> str:
    """The page with every table of this script written."""
    return pages.filled(page, TABLES, numbers)


def main(folder: Path | None = None) -> None:
    if folder is not None:
        numbers = condensed(open_results(folder))
        NUMBERS.write_text(json.dumps(numbers, indent=0) + "\n", encoding="utf-8")
        figure = folder / "report" / "figures" / f"{FIGURE}.png"
        shutil.copy(figure, DOCS / "figures" / "noise-study.png")
    numbers = json.loads(NUMBERS.read_text(encoding="utf-8"))
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), numbers), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
