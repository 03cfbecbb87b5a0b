"""Many networks at once: seeds that are trained together, and stacks under `torch.vmap`."""

from __future__ import annotations

import copy
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn
from torch.func import functional_call, stack_module_state

from benchmarks.timing import LONG, Patience, race
from resqunn import paper_model
from resqunn.lab.training import session
from resqunn.lab.training.config import PRESETS, TrainConfig
from resqunn.lab.training.records import Run
from resqunn.lab.training.run import train, train_several
from resqunn.nn.side_by_side import SideBySide

PAPER = replace(PRESETS["paper"], wiring="O1+O2", epochs=10)
KINDS = {
    "O1+O2, re-upload": PAPER,
    "O1+O2, once": replace(PAPER, reupload=False),
    "O1+O2, re-upload, quantum head": replace(PAPER, head="quantum", classes=4),
}
BARS = {
    "O1+O2, re-upload, 5 seeds": 2.2,
    "O1+O2, once, 5 seeds": 2.5,
    "O1+O2, re-upload, quantum head, 5 seeds": 1.8,
    "O1+O2, re-upload, 20 seeds": 3.0,
    "O1+O2, once, 20 seeds": 3.0,
}
VMAP = ("five networks, O1+O2, re-upload", "five networks, O1+O2, once")
IMAGES, MEMBERS, BATCH = 200, 5, 16


def training(quick: bool) -> dict[str, dict[str, float]]:
    """CPU seconds of whole runs (training, evaluation, files), an epoch and seed: one after the
    other and together, by what is trained."""
    found = {}
    load, session.load_data = session.load_data, _random_images
    try:
        for name in BARS:
            kind, _, count = name.removesuffix(" seeds").rpartition(", ")
            config = KINDS[kind]
            if quick:
                config = replace(config, epochs=1)
            found[name] = _timed(config, int(count), quick)
            sys.stderr.write(f"{name}: {found[name]}\n")
    finally:
        session.load_data = load
    return found


def _random_images(config: TrainConfig, _: object = None) -> session.Dataset:
    """As many as the paper takes of MNIST, of the same size."""
    from resqunn.data.datasets import LabelledImages

    generator = torch.Generator().manual_seed(config.seed)
    parts = []
    classes = config.num_classes or 10
    for count in (8 * classes * IMAGES // 10, 2 * classes * IMAGES // 10):
        images = torch.rand(count, 1, 28, 28, generator=generator)
        labels = torch.randint(classes, (count,), generator=generator)
        parts.append(LabelledImages(images, labels, tuple(map(str, range(classes)))))
    return session.Dataset("mnist", *parts)


def _timed(config: TrainConfig, count: int, quick: bool) -> dict[str, float]:
    """Of five seeds alone, which take as long each as twenty do."""
    alone = min(count, 2 if quick else 5)

    def one_after_another() -> None:
        with tempfile.TemporaryDirectory() as folder:
            for seed in range(alone):
                train(replace(config, seed=seed), Path(folder) / str(seed))

    def together() -> None:
        with tempfile.TemporaryDirectory() as folder:
            configs = {Path(folder) / str(s): replace(config, seed=s) for s in range(count)}
            ended = train_several(dict(configs)).values()
            assert all(isinstance(each, Run) for each in ended)

    rounds = 1 if quick else 3
    timings = race(
        {"alone": one_after_another, "together": together}, Patience(rounds, rounds, 0.0)
    )
    share = {"alone": alone, "together": count}
    return {name: timings[name].cpu / n / config.epochs for name, n in share.items()}


def vmap() -> dict[str, dict[str, float]]:
    """CPU milliseconds of the scores and all gradients of five networks: by `torch.vmap`, and by
    layers whose groups of channels are networks."""
    found = {}
    for name, reupload in zip(VMAP, (True, False), strict=True):
        timings = race(_stacks(reupload), LONG)
        found[name] = {kind: 1e3 * timing.cpu for kind, timing in timings.items()}
        sys.stderr.write(f"{name}: {found[name]}\n")
    return found


def _stacks(reupload: bool) -> dict[str, Callable[[], None]]:
    def models() -> list[nn.Module]:
        generators = [torch.Generator().manual_seed(seed) for seed in range(MEMBERS)]
        made = [paper_model("O1+O2", reupload=reupload, generator=g) for g in generators]
        for model in made:
            model(torch.rand(1, 1, 28, 28))
        return list(made)

    images = torch.rand(MEMBERS, BATCH, 1, 28, 28)
    parameters, buffers = stack_module_state(models())
    skeleton = copy.deepcopy(models()[0])
    by_hand = SideBySide(models())  # pyright: ignore[reportArgumentType]
    mixed = images.transpose(0, 1).flatten(0, 1).contiguous()

    def scores(own: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        return functional_call(skeleton, (own, buffers), (x,))

    cotangents = torch.rand(MEMBERS, BATCH, 10)
    the_same = cotangents.transpose(0, 1).flatten(0, 1).contiguous()

    def mapped() -> None:
        for parameter in parameters.values():
            parameter.grad = None
        torch.vmap(scores)(parameters, images).backward(cotangents)

    def stacked() -> None:
        by_hand.zero_grad()
        by_hand(mixed).backward(the_same)

    expected = by_hand(mixed).view(BATCH, MEMBERS, -1).transpose(0, 1)
    assert torch.allclose(torch.vmap(scores)(parameters, images), expected, atol=1e-5)
    return {"vmap": mapped, "by hand": stacked}


def table(found: dict[str, dict[str, float]]) -> str:
    """Trained alone and together."""
    rows = [
        "| seeds trained together, CPU s an epoch and seed | one after another | together | times less |",
        "| --- | --: | --: | --: |",
    ]
    rows += [
        f"| {kind} | {s['alone']:.3f} | {s['together']:.3f} | **{s['alone'] / s['together']:.2f}** |"
        for kind, s in found.items()
    ]
    return "\n".join(rows)


def vmap_table(found: dict[str, dict[str, float]]) -> str:
    """`torch.vmap` beside a stack made by hand."""
    rows = [
        f"| scores and gradients of {MEMBERS} networks, {BATCH} images each, ms | torch.vmap | by hand | ratio |",
        "| --- | --: | --: | --: |",
    ]
    rows += [
        f"| {kind} | {ms['vmap']:.2f} | {ms['by hand']:.2f} | {ms['vmap'] / ms['by hand']:.2f} |"
        for kind, ms in found.items()
    ]
    return "\n".join(rows)
