"""Question files: every key, every mistake, the plan, and verdicts against the runs' own files."""

import json
import math
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest
from lab.study.questions import KEYS, NETWORK, images, write
from lab.study.test_executors import cluster

from resqunn.cli import main
from resqunn.errors import ResqunnError, RunError
from resqunn.lab import Inquiry, Plan, Question, executor, open_results, run, write_report
from resqunn.lab.study.executors.pool import Pool
from resqunn.lab.study.results import Results, SeriesResult

from reliability.commands import without_times

ASKED = KEYS["question"][0]


def asked(**changes: Any) -> dict[str, Any]:
    """The question with these keys in place of its own; None leaves one out."""
    return {"question": [{k: v for k, v in (ASKED | changes).items() if v is not None}]}


def networks(**more: Any) -> dict[str, Any]:
    return {"networks": KEYS["networks"] | more}


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"titel": "x"}, "unknown key 'titel'; did you mean 'title'?"),
    ({"folder": "x"}, "unknown key 'folder'"),
    ({"title": None}, "q.toml: title must be given"),
    ({"title": " "}, "title must say what is asked, got ' '"),
    ({"title": 3}, "title must be a string, got 3"),
    ({"data": None}, "q.toml: data must be given"),
    ({"data": ["digits"]}, "data must be a string"),
    ({"networks": {}}, "networks must name one network or more"),
    ({"networks": {" ": {}}}, "networks must name one network or more"),
    ({"networks": 3}, "networks must be"),
    ({"networks": {"trained": 3, "frozen": {}}}, "network 'trained' must be a table of options"),
    ({"network": 3}, "network must be"),
    ({"vary": 3}, "vary must be"),
    ({"question": []}, "question must hold one question or more"),
    ({"question": [3]}, "q.toml: question must be tables, each below [[question]], got [3]"),
    ({"question": ["Why?"]}, "q.toml: question must be tables, each below [[question]], got ['Wh"),
    ({"question": ASKED}, "q.toml: question must be tables, each below [[question]], got a dict"),
    ({"question": "Why?"}, "question must be tables, each below [[question]], got 'Why?'"),
    ({"split": "train"}, "unknown split 'train' (there are: test, validation)"),
    ({"epoch": "first"}, "unknown epoch 'first' (there are: best, last)"),
    ({"epoch": "best"}, "epoch must be 'last' with split = 'validation'"),
    ({"metric": "acuracy"}, "unknown metric 'acuracy'; did you mean 'accuracy'?"),
    ({"metric": "loss"}, "unknown metric 'loss'"),
    ({"metric": "auroc"}, "delta must be given for the metric 'auroc'"),
    ({"delta": -0.1}, "delta must be 0 or more, got -0.1"),
    ({"delta": math.inf}, "delta must be 0 or more, got inf"),
    ({"delta": "much"}, "delta must be a number"),
    ({"seeds": 0}, "seeds must be a number from 1 to 1000"),
    ({"seeds": True}, "seeds must be"),
    ({"seeds": "9:3"}, "seeds must be a number from 1 to 1000, or a range such as 200:230"),
    ({"seeds": [1, 1]}, "seeds must be 1 to 1000 different numbers"),
    ({"unit": "colour"}, "unknown option 'colour'"),
    ({"unit": "metric"}, "unit: metric cannot be set here: the key metric says it"),
    ({"unit": "trainable"}, "unit must be a field that takes numbers, such as seed"),
    ({"unit": "ansatz", "vary": {"ansatz": ["random"]}}, "unit must not be varied too"),
    ({"network": {"epoch": 1}}, "toml: [network]: unknown option 'epoch'; did you mean 'epochs'?"),
    ({"network": {"epochs": 0}}, "q.toml: [network]: epochs must be 1 or more, got 0"),
    ({"network": {"wiring": 3}}, "q.toml: [network]: wiring must be a string, got 3"),
    ({"network": {"xyz": 3}}, "q.toml: [network]: unknown option 'xyz' (there are: wiring, "),
    (networks(x={"encodig": "ry"}), "network 'x': unknown option 'encodig'; did you mean"),
    (networks(x={"seed": 1}), "q.toml: network 'x': seed cannot be set here: seeds, and unit"),
    ({"network": {"seed": 1}}, "toml: [network]: seed cannot be set here: seeds, and unit, say"),
    ({"network": {"metric": "auroc"}}, "metric cannot be set here: the key metric says it"),
    ({"network": {"threads": 2}}, "threads cannot be set here: a run has one thread"),
    ({"network": {"test": False}}, "test cannot be set here: the key split says it"),
    ({"network": {"data": "mnist"}}, "toml: [network]: data must be a key of its own, or varied"),
    ({"network": {"control": "no_circuit"}}, "[network]: control must be of one network: take"),
    ({"network": {"preset": "papers"}}, "unknown preset 'papers'; did you mean 'paper'?"),
    (networks(x={"preset": "papers"}), "network 'x': unknown preset 'papers'"),
    (networks(x={"data": "mnist"}), "network 'x': data must be a key of its own"),
    (networks(x={"control": "no_circle"}), "network 'x': unknown control 'no_circle'; did you"),
    (networks(x={"encoding": 3}), "network 'x': encoding must be a string, got 3"),
    (networks(x={"noise": {"depolarizing": 0.1}}), "noise must be a string, got {'depol"),
    (networks(x={"ansatz": ["hea"]}), "network 'x': ansatz must be a string, got ('hea',)"),
    (networks(x={"model": "no address"}), "network 'x': model must be a function's address"),
    (networks(x={"model": "a:b", "control": "frozen"}), "control must be left out with a model"),
    (networks(x={"model": "a:b", "control": "no_circuit"}), "model must be left out with control"),
    ({"vary": {"colour": [1]}}, "unknown option 'colour'"),
    ({"vary": {"seed": [1]}}, "[vary]: seed cannot be set here: seeds, and unit, say it"),
    ({"vary": {"preset": ["paper"]}}, "[vary]: preset cannot be set here: it goes into [network]"),
    ({"vary": {"control": ["frozen"]}}, "control cannot be varied: each control is a network"),
    ({"vary": {"trainable": [True]}}, "trainable cannot be varied"),
    ({"vary": {"readout": "z"}}, "vary "),
    ({"vary": {"readout": []}}, "vary readout must be a list of values"),
    ({"vary": {"readout": ["z", "z"]}}, "vary readout must be different values"),
    ({"vary": {"shots": ["none", "none"]}}, "vary shots must be different values"),
    ({"vary": {"filters": [0]}}, "network 'trained' with filters = 0: filters must be 1 or more"),
    (
        {"vary": {"epochs": [1, 2]}, **networks(x={"epochs": 3})},
        "network 'x' with epochs = 1: epochs is varied: leave it out here, or there",
    ),
    ({"vary": {"epochs": [*range(1, 5002)]}}, "20,000 runs at most, got 20,004 (2 networks, 5,001"),
    (
        {"vary": {name: [*range(1, 101)] for name in ("epochs", "filters", "stride", "groups",
                                                      "batch_size", "patience")}},
        "there must be 20,000 runs at most, got 4,000,000,000,000",
    ),
    (asked(claim=None), "question 1: claim must be given"),
    (asked(claim=" "), "claim must say what is asked"),
    (asked(kind=None), "question 1: kind must be given"),
    (asked(kind="bettter"), "unknown kind 'bettter'; did you mean 'better'?"),
    (asked(kind="facts"), "unknown kind 'facts'"),
    (asked(this=None), "question 1: this must be given"),
    (asked(this="best"), "unknown network 'best' (there are: trained, frozen)"),
    (asked(than=None), "than must be a network for the kind 'better'"),
    (asked(than="frosen"), "unknown network 'frosen'; did you mean 'frozen'?"),
    (asked(than="trained"), "than must be another network than 'trained'"),
    (asked(figure=0.1), "figure must be left out for the kind 'better'"),
    (asked(kind="better_by"), "figure must be a fraction above 0 for the kind 'better_by'"),
    (asked(kind="better_by", figure=0.0), "figure must be a fraction above 0, got 0.0"),
    (asked(kind="equal"), "question 1: margin must be given for the kind 'equal'"),
    (asked(margin=0.1), "margin must be left out for the kind 'better', got 0.1"),
    (asked(kind="at_most", margin=0.1), "than must be left out for the kind 'at_most'"),
    (asked(kind="at_most", than=None), "question 1: margin must be given for the kind 'at_most'"),
    (asked(kind="equal", margin=0.0), "question 1: margin must be above 0 for the kind 'equal'"),
    ({"delta": 2}, "q.toml: delta must be a fraction below 1 (0.02 is two points), got 2"),
    ({"delta": 1, "metric": "auroc"}, "delta must be a fraction below 1 (0.02 is two points)"),
    ({"delta": 2, "metric": "matthews"}, "delta must be below 2, as a correlation lies between"),
    (asked(delta=5), "question 1: delta must be a fraction below 1 (0.02 is two points), got 5"),
    (asked(kind="better_by", figure=4), "figure must be a fraction below 1 (0.02 is two points)"),
    (
        {"question": [ASKED, ASKED | {"kind": "equal", "margin": 2}]},
        "q.toml: question 2: margin must be a fraction below 1 (0.02 is two points), got 2",
    ),
    (
        asked(kind="at_most", than=None, margin=0.1, metric="f1", delta=0.1),
        "metric must be one of accuracy, balanced_accuracy, auroc, matthews for the kind 'at_most'",
    ),
    (asked(metric="auroc"), "delta must be given for the metric 'auroc'"),
    (asked(delta=-1.0), "delta must be 0 or more, got -1.0"),
    (asked(because="so"), "unknown key of a question 'because'"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "message"), MISTAKES, ids=[m[:40] for _, m in MISTAKES])
