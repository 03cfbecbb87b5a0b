"""Many of these tests have a short form, run on every commit, and a long one (`-m slow`)."""

from collections.abc import Callable, Iterator

import jaxtyping
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reliability.commands import Commands
from reliability.laws import Holds, Law
from reliability.victims import Victims


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


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """Commands that can be killed or refused the disk; those undisturbed are done once."""
    with Victims() as victims:
        yield Commands(victims, tmp_path_factory.mktemp("undisturbed"))


@pytest.fixture
def holds(size: Callable) -> Holds:
    """Tries a law on 40 examples in the short form, on 1,000 in the long one.

    A law makes all its choices with the generator it is given, which hypothesis leads.
    """

    def try_examples(law: Law) -> None:
        led = given(st.randoms(use_true_random=False))(law)
        settings(max_examples=size(40, 1000), deadline=None, database=None)(led)()

    return try_examples
