"""Tables and a picture of the timings, for docs/benchmarks.md."""

from __future__ import annotations

import json
import platform
import re
import time
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.cases import CHOICES, CONV, OURS, Result
from benchmarks.peers import NOT_TIMED, PennyLane

DOCS = Path(__file__).parents[1] / "docs"
PACKAGES = ("torch", "numba", "pennylane", "pyqtorch", "tensorcircuit-ng", "jax")


def line(result: Result) -> str:
    """One result on one line."""
    names = [f"{name} {1e3 * result.median(name):.3f}" for name in result.timings]
    return f"{result.case}: " + ", ".join(names) + " ms"


def collected(results: list[Result], extras: dict[str, Any]) -> dict[str, Any]:
    """Everything as JSON-ready values; times in milliseconds."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {
        "versions": {"python": platform.python_version(), **versions},
        "processor": _processor(),
        "date": time.strftime("%Y-%m-%d"),
        "cases": [
            {
                "case": result.case,
                "milliseconds": {n: 1e3 * result.median(n) for n in result.timings},
                "first": {n: t.first for n, t in result.timings.items()},
                "skipped": result.skipped,
            }
            for result in results
        ],
        **extras,
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        found = re.search(r"model name\s*:\s*(.*)", info.read_text())
        if found:
            return found[1]
    return platform.processor()


def tables(data: dict[str, Any]) -> str:
    """The tables in Markdown."""
    rows = [
        "| values and gradients, ms | resqunn | Conv2d | resqunn / Conv2d | PennyLane broadcast | over resqunn | fastest other peer | over resqunn |"
    ]
    rows.append("| --- | --: | --: | --: | --: | --: | :-- | --: |")
    for entry in data["cases"]:
        times = dict(entry["milliseconds"])
        ours = times.pop(OURS)
        cells = [f"{ours:.2f}"]
        conv = times.pop(CONV, None)
        cells += ["", ""] if conv is None else [f"{conv:.2f}", f"**{ours / conv:.2f}**"]
        broadcast = times.pop(PennyLane.name, None)
        cells += ["", ""] if broadcast is None else [f"{broadcast:.0f}", f"{broadcast / ours:.0f}"]
        best = min(times, key=lambda n: times[n]) if times else None
        cells += (
            ["", ""] if best is None else [f"{times[best]:.1f} {best}", f"{times[best] / ours:.0f}"]
        )
        rows.append(f"| {entry['case']} | " + " | ".join(cells) + " |")
    peers: dict[str, tuple[float, float]] = {}
    for entry in data["cases"]:
        if entry["case"].startswith("2x2 (4 qubits), re-upload, depth 4, 16 images"):
            peers = {
                name: (value, entry["first"][name]) for name, value in entry["milliseconds"].items()
            }
            break
    rows += ["", "| every peer at 2x2, re-upload, depth 4, 16 images | ms | first call, s |"]
    rows.append("| --- | --: | --: |")
    for name, (value, first) in sorted(peers.items(), key=lambda item: item[1][0]):
        shown = "" if "loop" in name else f"{first:.2f}"
        rows.append(f"| {name} | {value:,.2f} | {shown} |")
    for name, reason in NOT_TIMED.items():
        rows.append(f"| {name} | not timed: {reason} | |")
    rows += ["", "| compilation, s | first use ever | second process |", "| --- | --: | --: |"]
    rows += [f"| {kind} | {a:.1f} | {b:.2f} |" for kind, (a, b) in data["compilation"].items()]
    rows += ["", "| peak memory at 256 images, depth 4, over importing torch | ratio |"]
    rows.append("| --- | --: |")
    rows += [f"| {kind} | {ratio:.2f} |" for kind, ratio in data["memory"].items()]
    wrong = "; ".join(data["auto"]) or f"never, of {len(CHOICES)} circuits"
    rows += [
        "",
        f'`engine="auto"` chose an engine over 1.3 times slower than the fastest: {wrong}.',
    ]
    versions = ", ".join(f"{name} {version}" for name, version in data["versions"].items())
    rows += ["", f"One core of {data['processor']}, {data['date']}; {versions}."]
    return "\n".join(rows)


def write(data: dict[str, Any]) -> None:
    """Writes the JSON, the tables between the page's marks, and the picture."""
    (DOCS / "benchmarks.json").write_text(json.dumps(data, indent=2) + "\n")
    page = DOCS / "benchmarks.md"
    marked = re.compile(r"(<!-- tables -->\n).*(<!-- end of tables -->)", re.DOTALL)
    page.write_text(marked.sub(lambda m: m[1] + tables(data) + "\n" + m[2], page.read_text()))
    picture(data, DOCS / "benchmarks.svg")


def picture(data: dict[str, Any], path: Path) -> None:
    """Bars of every contestant at the case that most peers take part in."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "resqunn"
    from matplotlib import pyplot as plt

    wanted = [
        "2x2 (4 qubits), once, depth 4, 16 images",
        "2x2 (4 qubits), re-upload, depth 4, 16 images",
    ]
    entries = [next(e for e in data["cases"] if e["case"] == case) for case in wanted]
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.4), sharex=True, layout="constrained")
    for axis, entry in zip(axes, entries, strict=True):
        times = sorted(entry["milliseconds"].items(), key=lambda item: -item[1])
        names = [name for name, _ in times]
        colours = {OURS: "#0072b2", CONV: "#999999"}
        bars = axis.barh(
            names, [value for _, value in times], color=[colours.get(n, "#d9b38c") for n in names]
        )
        axis.bar_label(bars, [f"{value:,.2f} ms" for _, value in times], padding=3, fontsize=8)
        axis.set_xscale("log")
        axis.set_xlim(0.1, 2e6)
        axis.set_title(entry["case"].removeprefix("2x2 (4 qubits), "), fontsize=10)
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("values and gradients of one layer, milliseconds (logarithmic)", fontsize=9)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
