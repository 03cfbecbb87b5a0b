"""Fills the tables of docs/mattern.md from what `resqunn reproduce mattern` found.

    resqunn reproduce mattern --out results/mattern
    resqunn reproduce mattern --figures orders --out results/orders
    python docs/mattern.py results/mattern results/orders

keeps the numbers in docs/mattern.json and writes the tables; without folders it writes the tables
from docs/mattern.json alone. A folder whose runs are not all done counts for those that are.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pages
from pages import table

from resqunn.lab import Results, open_results
from resqunn.lab.study.questions import Stats
from resqunn.lab.study.results import SeriesResult
from resqunn.papers.mattern.claims import READINGS, limit
from resqunn.papers.mattern.studies import AGAIN, THEIRS

DOCS = Path(__file__).parent
NUMBERS = DOCS / "mattern.json"
PAGE = DOCS / "mattern.md"

Numbers = dict[str, Any]


def condensed(results: Results) -> Numbers:
    """The part of the results that the page shows."""
    return {
        "resqunn": results.resqunn,
        "created": results.created,
        "options": results.options,
        "seconds": results.seconds,
        "series": [_series(one) for study in results.studies for one in study.series],
        "claims": [
            {
                "id": claim.id,
                "statement": claim.statement,
                "source": claim.source,
                "variants": [
                    {
                        "variant": variant.variant,
                        "verdict": variant.verdict,
                        "seeds": variant.seeds,
                        "needed": variant.needed,
                        "deciding": variant.deciding,
                        "measured": [
                            {
                                "metric": row.quantity.metric,
                                "beyond": row.beyond and [row.beyond.count, row.beyond.of],
                                **_stats(row.stats),
                            }
                            for row in variant.measured
                        ],
                    }
                    for variant in claim.variants
                ],
            }
            for claim in results.claims
        ],
    }


def _series(one: SeriesResult) -> Numbers:
    return {
        "label": one.label,
        "variant": one.variant,
        "frozen": one.frozen,
        "weights": one.num_weights,
        "seconds": one.seconds,
        "seeds": list(one.seeds),
        "final": {metric: _stats(stats) for metric, stats in one.final.items()},
    }


def _stats(stats: Stats) -> Numbers:
    return {
        "median": round(stats.median, 6),
        "interval": stats.interval and [round(end, 6) for end in stats.interval],
        "mean": None if stats.mean is None else round(stats.mean, 6),
        "values": [round(value, 6) for value in stats.values],
    }


def _points(value: float, sign: bool = False) -> str:
    return f"{100 * value:+.1f}" if sign else f"{100 * value:.1f}"


def _find(numbers: Numbers, label: str, frozen: bool, variant: str) -> Numbers | None:
    wanted = label, frozen, variant
    found = (s for s in numbers["series"] if (s["label"], s["frozen"], s["variant"]) == wanted)
    return next(found, None)


def _networks(numbers: Numbers) -> list[tuple[str, bool]]:
    rows = [s for s in numbers["series"] if s["variant"] == AGAIN and "pixels" not in s["label"]]
    return [(s["label"], s["frozen"]) for s in rows]


def _how(frozen: bool) -> str:
    return "frozen" if frozen else "trained"


def summary(numbers: Numbers) -> str:
    """Of every network the mean over circuits, ours and theirs, in percent."""
    rows = []
    for label, frozen in _networks(numbers):
        ours, theirs = (_find(numbers, label, frozen, v) for v in (AGAIN, THEIRS))
        cells = [label, _how(frozen)]
        for metric in ("train_accuracy", "validation_accuracy", "trained_accuracy"):
            known = [each["final"][metric] for each in (ours, theirs) if each is not None]
            cells.append(" / ".join(_points(_mean(each)) for each in known))
        assert ours is not None
        cells.append(_points(_mean(ours["final"]["test_accuracy"])))
        rows.append(cells)
    for label in ("pixels", "thresholded pixels"):
        ours = _find(numbers, label, label != "pixels", AGAIN)
        if ours is not None:
            final = ours["final"]
            rows.append([label, "no circuit", *(_points(_mean(final[m])) for m in (
                "train_accuracy", "validation_accuracy", "trained_accuracy", "test_accuracy"
            ))])  # fmt: skip
    return table(
        ("network", "circuits", "training", "validation", "pool (their test)", "MNIST's test"), rows
    )


def _mean(stats: Numbers) -> float:
    return sum(stats["values"]) / len(stats["values"])


def _pairs(numbers: Numbers, label: str, frozen: bool) -> list[tuple[int, float, float]]:
    """The circuit, our training accuracy and theirs."""
    ours, theirs = (_find(numbers, label, frozen, v) for v in (AGAIN, THEIRS))
    if ours is None or theirs is None:
        return []
    columns = [
        dict(zip(each["seeds"], each["final"]["train_accuracy"]["values"], strict=True))
        for each in (ours, theirs)
    ]
    return [(k, value, columns[1][k]) for k, value in columns[0].items() if k in columns[1]]


def circuits(numbers: Numbers) -> str:
    """Training accuracy of every circuit, ours and theirs, in percent."""
    rows = []
    for label, frozen in _networks(numbers):
        pairs = {k: map(_points, both) for k, *both in _pairs(numbers, label, frozen)}
        # Ten columns are narrow: a cell breaks after the slash.
        cells = ["\N{NO-BREAK SPACE}/ ".join(pairs.get(k, ())) for k in range(10)]
        rows.append([f"{label}, {_how(frozen)}", *cells])
    return table(("network", *(str(k) for k in range(10))), rows)


def agreement(numbers: Numbers) -> str:
    """How far apart ours and theirs are, in points of training accuracy."""
    rows = []
    for label, frozen in _networks(numbers):
        pairs = _pairs(numbers, label, frozen)
        if not pairs:
            continue
        worst = max(pairs, key=lambda pair: abs(pair[1] - pair[2]))
        most = limit(label)
        within = sum(abs(a - b) <= most for _, a, b in pairs)
        rows.append((
            label, _how(frozen), f"{within} of {len(pairs)}", f"{100 * most:.0f}",
            _points(sum(a - b for _, a, b in pairs) / len(pairs), True),
            f"{_points(worst[1] - worst[2], True)} (circuit {worst[0]})",
        ))  # fmt: skip
    return table(
        ("network", "circuits", "within", "points allowed", "mean difference", "largest"), rows
    )


def claims(numbers: Numbers) -> str:
    """Every question: by our runs in three readings, and by the authors' own in two."""
    kinds: dict[str, dict[str, Numbers]] = {}
    for claim in numbers["claims"]:
        for metric in READINGS:
            if claim["id"].endswith(f"-{metric}"):
                kinds.setdefault(claim["id"].removesuffix(f"-{metric}"), {})[metric] = claim
    rows = []
    for same in kinds.values():
        first = next(iter(same.values()))
        statement = first["statement"].rpartition(" (")[0]
        cells = [_cell(same[metric], AGAIN) for metric in READINGS]
        cells += [_cell(same[metric], THEIRS) for metric in list(READINGS)[:2]]
        if any(cells):
            rows.append((statement, *cells))
    return table(
        ("question", "training", "pool", "MNIST's test", "theirs: training", "theirs: test"), rows
    )


