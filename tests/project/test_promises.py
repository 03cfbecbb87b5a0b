"""Each promise of docs/reliability.md names a command that finds tests, and each sentence elsewhere
that sounds like a promise is listed with the test that holds it."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from project.sentences import promising

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reliability.md").read_text(encoding="utf-8")
PROMISES = re.findall(r"^\| (?!promise|---)(.+) \| (.+) \|$", PAGE, re.MULTILINE)

COLLECT = """
import sys, pytest

class Plugin:
    def pytest_collection_modifyitems(self, items):
        for item in items:
            form = "-m slow " if item.get_closest_marker("slow") else ""
            print(f"found pytest {form}{item.nodeid.partition('::')[0]}")

sys.exit(pytest.main(["--collect-only", "-q", "-m", "", "-n", "0", *sys.argv[1:]], [Plugin()]))
"""


@pytest.fixture(scope="module")
def found() -> set[str]:
    """The commands that find a test, each for one file."""
    files = sorted(set(re.findall(r"tests/[\w/]+\.py", PAGE)))
    done = subprocess.run(
        [sys.executable, "-c", COLLECT, *files], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return set(re.findall("^found (.+)$", done.stdout, re.MULTILINE))


def test_every_promise_names_a_command_that_finds_tests(found: set[str]) -> None:
    assert len(PROMISES) == len(re.findall(r"^\| [A-Z]", PAGE, re.MULTILINE)) > 0
    for promise, command in PROMISES:
        assert re.fullmatch(r"`pytest (-m slow )?tests/[\w/]+\.py`", command), promise
        assert command.strip("`") in found, f"{command} runs nothing"


def test_the_page_tells_each_long_form(found: set[str]) -> None:
    told = {command.strip("`") for _, command in PROMISES}
    for command in found:
        if command.startswith("pytest -m slow "):
            assert command in told, f"{command} runs a long form of which the page says nothing"


LISTED = tomllib.loads((ROOT / "tests/project/promises.toml").read_text(encoding="utf-8"))


def test_each_sentence_that_sounds_like_a_promise_is_listed() -> None:
    """In promises.toml: with the test that holds it, or among those that promise nothing."""
    found, listed = set(promising()), {*LISTED["plain"], *LISTED["held"]}
    assert sorted(found - listed) == [], "say which test holds these"
    assert sorted(listed - found) == [], "nobody says these any more"


def test_each_listed_promise_names_a_test() -> None:
    for sentence, test in LISTED["held"].items():
        path, _, name = test.partition("::")
        text = (ROOT / path).read_text(encoding="utf-8")
        assert re.search(rf"^def {re.escape(name)}\(", text, re.MULTILINE), (sentence, test)
