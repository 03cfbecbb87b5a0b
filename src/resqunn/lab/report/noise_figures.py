"""Accuracy under noise and shots, as a figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from resqunn.circuits.noise import Noise
from resqunn.lab.report import formatting
from resqunn.lab.report.marks import legend, titled
from resqunn.lab.report.series import Series
from resqunn.lab.report.style import (
    INK,
    MARKERS,
    OKABE_ITO,
    Palette,
    panels,
    percent_axis,
    styled,
)
from resqunn.lab.report.style import number as drawn
from resqunn.lab.study.questions import Stats
from resqunn.lab.study.results import Evaluated
from resqunn.lab.training.noisy_evaluation import NoisyScores

if TYPE_CHECKING:
    from matplotlib.figure import Figure
else:
    Figure = Any

LINES = ("-", "--", ":", "-.")
"""Of numbers of shots, the first of which has a band."""

WORDS = {
    "depolarizing": "strength of depolarizing noise",
    "bit_flip": "probability of bit flips",
    "phase_flip": "probability of phase flips",
    "phase_damping": "strength of phase damping",
    "amplitude_damping": "strength of amplitude damping",
    "readout": "probability that a measured bit is flipped",
}


@styled
def accuracy_under_noise(rows: Sequence[NoisyScores], wide: bool = True) -> Figure:
    """Accuracy against noise, a line for each number of shots: along its strength where noises
    differ in one strength alone, else noise by noise."""
    figure, axes = panels(1, 1, wide=wide, height=3.0)
    ax = axes[0, 0]
    noises = list(dict.fromkeys(row.noise for row in rows))
    name = _varied(rows)
    places = {
        noise: number if name is None else getattr(noise, name)
        for number, noise in enumerate(noises)
    }
    for number, shots in enumerate(dict.fromkeys(row.shots for row in rows)):
        found = [row for row in rows if row.shots == shots]
        points = sorted((places[row.noise], row.scores.accuracy) for row in found)
        ax.plot(
            [place for place, _ in points],
            [accuracy for _, accuracy in points],
            color=OKABE_ITO[number % len(OKABE_ITO)],
            marker=MARKERS[number % len(MARKERS)],
            markersize=4,
            linestyle="-" if name else "",
            label="exact values" if shots is None else f"{shots:,} shots",
        )
    if name is None:
        labels = [str(noise).replace(",", "\n") or "none" for noise in noises]
        ax.set_xticks(range(len(noises)), labels)
        ax.set_xlim(-0.5, len(noises) - 0.5)
    else:
        ax.set_xlabel(WORDS[name])
    classes = len(rows[0].scores.total)
    ax.axhline(1 / classes, linewidth=0.8, linestyle=":", color=OKABE_ITO[3])
    ax.annotate(
        "guessing",
        (0.995, 1 / classes),
        xycoords=("axes fraction", "data"),
        ha="right",
        va="bottom",
        fontsize=7.5,
    )
    percent_axis(ax.yaxis)
    ax.set_ylabel("accuracy on validation images (%)")
    ax.legend(loc="best")
    return figure


@styled
def under_noise(
    series: Series, conditions: Sequence[Evaluated], palette: Palette, wide: bool = True
) -> Figure:
    """A panel for each network: its metric, the median over seeds, along the strength of each
    channel; exact values solid, with a band for their interval, and shots dashed."""
    curves = _curves(conditions)
    shown = [one for one in series if any(each.metric in one.final for each in conditions)]
    columns = min(len(shown), 3 if wide else 2)
    rows = -(-len(shown) // columns)
    figure, axes = panels(rows, columns, wide=wide, height=1.75 * rows + 0.7)
    for ax in axes.ravel()[len(shown) :]:
        ax.set_visible(False)
    channels = list(dict.fromkeys(channel for channel, _ in curves))
    shots = list(dict.fromkeys(count for _, count in curves))
    styles = {count: LINES[i % len(LINES)] for i, count in enumerate(shots)}
    for i, (ax, one) in enumerate(zip(axes.ravel(), shown, strict=False)):
        for (channel, count), points in curves.items():
            found = [(x, one.final[metric]) for x, metric in points if metric in one.final]
            colour = OKABE_ITO[channels.index(channel) % len(OKABE_ITO)]
            _curve(ax, found, colour, styles[count], band=count == shots[0])
        ax.set_title(titled(one.variant, formatting.name(one), wide))
        percent_axis(ax.yaxis)
        ax.set_xlabel("strength" if i >= len(shown) - columns else "")
        ax.set_ylabel("per cent" if i % columns == 0 else "")
    marks = [Line(OKABE_ITO[i % len(OKABE_ITO)], "-") for i in range(len(channels))]
    names = [channel.replace("_", " ") for channel in channels]
    if len(shots) > 1:
        marks += [Line(INK, styles[count]) for count in shots]
        names += ["exact" if count is None else f"{count:,} shots" for count in shots]
    legend(figure, [mark.line() for mark in marks], names, columns=4 if wide else 2)
    return figure


class Line(NamedTuple):
    """Of a legend."""

    colour: str
    style: Any

    def line(self) -> Any:
        from matplotlib.lines import Line2D

        return Line2D([], [], color=self.colour, linestyle=self.style)


def has_curves(conditions: Sequence[Evaluated]) -> bool:
    """Whether some channel has two strengths or more."""
    return any(len(points) > 1 for points in _curves(conditions).values())


def _curves(
    conditions: Sequence[Evaluated],
) -> dict[tuple[str, int | None], list[tuple[float, str]]]:
    """For each channel and number of shots: strengths, and the names of the metric there. No
    noise is a strength of zero; noises of several channels have no curve."""
    found: dict[tuple[str, int | None], list[tuple[float, str]]] = {}
    none = {each.shots: each.metric for each in conditions if each.noise == "none"}
    for each in conditions:
        noise = Noise() if each.noise == "none" else Noise.parse(each.noise)
        strengths = {name: getattr(noise, name) for name in WORDS if getattr(noise, name)}
        if len(strengths) != 1 or noise.rules or noise.where != "gate":
            continue
        ((channel, strength),) = strengths.items()
        start = [(0.0, none[each.shots])] if each.shots in none else []
        found.setdefault((channel, each.shots), start).append((strength, each.metric))
    return {key: sorted(points) for key, points in found.items()}


def _curve(
    ax: Any, found: Sequence[tuple[float, Stats]], colour: str, style: str, *, band: bool
) -> None:
    places = [x for x, _ in found]
    medians = [drawn(of.median) for _, of in found]
    ax.plot(places, medians, color=colour, linestyle=style, linewidth=1.4 if band else 1.0)
    if band and all(of.interval for _, of in found):
        low, high = ([drawn(of.interval[end]) for _, of in found if of.interval] for end in (0, 1))
        ax.fill_between(places, low, high, color=colour, alpha=0.15, linewidth=0)


def _varied(rows: Sequence[NoisyScores]) -> str | None:
    """The strength in which noises differ, if that is one, and two or more of them differ."""
    noises = {row.noise for row in rows}
    if any(noise.rules for noise in noises):
        return None
    names = [name for name in WORDS if len({getattr(noise, name) for noise in noises}) > 1]
    places = {noise.where for noise in noises if str(noise)}
    return names[0] if len(names) == 1 and len(places) == 1 else None
