"""What a configuration is trained on: its images, where they are, and their shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from resqunn.data.datasets import Dataset, load_dataset
from resqunn.data.images import Images
from resqunn.data.paths import base_of, require_root_used, row_or_none
from resqunn.data.sources import SOURCES
from resqunn.data.splitting import chosen
from resqunn.errors import ConfigurationError, RunError
from resqunn.lab.training.config import GIVEN, TrainConfig

SETTLED = ("classes", "per_class", "size", "train_images", "validation_images", "split_seed")
"""Options without a meaning for a `Dataset`."""

MOST = 10_000
"""Channels, height, width and classes that a run's folder may name."""


@dataclass(frozen=True)
class Shape:
    """Of images: channels, height and width; and the number of their classes."""

    image: tuple[int, int, int]
    classes: int


def given(config: TrainConfig, data: Images | Dataset | None) -> TrainConfig:
    """The configuration of a run whose images were given in Python, if they were.

    Raises:
        ConfigurationError: if it names others.
    """
    if data is None:
        return config
    if config.data not in (GIVEN, TrainConfig.data) or config.data_root is not None:
        raise ConfigurationError(
            "data and data_root must be left out of the configuration where images are given, got "
            f"{config.data!r:.80}"
        )
    return replace(config, data=GIVEN)


def located(config: TrainConfig) -> TrainConfig:
    """The configuration with the folder, from the root, that its path to images starts from.

    Raises:
        DataError: if there is nothing at the path.
        ConfigurationError: for data that are neither a name nor a path.
    """
    if config.data == GIVEN:
        return config
    require_root_used(config.data, "data_root", config.data_root)
    named = row_or_none(config.data, config.data_root) is not None
    if named or Path(config.data).is_absolute():
        return config
    base = base_of(config.data, config.data_root)
    return replace(config, data_root=str(base.absolute()))


def load_data(config: TrainConfig, data: Images | Dataset | None = None) -> Dataset:
    """The data set of a configuration.

    Args:
        data: images that were given in Python, in place of those that `config.data` names.

    Raises:
        ConfigurationError: for options that do not fit.
        DataError: if the data cannot be had.
    """
    if isinstance(data, Dataset):
        for name in SETTLED:
            if getattr(config, name) is not None:
                raise ConfigurationError(
                    f"{name} must be left out for a Dataset, which is settled: give Images"
                )
        return data
    if data is None and config.data == GIVEN:
        raise RunError("the images of this run were given in Python: give them again as data=")
    if data is None:
        require_root_used(config.data, "data_root", config.data_root)
    return load_dataset(
        config.data if data is None else data,
        config.classes,
        config.per_class,
        config.seed if config.split_seed is None else config.split_seed,
        None if data is not None else config.data_root,
        size=config.size,
        antialias=config.antialias,
        train_images=config.train_images,
        validation_images=config.validation_images,
    )


def shape_of(data: Dataset) -> Shape:
    """The shape of a data set."""
    channels, height, width = data.train.images.shape[1:]
    return Shape((channels, height, width), len(data.train.classes))


def in_words(name: str, classes: int, shape: Sequence[int], images: Mapping[str, int]) -> str:
    """What a data set holds.

    >>> in_words("tiles", 2, (3, 20, 20), {"train": 200, "validation": 50})
    'tiles: 2 classes, 20x20 in colour; 200 training, 50 validation images'
    """
    channels, height, width = shape
    kind = {1: "in grey", 3: "in colour"}.get(channels, f"of {channels} channels")
    words = {"train": "training"}
    counts = ", ".join(f"{count:,} {words.get(part, part)}" for part, count in images.items())
    return f"{name}: {classes} classes, {height}x{width} {kind}; {counts} images"


def named_shape(config: TrainConfig) -> Shape | None:
    """The shape that a configuration's data have, if they are in the table of data sets.

    Raises:
        ConfigurationError: for classes that they do not have.
    """
    row = SOURCES.get(config.data)
    if row is None:
        return None
    size = row.shape[1:] if config.size is None else (config.size, config.size)
    return Shape((row.shape[0], *size), len(chosen(row.name, row.classes, config.classes)))


def recorded(config: TrainConfig, data: Dataset) -> dict[str, Any]:
    """What a manifest says of a configuration's data set.

    The test images of a named set need no sum: those of its files were compared.
    """
    splits = {"train": data.train, "validation": data.validation, "test": data.test}
    verified = data.test is None or config.data in SOURCES
    tested = {} if verified else {"test_sha256": data.test_sha256}
    return {
        "data_sha256": data.sha256,
        **tested,
        "images": {name: len(split) for name, split in splits.items() if split is not None},
        "image_shape": list(shape_of(data).image),
        "classes": list(data.train.classes),
    }


def require_same(data: Dataset, manifest: dict[str, Any], folder: Path) -> None:
    """
    Raises:
        RunError: if a run was started with other data.
    """
    found, expected = data.sha256, manifest.get("data_sha256")
    if found == expected and "test_sha256" in manifest:
        found, expected = data.test_sha256, manifest["test_sha256"]
    if found != expected:
        raise RunError(
            f"the data of {folder} have changed: SHA-256 {found}, but the run was started with "
            f"{expected}"
        )


def recorded_shape(manifest: dict[str, Any], folder: Path) -> Shape:
    """The shape in a run's manifest.

    Raises:
        RunError: if there is none.
    """
    image, classes = manifest.get("image_shape"), manifest.get("classes")
    if isinstance(image, list) and len(image) == 3 and isinstance(classes, list):
        channels, height, width = image
        numbers = channels, height, width, len(classes)
        if all(type(n) is int and 1 <= n <= MOST for n in numbers):
            return Shape((channels, height, width), len(classes))
    raise RunError(f"{folder / 'manifest.json'} does not say what images the run is for")
