"""A trained network evaluated under several noises and numbers of shots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from resqunn.circuits.noise import Noise
from resqunn.data.datasets import Dataset
from resqunn.data.images import Images
from resqunn.errors import ConfigurationError
from resqunn.lab.training.evaluation import Scores, evaluate, prepare, seed_samples
from resqunn.lab.training.run import restored
from resqunn.lab.training.session import threads
from resqunn.nn.noise import circuits_of

NONE, EXACT = "none", "exact"
"""How no noise, and no shots, are named."""


@dataclass(frozen=True)
class NoisyScores:
    """Scores under one noise, with one number of shots (None for exact values)."""

    noise: Noise
    shots: int | None
    scores: Scores


def evaluate_under_noise(
    folder: str | Path,
    noises: Sequence[str] = (),
    shots: Sequence[str] = (),
    checkpoint: str = "best",
    seed: int = 0,
    *,
    data: Images | Dataset | None = None,
) -> tuple[int, list[NoisyScores]]:
    """The scores of a run's checkpoint on its validation images, under each noise with each number
    of shots, and the checkpoint's epoch.

    Args:
        noises: texts as `Noise.parse` reads, or `"none"`; by default that of the training.
        shots: whole numbers, or `"exact"`; by default those of the training.
        checkpoint: "best" (by validation accuracy) or "latest".
        seed: fixes the samples.
        data: the images, if they were given in Python.

    Raises:
        RunError: as `evaluate_run`.
        ConfigurationError: for what is neither noise nor shots.
        CircuitError: for noise that cannot be simulated.
    """
    wanted_noises = [_noise(text) for text in noises]
    wanted_shots = [_shots(text) for text in shots]
    epoch, session = restored(folder, checkpoint, data)
    model, config = session.model, session.config
    found = []
    if not wanted_noises:
        wanted_noises = [Noise() if config.noise is None else Noise.parse(config.noise)]
    if not wanted_shots:
        wanted_shots = [config.shots]
    parts = circuits_of(model)
    for noise in wanted_noises:
        for part in parts:
            part.noise = noise  # refused here if it cannot be simulated
    with threads(config.threads):
        for noise in wanted_noises:
            for count in wanted_shots:
                for part in parts:
                    part.noise, part.shots = noise, count
                seed_samples(model, seed)
                scores = evaluate(model, prepare(model, session.validation))
                found.append(NoisyScores(noise, count, scores))
    return epoch, found


def _noise(text: str) -> Noise:
    return Noise() if text == NONE else Noise.parse(text)


def _shots(text: str) -> int | None:
    if text == EXACT:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise ConfigurationError(
            f"shots must be whole numbers, 1 or more, or {EXACT!r}, got {text!r:.60}"
        )
    return int(text)
