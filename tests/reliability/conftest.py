"""Every reliability test has a short form, run on every commit, and a long one (`-m slow`).

A test says what it has tried: `tally("random circuits", 500)`. With RESQUNN_TALLY set to a
folder, what tests that passed have tried is written there, and `python -m reliability.page`
writes it into docs/reliability.md.
"""

import json
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import jaxtyping
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reliability.commands import Commands
from reliability.laws import Holds, Law
from reliability.victims import Victims

OUTCOME = pytest.StashKey[bool]()


@pytest.fixture
def as_users_have_it() -> Iterator[None]:
    """Without jaxtyping's checks, which run under pytest only."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture(params=["short", pytest.param("long", marks=pytest.mark.slow)])
def form(request: pytest.FixtureRequest) -> str:
    """Runs the test in both forms."""
    return request.param


@pytest.fixture
def size(form: str) -> Callable[[int, int], int]:
    """`size(25, 500)` is 25 in the short form and 500 in the long one."""
    return lambda short, long: long if form == "long" else short


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    report = yield
    if report.when == "call":
        item.stash[OUTCOME] = report.passed
    return report


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Iterator[Callable[[str, int], None]]:
    """Takes note of how many cases of what the test has tried."""
    counts: dict[str, int] = {}

    def count(what: str, cases: int) -> None:
        counts[what] = counts.get(what, 0) + cases

    yield count
    folder = os.environ.get("RESQUNN_TALLY")
    if folder and request.node.stash.get(OUTCOME, False):
        called = getattr(request.node, "callspec", None)
        long = called is not None and called.params.get("form") == "long"
        worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
        Path(folder).mkdir(parents=True, exist_ok=True)
        with (Path(folder) / f"{worker}.jsonl").open("a", encoding="utf-8") as file:
            for what, cases in counts.items():
                entry = {
                    "test": request.node.nodeid.split("[")[0].removeprefix("tests/"),
                    "form": "long" if long else "short",
                    "what": what,
                    "cases": cases,
                }
                file.write(json.dumps(entry) + "\n")


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """Commands that can be killed or refused the disk; those undisturbed are done once."""
    with Victims() as victims:
        yield Commands(victims, tmp_path_factory.mktemp("undisturbed"))


@pytest.fixture
def holds(size: Callable, tally: Callable) -> Holds:
    """Tries a law on 200 examples in the short form, on 1,000 in the long one.

    A law makes all its choices with the generator it is given, which hypothesis leads.
    """

    def try_examples(what: str, law: Law) -> None:
        examples, tried = size(200, 1000), 0

        def counted(rng: random.Random) -> None:
            nonlocal tried
            law(rng)
            tried += 1

        led = given(st.randoms(use_true_random=False))(counted)
        settings(max_examples=examples, deadline=None, database=None)(led)()
        assert tried >= examples
        tally(f"laws: {what}", tried)

    return try_examples
