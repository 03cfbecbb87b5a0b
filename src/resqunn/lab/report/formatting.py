"""Numbers, quantities and configurations in words, composed from the fields of the results."""

from __future__ import annotations

import dataclasses
import math
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from resqunn.data.sources import SOURCES
from resqunn.lab.study.questions import Quantity, Stats, Term
from resqunn.lab.study.results import DataRecord, SeriesResult
from resqunn.lab.study.seeds import rows
from resqunn.lab.training.config import PRESETS, TrainConfig
from resqunn.lab.training.inputs import in_words

MACHINE = {"data_root", "threads", "seed", "preset"}
"""Fields left out of a command line: where it runs, and what it gives apart."""

SHOWN = {"data"}
"""Fields that a command line always names."""

_WORDS = {"train": "training", "auroc": "AUROC", "f1": "F1"}

DASH = "\u2013"

MOST_DECIMALS = 6
"""Of a number in per cent that is close to a limit."""


def metric(name: str) -> str:
    """A metric's name in words: "train_accuracy" is "training accuracy".

    The condition under which it was measured, behind a comma, stays as it is.
    """
    name, comma, condition = name.partition(", ")
    words = name.replace("_", " ").split(" ")
    return " ".join(_WORDS.get(word, word) for word in words) + comma + condition


def name(series: SeriesResult | Term) -> str:
    """ "O1+O2", or "O1+O2 frozen", if it does not say so by itself."""
    said = not series.frozen or "frozen" in series.label.lower()
    return series.label if said else f"{series.label} frozen"


def listed(texts: Sequence[str]) -> str:
    """ "a, b and c"."""
    return f"{', '.join(texts[:-1])} and {texts[-1]}" if len(texts) > 1 else "".join(texts)


def quantity(what: Quantity) -> str:
    """A quantity in words: "training accuracy, O1+O2 minus X+O1"."""
    if what.kind == "count":
        return metric(what.metric)

    def mean(terms: Sequence[Term]) -> str:
        return ("mean of " if len(terms) > 1 else "") + listed([name(term) for term in terms])

    text = ", ".join(part for part in (metric(what.metric), mean(what.plus)) if part)
    if what.minus:
        other = metric(what.minus_metric) if what.minus_metric else ""
        text += " minus " + ", ".join(part for part in (other, mean(what.minus)) if part)
    return f"{text} minus guessing" if what.kind == "above_chance" else text


def percent(
    value: float | int | None,
    *,
    signed: bool = False,
    unit: bool = True,
    off: Sequence[float] = (),
) -> str:
    """A fraction in per cent with one decimal; a true minus sign.

    Args:
        off: numbers that it must not be shown as, unless it is one of them: more decimals then.

    >>> percent(0.0198, unit=False), percent(0.0198, unit=False, off=[0.02])
    ('2.0', '1.98')
    """
    if value is None or not math.isfinite(value):
        return DASH
    digits = 1
    while digits < MOST_DECIMALS and any(
        value != other and round(100 * value, digits) == round(100 * other, digits) for other in off
    ):
        digits += 1
    near = round(100 * value, digits) or 0.0  # and not minus zero
    text = f"{near:{'+' if signed and near else ''}.{digits}f}".replace("-", "\u2212")
    return f"{text}\u00a0%" if unit else text


def points(value: float | int | None, *, signed: bool = True) -> str:
    """A difference of fractions in percentage points, "+5 points"; as short as it is exact."""
    if value is None or not math.isfinite(value):
        return DASH
    text = f"{round(100 * value, 4):{'+' if signed else ''}g}".replace("-", "\u2212")
    return f"{text}\u00a0{'point' if abs(100 * value) == 1 else 'points'}"


def accuracy(stats: Stats) -> str:
    """Median and interval of a metric, "87.7 % [86.0, 89.4]"; too few seeds have no interval."""
    return percent(stats.median) + _interval(stats, lambda value: percent(value, unit=False))


def mean(stats: Stats, *, signed: bool = False) -> str:
    """ "mean 86.9 \u00b1 3.2", if there are seeds enough."""
    if stats.mean is None:
        return ""
    std = percent(stats.std, unit=False)
    return f"mean\u00a0{percent(stats.mean, signed=signed, unit=False)}\u00a0\u00b1\u00a0{std}"


def measured(what: Quantity, stats: Stats, limits: Sequence[float] = ()) -> str:
    """What was found: "+9.6 points [3.1, 18.2]", "+17.3 points (2 seeds)", "5 of 5".

    Args:
        limits: at which a verdict turns: an end of the interval has as many decimals as show on
            which side of them it lies.
    """
    if what.unit == "items":
        return f"{sum(stats.values):g} of {len(stats.values)}"
    signed = is_signed(what)

    def edge(value: float | int | None) -> str:
        return percent(value, signed=signed, unit=False)

    text = edge(stats.median) + ("\u00a0points" if signed else "\u00a0%")
    if stats.interval is None:
        return f"{text} ({counted(len(stats.values), 'seed')})"
    return text + _interval(stats, lambda end: percent(end, signed=signed, unit=False, off=limits))


