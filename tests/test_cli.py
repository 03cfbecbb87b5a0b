"""The command as a user meets it; in a process of its own where that may matter."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from resqunn.cli import main

from support import own_images, write_folder

COMMANDS = [
    "train", "resume", "evaluate", "gradients", "wirings", "draw", "reproduce", "report",
    "datasets",
]  # fmt: skip
QUICK = ["--per-class", "10", "--epochs", "2", "--depths", "1", "1"]


def resqunn(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "resqunn", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"COLUMNS": "100"},
    )


@pytest.fixture
def within(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """The command within this process: its status, and what it showed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments: str) -> tuple[int, str, str]:
        try:
            main(list(arguments))
            status = 0
        except SystemExit as end:
            status = int(end.code or 0)
        return status, *capsys.readouterr()

    return run


def test_help_is_instant_and_has_examples(within: Callable) -> None:
    code = (
        "import sys; from resqunn.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass"
    )
    code += "\nassert not {'torch', 'numba', 'sklearn', 'pennylane'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    for command in COMMANDS:
        status, shown, _ = within(command, "--help")
        assert status == 0
        assert f"Example: resqunn {command}" in shown
    assert resqunn().returncode == 0
    assert "--version" in within("--help")[1]
    assert resqunn("--version").stdout.startswith("resqunn 0.")


