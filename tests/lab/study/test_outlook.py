"""The look ahead: what is left, that it writes nothing, and what it refuses."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lab.study.questions import KEYS, NETWORK, write

from resqunn.cli import main
from resqunn.errors import ResqunnError
from resqunn.lab import Inquiry, run
from resqunn.lab.report.formatting import held
from resqunn.lab.study import outlook as module
from resqunn.lab.study.outlook import OTHER, outlook

REGRESSION = {"regression": {"control": "logistic_regression"}}


def of(**changes) -> Inquiry:
    return Inquiry.of(KEYS | changes)


def test_it_counts_what_is_done_and_writes_nothing(tmp_path: Path) -> None:
    plan, folder = of().plan(), tmp_path / "out"
    before = outlook(plan, folder)
    assert (before.runs, before.done, before.decides) == (4, 0, 10)
    assert before.seconds > 0
    assert not folder.exists()
    run(plan, folder)
    more = outlook(of(seeds=3).plan(), folder)
    assert (more.runs, more.done) == (6, 4)
    after = outlook(plan, folder)
    assert (after.done, after.seconds) == (4, 0)


def test_it_says_what_the_images_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = outlook(of().plan(), tmp_path / "none").data
    assert found == (
        "digits: 2 classes, 8x8 in grey; 20 training, 4 validation images, training and "
        "validation drawn by the seed",
    )
    rng = np.random.default_rng(0)
    arrays = {}
    for name, count in (("train", 8), ("val", 4), ("test", 6)):
        pixels = rng.integers(0, 256, (count, 5, 6, 3), dtype=np.uint8)
        arrays |= {f"{name}_images": pixels, f"{name}_labels": np.arange(count) % 2}
    np.savez(tmp_path / "tiles.npz", **arrays)
    pixels = np.concatenate([arrays[f"{name}_images"] for name in ("train", "val", "test")])
    np.savez(tmp_path / "whole.npz", images=pixels, labels=np.arange(18) % 2)
    keys: dict[str, Any] = {"network": {"wiring": "none", "depths": [1], "epochs": 1}}
    path = write(tmp_path / "q.toml", data="tiles.npz", **keys)
    main(["study", str(path), "--plan", "--workers", "1", "--out", str(tmp_path / "out")])
    line = "tiles.npz: 2 classes, 5x6 in colour; 8 training, 4 validation, 6 test images"
    assert f"data     {line}, split as the files say" in capsys.readouterr().out
    keys["data_root"] = str(tmp_path)
    (said,) = outlook(of(data="whole.npz", **keys).plan(), tmp_path / "none").data
    assert said.endswith("validation and test drawn by the seed")
    few = {"network": keys["network"] | {"per_class": 3, "split_seed": 3}}
    (said,) = outlook(of(data="tiles.npz", **(keys | few)).plan(), tmp_path / "none").data
    assert said.endswith("; 6 training, 4 validation, 6 test images, training drawn by split_seed")
    done = run(of(data="tiles.npz", **keys).plan(), tmp_path / "out").results
    assert held(done.environment.data) == [line]


def test_it_describes_all_that_networks_are_trained_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_timed", lambda session: 3.0)
    counted = {"train_images": 30, "validation_images": 20}
    network = {name: value for name, value in NETWORK.items() if name != "per_class"}
    plan = of(
        network={key: value for key, value in network.items() if key != "classes"} | counted,
        networks={"trained": {}, "more": {"train_images": 40}, "slow": {"epochs": 2}},
        vary={"classes": [2, 5]},
        **{"question": [KEYS["question"][0] | {"than": "more"}]},
    ).plan()
    found = outlook(plan, tmp_path / "none").data
    assert [line.split(" validation")[0] for line in found] == [
        f"digits: {classes} classes, 8x8 in grey; {images} training, 20"
        for classes in (2, 5)
        for images in (30, 40)
    ]
    assert all(line.endswith("training, validation and test drawn by the seed") for line in found)
    plan = of(network=network, vary={"per_class": [10, 11, 12, 13, 14, "all"]}).plan()
    *described, last = outlook(plan, tmp_path / "none").data
    assert len(described) == module.DESCRIBED
    assert last == f"and {6 - module.DESCRIBED} more"


def test_time_is_shared_by_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_timed", lambda session: 3.0)
    plan = of(networks=KEYS["networks"] | REGRESSION, seeds=4).plan()
    whole = 4 * (3.0 + 3.0 + OTHER)
    assert outlook(plan, tmp_path).seconds == pytest.approx(whole)
    assert outlook(plan, tmp_path, width=4).seconds == pytest.approx(whole / 4)
    monkeypatch.setattr(module, "LOOKING", -1.0)  # then none is timed, and each is still built
    assert outlook(plan, tmp_path).seconds == pytest.approx(12 * OTHER)
    bad = of(networks={"trained": {}, "frozen": {"ansatz": "rings"}})
    with pytest.raises(ResqunnError, match="network 'frozen': unknown ansatz 'rings'"):
        outlook(bad.plan(), tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"split": "test"}, "digits has no test images: give it some, or judge by split"),
        (
            {"network": NETWORK | {"steps_per_epoch": 99}},
            "network 'trained': steps_per_epoch must be 2 at most",
        ),
        ({"network": NETWORK | {"classes": [0, 77]}}, "classes must be among 0 to 9"),
    ],
)
def test_what_only_the_images_say_is_refused_too(tmp_path: Path, changes, message: str) -> None:
    with pytest.raises(ResqunnError) as caught:
        outlook(of(**changes).plan(), tmp_path)
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_the_command_shows_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from lab.study.questions import write

    path = write(tmp_path / "q.toml", vary={"readout": ["z", "mean_z"]}, seeds="3:5")
    main(["study", str(path), "--plan", "--workers", "1", "--out", str(tmp_path / "out")])
    shown = capsys.readouterr().out
    for words in (
        "Does training help?",
        "trained, frozen",
        "readout = z, mean_z",
        "runs     8;",
        "accuracy on validation images, last epoch",
        "from 10 seeds on; there are 2",
    ):
        assert words in shown, words
    assert not (tmp_path / "out").exists()
