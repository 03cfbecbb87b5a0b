"""Runs that are trained together are what each would be alone; what ends one ends no other."""

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from resqunn.errors import RunError
from resqunn.lab.training import run as runs_of
from resqunn.lab.training import session, several
from resqunn.lab.training.config import PRESETS, TrainConfig
from resqunn.lab.training.evaluation import Prepared
from resqunn.lab.training.lock import exclusive
from resqunn.lab.training.records import Run
from resqunn.lab.training.run import Callbacks, resume, train, train_several
from resqunn.lab.training.several import alike
from resqunn.lab.training.stack import Learner, Stack, batch_order

from support import run_bytes

TINY = TrainConfig(classes=3, per_class=12, epochs=2, depths=(1, 1), batch_size=8)


class StopError(Exception):
    pass


def drawn(rng: random.Random) -> TrainConfig:
    """A configuration of any kind that trains at once."""
    head = rng.choice(["linear", "linear", "quantum"])
    ansatz = rng.choice(["rx_chain", "ry_chain", "strongly_entangling", "random:3"])
    return TrainConfig(
        wiring=rng.choice(["none", "X+O1", "O1+O2", "X+O2", "(X+O1)+O2"]),
        classes=rng.choice([2, 3]),
        per_class=rng.choice([5, 12]),
        depths=rng.choice([(1, 1), (2, 1)]),
        encoding=rng.choice(["ry", "ry", "rx", "amplitude"]),
        ansatz=ansatz,
        readout=rng.choice(["mean_z", "z", "z0"]),
        head=head,
        softmax=rng.random() < 0.5,
        align=rng.choice(["zero_pad", "zero_pad_center"]),
        epochs=rng.choice([1, 2, 3]),
        batch_size=rng.choice([3, 8, 16]),
        dtype=rng.choice(["float32", "float32", "float64"]),
        engine=rng.choice(["auto", "auto", "auto", "statevector"]),
        **trained(rng),
    )


def trained(rng: random.Random) -> dict[str, Any]:
    """How it is trained, and what follows its layers: each choice now and then."""

    def maybe(*values: Any) -> Any:
        return rng.choice([values[0]] * 3 + list(values[1:]))

    optimizer, schedule = rng.choice(["adam", "adamw", "sgd"]), maybe("constant", "cosine", "step")
    return {
        "optimizer": optimizer,
        "momentum": rng.choice([0.0, 0.5]) if optimizer == "sgd" else 0.0,
        "weight_decay": maybe(0.0, 0.1),
        "quantum_learning_rate": maybe(None, 0.1),
        "schedule": schedule,
        "step_epochs": 1 if schedule == "step" else None,
        "clip_norm": maybe(None, 0.05, 0.5),
        "label_smoothing": maybe(0.0, 0.2),
        "class_weights": maybe("none", "balanced"),
        "steps_per_epoch": maybe(None, 1),
        "patience": maybe(None, 1),
        "train_scores": maybe("after", "during"),
        "metric": maybe("accuracy", "auroc", "loss"),
        "normalization": maybe("none", "none", "none", "batch", "layer"),
        "activation": maybe("none", "none", "none", "relu", "tanh"),
        "filters": maybe(1, 1, 2),
        "noise": maybe(None, None, None, "depolarizing=0.02"),
        "shots": maybe(None, None, None, 20),
    }


def valid(config: TrainConfig) -> TrainConfig:
    """The same with an encoding that can be repeated, now and then, and what else must fit."""
    reupload = config.encoding != "amplitude" and config.per_class == 5
    engine = "auto" if config.noise else config.engine
    filters = config.filters if config.head == "linear" else 1  # which a few qubits hold
    return replace(config, reupload=reupload, engine=engine, filters=filters)


def members(rng: random.Random, config: TrainConfig, count: int) -> list[TrainConfig]:
    """Others that may be in its stack, all different."""
    found = {
        replace(
            config,
            seed=rng.randrange(4),
            trainable=rng.random() < 0.7,
            input_gradients=rng.random() < 0.5,
        )
        for _ in range(count)
    }
    return sorted(found, key=lambda each: (each.seed, each.trainable, each.input_gradients))