def test_train_evaluate_and_refuse_to_overwrite(tmp_path: Path, within: Callable) -> None:
    done = resqunn("train", "--out", "demo", *QUICK, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "80 training and 20 validation images" in done.stdout
    assert re.search(r"final: [\d.]+% train, [\d.]+% validation", done.stdout)
    assert "resqunn evaluate demo" in done.stdout
    assert done.stderr.strip() == "" or "epoch" in done.stderr
    _, shown, _ = within("evaluate", "demo", "--checkpoint", "latest", "--json")
    last = json.loads((tmp_path / "demo/metrics.jsonl").read_text().splitlines()[-1])
    assert json.loads(shown)["accuracy"] == last["validation_accuracy"]
    assert "validation images" in within("evaluate", "demo")[1]
    again = resqunn("train", "--out", "demo", *QUICK, cwd=tmp_path)
    assert again.returncode == 2
    assert "already holds a run" in again.stderr
    assert "Traceback" not in again.stderr
    assert within("resume", "demo")[0] == 0


def test_metrics_and_a_network_of_ones_own(tmp_path: Path, within: Callable) -> None:
    write_folder(tmp_path / "tiles", own_images({"train": 10}))
    (tmp_path / "my_nets.py").write_text(
        "from torch import nn\n"
        "def small(config, shape):\n"
        "    return nn.Sequential(nn.Flatten(), nn.LazyLinear(shape.classes))\n"
    )
    options = ["--data", "tiles", "--model", "my_nets:small", "--metric", "auroc"]
    options += ["--epochs", "9", "--patience", "1", "--learning-rate", "0.5"]
    status, shown, errors = within("train", *options, "--out", "demo")
    assert status == 0, errors
    epochs = len((tmp_path / "demo/metrics.jsonl").read_text().splitlines())
    assert f"stopped after {epochs} of 9 epochs: 1 without a better AUROC" in shown
    assert "network  my_nets:small" in shown
    assert "resqunn evaluate demo --model my_nets:small" in shown
    scores = json.loads((tmp_path / "demo/scores.json").read_text())
    rows = {line.split("  ")[0]: line.split()[-4:] for line in shown.splitlines()}
    for name, key in (("AUROC", "auroc"), ("F1", "f1"), ("mean cross entropy", "loss")):
        found = [
            scores[at][split][key] for at in ("best", "last") for split in ("validation", "test")
        ]
        assert rows[name] == [f"{value:.4f}" for value in found]
    status, _, errors = within("evaluate", "demo")
    assert status == 2
    assert "made by my_nets:small: if you trust that code, name it again" in errors
    status, shown, _ = within("evaluate", "demo", "--model", "my_nets:small", "--json")
    assert status == 0
    assert json.loads(shown)["test"] == scores["best"]["test"]
    assert "calibration error" in within("evaluate", "demo", "--model", "my_nets:small")[1]


def test_images_of_ones_own(tmp_path: Path, within: Callable) -> None:
    folder = write_folder(tmp_path / "tiles", own_images({"train": 10}, side=9, channels=3))
    folder.joinpath("2").rename(folder / "[red]town")
    small = ["--wiring", "none", "--depths", "1", "--epochs", "1"]
    options = ["--data", "tiles", "--size", "6", "--classes", "[red]town", "0"]
    status, shown, errors = within("train", *options, *small, "--out", "demo")
    assert status == 0, errors
    assert (
        f"data     {folder}: 12 training, 4 validation and 4 test images of 2 classes, 6x6" in shown
    )
    assert "[red]town" in within("evaluate", "demo")[1]
    assert json.loads(within("evaluate", "demo", "--json")[1])["classes"] == ["[red]town", "0"]
    config = json.loads((tmp_path / "demo/config.json").read_text())
    assert config["data"] == "tiles"
    assert (config["classes"], config["size"]) == (["[red]town", 0], 6)
    for extra, message in (
        (["--classes", "4"], "classes must be 2 to 3 for"),
        (
            ["--classes", "7", "8"],
            "among 0 to 2 or the names ('0', '1', '[red]town')",
        ),
        (["--size", "0"], "size must be 1 to 4,096, got 0"),
        (["--per-class", "11"], "fewer than per_class=11"),
        (["--data", "gone/tiles"], "there is no gone/tiles"),
    ):
        status, _, errors = within("train", "--data", "tiles", *small, *extra)
        assert (status, errors.count("\n")) == (2, 1)
        assert message in errors


def test_the_papers_network_by_name(tmp_path: Path, within: Callable) -> None:
    options = ["--preset", "paper", "--wiring", "X+O2", "--no-reupload", *QUICK]
    status, shown, errors = within("train", *options, "--out", "demo")
    assert status == 0, errors
    config = json.loads((tmp_path / "demo/config.json").read_text())
    assert config["ansatz"] == "rx_chain"
    assert config["reupload"] is False
    assert config["input_gradients"] is False
    assert "none" in shown  # layer 1 gets no gradient


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--ansatz", "rx_chian"], "did you mean 'rx_chain'"),
        (["train", "--wiring", "X+O3"], "    X+O3\n      ^"),
        (["train", "--data", "mnits"], "did you mean 'mnist'"),
        (["train", "--preset", "papr"], "unknown preset 'papr'; did you mean 'paper'"),
        (["train", "--preset=nope"], "there are: resqunn, paper"),
        (
            ["train", "--epochs", "0"],
            "resqunn: error: epochs must be 1 or more, got 0",
        ),
        (
            ["train", "--data-root", "pngs"],
            "data_root must be left out for digits, which ship with this package, got 'pngs'",
        ),
        (["reproduce", "--quick", "--data-root", "pngs"], "data_root must be left out for digits"),
        (["train", "--per-class", "9999"], "fewer than per_class=9999"),
        (["train", "--threads", "100000"], "threads must be 1 to 1024, got 100000"),
        (["train", "--kernel-size", "3"], "as large as the kernel"),
        (["resume", "nowhere"], "holds no run"),
        (["evaluate", "nowhere"], "holds no run"),
        (["gradients", "--layers", "0"], "layers must be 1 to 6, got 0"),
        (["gradients", "--ansatz", "rx"], "unknown ansatz"),
        (["wirings", "--layers", "9"], "layers must be 1 to 8"),
        (["draw", "--readout", "z7"], "0 to 3"),
        (["circuit", "--figure", "x.pdf"], "figure must be a file .svg or .png, got 'x.pdf'"),
        (
            ["circuit", "--figure", "x.svg", "--depth", *"0123456789", "10", "11", "12"],
            "a figure must be of 12 circuits or fewer, got 13",
        ),
        (
            ["circuit", "--pairs", "2", "--samples", "2", "--figure", "nowhere/x.svg"],
            "nowhere/x.svg cannot be written: No such file or directory",
        ),
        (["circuit", "--values", "4", "4"], "values must be different numbers, got [4, 4]"),
        (["circuit", "--depth"], "depth must be different numbers, got []"),
        (["circuit", "--depth", "-1"], "depth must be 0 or more, got -1"),
        (["circuit", "--values", "17"], "must be of a circuit of 16 qubits or fewer, got 17"),
        (["circuit", "--qubits", "3"], "did you mean --values?"),
        (["draw", "--encoding", "amplitude", "--qasm"], "given to to_qasm"),
    ],
)
def test_mistakes_exit_with_2_and_no_traceback(
    tmp_path: Path, within: Callable, arguments: list[str], message: str
) -> None:
    status, _, errors = within(*arguments)
    assert status == 2
    assert message in errors
    assert "Traceback" not in errors
    assert len(errors.splitlines()) == (3 if "^" in message else 1)
    assert not list(tmp_path.glob("runs/*"))


