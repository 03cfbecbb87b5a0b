"""A trained network evaluated under several noises and numbers of shots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from resqunn.circuits.noise import Noise
from resqunn.data.datasets import Dataset, LabelledImages, load_dataset
from resqunn.data.images import Images, images_at
from resqunn.data.sources import SOURCES
from resqunn.errors import ConfigurationError, DataError, RunError
from resqunn.lab.training.evaluation import (
    Scores,
    evaluate,
    evaluated,
    prepare,
    seed_samples,
)
from resqunn.lab.training.metrics import Measures, gives_probabilities, measures
from resqunn.lab.training.models import Model
from resqunn.lab.training.run import restored
from resqunn.lab.training.session import Session, threads
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
    others: str | None = None,
    model: Model = None,
) -> tuple[int, list[NoisyScores]]:
    """The scores of a run's checkpoint on its validation images, under each noise with each number
    of shots, and the checkpoint's epoch.

    Args:
        noises: texts as `Noise.parse` reads, or `"none"`; by default that of the training.
        shots: whole numbers, or `"exact"`; by default those of the training.
        checkpoint: "best" (by the run's metric on validation images) or "latest".
        seed: fixes the samples.
        data: the images, if they were given in Python.
        others: a data set's name, a folder or an `.npz` file, whose images are scored in place of
            the run's: their test split, or all of them if they have none.
        model: the network or its factory's address, if it is not that of the options.

    Raises:
        RunError: as `evaluate_run`.
        ConfigurationError: for what is neither noise nor shots.
        CircuitError: for noise that cannot be simulated.
        DataError: for other images that cannot be had, or are not like the run's.
    """
    wanted_noises = [_noise(text) for text in noises]
    wanted_shots = [_shots(text) for text in shots]
    epoch, session = restored(folder, checkpoint, data, model)
    network, config = session.model, session.config
    found = []
    if not wanted_noises:
        wanted_noises = [Noise() if config.noise is None else Noise.parse(config.noise)]
    if not wanted_shots:
        wanted_shots = [config.shots]
    images = session.validation if others is None else _other_images(others, session)
    parts = circuits_of(network)
    for noise in wanted_noises:
        for part in parts:
            part.noise = noise  # refused here if it cannot be simulated
    with threads(config.threads):
        for noise in wanted_noises:
            for count in wanted_shots:
                for part in parts:
                    part.noise, part.shots = noise, count
                seed_samples(network, seed)
                scores = evaluate(network, prepare(network, images))
                found.append(NoisyScores(noise, count, scores))
    return epoch, found


def measures_under_noise(
    folder: str | Path,
    conditions: Sequence[tuple[str, int | None]],
    split: str,
    checkpoint: str = "best",
) -> list[Measures]:
    """All metrics of a run's checkpoint on its "validation" or "test" images, under each noise
    (as text, or "none") with a number of shots (None for exact values).

    The samples are fixed by the run's seed and the condition's place.

    Raises:
        RunError: as `evaluate_run`, or if there are no such images.
        CircuitError: for noise that cannot be simulated.
    """
    _, session = restored(folder, checkpoint)
    network, config = session.model, session.config
    images = session.validation if split == "validation" else session.test()
    if images is None:
        raise RunError(f"{folder} has no {split} images")
    parts, found = circuits_of(network), []
    with threads(config.threads):
        for number, (noise, shots) in enumerate(conditions):
            for part in parts:
                part.noise, part.shots = _noise(noise), shots
            seed_samples(network, config.seed, number)
            data = prepare(network, images)
            of, scores_NK = evaluated(network, data)
            probabilities = gives_probabilities(network)
            found.append(measures(scores_NK, data.labels, of.loss, probabilities))
    return found


def _other_images(name: str, session: Session) -> LabelledImages:
    """Images that are like those that the network was trained on."""
    config, like = session.config, session.train
    named = name in SOURCES
    given = name if named else images_at(Path(name), config.size)
    root = config.data_root if named else None
    found = load_dataset(given, config.classes, "all", config.seed, root, size=config.size)
    whole = not isinstance(given, Images) or given.test is None  # as far as the files say
    parts = [found.train, found.validation] if whole else []
    parts += [] if found.test is None else [found.test]
    if named and found.test is not None:
        parts = [found.test]
    first = parts[0]
    if first.classes != like.classes or first.images.shape[1:] != like.images.shape[1:]:
        raise DataError(
            f"images of {name} must have {len(like.classes)} classes and shape "
            f"{tuple(like.images.shape[1:])}, as the run's have, got {len(first.classes)} classes "
            f"and shape {tuple(first.images.shape[1:])}, or other names of classes"
        )
    return LabelledImages(
        torch.cat([part.images for part in parts]).to(like.images),
        torch.cat([part.labels for part in parts]).to(like.labels.device),
        like.classes,
    )


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
