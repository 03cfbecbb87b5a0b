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
        pictures = _pictures(load_model(place), images[sha256])
        found.append(FeatureMaps(series.label, done[0].seed, pictures))
    return tuple(found)


@torch.no_grad()
def _pictures(model: nn.Module, data: LabelledImages) -> tuple[Picture, ...]:
    if not isinstance(model, ResQuNN):
        return ()
    weight = next(model.parameters())
    found = []
    for number, name in enumerate(data.classes[:IMAGES]):
        places = torch.nonzero(data.labels == number).flatten()
        if not len(places):
            continue
        image = data.images[places[:1]].to(weight)
        maps = model.layers[0](image)[0, :MAPS]
        found.append(Picture(str(name), _rows(image[0].mean(dim=0)), tuple(map(_rows, maps))))
    return tuple(found)


def _rows(map_HW: Tensor) -> tuple[tuple[float, ...], ...]:
    """A map of `SIDE` pixels a side at most, with three decimals."""
    height, width = (min(side, SIDE) for side in map_HW.shape)
    small = nn.functional.adaptive_avg_pool2d(map_HW[None].double(), (height, width))[0]
    return tuple(tuple(round(value, 3) for value in row) for row in small.tolist())
