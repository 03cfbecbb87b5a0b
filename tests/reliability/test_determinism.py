"""The same seed gives the same bytes, anywhere and again; the losses of today are kept."""

import itertools
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from resqunn.engines.compiled import images
from resqunn.engines.registry import engine as find_engine
from resqunn.lab.study.executors.pool import Pool
from resqunn.lab.training.config import PRESETS, TrainConfig
from resqunn.lab.training.evaluation import Prepared
from resqunn.lab.training.run import train
from resqunn.lab.training.session import build_model, threads
from resqunn.lab.training.stack import Learner, Stack, Trained
from resqunn.papers import Options

from reliability import golden
from support import reproduce, run_bytes, study_bytes

TINY = {"per_class": 10, "epochs": 2}
RUNS = {
    "defaults": TrainConfig(**TINY),
    "paper": replace(PRESETS["paper"], **TINY),
    "quantum head": replace(PRESETS["paper"], **TINY, head="quantum", classes=4),
    "reference": TrainConfig(**TINY, engine="statevector", dtype="float64"),
    "fourier": TrainConfig(**TINY, engine="fourier", wiring="X+O2"),
    "fused": TrainConfig(**TINY, engine="fused", reupload=True, threads=2),
}


@pytest.mark.parametrize("name", RUNS)
def test_five_runs_are_the_same_bytes(tmp_path: Path, name: str, form: str) -> None:
    """In the long form each in a process of its own, with another order of hashes."""
    config = RUNS[name]
    for k in range(5):
        if form == "short":
            torch.manual_seed(k)  # the global generator must not matter
            train(config, tmp_path / f"{k}")
        else:
            code = (
                "import sys; from pathlib import Path;"
                "from resqunn.lab.training import config, run;"
                f"run.train(config.{config!r}, Path(sys.argv[1]))"
            )
            environment = os.environ | {"PYTHONHASHSEED": str(k)}
            command = [sys.executable, "-c", code, str(tmp_path / f"{k}")]
            subprocess.run(command, env=environment, check=True)
    first, *others = [run_bytes(tmp_path / f"{k}") for k in range(5)]
    assert others == [first] * 4
    train(replace(config, seed=1), tmp_path / "other")
    assert run_bytes(tmp_path / "other") != first


def test_one_worker_or_two_are_the_same_bytes(tmp_path: Path, form: str) -> None:
    """`lab/study/test_executors.py` has the same where workers die."""
    figures, seeds = (("3", "10"), (0,)) if form == "short" else ((), (0, 1))
    options = Options("digits", seeds, epochs=1, figures=figures, quick=True)
    found = reproduce(options, tmp_path / "serial")
    reproduce(options, tmp_path / "pool", Pool(2))
    assert found.failed == ()
    assert study_bytes(tmp_path / "serial") == study_bytes(tmp_path / "pool")


@pytest.fixture
def always_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wakes as many threads as there are, however little there is to do."""
    monkeypatch.setattr(images, "OPERATIONS_PER_THREAD", 1)


THREADS = (1, 2, 4)


@pytest.mark.usefixtures("always_shared")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("engine", ["statevector", "fourier", "fused", "auto"])
def test_networks_do_not_depend_on_the_number_of_threads(engine: str, dtype: str, size) -> None:
    """To 1e-5: torch's own sums, as in the head, may come in another order."""
    config = TrainConfig(wiring="(X+O1)+O2", engine=engine, dtype=dtype)
    count = size(96, 960)
    runs = [trained(config, number, count) for number in THREADS]
    for other in runs[1:]:
        for name, tensor in runs[0].items():
            torch.testing.assert_close(other[name], tensor, rtol=0, atol=1e-5, msg=name)


def trained(config: TrainConfig, number: int, count: int) -> dict[str, Tensor]:
    """The weights, and the mean loss, after an epoch on random images."""
    generator = torch.Generator().manual_seed(0)
    dtype = getattr(torch, config.dtype)
    images = torch.rand(count, 1, 28, 28, generator=generator).to(dtype)
    labels = torch.randint(10, (count,), generator=generator)
    data = Prepared((images,), labels, tuple("0123456789"))
    model = build_model(config)
    with threads(number):
        model(images[:1])
        adam = torch.optim.Adam(model.parameters(), lr=config.learning_rate)
        (result,) = Stack([Learner(model, adam, data, seed=0)], 32).train_epoch([1])
    assert isinstance(result, Trained)
    return {"loss": torch.tensor(result.loss)} | model.state_dict()


@pytest.mark.usefixtures("always_shared")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("engine", ["fourier", "fused"])
def test_compiled_engines_are_the_same_bits_on_any_threads(engine: str, dtype: str, size) -> None:
    """What they claim: values and gradients of a layer, for each preset and batch."""
    for preset, batch in ((p, b) for p in PRESETS for b in (1, 5, size(24, 240))):
        config = replace(PRESETS[preset], dtype=dtype, engine=engine, reupload=engine == "fused")
        layer = build_model(config).layers[0]
        layer.input_gradients = True
        assert find_engine(engine).obstacle(layer.circuit) is None
        generator = torch.Generator().manual_seed(batch)
        images = torch.rand(batch, 1, 28, 28, generator=generator).to(layer.weight.dtype)
        runs = []
        for number in THREADS:
            with threads(number):
                values = layer(images.requires_grad_())
                gradients = torch.autograd.grad(values.square().sum(), (images, layer.weight))
            runs.append([values.detach(), *gradients])
        for other in runs[1:]:
            assert all(torch.equal(a, b) for a, b in zip(runs[0], other, strict=True))


GOLDEN: dict[str, list[float]] = json.loads(golden.FILE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", golden.CONFIGS)
def test_golden_losses(name: str, form: str) -> None:
    """Every engine that can; in the long form PennyLane's default.qubit too, as an oracle."""
    config = golden.CONFIGS[name]
    engines = ["statevector", "fused", "auto"]
    if not config.reupload:
        engines.append("fourier")
    if form == "long":
        pytest.importorskip("pennylane")
        engines = ["pennylane:default.qubit"]
    for engine in engines:
        found = golden.losses(replace(config, engine=engine))
        assert len(found) == golden.STEPS
        assert found == pytest.approx(GOLDEN[name], rel=0, abs=1e-9), engine


def test_golden_losses_differ_from_each_other() -> None:
    """Equal curves would mean that an option is not heard."""
    assert GOLDEN.keys() == golden.CONFIGS.keys()
    ends = sorted(curve[-1] for curve in GOLDEN.values())
    assert min(b - a for a, b in itertools.pairwise(ends)) > 1e-7