def test_a_mistake_is_one_line_that_names_the_file(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    path = tmp_path / "q.toml"
    if math.inf in changes.values():
        write(path, **{k: v for k, v in changes.items() if v != math.inf})
        path.write_text(path.read_text() + "delta = inf\n")
    else:
        write(path, **changes)
    with pytest.raises(ResqunnError) as caught:
        Inquiry.read(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert message in text
    assert len(text.splitlines()) == 1
    assert [*tmp_path.iterdir()] == [path]


def test_what_is_no_file_of_keys(tmp_path: Path) -> None:
    path = tmp_path / "q.toml"
    with pytest.raises(ResqunnError, match=r"q\.toml cannot be read: No such file"):
        Inquiry.read(path)
    for content in (b"title = ", b"\xff\xfe", b"a = 1\na = 2"):
        path.write_bytes(content)
        with pytest.raises(ResqunnError, match=r"q\.toml is no TOML file: .+"):
            Inquiry.read(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"titel": "x"}, "unknown key 'titel'"),
        ({"split": None, "epoch": None}, "digits has no test images"),
        ({"data": "nowhere.npz"}, "nowhere.npz"),
        ({"data": "tile"}, "unknown data set 'tile'"),
        (networks(x={"model": "no.such.module:net"}), "network 'x': model 'no.such.module:net'"),
        ({"network": NETWORK | {"ansatz": "rings"}}, "network 'trained': unknown ansatz 'rings'"),
        ({"network": NETWORK | {"kernel_size": 9}}, "network 'trained': "),
    ],
)
def test_the_command_refuses_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], message: str
) -> None:
    path = write(tmp_path / "q.toml", **changes)
    out = tmp_path / "out"
    with pytest.raises(SystemExit) as caught:
        main(["study", str(path), "--out", str(out), "--workers", "1"])
    assert caught.value.code == 2
    errors = capsys.readouterr().err.strip()
    assert message in errors
    assert "Traceback" not in errors
    assert len(errors.splitlines()) == 1
    assert not out.exists()


