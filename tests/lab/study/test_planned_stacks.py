"""Which runs are trained together: each once, only what is alike, and no process left idle."""

from dataclasses import replace

import pytest

from resqunn.lab.study.plan import PlannedRun
from resqunn.lab.study.stacks import LARGEST, plan_stacks
from resqunn.lab.training.config import PRESETS, TrainConfig
from resqunn.lab.training.several import alike

PAPER = PRESETS["paper"]


def runs(configs: list[TrainConfig], seeds: int, task: str = "train") -> list[PlannedRun]:
    return [
        PlannedRun("s", str(number), seed, replace(config, seed=seed), task)
        for seed in range(seeds)
        for number, config in enumerate(configs)
    ]


MANY = [replace(PAPER, wiring=wiring) for wiring in ("none", "X+O1", "O1+O2", "X+O2", "(X+O1)+O2")]


@pytest.mark.parametrize("width", [1, 2, 8, 40])
@pytest.mark.parametrize("seeds", [1, 5, 25])
def test_every_run_is_in_one_stack_with_what_is_alike(width: int, seeds: int) -> None:
    planned = runs(MANY, seeds)
    stacks = plan_stacks(planned, width)
    assert sorted(run.key for stack in stacks for run in stack) == sorted(r.key for r in planned)
    for stack in stacks:
        assert len({alike(run.config) for run in stack}) == 1
        assert 1 <= len(stack) <= LARGEST
    assert stacks == plan_stacks(planned, width)


def test_seeds_frozen_layers_and_cut_derivatives_share_a_stack() -> None:
    configs = [
        replace(PAPER, trainable=trainable, input_gradients=true)
        for trainable in (True, False)
        for true in (True, False)
    ]
    (stack,) = plan_stacks(runs(configs, 5), 1)
    assert len(stack) == 20


def test_all_processes_are_busy_to_the_end() -> None:
    sizes = sorted(len(stack) for stack in plan_stacks(runs(MANY[:1], 20), 2))
    assert sizes == [10, 10]
    # No sooner done by four processes than by three, of which two have two runs each.
    assert sorted(len(stack) for stack in plan_stacks(runs(MANY[:1], 5), 4)) == [1, 2, 2]


def test_what_takes_longest_comes_first() -> None:
    short, long = replace(PAPER, epochs=2), replace(PAPER, epochs=60)
    stacks = plan_stacks(runs([short, long], 3), 1)
    assert [stack[0].config.epochs for stack in stacks] == [60, 2]


def test_other_tasks_stand_alone() -> None:
    stacks = plan_stacks(runs(MANY[:2], 3, "package.module:measure"), 2)
    assert [len(stack) for stack in stacks] == [1] * 6
    assert plan_stacks([], 2) == []
