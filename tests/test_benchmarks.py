"""The benchmarks compare like with like, and their page shows what they wrote."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import imported, noisy, report, seeds
from benchmarks.bars import BARS, judged
from benchmarks.choice import ENCODED, choice_cases, table, wrong
from benchmarks.layers import CONV, ONCE, OURS, layer_cases
from benchmarks.limits import Peak, Work, work
from benchmarks.networks import head_case
from benchmarks.peers import Lightning, PennyLane, PennyLaneLoop
from benchmarks.processes import ENGINES, LAYERS
from benchmarks.scaling import slope
from benchmarks.timing import race
from resqunn import from_pennylane
from resqunn.circuits.ansatze import ANSATZE
from resqunn.circuits.circuit import Circuit
from resqunn.circuits.encodings import ENCODINGS
from resqunn.engines.registry import engine

from support import random_arguments

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


@pytest.mark.parametrize("name", [name for name, row in imported.ROWS.items() if row.by_hand])
def test_circuits_by_hand_are_those_that_are_imported(name: str) -> None:
    row = imported.ROWS[name]
    x, w, _ = random_arguments(row.by_hand, 0, 1, 1)
    values = [
        engine("statevector").expectation_values(circuit, x * scale, w)
        for circuit, scale in (
            (from_pennylane(row.function, row.inputs, {"weights": row.weights}), 1.0),
            (row.by_hand, row.angle_scale),
        )
    ]
    assert torch.allclose(*values, rtol=0, atol=1e-12)


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


def test_a_call_takes_no_more_of_the_processor_than_there_is_time() -> None:
    timing = race({"sum": lambda: sum(range(20_000))})["sum"]
    assert 0 < timing.cpu <= 1.5 * timing.median


def test_every_bar_is_of_something_that_is_measured() -> None:
    cases = {str(case) for case in layer_cases()} | {head_case(16), head_case(1024)}
    stacks = {*seeds.BARS, *seeds.VMAP, *imported.ROWS, *noisy.NOISES, *noisy.SAMPLES}
    assert {bar.case for bar in BARS} <= cases | set(ENGINES) | set(LAYERS) | stacks
    assert len({bar[:2] for bar in BARS}) == len(BARS)


def test_bars_say_what_is_met_and_by_what_part_others_are_missed() -> None:
    entry = {"case": str(ONCE), "cpu_milliseconds": {OURS: 0.9, CONV: 1.0}}
    found = judged({"cases": [entry], "memory": {"once": 1.2}})
    assert [(bar.case, bar.met) for bar in found] == [(str(ONCE), False), ("once", True)]
    assert found[0].excess == pytest.approx(1.0)
    kind = next(iter(seeds.BARS))
    (large,) = judged({"cases": [], "seeds": {kind: {"alone": 4.4, "together": 1.0}}})
    (small,) = judged({"cases": [], "seeds": {kind: {"alone": 1.1, "together": 1.0}}})
    assert (large.met, small.met) == (True, False)
    assert small.excess == pytest.approx(1.0)


def test_the_limit_is_the_slower_of_arithmetic_and_bytes() -> None:
    assert Work(2e9, 1e9).milliseconds(Peak(1e9, 1e9)) == pytest.approx(2000)
    assert Work(1e9, 3e9).milliseconds(Peak(1e9, 1e9)) == pytest.approx(3000)
    layer = ONCE.layer(torch.Generator().manual_seed(0))
    images = torch.rand(16, 1, 28, 28)
    numbers = layer(images).numel()
    both, frozen = (work(layer, images, numbers, True, alone) for alone in (False, True))
    assert both is not None
    assert frozen is not None
    assert frozen.bytes == 4 * (images.numel() + numbers)
    assert both.multiplications == 4 * frozen.multiplications > 0


def test_auto_is_asked_about_every_kind_of_circuit_and_call() -> None:
    cases = choice_cases()
    assert len({case.circuit for case in cases}) >= 60
    assert {case.encoding for case in cases} == set(ENCODED) <= set(ENCODINGS)
    assert {case.ansatz for case in cases} == set(ANSATZE)
    assert {1, 20} <= {case.qubits for case in cases} <= set(range(1, 21))
    assert {1, 16} <= {case.depth for case in cases} <= set(range(1, 17))
    assert len({(case.dtype, case.filters, case.wanted) for case in cases}) == 8
    assert all(case.circuit.num_qubits == case.qubits for case in cases)


def test_a_wrong_choice_is_shown_with_its_factor() -> None:
    call = {"encoding": "ry", "ansatz": "rx_chain", "qubits": 4, "depth": 1, "reupload": False}
    entry = {"case": "it", "call": call, "patches": 16, "chosen": "fused", "fastest": "chains"}
    entry |= {"factor": 2.0, "milliseconds": {"fused": 2.0, "chains": 1.0}}
    data = {"timed": [entry, entry | {"factor": 1.2}], "left_out": 0}
    assert wrong(data) == [entry]
    assert "| it | 16 | fused | chains | 2.00 | chains 1, fused 2 |" in table(data)


def test_slopes_are_those_of_powers() -> None:
    found = [(x, 3.0 * x**1.5) for x in (1, 2, 4, 8)]
    assert slope(found, 2) == pytest.approx(1.5)
    assert slope(found, 4) is None
