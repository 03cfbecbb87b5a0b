"""The command as a user meets it: in a process of its own."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

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


def test_help_is_instant_and_has_examples() -> None:
    code = (
        "import sys; from resqunn.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass"
    )
    code += "\nassert not {'torch', 'numba', 'sklearn', 'pennylane'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    for command in COMMANDS:
        done = resqunn(command, "--help")
        assert done.returncode == 0
        assert f"Example: resqunn {command}" in done.stdout
    assert resqunn().returncode == 0
    assert resqunn("--version").stdout.startswith("resqunn 0.")


def test_train_evaluate_and_refuse_to_overwrite(tmp_path: Path) -> None:
    done = resqunn("train", "--out", "demo", *QUICK, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "80 training and 20 validation images" in done.stdout
    assert re.search(r"final: [\d.]+% train, [\d.]+% validation", done.stdout)
    assert "resqunn evaluate demo" in done.stdout
    assert done.stderr.strip() == "" or "epoch" in done.stderr
    scores = resqunn("evaluate", "demo", "--checkpoint", "latest", "--json", cwd=tmp_path)
    last = json.loads((tmp_path / "demo/metrics.jsonl").read_text().splitlines()[-1])
    assert json.loads(scores.stdout)["accuracy"] == last["validation_accuracy"]
    assert "validation images" in resqunn("evaluate", "demo", cwd=tmp_path).stdout
    again = resqunn("train", "--out", "demo", *QUICK, cwd=tmp_path)
    assert again.returncode == 2
    assert "already holds a run" in again.stderr
    assert resqunn("resume", "demo", cwd=tmp_path).returncode == 0


def test_the_papers_network_by_name(tmp_path: Path) -> None:
    done = resqunn(
        "train", "--preset", "paper", "--wiring", "X+O2", "--no-reupload", *QUICK,
        "--out", "demo", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    config = json.loads((tmp_path / "demo/config.json").read_text())
    assert config["ansatz"] == "rx_chain"
    assert config["reupload"] is False
    assert config["input_gradients"] is False
    assert "none" in done.stdout  # layer 1 gets no gradient


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
            "resqunn: error: epochs must be 1 or more (and a whole number), not 0",
        ),
        (["train", "--per-class", "9999"], "fewer than per_class=9999"),
        (["train", "--threads", "100000"], "threads must be 1 to 1024, not 100000"),
        (["train", "--kernel-size", "3"], "smaller than the kernel"),
        (["resume", "nowhere"], "holds no run"),
        (["evaluate", "nowhere"], "holds no run"),
        (["gradients", "--layers", "0"], "layers is 1 to 6"),
        (["gradients", "--ansatz", "rx"], "unknown ansatz"),
        (["wirings", "--layers", "9"], "1 to 8 layers"),
        (["draw", "--readout", "z7"], "0 to 3"),
        (["draw", "--encoding", "amplitude", "--qasm"], "given to to_qasm"),
    ],
)
def test_mistakes_exit_with_2_and_no_traceback(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = resqunn(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == (3 if "^" in message else 1)
    assert not list(tmp_path.glob("runs/*"))


@pytest.mark.parametrize(("layers", "wirings"), [(2, 5), (3, 15)])
def test_gradients_show_the_papers_accessibility(layers: int, wirings: int) -> None:
    done = resqunn("gradients", "--layers", str(layers))
    assert f"cut 2 of {wirings} (*), true {wirings} of {wirings}" in done.stdout
    found = json.loads(resqunn("gradients", "--layers", str(layers), "--json").stdout)["wirings"]
    full = [w["wiring"] for w in found if all(f["status"] == "flows" for f in w["cut"])]
    expected = {2: ["O1+O2", "(X+O1)+O2"], 3: ["(O1+O2)+O3", "((X+O1)+O2)+O3"]}
    assert full == expected[layers]
    assert all(f["status"] == "flows" for w in found for f in w["true"])


def test_wirings_draw_and_datasets(tmp_path: Path) -> None:
    done = resqunn("wirings", "--layers", "4")
    assert "52 wirings of 4 layer(s), 2 of them reach every layer" in done.stdout
    assert len(json.loads(resqunn("wirings", "--json").stdout)["wirings"]) == 5
    assert "0: ─RY(x0)─RX(w0)─●" in resqunn("draw", "--ansatz", "rx_chain").stdout
    program = resqunn("draw", "--qasm").stdout
    assert program.startswith("OPENQASM 3.0;")
    places = resqunn("datasets", "--data-root", str(tmp_path)).stdout
    assert "with scikit-learn" in places
    assert "downloaded at first use" in places


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
