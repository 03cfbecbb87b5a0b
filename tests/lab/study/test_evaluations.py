"""Trained networks of a study under noises and with shots."""

import json
from pathlib import Path
from typing import Any

import pytest

from resqunn import ConfigurationError, RunError
from resqunn.lab import Inquiry, open_results, run, write_report
from resqunn.lab.training.files import sealed
from resqunn.lab.training.noisy_evaluation import evaluate_under_noise

NETWORK = {"wiring": "none", "depths": [1], "epochs": 2, "per_class": 12, "classes": 3}
KEYS: dict[str, Any] = {
    "title": "Noise",
    "data": "digits",
    "split": "validation",
    "epoch": "last",
    "seeds": 2,
    "network": NETWORK,
    "networks": {
        "clean": {},
        "hardened": {"noise": "depolarizing=0.1"},
        "pixels": {"control": "no_circuit"},
    },
    "evaluate": {"noise": ["none", "bit_flip=0.1", "bit_flip=0.4"], "shots": ["none", 20]},
    "question": [
        {
            "claim": "Noise costs.",
            "kind": "better",
            "this": "clean",
            "than": "clean",
            "under": "no noise",
            "than_under": "bit_flip=0.4",
        },
        {
            "claim": "Training under noise helps.",
            "kind": "better",
            "this": "hardened",
            "than": "clean",
            "under": "bit_flip=0.4, 20 shots",
        },
    ],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("noise") / "results"
    run(Inquiry.of(KEYS).plan(), found)
    return found


def test_values_are_those_of_the_trained_networks(folder: Path) -> None:
    (study,) = open_results(folder).studies
    for one in study.series:
        names = [name for name in one.final if ", " in name]
        if one.label == "pixels":
            assert names == []
            continue
        assert len(names) == 6
        for number, key in enumerate(one.keys):
            noises, place = KEYS["evaluate"]["noise"], folder / "runs" / key
            _, rows = evaluate_under_noise(place, noises, ["exact"], "latest")
            for noise, row in zip(noises, rows, strict=True):
                name = f"validation_accuracy, {'no noise' if noise == 'none' else noise}"
                assert one.final[name].values[number] == row.scores.accuracy
            shots = one.final["validation_accuracy, no noise, 20 shots"].values[number]
            assert 0 <= shots <= 1


def test_questions_compare_conditions(folder: Path) -> None:
    results = open_results(folder)
    clean, hardened = (
        next(one for one in results.studies[0].series if one.label == label)
        for label in ("clean", "hardened")
    )
    metric = "validation_accuracy"
    first, second = (claim.variants[0].measured[0] for claim in results.claims)
    pairs = [(clean, "no noise", clean, "bit_flip=0.4")]
    pairs += [(hardened, "bit_flip=0.4, 20 shots", clean, "bit_flip=0.4, 20 shots")]
    for row, (a, of_a, b, of_b) in zip((first, second), pairs, strict=True):
        left, right = a.final[f"{metric}, {of_a}"], b.final[f"{metric}, {of_b}"]
        pairs_of = zip(left.values, right.values, strict=True)
        differences = tuple(round(x - y, 12) for x, y in pairs_of)
        assert row.stats.values == differences
    page = write_report(folder).read_text("utf-8")
    assert "validation accuracy, no noise, clean minus validation accuracy, bit_flip=0.4" in page
    assert "Under noise" in page


def test_evaluations_are_made_once_and_mended(folder: Path) -> None:
    before = (folder / "summary.json").read_bytes()
    files = sorted(folder.glob("runs/*/evaluations.json"))
    assert len(files) == 4
    times = {path: path.stat().st_mtime_ns for path in files}
    files[0].unlink()
    found = run(Inquiry.of(KEYS).plan(), folder).results
    assert [path for path in files if path.stat().st_mtime_ns != times[path]] == files[:1]
    again = json.loads((folder / "summary.json").read_bytes())
    assert again["studies"] == json.loads(before)["studies"]
    assert found.failures == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metric": "auroc"}, "belongs to another run or study"),
        ({"values": {}}, "holds no number for no noise"),
        ({"values": {"no noise": True}}, "holds no number for no noise"),
    ],
)
def test_others_evaluations_are_refused(folder: Path, change: dict, message: str) -> None:
    path = sorted(folder.glob("runs/*/evaluations.json"))[1]
    kept = path.read_bytes()
    value = {k: v for k, v in json.loads(kept).items() if k not in ("sha256", "format")}
    path.write_bytes(sealed(path.name, value | change))
    with pytest.raises(RunError, match=message):
        run(Inquiry.of(KEYS).plan(), folder)
    path.write_bytes(kept)


@pytest.mark.parametrize(
    ("evaluate", "message"),
    [
        ({"nois": ["none"]}, "unknown key of evaluate 'nois'"),
        ({"noise": "none"}, "evaluate noise must be a list of values, got 'none'"),
        ({"noise": [0.1]}, "evaluate noise must be texts, got 0.1"),
        ({"noise": ["depolarising=0.1"]}, "depolarising"),
        ({"shots": [0]}, "evaluate shots must be whole numbers, 1 or more, or 'none', got 0"),
        ({"shots": ["many"]}, "evaluate shots must be whole numbers"),
        ({"noise": ["none", "none"]}, "evaluate must hold different values"),
        ({"noise": ["none"]}, "unknown evaluation 'bit_flip=0.4'"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(evaluate: dict, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Inquiry.of({**KEYS, "evaluate": evaluate})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metric": "f1"}, "metric must be left out with under"),
        ({"under": None}, "than_under must be left out without under and than"),
        ({"than_under": None}, "than must be another network than 'clean'"),
    ],
)
def test_conditions_of_a_question_must_fit(change: dict, message: str) -> None:
    question = {k: v for k, v in (KEYS["question"][0] | change).items() if v is not None}
    with pytest.raises(ConfigurationError, match=message):
        Inquiry.of({**KEYS, "delta": 0.02, "question": [question]})
