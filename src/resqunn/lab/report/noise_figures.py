"""Accuracy under noise and shots, as a figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from resqunn.lab.report.style import MARKERS, OKABE_ITO, panels, percent_axis, styled
from resqunn.lab.training.noisy_evaluation import NoisyScores

if TYPE_CHECKING:
    from matplotlib.figure import Figure
else:
    Figure = Any

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


def _varied(rows: Sequence[NoisyScores]) -> str | None:
    """The strength in which noises differ, if that is one, and two or more of them differ."""
    noises = {row.noise for row in rows}
    if any(noise.rules for noise in noises):
        return None
    names = [name for name in WORDS if len({getattr(noise, name) for noise in noises}) > 1]
    places = {noise.where for noise in noises if str(noise)}
    return names[0] if len(names) == 1 and len(places) == 1 else None