def stopped(config: TrainConfig, folder: Path, steps: int) -> None:
    """A run that was interrupted after so many steps, or is done."""
    left = steps

    def stop(*_: object) -> None:
        nonlocal left
        left -= 1
        if not left:
            raise StopError

    try:
        train(config, folder, Callbacks(on_batch=stop))
    except StopError:
        return


@pytest.mark.parametrize("form", ["short", pytest.param("long", marks=pytest.mark.slow)])
def test_random_stacks_give_each_member_the_bytes_of_a_run_alone(tmp_path: Path, form: str) -> None:
    for number in range(500 if form == "long" else 10):
        rng = random.Random(number)
        config = valid(drawn(rng))
        configs = members(rng, config, rng.randint(2, 7))
        assert len({alike(each) for each in configs}) == 1
        folder = tmp_path / str(number)
        for k, each in enumerate(configs):
            if rng.random() < 0.3:
                stopped(each, folder / f"together{k}", rng.randint(1, 6))
        order = list(enumerate(configs))
        rng.shuffle(order)
        cut = rng.randint(0, len(order))  # two stacks, or one
        for part in (order[:cut], order[cut:]):
            found = train_several({folder / f"together{k}": each for k, each in part})
            assert all(isinstance(ended, Run) and ended.finished for ended in found.values())
        for k, each in rng.sample(order, min(3, len(order))):
            train(each, folder / f"alone{k}")
            assert run_bytes(folder / f"alone{k}") == run_bytes(folder / f"together{k}"), each


def test_what_is_not_alike_is_trained_apart(tmp_path: Path) -> None:
    other = replace(TINY, learning_rate=0.02)
    assert alike(replace(TINY, seed=7, trainable=False)) == alike(TINY) != alike(other)
    found = train_several({tmp_path / "a": TINY, tmp_path / "b": other})
    assert all(isinstance(ended, Run) for ended in found.values())
    for name, config in (("a", TINY), ("b", other)):
        train(config, tmp_path / f"alone {name}")
        assert run_bytes(tmp_path / name) == run_bytes(tmp_path / f"alone {name}")


def three(folder: Path) -> dict[str | Path, TrainConfig]:
    return {folder / str(seed): replace(TINY, seed=seed) for seed in range(3)}


def only_the_second_fails(folder: Path, message: str) -> None:
    """Trained together, and compared with runs of their own."""
    found = train_several(three(folder))
    error = found[folder / "1"]
    assert isinstance(error, RunError)
    assert message in str(error)
    for seed in (0, 2):
        train(replace(TINY, seed=seed), folder / f"alone{seed}")
        assert run_bytes(folder / str(seed)) == run_bytes(folder / f"alone{seed}")


def test_a_network_that_diverges_leaves_the_others_untouched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = session.build_model

    def broken(*arguments: Any) -> Any:
        model = build(*arguments)
        config = arguments[0]
        if config.seed == 1:
            with torch.no_grad():
                model.layers[0].weight.fill_(float("nan"))
        return model

    monkeypatch.setattr(session, "build_model", broken)
    only_the_second_fails(tmp_path, "the loss became nan in epoch 1, batch 1 of")
    assert not (tmp_path / "1/metrics.jsonl").read_text()


def test_a_disk_that_is_full_for_one_run_is_not_for_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = several.append

    def full(path: Path, value: Any) -> None:
        if path.parent.name == "1" and value["epoch"] == 2:
            raise OSError(28, "No space left on device")
        append(path, value)

    monkeypatch.setattr(several, "append", full)
    only_the_second_fails(tmp_path, "No space left on device")
    monkeypatch.undo()
    assert resume(tmp_path / "1").finished
    train(replace(TINY, seed=1), tmp_path / "alone1")
    assert run_bytes(tmp_path / "1") == run_bytes(tmp_path / "alone1")


