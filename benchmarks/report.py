"""Tables of the timings, for docs/benchmarks.md. What was not measured is left out."""

from __future__ import annotations

import json
import platform
import re
import time
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks import bars, choice, imported, noisy, pictures, seeds, threads
from benchmarks.layers import CONV, OURS, REUPLOAD
from benchmarks.peers import NOT_TIMED, PennyLane
from benchmarks.timing import Result

DOCS = Path(__file__).parents[1] / "docs"
PACKAGES = ("torch", "numba", "pennylane", "pyqtorch", "tensorcircuit-ng", "jax")


def line(result: Result) -> str:
    """One result on one line."""
    names = [f"{name} {result.wall(name):.3f} ({result.cpu(name):.3f})" for name in result.timings]
    return f"{result.case}: " + ", ".join(names) + " ms (of the processor)"


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
                "milliseconds": {name: result.wall(name) for name in result.timings},
                "cpu_milliseconds": {name: result.cpu(name) for name in result.timings},
                "first": {name: timing.first for name, timing in result.timings.items()},
                "limit": result.limit,
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
    found = [_layers(data), _peers(data)]
    if judged := bars.judged(data):
        found.append(_bars(judged))
    if "compilation" in data:
        found.append(_compilation(data["compilation"]))
    if "memory" in data:
        found.append(_memory(data["memory"]))
    if "seeds" in data:
        found.append(seeds.table(data["seeds"]))
    if "vmap" in data:
        found.append(seeds.vmap_table(data["vmap"]))
    if "imported" in data:
        found.append(imported.table(data["imported"]))
    if "noise" in data:
        found.append(noisy.noise_table(data["noise"]))
    if "shots" in data:
        found.append(noisy.shots_table(data["shots"]))
    if "threads" in data:
        found.append(threads.table(data["threads"]))
    if "choice" in data:
        found.append(choice.table(data["choice"]))
    found.append(_machine(data))
    return "\n\n".join(found)


def _layers(data: dict[str, Any]) -> str:
    rows = [
        "| values and gradients, ms | resqunn | CPU | Conv2d | CPU | resqunn / Conv2d | physical limit | times the limit | PennyLane broadcast | over resqunn | fastest other peer | over resqunn |",
        "| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | :-- | --: |",
    ]
    rows += [f"| {entry['case']} | " + " | ".join(_cells(entry)) + " |" for entry in data["cases"]]
    return "\n".join(rows)


def _cells(entry: dict[str, Any]) -> list[str]:
    wall, cpu = entry["milliseconds"], entry["cpu_milliseconds"]
    ours, limit = cpu[OURS], entry["limit"]
    cells = [f"{wall[OURS]:.2f}", f"{ours:.2f}"]
    if CONV in cpu:
        cells += [f"{wall[CONV]:.2f}", f"{cpu[CONV]:.2f}", f"**{ours / cpu[CONV]:.2f}**"]
    else:
        cells += ["", "", ""]
    cells += ["", ""] if limit is None else [f"{limit:.3f}", f"{ours / limit:.1f}"]
    peers = {name: value for name, value in cpu.items() if name not in (OURS, CONV)}
    broadcast = peers.pop(PennyLane.name, None)
    cells += ["", ""] if broadcast is None else [f"{broadcast:.0f}", f"{broadcast / ours:.0f}"]
    if not peers:
        return [*cells, "", ""]
    best = min(peers, key=lambda name: peers[name])
    return [*cells, f"{peers[best]:.1f} {best}", f"{peers[best] / ours:.0f}"]


def _peers(data: dict[str, Any]) -> str:
    rows = [f"| every peer at {REUPLOAD} | ms | CPU, ms | first call, s |"]
    rows.append("| --- | --: | --: | --: |")
    for entry in data["cases"]:
        if entry["case"] != str(REUPLOAD):
            continue
        cpu, first = entry["cpu_milliseconds"], entry["first"]
        for name, wall in sorted(entry["milliseconds"].items(), key=lambda item: item[1]):
            shown = "" if "loop" in name else f"{first[name]:.2f}"
            rows.append(f"| {name} | {wall:,.2f} | {cpu[name]:,.2f} | {shown} |")
    rows += [f"| {name} | not timed: {reason} | | |" for name, reason in NOT_TIMED.items()]
    return "\n".join(rows)


def _bars(judged: list[bars.Judged]) -> str:
    rows = ["| bars | measured | bar | |", "| --- | --: | --: | :-- |"]
    for bar in judged:
        verdict = "met" if bar.met else f"missed by {100 * bar.excess:.0f} %"
        rows.append(
            f"| {bar.case}: {bar.quantity} | {bar.measured:.2f} | {bar.limit:g} | {verdict} |"
        )
    return "\n".join(rows)


def _compilation(found: dict[str, dict[str, float]]) -> str:
    rows = [
        "| first call, values and gradients, s | first use ever | CPU | a later process | CPU |",
        "| --- | --: | --: | --: | --: |",
    ]
    rows += [
        f"| {kind} | {s['ever']:.1f} | {s['ever_cpu']:.1f} | {s['later']:.3f} | {s['later_cpu']:.3f} |"
        for kind, s in found.items()
    ]
    return "\n".join(rows)


def _memory(found: dict[str, float]) -> str:
    rows = ["| peak memory at 256 images, depth 4, over importing torch | ratio |"]
    rows.append("| --- | --: |")
    rows += [f"| {kind} | {ratio:.2f} |" for kind, ratio in found.items()]
    return "\n".join(rows)


def _machine(data: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in data["versions"].items())
    peaks = "; ".join(
        f"{dtype}: {1e-9 * peak['multiplications']:.0f} billion multiply-adds and "
        f"{1e-9 * peak['bytes']:.1f} GB a second"
        for dtype, peak in data.get("peaks", {}).items()
    )
    measured = f" (measured, {peaks})" if peaks else ""
    later = "".join(f"; {name} on {date}" for name, date in data.get("later", {}).items())
    return f"One core of {data['processor']}{measured}, {data['date']}{later}; {versions}."


def with_parts(again: dict[str, Any]) -> dict[str, Any]:
    """What was written last, with some parts measured anew today."""
    data = json.loads((DOCS / "benchmarks.json").read_text())
    later = data.get("later", {}) | dict.fromkeys(again, time.strftime("%Y-%m-%d"))
    return {**data, **again, "later": later}


def write(data: dict[str, Any]) -> None:
    """Writes the JSON, the tables between the page's marks, and the pictures."""
    (DOCS / "benchmarks.json").write_text(json.dumps(data, indent=2) + "\n")
    page = DOCS / "benchmarks.md"
    marked = re.compile(r"(<!-- tables -->\n).*(<!-- end of tables -->)", re.DOTALL)
    page.write_text(marked.sub(lambda m: m[1] + tables(data) + "\n" + m[2], page.read_text()))
    pictures.contestants(data, DOCS / "benchmarks.svg")
    pictures.curves(data["scaling"], DOCS / "scaling.svg")
