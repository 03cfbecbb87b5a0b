"""The report in a few sentences, and all of its words made harmless."""

from __future__ import annotations

from typing import Any

from resqunn.lab.report import formatting, verdicts
from resqunn.lab.study.results import GradientTable, Results, as_builtins, built
from resqunn.lab.training.harmless import printable


def cleaned(results: Results) -> Results:
    """The same results with every text printable: see `printable`."""
    return built(_cleaned(as_builtins(results)), Results)


def _cleaned(value: Any) -> Any:
    if isinstance(value, dict):
        return {_cleaned(key): _cleaned(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_cleaned(inner) for inner in value]
    return printable(value) if isinstance(value, str) else value


def summary(results: Results) -> str:
    """What was run, what came of the claims, and which layers get a gradient."""
    said = [_runs(results), verdicts.counts(results.claims)]
    said += [_reach(study.gradients) for study in results.studies if study.gradients]
    return " ".join(dict.fromkeys(sentence for sentence in said if sentence))


def _runs(results: Results) -> str:
    series = [one for study in results.studies for one in study.series]
    # Studies may share runs.
    runs = sum({one.keys: len(one.seeds) for one in series}.values())
    if not runs:
        return ""
    names = dict.fromkeys(record.data for record in results.environment.data)
    on = f" on {formatting.listed(list(names))}" if names else ""
    counts = {len(one.seeds) for one in series}
    seeds = ("" if len(counts) == 1 else "up to ") + formatting.counted(max(counts), "seed")
    return f"{formatting.counted(runs, 'run')}{on}, {seeds} each."


def _reach(table: GradientTable) -> str:
    """In how many of the networks a gradient reaches every layer, however small."""
    found = []
    for setting, title in table.settings.items():
        rows = [row.cells[setting] for row in table.rows if setting in row.cells]
        reached = sum(all(cell.state in ("flows", "vanishing") for cell in row) for row in rows)
        found.append(f"{reached} of {len(rows)}{'' if found else ' networks'} ({title})")
    if not found or not table.rows:
        return ""
    layers = formatting.counted(table.num_layers, "layer")
    return f"With {layers}, a gradient reaches every layer of {formatting.listed(found)}."
