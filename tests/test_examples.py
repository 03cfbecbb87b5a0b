"""The examples run."""

import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
from PIL import Image

from resqunn.cli import main
from resqunn.lab import Inquiry, open_results

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_five_wirings(tmp_path: Path) -> None:
    options = ["--data", "digits", "--seeds", "1", "--epochs", "1", "--out", str(tmp_path)]
    command = [sys.executable, str(EXAMPLES / "five_wirings.py"), *options]
    first = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rows = [line.split("|")[1].strip(" `") for line in first.splitlines()[2:]]
    assert rows == ["none", "X+O1", "O1+O2", "X+O2", "(X+O1)+O2"]
    again = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert again == first


def test_tiles(tmp_path: Path) -> None:
    """Whole tiles of the photographs, no two of which overlap or touch across splits."""
    from sklearn.datasets import load_sample_images

    command = [sys.executable, str(EXAMPLES / "tiles.py"), str(tmp_path / "tiles")]
    subprocess.run([*command, "--per-class", "24"], check=True, capture_output=True)
    text = (EXAMPLES / "tiles.toml").read_text()
    (tmp_path / "tiles.toml").write_text(text)
    pictures = dict(zip(("china", "flower"), load_sample_images().images, strict=True))
    columns: dict[str, set[int]] = {}
    for path in (tmp_path / "tiles").glob("*/*/*.png"):
        split, picture = path.parts[-3:-1]
        tile = np.asarray(Image.open(path))
        assert tile.shape == (16, 16, 3)
        whole = pictures[picture]
        rows, across = (side // 16 for side in whole.shape[:2])
        cut = whole[: rows * 16, : across * 16].reshape(rows, 16, across, 16, 3)
        same = np.argwhere((cut.swapaxes(1, 2) == tile).all(axis=(2, 3, 4)))
        assert len(same)
        columns.setdefault(split, set()).update(int(column) for _, column in same)
    assert set(columns) == {"train", "validation", "test"}
    for other in ("validation", "test"):
        assert min(abs(a - b) for a in columns["train"] for b in columns[other]) > 1
    out = tmp_path / "out"
    text = text.replace("epochs = 10", "epochs = 1")
    (tmp_path / "tiles.toml").write_text(text)
    main(
        ["study", str(tmp_path / "tiles.toml"), "--seeds", "1", "--workers", "1", "--out", str(out)]
    )
    results = open_results(out)
    assert {one.label for one in results.studies[0].series} == set(tomllib.loads(text)["networks"])
    assert [claim.verdict for claim in results.claims] == ["undecided"] * 3
    assert results.studies[0].series[0].classes == ("china", "flower")
    assert (out / "report/index.html").exists()


def test_breastmnist() -> None:
    """At most thirty lines, and what it asks; its images are not shipped."""
    path = EXAMPLES / "breastmnist.toml"
    assert len(path.read_text().splitlines()) <= 30
    plan = Inquiry.read(path).plan()
    assert len(plan.runs) == 80
    trained, frozen, convolution, pixels = (series.config for series in plan.studies[0].series)
    assert (trained.quantum_learning_rate, trained.learning_rate) == (0.01, 0.001)
    assert (trained.epochs, trained.batch_size, trained.metric) == (20, 32, "auroc")
    assert not frozen.trainable
    assert (convolution.control, pixels.control) == ("matched_convolution", "no_circuit")
    assert plan.reported is not None
    assert (plan.reported.name, plan.reported.epoch) == ("test_auroc", "best")
