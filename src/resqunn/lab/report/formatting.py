"""Numbers and configurations as the page words them."""

from __future__ import annotations

import dataclasses
import math
import re
import shlex
from typing import Any

from resqunn.lab.training.config import PRESETS, TrainConfig

VERDICTS = {
    "reproduced": "yes",
    "direction only": "partly",
    "not reproduced": "no",
    "depends on the reading": "depends",
    "not measured": "open",
}
"""A verdict and the class that colours it."""

COUNTED = {
    "reproduced": ("is reproduced", "are reproduced"),
    "direction only": ("in direction only", "in direction only"),
    "not reproduced": ("is not reproduced", "are not reproduced"),
    "depends on the reading": ("depends on the reading", "depend on the reading"),
    "not measured": ("was not measured", "were not measured"),
}

MACHINE = {"data_root", "threads", "seed", "preset"}
"""Fields left out of a command line: where it runs, and what it gives apart."""

SHOWN = {"wiring", "data"}
"""Fields that a command line always names."""


def percent(value: float | int | None, *, signed: bool = False, unit: bool = True) -> str:
    """A fraction in per cent with one decimal; a true minus sign."""
    if value is None or not math.isfinite(value):
        return "\u2013"
    text = f"{100 * value:{'+' if signed else ''}.1f}".replace("-", "\u2212")
    return f"{text}\u00a0%" if unit else text


def plain(value: float | int | None) -> str:
    """A number that is no accuracy."""
    if value is None or not math.isfinite(value):
        return "\u2013"
    return f"{value:.3g}".replace("-", "\u2212")


def accuracy(stats: dict[str, Any]) -> str:
    """Mean and 95 % interval, "87.7 % [86.0, 89.4]"."""
    return percent(stats["mean"]) + _interval(stats, lambda v: percent(v, unit=False))


def measured(quantity: str, stats: dict[str, Any] | None) -> str:
    """A claim's quantity with its interval: differences of accuracies carry a sign, and what
    holds or does not (ones and zeros) is counted."""
    if stats is None:
        return "not measured"
    if "accuracy" not in quantity.lower():
        values = stats["values"]
        if len(values) > 1 and all(value in (0, 1) for value in values):
            return f"{sum(values):.0f} of {len(values)}"
        return plain(stats["mean"]) + _interval(stats, plain)
    signed = " minus " in quantity

    def edge(value: float | int | None) -> str:
        return percent(value, signed=signed, unit=False)

    unit = "\u00a0points" if signed else "\u00a0%"
    return edge(stats["mean"]) + unit + _interval(stats, edge)


def _interval(stats: dict[str, Any], worded: Any) -> str:
    interval = stats.get("interval")
    return f" [{worded(interval[0])}, {worded(interval[1])}]" if interval else ""


def seeds(stats: dict[str, Any]) -> str:
    """The single values, one a seed."""
    return ", ".join(percent(value, unit=False) for value in stats["values"])


def duration(seconds: float | int | None) -> str:
    """Seconds as people say them: "12 min 4 s"."""
    if seconds is None or not math.isfinite(seconds):
        return "\u2013"
    if seconds < 10:
        return f"{seconds:.1f}\u00a0s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (rest if not hours else 0, "s")]
    return " ".join(f"{count}\u00a0{unit}" for count, unit in parts if count)


def command(config: dict[str, Any], seed: int = 0) -> str:
    """The `resqunn train` command line of a run: its preset and what differs from it."""
    preset = config.get("preset", "resqunn")
    preset = preset if preset in PRESETS else "resqunn"
    base = dataclasses.asdict(PRESETS[preset])
    words = ["resqunn", "train"] + (["--preset", preset] if preset != "resqunn" else [])
    for field in dataclasses.fields(TrainConfig):
        value = config.get(field.name, base[field.name])
        value = tuple(value) if isinstance(value, list) else value
        if field.name in MACHINE or (field.name not in SHOWN and value == base[field.name]):
            continue
        option = field.name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{option}" if value else f"--no-{option}")
        else:
            values = value if isinstance(value, tuple) else (value,)
            words += [f"--{option}", *(str(v) for v in values)]
    return shlex.join([*words, "--seed", str(seed)])


def figures_named(source: str) -> set[int]:
    """The numbers of the paper's figures in a source: "Fig. 3, 7 and 11" gives {3, 7, 11}."""
    lists = re.findall(r"Figs?\.?\s*(\d+(?:\s*(?:,|and|to)\s*\d+)*)", source)
    return {int(number) for text in lists for number in re.findall(r"\d+", text)}


def slug(text: str) -> str:
    """A name for files and anchors."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "part"
