"""What training cannot change is computed once, and is what the network computes."""

import itertools

import pytest
import torch

from resqunn import paper_model
from resqunn.data.datasets import LabelledImages
from resqunn.lab.training.evaluation import EVALUATION_BATCH, prepare
from resqunn.nn.wiring import Wiring

READINGS = list(itertools.product((True, False), (True, False)))


@pytest.mark.parametrize("wiring", Wiring.all(3), ids=str)
def test_prepared_data_give_the_networks_scores(wiring: Wiring) -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(EVALUATION_BATCH + 7, 1, 8, 8, generator=generator)
    data = LabelledImages(images, torch.zeros(len(images), dtype=torch.int64), ("a", "b"))
    for trainable, input_gradients in READINGS:
        model = paper_model(
            wiring,
            depths=(1, 1, 1),
            classes=2,
            trainable=trainable,
            input_gradients=input_gradients,
            generator=generator,
        )
        expected = model(images)
        prepared = prepare(model, data)
        assert prepared.sums[-1] is not None
        assert not trainable or len(prepared.sums) <= 3
        torch.testing.assert_close(prepared.scores(model, slice(None)), expected)