def of(**changes: Any) -> Inquiry:
    return Inquiry.of(KEYS | changes)


def test_a_plan_has_each_network_in_each_variant_and_a_control_once() -> None:
    inquiry = of(
        vary={"readout": ["z", "mean_z"], "depths": [[1], [2, 1]], "shots": ["none", 10]},
        **networks(
            pixels={"control": "no_circuit"},
            regression={"control": "logistic_regression"},
            convolution={"control": "matched_convolution"},
        ),
    )
    (study,) = inquiry.plan().studies
    assert {series.variant for series in study.series} == {
        f"readout = {readout}, depths = {depths}, shots = {shots}"
        for readout in ("z", "mean_z") for depths in ("1", "2 1") for shots in ("none", "10")
    }  # fmt: skip
    keys: dict[str, set[str]] = {}
    for series in study.series:
        keys.setdefault(series.label, set()).update(each.key for each in study.runs(series))
    counts = {label: len(found) // 2 for label, found in keys.items()}  # of two seeds
    # Convolutions have no shots; what follows them depends on readout and depth.
    assert counts == {"trained": 8, "frozen": 8, "pixels": 1, "regression": 1, "convolution": 4}
    assert len(inquiry.plan().runs) == 2 * sum(counts.values())
    first, *_, last = study.series
    assert first.config.shots is None
    assert last.config.depths == (2, 1)
    assert first.values == {"readout": "z", "depths": "1", "shots": "none"}


def test_what_is_replicated_need_not_be_the_seed() -> None:
    inquiry = of(seeds="5:8", unit="ansatz", network=NETWORK | {"ansatz": "random"})
    ansatze = {run.config.ansatz for run in inquiry.plan().runs}
    assert ansatze == {"random:5", "random:6", "random:7"}
    assert {run.config.seed for run in inquiry.plan().runs} == {0}
    assert {run.config.batch_size for run in of(unit="batch_size", seeds=[3, 9]).plan().runs} == {
        3, 9
    }  # fmt: skip


def test_a_preset_is_what_options_start_from() -> None:
    (run, *_) = of(network={"preset": "paper", "depths": [2, 1]}).plan().runs
    assert (run.config.preset, run.config.softmax, run.config.depths) == ("paper", True, (2, 1))
    assert run.config.test  # the paper's own runs are not tested


def test_python_says_the_same_as_the_file(tmp_path: Path) -> None:
    found = Inquiry.read(write(tmp_path / "q.toml"))
    question = Question("Training helps.", "better", "trained", "frozen")
    here = Inquiry(**{**KEYS, "question": [question]})
    assert here.plan().options == found.plan().options
    assert here.plan().limits == found.plan().limits
    assert [run.key for run in here.plan().runs] == [run.key for run in found.plan().runs]


def test_relative_paths_start_from_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "asked").mkdir()
    images(tmp_path / "data")
    monkeypatch.chdir("/")
    for keys in ({"data": "../data/images.npz"}, {"data": "images.npz", "data_root": "../data"}):
        path = write(tmp_path / "asked/q.toml", network=NETWORK | {"per_class": "all"}, **keys)
        main(["study", str(path), "--plan", "--workers", "1", "--out", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()


QUESTIONS = [
    {"claim": "Training helps.", "kind": "better", "this": "trained", "than": ["frozen", "pixels"]},
    {"claim": "By a tenth.", "kind": "better_by", "figure": 0.1, "this": "trained",
     "than": "frozen"},
    {"claim": "Alike.", "kind": "equal", "margin": 0.3, "this": "trained", "than": "frozen"},
    {"claim": "Guessing.", "kind": "at_most", "margin": 0.02, "this": "regression"},
    {"claim": "More often right.", "kind": "better", "this": "regression", "than": "frozen",
     "metric": "accuracy", "delta": 0.01},
]  # fmt: skip
STUDY = {
    "data": "images.npz",
    "metric": "auroc",
    "delta": 0.02,
    "split": "test",
    "epoch": "best",
    "seeds": 10,
    "network": {"wiring": "none", "depths": [1], "epochs": 2, "batch_size": 8},
    "networks": {
        "trained": {},
        "frozen": {"control": "frozen"},
        "pixels": {"control": "no_circuit"},
        "regression": {"control": "logistic_regression"},
    },
    "vary": {"readout": ["z", "mean_z"]},
    "question": QUESTIONS,
}


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the file and, in `out`, its results and report."""
    folder = tmp_path_factory.mktemp("study")
    images(folder)
    write(folder / "q.toml", **STUDY)
    main(["study", str(folder / "q.toml"), "--out", str(folder / "out"), "--workers", "1"])
    return folder


def series_of(results: Results, label: str, readout: str) -> SeriesResult:
    (found,) = [
        one for one in results.studies[0].series
        if (one.label, one.values["readout"]) == (label, readout)
    ]  # fmt: skip
    return found


def scored(folder: Path, key: str, metric: str) -> float:
    """A run's metric on test images at its best epoch, from its own file."""
    place = folder / "out/runs" / key
    if (place / "scores.json").exists():
        return json.loads((place / "scores.json").read_text())["best"]["test"][metric]
    return json.loads((place / "result.json").read_text())["final"][f"test_{metric}"]


def column(folder: Path, results: Results, label: str, readout: str, metric: str) -> np.ndarray:
    keys = series_of(results, label, readout).keys
    return np.array([scored(folder, key, metric) for key in keys])


def expected(kind: str, values: np.ndarray, delta: float = 0.02) -> str:
    """With ten seeds the interval goes from the lowest to the highest."""
    low, high = values.min(), values.max()
    if kind == "better":
        if low <= 0 and high < delta:
            return "contradicted"
        return "undecided" if low <= 0 else "supported" if high >= delta else "in direction"
    if kind == "better_by":
        if low <= 0 and high < delta:
            return "contradicted"
        return "undecided" if low <= 0 else "supported" if low >= 0.05 else "in direction"
    if kind == "equal":
        if low > 0.3 or high < -0.3:
            return "contradicted"
        return "supported" if low >= -0.3 and high <= 0.3 else "undecided"
    return "contradicted" if low > 0.02 else "supported" if high <= 0.02 else "undecided"


def test_verdicts_follow_from_the_runs_own_files(answered: Path) -> None:
    results = open_results(answered / "out")
    assert results.reported == "test_auroc"
    assert len(results.claims) == len(QUESTIONS)
    for claim, question in zip(results.claims, QUESTIONS, strict=True):
        metric = question.get("metric", "auroc")
        others = question.get("than", [])
        others = [others] if isinstance(others, str) else others
        assert [v.variant for v in claim.variants] == ["readout = z", "readout = mean_z"]
        for variant, readout in zip(claim.variants, ("z", "mean_z"), strict=True):
            this = column(answered, results, question["this"], readout, metric)
            values = [
                this - column(answered, results, other, readout, metric) for other in others
            ] or [this - 0.5]  # what guessing has of an AUROC
            verdicts = [
                expected(question["kind"], each, question.get("delta", 0.02)) for each in values
            ]
            for row, each in zip(variant.measured, values, strict=True):
                np.testing.assert_allclose(row.stats.values, each, rtol=0, atol=1e-12)
                assert row.stats.median == pytest.approx(median(each), abs=1e-12)
                assert row.stats.interval == pytest.approx((each.min(), each.max()), abs=1e-12)
            assert [row.verdict for row in variant.measured] == verdicts
            if len(verdicts) == 1:
                assert variant.verdict == verdicts[0]
    found = {variant.verdict for claim in results.claims for variant in claim.variants}
    assert len(found) > 1, "the images are too easy, or too hard, to tell verdicts apart"


def test_effects_are_means_over_what_they_reach(answered: Path) -> None:
    results = open_results(answered / "out")
    (axis,) = results.axes
    assert (axis.name, axis.values) == ("readout", ("z", "mean_z"))
    (effect,) = axis.effects
    by_hand = [
        column(answered, results, label, "mean_z", "auroc")
        - column(answered, results, label, "z", "auroc")
        for label in ("trained", "frozen")  # the controls read no circuit
    ]
    assert effect.value == "mean_z"
    np.testing.assert_allclose(effect.stats.values, np.mean(by_hand, axis=0), rtol=0, atol=1e-12)


def test_chance_and_confusion_are_of_the_reported_images(answered: Path) -> None:
    results = open_results(answered / "out")
    for label in ("trained", "regression"):
        series = series_of(results, label, "z")
        assert series.chance == pytest.approx(
            {"test_auroc": 0.5, "test_accuracy": 1 / 3, "test_balanced_accuracy": 1 / 3,
             "test_matthews": 0.0}
        )  # fmt: skip
        assert [sum(row) for row in series.confusion] == [60, 60, 60]  # 6 of a class, 10 seeds
        right = sum(series.confusion[k][k] for k in range(3)) / 180
        assert right == pytest.approx(np.mean(series.final["test_accuracy"].values))


def test_the_report_shows_what_was_asked(answered: Path) -> None:
    text = (answered / "out/report/index.html").read_text()
    for words in (
        "Does training help?",
        "test AUROC",
        "By readout",
        "What the options do",
        "<span>study</span>",
        "head alone, on the pixels",
        "What is taken for what",
    ):
        assert words in text, words
    names = {path.stem for path in (answered / "out/report/figures").glob("*.svg")}
    assert {"overview", "question-by-readout", "question-curves", "question-gradients"} <= names


def files(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.glob("runs/*/*") if path.is_file()
    }  # fmt: skip


def test_more_seeds_rerun_nothing_and_another_question_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(of().plan(), out)
    before = files(out)
    assert len({name.split("/")[1] for name in before}) == 4
    main(["study", str(write(tmp_path / "q.toml")), "--out", str(out), "--seeds", "3",
          "--workers", "1"])  # fmt: skip
    after = files(out)
    assert {name: after[name] for name in before} == before
    assert len({name.split("/")[1] for name in after}) == 6
    assert open_results(out).studies[0].series[0].seeds == (0, 1, 2)
    refused = [
        (of(title="Another?", seeds=3), "holds results with title"),
        (of(title="Another?", seeds=2), "holds results with title"),  # seeds are no obstacle
        (of(seeds=2), "holds results with seeds"),
        (of(seeds=[0, 2, 1, 3]), "holds results with seeds"),
        (
            of(seeds=3, network=NETWORK | {"epochs": 2}),
            "other results: network: epochs was 1, is now 2",
        ),
        (
            of(seeds=3, networks={"trained": {}, "frozen": {"trainable": False}}),
            "other results: networks: frozen: trainable was missing, is now False",
        ),
        (
            of(seeds=3, question=[ASKED | {"claim": "Training helps!"}]),
            r"question 1: claim was 'Training helps\.', is now 'Training helps!'",
        ),
        (
            of(seeds=3, question=[ASKED, ASKED]),
            r"lacks question 2 \('Training helps\.'\); these are",
        ),
        (
            of(seeds=3, delta=0.03),
            r"judges question 1 \('Training helps\.'\) with delta = 0\.02, not 0\.03; these are",
        ),
        (of(seeds=3, **asked(kind="equal", margin=0.1)), "with kind = better, not equal"),
        (of(seeds=3, **asked(this="frozen", than="trained")), "by other quantities"),
    ]
    for inquiry, message in refused:
        with pytest.raises(RunError, match=message):
            run(inquiry.plan(), out)
    assert files(out) == after


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, dict[str, Any]]:
    """A plan and its results, run one after the other."""
    folder, plan = tmp_path_factory.mktemp("serial"), of(vary={"encoding": ["ry", "rx"]}).plan()
    run(plan, folder)
    return plan, summary(folder)


def summary(folder: Path) -> dict[str, Any]:
    return without_times(json.loads((folder / "summary.json").read_text()))


def test_a_pool_gives_the_same_results(serial: tuple[Plan, Any], tmp_path: Path) -> None:
    run(serial[0], tmp_path, Pool(2))
    assert summary(tmp_path) == serial[1]


def test_dask_gives_the_same_results(serial: tuple[Plan, Any], tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    with cluster(tmp_path) as address:
        dask = executor(1, address)
        run(serial[0], tmp_path / "out", dask)
        dask.close()
    assert summary(tmp_path / "out") == serial[1]


def test_damaged_scores_are_named(tmp_path: Path) -> None:
    plan, out = of().plan(), tmp_path / "out"
    run(plan, out)
    path = out / "runs" / plan.runs[0].key / "scores.json"
    path.write_bytes(path.read_bytes().replace(b"0.", b"1.", 1))
    with pytest.raises(RunError, match=r"scores\.json.*delete .*makes this run again"):
        run(plan, out)
    for file in [*(path.parent / "checkpoints").iterdir(), *path.parent.glob("*.*")]:
        file.unlink()
    (path.parent / "checkpoints").rmdir()
    path.parent.rmdir()
    again = run(plan, out).results
    assert again.studies[0].series[0].seeds == (0, 1)


FACTORY = """
import pathlib
pathlib.Path(__file__).with_name("imported").touch()
import torch
from torch import nn

def net(config, shape):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, shape.classes))
"""


def test_a_factory_is_imported_by_the_command_that_names_it_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "factory_of_a_question.py").write_text(FACTORY)
    mark = tmp_path / "imported"
    file = write(tmp_path / "q.toml", **networks(own={"model": "factory_of_a_question:net"}))
    inquiry = Inquiry.read(file)
    plan = inquiry.plan()
    assert not mark.exists()
    run(plan, "out")
    assert mark.exists()
    mark.unlink()
    (series,) = [one for one in open_results("out").studies[0].series if one.label == "own"]
    assert series.num_weights == 64 * 2 + 2
    write_report("out")
    (tmp_path / "factory_of_a_question.py").unlink()
    replace(inquiry, seeds=1).plan()
    assert not mark.exists()


def test_images_that_only_the_call_locates(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    images(tmp_path / "data")
    inquiry = Inquiry.of(KEYS | {"data": "images.npz", "network": NETWORK | {"per_class": "all"}})
    results = run(inquiry.plan(), tmp_path / "results", data_root=tmp_path / "data").results
    (study,) = results.studies
    assert [len(one.seeds) for one in study.series] == [2, 2]
    first, second = study.features  # trained, frozen
    assert first.pictures[0].image == second.pictures[0].image
    assert first.pictures[0].maps


def test_maps_of_colour_images_are_of_channels_that_vary(tmp_path: Path) -> None:
    """Red is dark everywhere, so that the circuits that read it give the same value everywhere."""
    rng = np.random.default_rng(0)
    arrays = {}
    for name, count in (("train", 16), ("val", 8), ("test", 8)):
        pixels = rng.integers(0, 256, (count, 6, 6, 3), dtype=np.uint8)
        pixels[..., 0] = 0
        arrays |= {f"{name}_images": pixels, f"{name}_labels": np.arange(count) % 2}
    np.savez(tmp_path / "images.npz", **arrays)
    options = NETWORK | {"per_class": "all", "classes": None}
    network = {name: value for name, value in options.items() if value is not None}
    inquiry = Inquiry.of(KEYS | {"data": "images.npz", "network": network}, tmp_path)
    for found in run(inquiry.plan(), tmp_path / "out").results.studies[0].features:
        assert found.of == 12
        assert found.channels == tuple(sorted(set(found.channels)))
        assert len(found.channels) == 4
        assert min(found.channels) > 4
        for picture in found.pictures:
            red, green, _ = np.array(picture.colours)
            assert (red == 0).all()
            assert 0 < green.max() <= 1
            assert all(np.ptp(each) > 0 for each in np.array(picture.maps))
