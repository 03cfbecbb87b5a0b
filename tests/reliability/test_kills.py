"""Killed at any moment, nothing finished is lost and no half-written file is ever visible.

The command then goes on, to the same bytes as if nothing had happened.
"""

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reliability.commands import STUDIES, Commands, check_whole

KILLS = {"train": (8, 300), "reproduce": (3, 80), "study": (3, 25), "report": (3, 80)}
"""In the short and in the long form."""


@pytest.mark.parametrize("name", KILLS)
def test_killed_at_any_moment(
    name: str, commands: Commands, tmp_path: Path, size: Callable
) -> None:
    usual, rng, kills = commands.undisturbed[name].outcome, random.Random(name), 0
    moments = rng.sample(range(1, usual.moments + 1), usual.moments)

    def kill() -> dict[str, Any]:
        """At a step of writing, or at a time: most of it goes into computing."""
        if moments and rng.random() < 0.6:
            return {"moment": moments.pop()}
        return {"after": rng.uniform(0, usual.seconds)}

    while kills < size(*KILLS[name]):
        folder = tmp_path / "folder"
        outcome = commands.begin(name, folder, **kill())
        while outcome.killed:
            kills += 1
            check_whole(folder)
            again = kill() if rng.random() < 0.3 else {}
            outcome = commands.go_on(name, folder, **again)
        commands.check(name, folder, outcome)
        shutil.rmtree(folder)


def test_workers_killed_at_any_moment(commands: Commands, tmp_path: Path, size: Callable) -> None:
    rng, kills, folder = random.Random(0), size(2, 40), tmp_path / "folder"
    for _ in range(kills):
        when = rng.uniform(0, commands.undisturbed["reproduce"].outcome.seconds / 2)
        outcome = commands.victims.run(*STUDIES, "--workers", 2, "--out", folder, worker=when)
        commands.check("reproduce", folder, outcome)
        shutil.rmtree(folder)
