"""A quantity of a verdict as a strip: every seed a dot, the median, its interval and the limits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from resqunn.lab.report.formatting import counted, percent
from resqunn.lab.study.questions import Measurement, Rule

WIDTH, HEIGHT = 320, 52
LEFT, RIGHT = 10.0, 310.0
TOP, BASE = 4, 38
BIN = 5
"""Units of width in which dots are stacked."""

APART = 32
"""Units between two labels, at least."""

DECIMALS = 4
"""Of a label, at most."""

LEAST = 0.02
"""Of the axis, so that seeds that agree stand in one place."""


def strip(row: Measurement, rule: Rule) -> str:
    """An SVG element; nothing for a count, or without values."""
    values = row.stats.values
    if row.quantity.unit == "items" or not values:
        return ""
    limits = _limits(row, rule)
    ends = row.stats.interval or ()
    axis = _Axis([*values, *ends, *limits, 0.0])
    low, high = (percent(end(values), signed=True, unit=False) for end in (min, max))
    label = f"{counted(len(values), 'seed')} from {low} to {high} points"
    parts = [f'<path class="axis" d="M{LEFT:g} {BASE}H{RIGHT:g}"/>']
    if rule.margin is not None and rule.kind == "equal":
        parts.append(_box("zone", axis.at(-rule.margin), axis.at(rule.margin)))
    elif rule.margin is not None:
        parts.append(_box("zone", LEFT, axis.at(rule.margin)))
    if ends:
        parts.append(_box("interval", axis.at(ends[0]), axis.at(ends[1])))
    parts.append(_line("zero", axis.at(0.0)))
    parts += [_line("limit", axis.at(limit)) for limit in limits]
    parts.append(f'<path class="seed" d="{"".join(_dots(map(axis.at, values)))}"/>')
    parts.append(_line("median", axis.at(row.stats.median)))
    parts += _labels(
        axis, [*_named(axis, limits, rule), (0.0, ""), (min(values), ""), (max(values), "")]
    )
    return (
        f'<svg class="strip" role="img" aria-label="{label}" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f"{''.join(parts)}</svg>"
    )


class _Axis:
    """From fractions to units of width."""

    def __init__(self, shown: Sequence[float]) -> None:
        low, high = min(shown), max(shown)
        room = max(0.0, LEAST - (high - low)) / 2
        self._low, self._high = low - room, high + room

    def at(self, value: float) -> float:
        part = (value - self._low) / (self._high - self._low)
        return round(LEFT + (RIGHT - LEFT) * part, 1)


def _limits(row: Measurement, rule: Rule) -> list[float]:
    """Where the verdict turns."""
    if rule.kind == "equal":
        return [-(rule.margin or 0.0), rule.margin or 0.0]
    if rule.kind == "at_most":
        return [rule.margin or 0.0]
    figure = row.quantity.figure
    return [figure / 2, figure] if rule.kind == "better_by" and figure else [rule.delta]


def _box(name: str, low: float, high: float) -> str:
    width = max(1.0, round(high - low, 1))
    return f'<rect class="{name}" x="{low}" y="{TOP}" width="{width}" height="{BASE - TOP}"/>'


def _line(name: str, at: float) -> str:
    return f'<path class="{name}" d="M{at} {TOP}V{BASE}"/>'


def _dots(places: Iterable[float]) -> Iterable[str]:
    """Dots of no length with round ends, stacked where they are close to each other."""
    stacks: dict[int, list[float]] = {}
    for place in sorted(places):
        stacks.setdefault(int(place // BIN), []).append(place)
    most = max(map(len, stacks.values()))
    step = min(4.6, (BASE - TOP - 8) / max(1, most - 1))
    for stack in stacks.values():
        for i, place in enumerate(stack):
            yield f"M{place} {round(BASE - 4 - step * i, 1)}h0"


def _named(axis: _Axis, limits: Sequence[float], rule: Rule) -> list[tuple[float, str]]:
    """The limits with their labels; "\u00b12" for two on either side of zero without room."""
    near = rule.kind == "equal" and axis.at(limits[-1]) - axis.at(limits[0]) < APART
    if near:
        return [(0.0, f"\u00b1{_short(limits[-1]).lstrip('+')}")]
    return [(limit, "") for limit in limits]


def _labels(axis: _Axis, values: Sequence[tuple[float, str]]) -> list[str]:
    """The numbers below the axis, the first ones first, as long as there is room."""
    taken: list[float] = []
    found = []
    for value, label in values:
        at = axis.at(value)
        if all(abs(at - other) >= APART for other in taken):
            taken.append(at)
            text = label or _short(value)
            anchor = "start" if at < LEFT + 8 else "end" if at > RIGHT - 8 else "middle"
            x = {"start": 1, "end": WIDTH - 1, "middle": at}[anchor]
            found.append(f'<text x="{x}" y="{HEIGHT - 3}" text-anchor="{anchor}">{text}</text>')
    return found


def _short(value: float) -> str:
    """A fraction in points: "+2", "\u22120.4"; more decimals for what is not zero."""
    digits = 1
    while value and digits < DECIMALS and not round(100 * value, digits):
        digits += 1
    near = round(100 * value, digits)
    return f"{near:{'+' if near else ''}g}".replace("-", "\u2212")