@pytest.mark.parametrize("layers", [2, 3])
def test_gradients_show_the_papers_accessibility(within: Callable, layers: int) -> None:
    _, shown, _ = within("gradients", "--layers", str(layers), "--json")
    found = json.loads(shown)["wirings"]
    full = [w["wiring"] for w in found if all(f["status"] == "flows" for f in w["cut"])]
    expected = {2: ["O1+O2", "(X+O1)+O2"], 3: ["(O1+O2)+O3", "((X+O1)+O2)+O3"]}
    assert full == expected[layers]
    assert all(f["status"] == "flows" for w in found for f in w["true"])
    if layers == 2:
        _, shown, _ = within("gradients", "--layers", "2")
        assert "cut 2 of 5 (*), true 5 of 5" in shown


def test_circuits_show_what_they_can_do(tmp_path: Path, within: Callable) -> None:
    small = ("circuit", "--pairs", "20", "--samples", "5")
    _, shown, _ = within(*small, "--ansatz", "sim_2", "--depth", "1", "--figure", "one.png")
    assert "0: ─RY(x0)─RX(w0)─RZ(w4)─────⊕─┤ <Z>" in shown
    rows = {row[:29].strip(): row[29:].split() for row in shown.splitlines()[6:]}
    _, again, _ = within(*small, "--ansatz", "sim_2", "--depth", "1", "--json")
    (found,) = json.loads(again)["circuits"]
    for name in ("expressibility", "entangling capability", "gradient variance"):
        estimate = found[name.replace(" ", "_")]
        assert rows[name] == [f"{estimate['value']:.4f}", f"{estimate['error']:.4f}"]
    assert rows["dead weights"] == ["4", "5", "6", "7"] == [str(w) for w in found["dead_weights"]]
    assert rows["weights"] == ["8"]
    assert (tmp_path / "one.png").read_bytes().startswith(b"\x89PNG")
    _, shown, _ = within(*small, "--values", "1", "2", "--depth", "0", "2", "--figure", "four.svg")
    table = [row.split() for row in shown.splitlines()]
    assert [row[:3] for row in table[1:]] == [
        ["1", "0", "0"], ["1", "2", "2"], ["2", "0", "0"], ["2", "2", "4"],
    ]  # fmt: skip
    assert table[1][-1] == "-"
    assert all(row.count("±") == 3 for row in table[2::2])
    svg = (tmp_path / "four.svg").read_text()
    assert all(f"{values} values, depth {depth}" in svg for values in (1, 2) for depth in (0, 2))


def test_wirings_draw_and_datasets(tmp_path: Path, within: Callable) -> None:
    _, shown, _ = within("wirings", "--layers", "4")
    assert "52 wirings of 4 layer(s), 2 of them reach every layer" in shown
    assert len(json.loads(within("wirings", "--json")[1])["wirings"]) == 5
    assert "0: ─RY(x0)─RX(w0)─●" in within("draw", "--ansatz", "rx_chain")[1]
    assert within("draw", "--qasm")[1].startswith("OPENQASM 3.0;")
    _, shown, _ = within("datasets", "--data-root", str(tmp_path))
    assert "with this package" in shown
    assert "downloaded at first use" in shown


@pytest.mark.parametrize(
    "arguments", [["wirings", "--layers", "6"], ["train", "--out", "run", "--per-class", "5"]]
)
def test_a_reader_that_has_seen_enough(tmp_path: Path, arguments: list[str]) -> None:
    """As in `resqunn wirings --layers 6 | head -1`."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "resqunn", *arguments], cwd=tmp_path,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=120) == 141
    assert process.stderr is not None
    with process.stderr:
        assert process.stderr.read() == ""