def difference(stats: Stats) -> str:
    """A difference of metrics: "+2.1 points [0.4, 3.0]"."""

    def edge(value: float | int | None) -> str:
        return percent(value, signed=True, unit=False)

    return f"{edge(stats.median)}\u00a0points{_interval(stats, edge)}"


def metric_value(name: str, value: float | int | None) -> str:
    """A metric's value: in per cent, or as it is where it is no fraction."""
    if value is not None and name.endswith(("_loss", "_matthews")):
        return f"{value:.3f}".replace("-", "\u2212")
    return percent(value)


def is_signed(what: Quantity) -> bool:
    """Whether it is a difference, of networks or from guessing."""
    return bool(what.minus) or what.kind == "above_chance"


def _interval(stats: Stats, worded: Callable[[float], str]) -> str:
    ends = stats.interval
    return f" [{worded(ends[0])}, {worded(ends[1])}]" if ends else ""


def counted(count: int, noun: str) -> str:
    """ "1 seed", "5 seeds"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def weights(series: SeriesResult) -> str:
    """How many weights are trained, and how many of them matter if not all do: "46 (44 live)"."""
    count, live = series.num_weights, series.num_live_weights
    if count is None:
        return ""
    return f"{count:,}" if live in (None, count) else f"{count:,} ({live:,} live)"


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def ranges(numbers: Sequence[int]) -> str:
    """Numbers in a row as "1 to 35".

    >>> ranges([1, 2, 3, 7, 9, 10])
    '1 to 3, 7, 9, 10'
    """
    few = 3
    return ", ".join(
        f"{row[0]} to {row[-1]}" if len(row) >= few else ", ".join(map(str, row))
        for row in rows(numbers)
    )


def held(records: Sequence[DataRecord]) -> list[str]:
    """What the data sets hold, as far as the records say it, each once."""
    found = [
        in_words(
            each.data,
            each.classes if isinstance(each.classes, int) else len(each.classes),
            each.shape,
            each.images,
        )
        for each in records
        if len(each.shape) == 3 and each.images
    ]
    return list(dict.fromkeys(found))


def by_data(records: Sequence[DataRecord]) -> dict[str, list[DataRecord]]:
    """The records of data sets by what they are of: "digits, 3 classes, all images each"."""
    found: dict[str, list[DataRecord]] = {}
    for each in records:
        classes = each.classes
        what = f"{classes} classes" if isinstance(classes, int) else f"classes {value(classes)}"
        name = f"{each.data}, {what}, {each.per_class or 'all'} images each"
        found.setdefault(name, []).append(each)
    return found


def seeds(stats: Stats) -> str:
    """The single values, one a seed."""
    return ", ".join(percent(value, unit=False) for value in stats.values)


def duration(seconds: float | int) -> str:
    """Seconds as people say them: "12 min 4 s"."""
    if not math.isfinite(seconds):
        return DASH
    if seconds < 10:
        return f"{seconds:.1f}\u00a0s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (rest if not hours else 0, "s")]
    return " ".join(f"{count}\u00a0{unit}" for count, unit in parts if count)


def value(found: Any) -> str:
    """An option's value."""
    if isinstance(found, Mapping):
        known = {name: inner for name, inner in found.items() if inner is not None}
        return "; ".join(
            f"{name}: {value(inner)}" if inner != {} else name for name, inner in known.items()
        )
    if isinstance(found, (list, tuple)):
        return ", ".join(
            f"({value(each)})" if isinstance(each, Mapping) else value(each) for each in found
        )
    if found is None:
        return DASH
    return ("no", "yes")[found] if isinstance(found, bool) else str(found)


def command(config: Mapping[str, Any], seed: int = 0, unit: str = "seed") -> str:
    """The `resqunn train` command line of a run: its preset and what differs from it.

    Args:
        unit: the option that takes the seed's number.
    """
    if unit != "seed":
        before = config.get(unit)
        config = {**config, unit: f"{before}:{seed}" if isinstance(before, str) else seed}
    preset = config.get("preset")
    preset = preset if isinstance(preset, str) and preset in PRESETS else "resqunn"
    base = dataclasses.asdict(PRESETS[preset])
    row = SOURCES.get(str(config.get("data", base["data"])))
    if row is not None and config.get("classes") == len(row.classes):
        base["classes"] = config["classes"]  # all of them, as by default
    words = ["resqunn", "train"] + (["--preset", preset] if preset != "resqunn" else [])
    for field in dataclasses.fields(TrainConfig):
        found = config.get(field.name, base[field.name])
        found = tuple(found) if isinstance(found, list) else found
        if field.name in MACHINE or (field.name not in SHOWN and found == base[field.name]):
            continue
        option = field.name.replace("_", "-")
        if isinstance(found, bool):
            words.append(f"--{option}" if found else f"--no-{option}")
        else:
            values = found if isinstance(found, tuple) else (found,)
            words += [f"--{option}", *(str(each) for each in values)]
    return shlex.join(words + (["--seed", str(seed)] if unit == "seed" else []))


def slug(text: str) -> str:
    """A name for files and anchors."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower())[:60].strip("-") or "part"