def others(numbers: Numbers) -> str:
    """The questions that are asked once."""
    rows = [
        (claim["statement"], _cell(claim, AGAIN))
        for claim in numbers["claims"]
        if not claim["id"].endswith(tuple(READINGS)) and _cell(claim, AGAIN)
    ]
    return table(("question", "verdict"), rows)


def _cell(claim: Numbers, variant: str) -> str:
    """A verdict with the median and interval of the quantity that decides."""
    for found in claim["variants"]:
        if found["variant"] == variant and found["verdict"] != "not measured":
            row = found["measured"][found["deciding"] or 0]
            if row["metric"] not in (*READINGS, "accuracy_gap"):  # facts
                return found["verdict"]
            ends = row["interval"]
            if ends is None:
                return f"{found['verdict']}: {found['seeds']} circuits"
            shown = f"{_points(row['median'], True)} [{', '.join(_points(e, True) for e in ends)}]"
            more = ""
            if found["verdict"] == "undecided":
                needed = found["needed"]
                more = f"; about {needed} circuits would decide" if needed else "; no number would"
            return f"**{found['verdict']}** {shown}{more}"
    return ""


def cost(numbers: Numbers) -> str:
    """Seconds of a run, training and its evaluation, but not the scores at its end."""
    rows = [
        (one["label"], "no circuit" if "pixels" in one["label"] else _how(one["frozen"]),
         str(len(one["seeds"])), f"{one['seconds']:.0f}")
        for one in numbers["series"]
        if one["variant"] == AGAIN
    ]  # fmt: skip
    return table(("network", "circuits", "runs", "seconds a run"), rows)


def _orders(results: Results) -> list[Numbers]:
    return [_series(one) for study in results.studies for one in study.series]


def orders(numbers: Numbers) -> str:
    """Training accuracy of frozen circuits over orders of the images, in percent."""
    rows = []
    for one in numbers["orders"]:
        values = one["final"]["train_accuracy"]["values"]
        label, _, circuit = one["label"].partition(", circuit ")
        theirs = _find(numbers, label, True, THEIRS)
        assert theirs is not None
        rows.append((
            one["label"],
            f"{_points(min(values))} to {_points(max(values))}",
            _points(statistics.mean(values)),
            _points(statistics.stdev(values)),
            _points(values[0]),
            _points(theirs["final"]["train_accuracy"]["values"][int(circuit)]),
        ))  # fmt: skip
    heads = ("frozen", "from, to", "mean", "standard deviation", "seed 10", "authors")
    return table(heads, rows)


TABLES: dict[str, Callable[[Numbers], str]] = {
    "summary": summary,
    "circuits": circuits,
    "agreement": agreement,
    "claims": claims,
    "others": others,
    "orders": orders,
    "cost": cost,
}


def filled(page: str, numbers: Numbers) -> str:
    """The page with every table of this script written."""
    return pages.filled(page, TABLES, numbers)


def main(runs: Path | None = None, orders: Path | None = None) -> None:
    if runs is not None and orders is not None:
        text = json.dumps(condensed(open_results(runs)) | {"orders": _orders(open_results(orders))})
        # One series or claim a line.
        text = text.replace('{"label"', '\n{"label"').replace('{"id"', '\n{"id"')
        NUMBERS.write_text(text + "\n", encoding="utf-8")
    numbers = json.loads(NUMBERS.read_text(encoding="utf-8"))
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), numbers), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
