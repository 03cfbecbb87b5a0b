"""Feature maps for the report: which channels are shown."""

from pathlib import Path

import pytest
import torch
from lab.study.questions import KEYS
from torch import Tensor, nn

from resqunn.lab import Inquiry, run
from resqunn.lab.study import features as module
from resqunn.lab.study.features import feature_maps
from resqunn.lab.study.finished import read_runs
from resqunn.lab.training.run import load_model
from resqunn.nn.network import ResQuNN


class Spread(nn.Module):
    """A channel for each number, whose values are that far apart, about 0.5."""

    def __init__(self, *spreads: float) -> None:
        super().__init__()
        self.spreads = spreads

    def forward(self, images: Tensor) -> Tensor:
        half = torch.tensor(self.spreads).view(1, -1, 1, 1) / 2
        signs = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
        return (0.5 + half * signs).expand(len(images), -1, -1, -1)


@pytest.mark.parametrize(
    ("spreads", "channels"),
    [
        ((0.0, 0.0008, 0.0, 0.0, 0.2, 0.0, 0.1), (1, 2, 5, 7)),
        ((0.0008,) * 4 + (0.0, 0.2), (1, 2, 3, 6)),
        ((0.3,) * 7, (1, 3, 5, 7)),
        ((0.0, 0.3), (1, 2)),
    ],
)
def test_channels_that_vary_in_what_is_shown_come_first(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    spreads: tuple[float, ...],
    channels: tuple[int, ...],
) -> None:
    plan = Inquiry.of(KEYS | {"seeds": 1}).plan()
    run(plan, tmp_path)

    def changed(place: Path) -> nn.Module:
        model = load_model(place)
        assert isinstance(model, ResQuNN)
        model.layers[0] = Spread(*spreads)
        return model

    monkeypatch.setattr(module, "load_model", changed)
    (study,) = plan.studies
    found = feature_maps(study, read_runs(tmp_path, plan.runs, plan.reported), tmp_path)
    assert [each.label for each in found] == ["trained", "frozen"]
    for each in found:
        assert (each.channels, each.of) == (channels, len(spreads))
        for picture in each.pictures:
            varying = [len({v for row in pixels for v in row}) > 1 for pixels in picture.maps]
            assert varying == [spreads[channel - 1] > 0.001 for channel in channels]