def test_a_folder_that_cannot_be_used_is_its_own_affair(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    with exclusive(tmp_path / "1"):
        only_the_second_fails(tmp_path, "is being trained by another process")


def test_a_folder_that_holds_another_run_is_refused(tmp_path: Path) -> None:
    train(replace(TINY, seed=9), tmp_path / "1")
    only_the_second_fails(tmp_path, "holds another run")


def noted_sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of all stacks that are trained from now on, as they come."""
    sizes = []

    def go(trainings: Any) -> Any:
        sizes.append(len(trainings))
        return several.go(trainings)

    monkeypatch.setattr(runs_of, "go", go)
    return sizes


def test_what_does_not_fit_into_memory_is_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = noted_sizes(monkeypatch)
    for name, bytes_ in (("none", 0), ("some", 2 * 4 * 36 * 64 * 4 * 2), ("enough", 2**40)):
        monkeypatch.setattr(runs_of, "available_memory", lambda bytes_=bytes_: bytes_)
        train_several(three(tmp_path / name))
    assert sizes[:3] == [1, 1, 1]
    assert sizes[-1:] == [3]
    assert sizes[3:-1] == [2, 1]
    for seed in range(3):
        each = [run_bytes(tmp_path / name / str(seed)) for name in ("none", "some", "enough")]
        assert each[0] == each[1] == each[2]


def test_what_frozen_layers_give_counts_as_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixteen channels of 8x8, where the images have one."""
    sizes = noted_sizes(monkeypatch)
    wide = replace(TINY, wiring="X+O2", readout="z", trainable=False)
    for of_images in (2, 2 * 17):
        monkeypatch.setattr(
            runs_of, "available_memory", lambda n=of_images: 2 * 4 * 36 * 64 * 4 * n
        )
        runs = {tmp_path / f"{of_images} {s}": replace(wide, seed=s) for s in range(3)}
        train_several(dict(runs))
    assert sizes == [1, 1, 1, 2, 1]


def test_runs_that_are_done_are_found_done(tmp_path: Path) -> None:
    first = train_several(three(tmp_path))
    before = {path: run_bytes(path) for path in first}
    assert train_several(three(tmp_path)) == first
    assert {path: run_bytes(path) for path in first} == before


def test_the_papers_presets_are_trained_together(tmp_path: Path) -> None:
    """Cut and true derivatives, trained and frozen layers, in one stack."""
    paper = replace(PRESETS["paper"], classes=2, per_class=10, epochs=2, wiring="O1+O2")
    configs = {
        tmp_path / f"{seed} {trainable} {cut}": replace(
            paper, seed=seed, trainable=trainable, input_gradients=not cut
        )
        for seed in (0, 1)
        for trainable in (True, False)
        for cut in (True, False)
    }
    found = train_several(dict(configs))
    for path, config in configs.items():
        ended = found[path]
        assert isinstance(ended, Run)
        norms = ended.epochs[0].gradient_norms
        assert (norms["O2"] is not None) == config.trainable
        train(config, tmp_path / "alone" / path.name)
        assert run_bytes(path) == run_bytes(tmp_path / "alone" / path.name)


@pytest.mark.parametrize("head", ["linear", "quantum"])
def test_a_stacks_steps_are_those_of_torchs_own_optimiser(head: str) -> None:
    """Of any options, beside a loop over the batches as anybody would write it."""
    generator = torch.Generator().manual_seed(0)
    options = ({"lr": 0.03, "betas": (0.5, 0.9)}, {"lr": 0.01, "weight_decay": 0.3})

    def made(seed: int) -> Any:
        return session.build_model(replace(TINY, head=head, seed=seed))

    learners, expected = [], []
    for seed, option in enumerate(options):
        images = torch.rand(20, 1, 8, 8, generator=generator)
        labels = torch.randint(3, (20,), generator=generator)
        model, other = made(seed), made(seed)
        for each in (model, other):
            each(images[:1])
        adam = torch.optim.Adam(model.parameters(), fused=True, **option)
        learners.append(Learner(model, adam, Prepared((images,), labels, ("a", "b", "c")), seed))
        theirs = torch.optim.Adam(other.parameters(), **option)
        for epoch in (1, 2):
            for index in batch_order(20, seed, epoch).split(8):
                theirs.zero_grad()
                loss = torch.nn.functional.cross_entropy(other(images[index]), labels[index])
                loss.backward()
                theirs.step()
        expected.append(other.state_dict())
    for epoch in (1, 2):  # each time a new stack, which takes the states over
        Stack(learners, 8).train_epoch([epoch, epoch])
    for learner, weights in zip(learners, expected, strict=True):
        for name, weight in learner.model.state_dict().items():
            torch.testing.assert_close(weight, weights[name], rtol=1e-4, atol=1e-5)
