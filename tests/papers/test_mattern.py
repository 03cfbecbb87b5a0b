"""The second paper: its runs are what the authors' code and logs say, its limits are written down,
and it runs to its report."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from resqunn import load_dataset
from resqunn.errors import ConfigurationError
from resqunn.lab import open_results
from resqunn.lab.study.plan import replicated
from resqunn.lab.study.results import SeriesResult, StudyResult
from resqunn.lab.study.statistics import stats
from resqunn.lab.training.config import TrainConfig
from resqunn.lab.training.run import build_model
from resqunn.nn.quanv import Quanv2d
from resqunn.papers.mattern import PAPER
from resqunn.papers.mattern.claims import AGAIN, THEIRS, agreement, limit
from resqunn.papers.mattern.networks import ENCODINGS, KERNELS, SPLIT_SEED, START, network
from resqunn.papers.mattern.reported import reported, results
from resqunn.papers.mattern.studies import TASK

EVERYTHING = PAPER.plan()
(STUDY,) = EVERYTHING.studies
PAULI = {
    "RX": np.array([[0, 1], [1, 0]]),
    "RY": np.array([[0, -1j], [1j, 0]]),
    "RZ": np.array([[1, 0], [0, -1]]),
}


def test_what_the_code_says_of_data_and_training() -> None:
    trained = [s for s in STUDY.series if s.variant == AGAIN]
    assert len(trained) == 14
    for series in trained:
        c = series.config
        assert (c.data, c.size, c.antialias, c.split_seed) == ("mnist", 14, False, 362356)
        assert (c.train_images, c.validation_images) == (10_000, 200)
        assert (c.batch_size, c.steps_per_epoch, c.epochs, c.learning_rate) == (2, 100, 50, 0.01)
        assert (c.optimizer, c.softmax, c.head, c.seed) == ("adam", False, "linear", 10)
        assert c.train_scores == "during"
        assert series.unit == ("seed" if "pixels" in series.label else "ansatz")
    assert np.allclose(START, np.random.default_rng(11111).uniform(-1, 1, 10), rtol=0, atol=0)
    assert np.allclose(START[:4], [-0.0727, -0.8793, -0.2684, -0.6564], rtol=0, atol=5e-5)
    assert EVERYTHING.reported is not None
    assert EVERYTHING.reported.averaged == 20
    runs = EVERYTHING.runs
    assert sum(run.task == "train" for run in runs) == 120 + 2 * 10
    assert sum(run.task == TASK for run in runs) == 120
    assert {run.config.seed for run in runs if run.config.ansatz.startswith("random_l")} == {10}


@pytest.mark.parametrize(
    ("kernel", "encoding", "qubits", "features"),
    [
        ("2x2", "threshold", 4, 676), ("2x2", "FRQI", 3, 507), ("2x2", "NEQR", 10, 1690),
        ("4x4", "threshold", 16, 576), ("4x4", "FRQI", 8, 288), ("4x4", "NEQR", 12, 432),
    ],
)  # fmt: skip
def test_sizes_of_networks(kernel: str, encoding: str, qubits: int, features: int) -> None:
    config = replicated(network(PAPER.defaults, kernel, encoding, True), "ansatz", 3)
    model = build_model(config)
    (layer,) = model.layers
    assert isinstance(layer, Quanv2d)
    assert layer.circuit.num_qubits == qubits
    assert layer.weight.flatten().tolist() == pytest.approx(START[: layer.weight.numel()])
    assert layer.weight.numel() == KERNELS[kernel].rotations
    side = (14 - layer.kernel_size[0]) // layer.stride[0] + 1
    assert layer.out_channels * side**2 == features


def state(encoding: str, pixels: np.ndarray) -> np.ndarray:
    """The encoded patch as its README says, qubit 0 the first axis."""
    n = len(pixels)
    bits = n.bit_length() - 1
    if encoding == "threshold":
        found = np.zeros((2,) * n, complex)
        found[tuple((pixels > 0.5).astype(int))] = (-1j) ** int((pixels > 0.5).sum())
        return found
    if encoding == "NEQR":
        found = np.zeros((2**8, n), complex)
        found[np.round(255 * pixels).astype(int), np.arange(n)] = 1 / np.sqrt(n)
        return found.reshape((2,) * (8 + bits))
    idle = 3 if n == 16 else 0
    found = np.zeros((2,) * (bits + idle + 1), complex)
    for i, p in enumerate(pixels):
        place = tuple(i >> k & 1 for k in range(bits)) + (0,) * idle  # least bit first
        found[place] = np.array([np.sqrt(1 - p**2), p]) / np.sqrt(n)
    return found


def evolved(found: np.ndarray, seed: int, weights: np.ndarray) -> np.ndarray:
    """One layer of random gates drawn as PennyLane did in 2021, on a state."""
    n, placed = found.ndim, 0
    np.random.seed(seed)
    while placed < len(weights):
        if np.random.random() > 0.4:
            name = ("RX", "RY", "RZ")[np.random.choice(3)]
            (q,) = np.random.choice(n, 1, replace=False)
            half = weights[placed] / 2
            gate = np.cos(half) * np.eye(2) - 1j * np.sin(half) * PAULI[name]
            found = np.moveaxis(np.tensordot(gate, found, (1, q)), 0, q)
            placed += 1
        else:
            c, t = np.random.choice(n, 2, replace=False)
            moved = np.moveaxis(found, (c, t), (0, 1)).copy()
            moved[1] = moved[1, ::-1].copy()
            found = np.moveaxis(moved, (0, 1), (c, t))
    return found


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_circuits_are_those_of_the_facts(kernel: str, encoding: str) -> None:
    """Encoding, gates and readout written out in NumPy."""
    shape = KERNELS[kernel]
    rng = np.random.default_rng(0)
    pixels = rng.choice([0.0, 1.0, 0.31, 0.72, 0.502], shape.size**2)
    for circuit in (0, 1):  # at a ratio of 0.3 others in five of the six cases
        config = network(PAPER.defaults, kernel, encoding, True)
        config = replace(replicated(config, "ansatz", circuit), dtype="float64")
        (layer,) = build_model(config).layers
        image = torch.tensor(pixels).reshape(1, 1, shape.size, shape.size)
        with torch.no_grad():
            found = layer(image).flatten().numpy()
        weights = np.array(START[: shape.rotations])
        likely = abs(evolved(state(encoding, pixels), circuit, weights)) ** 2
        z = [
            np.take(likely, 0, axis=q).sum() - np.take(likely, 1, axis=q).sum()
            for q in range(likely.ndim)
        ]
        assert np.abs(found - z).max() < 1e-10


def test_the_split_is_that_of_the_authors() -> None:
    """977 of their test images are trained on and 23 validated on, as the README measured; and
    the images are means of 2x2 blocks."""
    from sklearn.model_selection import train_test_split

    options = {"train_images": 10_000, "validation_images": 200, "seed": SPLIT_SEED}
    large = load_dataset("mnist", **options)
    small = load_dataset("mnist", **options, size=14, antialias=False)
    assert small.test is not None
    assert [len(s) for s in (small.train, small.validation, small.test)] == [10_000, 200, 10_000]
    blocks = large.train.images[:50].unflatten(3, (14, 2)).unflatten(2, (14, 2)).mean(dim=(3, 5))
    assert torch.allclose(small.train.images[:50], blocks, atol=1e-6)
    whole = load_dataset("mnist", per_class="all").train
    _, test = train_test_split(
        np.arange(60_000), test_size=1000, random_state=362356, stratify=whole.labels.numpy()
    )
    tested = {image.numpy().tobytes() for image in whole.images[torch.as_tensor(test)]}
    counts = [
        sum(image.numpy().tobytes() in tested for image in part.images)
        for part in (large.train, large.validation)
    ]
    assert counts == [977, 23]


def test_the_authors_results_are_the_120_that_they_logged() -> None:
    found = results()
    assert len(found) == 120
    assert list(found["2x2", "FRQI", False, 0].values()) == [0.459, 0.4715, 0.549]
    assert found["2x2", "FRQI", True, 0]["train_accuracy"] == 0.864
    means = {
        key: np.mean([found[*key, k]["train_accuracy"] for k in range(10)])
        for key in {key[:3] for key in found}
    }
    assert means["4x4", "threshold", True] == pytest.approx(0.812, abs=5e-4)
    config = replicated(network(PAPER.defaults, "4x4", "NEQR", False), "ansatz", 9)
    assert reported(config).final == found["4x4", "NEQR", False, 9]
    with pytest.raises(ConfigurationError, match="the authors have no result of 'ry_chain'"):
        reported(TrainConfig())
    text = Path(__file__).parents[2] / "src/resqunn/papers/mattern/reported.json"
    assert "Apache-2.0" in json.loads(text.read_text())["source"]


def test_limits_are_those_that_were_written_down() -> None:
    kinds = {claim.id: (claim.rule.kind, claim.rule.delta) for claim in PAPER.claims}
    assert len(kinds) == 3 * 15 + 2 + 1
    for name, (kind, delta) in kinds.items():
        if name == "agreement":
            assert kind == "facts"
        elif name.endswith("leak"):
            assert kind == "equal"
        else:
            assert (kind, delta) == ("better", 0.01 if "-suits-" in name else 0.02)
    margins = {c.rule.margin for c in PAPER.claims if c.rule.kind == "equal"}
    assert margins == {0.02}
    assert [limit(f"2x2 {e}") for e in ENCODINGS] == [0.03, 0.05, 0.03]
    assert {limit(f"4x4 {e}") for e in ENCODINGS} == {0.05}


def test_quantities_name_series_that_there_are() -> None:
    there = {(s.label, s.frozen) for s in STUDY.series if s.variant == AGAIN}
    assert {(s.label, s.frozen) for s in STUDY.series if s.variant == THEIRS} < there
    asked = [t for c in PAPER.claims for q in c.quantities for t in (*q.plus, *q.minus)]
    assert {(t.label, t.frozen) for t in asked} == there


def test_parts() -> None:
    plan = PAPER.plan(replace(PAPER.defaults, figures=("2x2",), seeds=(9, 10)))
    (study,) = plan.studies
    assert {s.label.split()[0] for s in study.series} == {"2x2", "pixels", "thresholded"}
    assert {s.seeds for s in study.series if s.variant == THEIRS} == {(9,)}


def test_other_orders_of_the_images() -> None:
    (study,) = PAPER.plan(replace(PAPER.defaults, figures=("orders",))).studies
    for series in study.series:
        assert series.frozen
        assert series.seeds == tuple(range(10, 22))
    # The first one is a run of the paper.
    runs = {run.key for run in EVERYTHING.runs}
    first = [study.runs(series)[0].key for series in study.series]
    assert set(first) < runs


def test_a_quick_run_makes_its_report(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "resqunn", "reproduce", "mattern", "--quick", "--figures", "2x2",
         "--epochs", "3", "--seeds", "1", "--workers", "1", "--out", "out"],
        cwd=tmp_path, capture_output=True, text=True, timeout=300, env=os.environ,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = open_results(tmp_path / "out")
    (study,) = found.studies
    assert len(study.series) == 8
    for series in study.series:
        trained, gap, test = (
            series.final[name].values[0]
            for name in ("trained_accuracy", "accuracy_gap", "test_accuracy")
        )
        assert gap == pytest.approx(trained - test)
        (last,) = series.final["train_accuracy"].values
        # Of three epochs, where the mean is over the last twenty; one run, and so its own median.
        assert last == pytest.approx(np.mean(series.curves["train_accuracy"].median))
    page = (tmp_path / "out/report/index.html").read_text()
    assert "Mattern" in page
    assert re.search(r"quick run", page)


def series(variant: str, label: str, values: list[float], frozen: bool = False) -> SeriesResult:
    final = {"train_accuracy": stats(values)}
    seeds = tuple(range(len(values)))
    return SeriesResult(
        label, variant, frozen, "train", {"classes": 10}, (), seeds, final, {}, {}, None, 1.0
    )


def test_what_the_authors_did_not_measure_is_not_measured() -> None:
    both = tuple(series(THEIRS, "2x2 FRQI", [0.5 + f] * 10, not f) for f in (False, True))
    study = StudyResult("circuits", "", "", "", "trained", series=both)
    found = {c.id: c.judged({"circuits": study}) for c in PAPER.claims if c.quantities}
    assert found["2x2-FRQI-training-train_accuracy"].verdict == "supported"
    assert found["2x2-FRQI-training-test_accuracy"].verdict == "not measured"


def test_agreement_is_counted_circuit_by_circuit() -> None:
    study = StudyResult("circuits", "", "", "", "trained", series=(
        series(AGAIN, "2x2 FRQI", [0.5, 0.6]), series(THEIRS, "2x2 FRQI", [0.529, 0.631]),
        series(AGAIN, "2x2 NEQR", [0.5, 0.6]), series(THEIRS, "2x2 NEQR", [0.549, 0.551]),
    ))  # fmt: skip
    assert [items for _, _, items in agreement({"circuits": study})] == [
        [True, False],
        [True, True],
    ]
