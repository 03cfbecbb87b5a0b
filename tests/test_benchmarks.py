"""The benchmarks compare like with like, and their page shows what they wrote."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import report
from benchmarks.peers import Lightning, PennyLane, PennyLaneLoop
from benchmarks.timing import race
from resqunn.circuits.circuit import Circuit
from resqunn.engines.registry import engine

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.parametrize("kind", [PennyLane, PennyLaneLoop, Lightning])
@pytest.mark.parametrize("reupload", [False, True])
def test_pennylane_peers_compute_the_same_layer(kind: type, reupload: bool) -> None:
    circuit = Circuit("ry", "rx_chain", "z", inputs=4, depth=2, reupload=reupload)
    patches, weights = torch.rand(3, 4), torch.rand(2, 4)
    peer = kind(circuit, patches, weights)
    ours = engine("statevector").expectation_values(
        circuit, patches.T[None], weights.reshape(1, 1, -1)
    )
    assert np.allclose(peer.values(), ours[0, 0].T.numpy(), atol=1e-5)
    peer.step()
    assert peer.patches_PN.grad.abs().sum() > 0


def test_contestants_take_turns() -> None:
    calls: list[str] = []
    timings = race({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")})
    assert timings["a"].calls >= 7
    assert calls[:4] == ["a", "b", "a", "b"]
    assert calls.index("b", 4) < len(calls) - calls[::-1].index("a") - 1


def test_the_page_shows_what_the_benchmarks_wrote() -> None:
    data = json.loads((DOCS / "benchmarks.json").read_text())
    page = (DOCS / "benchmarks.md").read_text()
    shown = re.search(r"<!-- tables -->\n(.*)<!-- end of tables -->", page, re.DOTALL)
    assert shown is not None
    assert shown[1].strip() == report.tables(data).strip()
