"""What the first layer of trained networks makes of an image: feature maps for the report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from resqunn.data.labelled import LabelledImages
from resqunn.lab.study.finished import FinishedRun
from resqunn.lab.study.plan import TRAIN, Study
from resqunn.lab.study.results import FeatureMaps, Picture
from resqunn.lab.training.config import TrainConfig
from resqunn.lab.training.inputs import load_data
from resqunn.lab.training.run import load_model
from resqunn.nn.network import ResQuNN

IMAGES = 2
"""Validation images that are shown: the first of each of so many classes."""

MAPS = 4
"""Channels that are shown."""

DECIMALS = 3
"""With which maps are kept: a channel that does not vary in them is constant."""

SIDE = 64
"""Pixels of a side, at most: larger maps are shown smaller."""


def feature_maps(
    study: Study, runs: Mapping[str, FinishedRun], folder: Path
) -> tuple[FeatureMaps, ...]:
    """Of the first variant's networks of the library, the first seed that is done."""
    found = []
    first = study.series[0].variant if study.series else ""
    images: dict[str, LabelledImages] = {}  # by their checksum: networks share most of them
    for series in study.series:
        config = series.config
        ours = series.task == TRAIN and config.model is None and config.control != "no_circuit"
        done = [run for run in study.runs(series) if run.key in runs]
        if series.variant != first or not ours or not done:
            continue
        place = folder / "runs" / done[0].key
        sha256 = runs[done[0].key].manifest["data_sha256"]
        if sha256 not in images:
            # Its own configuration says where the data were found.
            images[sha256] = load_data(TrainConfig.from_json(place / "config.json")).validation
        found.append(_shown(series.label, done[0].seed, load_model(place), images[sha256]))
    return tuple(found)


@torch.no_grad()
def _shown(label: str, seed: int, model: nn.Module, data: LabelledImages) -> FeatureMaps:
    if not isinstance(model, ResQuNN):
        return FeatureMaps(label, seed, ())
    weight = next(model.parameters())
    places = [torch.nonzero(data.labels == number).flatten() for number in range(IMAGES)]
    images = {
        str(name): data.images[at[:1]].to(weight)
        for name, at in zip(data.classes, places, strict=False)
        if len(at)
    }
    if not images:
        return FeatureMaps(label, seed, ())
    maps_NCHW = torch.cat([model.layers[0](image) for image in images.values()])
    chosen = _chosen(maps_NCHW)
    pictures = tuple(
        Picture(
            name,
            _rows(image[0].mean(dim=0)),
            tuple(map(_rows, maps_CHW[chosen])),
            tuple(map(_rows, image[0].clamp(0, 1))) if image.shape[1] == 3 else (),
        )
        for (name, image), maps_CHW in zip(images.items(), maps_NCHW, strict=True)
    )
    channels = tuple(channel + 1 for channel in chosen)
    return FeatureMaps(label, seed, pictures, channels, maps_NCHW.shape[1])


def _chosen(maps_NCHW: Tensor) -> list[int]:
    """Channels to show, from 0: of those that vary within an image, spread evenly; then others."""
    kept_NCHW = torch.round(_small(maps_NCHW), decimals=DECIMALS)
    spread_C = (kept_NCHW.amax((2, 3)) - kept_NCHW.amin((2, 3))).amax(0)
    varying = torch.nonzero(spread_C > 0.5 * 10**-DECIMALS).flatten().tolist()
    flat = [channel for channel in range(maps_NCHW.shape[1]) if channel not in varying]
    if len(varying) > MAPS:
        return [varying[round(i * (len(varying) - 1) / (MAPS - 1))] for i in range(MAPS)]
    return sorted([*varying, *flat[: MAPS - len(varying)]])


def _rows(map_HW: Tensor) -> tuple[tuple[float, ...], ...]:
    """A map as it is kept."""
    small = _small(map_HW[None])[0]
    return tuple(tuple(round(value, DECIMALS) for value in row) for row in small.tolist())


def _small(maps: Tensor) -> Tensor:
    """Maps of `SIDE` pixels a side at most."""
    height, width = (min(side, SIDE) for side in maps.shape[-2:])
    return nn.functional.adaptive_avg_pool2d(maps.double(), (height, width))
