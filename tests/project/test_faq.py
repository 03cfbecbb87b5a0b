"""Messages that docs/faq.md explains are those that users see."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pennylane as qml
import pytest
import torch

from resqunn import Quanv2d, from_pennylane, to_onnx

PAGE = (Path(__file__).parents[2] / "docs/faq.md").read_text(encoding="utf-8")
QUOTED = re.findall(r'^\| "(.+)"(?: \(a warning\))? \|', PAGE, re.MULTILINE)


@qml.qnode(qml.device("default.qubit", wires=1), shots=100)
def sampled(inputs):
    qml.RX(inputs[0], wires=0)
    return qml.expval(qml.Z(0))


def of_numpy(inputs):
    qml.RX(np.arctan(inputs.detach().numpy())[0], wires=0)
    return qml.expval(qml.Z(0))


MISTAKES: list[Callable[[], object]] = [
    lambda: Quanv2d(1, 9, 3, reupload=True, noise="depolarizing=0.1"),
    lambda: from_pennylane(sampled, inputs=1),
    lambda: from_pennylane(of_numpy, inputs=1),
    lambda: Quanv2d(1, 6, 2),
    lambda: Quanv2d(1, 4, 2, 2)(torch.full((1, 1, 4, 4), 255.0)),
    lambda: to_onnx(Quanv2d(1, 4, 2, 2), "none.onnx", torch.rand(1, 1, 4, 4)),
]


@pytest.mark.parametrize(("quoted", "mistake"), [*zip(QUOTED, MISTAKES, strict=True)])
def test_a_message_of_the_page_is_the_one_that_is_raised(
    quoted: str, mistake: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.setattr("resqunn.nn.raw_pixels._warned", False)  # it warns once a process
    with pytest.raises(Exception, match=re.escape(quoted)):
        mistake()
