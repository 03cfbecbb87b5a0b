"""Every claim of the documentation that can be run is run, and every name in it exists."""

import ast
import doctest
import importlib.util
import inspect
import itertools
import json
import re
import shlex
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import pytest

from resqunn.cli import main
from resqunn.cli.command_line import parsed
from resqunn.cli.commands import COMMANDS
from resqunn.cli.mistakes import options
from resqunn.lab.training.config import TrainConfig

from reliability import page as counts

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src/resqunn"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

EXAMPLES = [
    (page.name, number, code)
    for page in PAGES
    for number, code in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL))
]

SMALL = {
    "train": "--data digits --classes 4 --per-class 10 --epochs 1 --depths 1 1",
    "reproduce": "--quick --epochs 1 --seeds 1 --workers 1",
}
"""What makes a command short, in place of what its line says."""
SMALL_FIGURES = "--figures 7"
BY_CI = ("pip", "pytest", "pre-commit")


@pytest.mark.parametrize(("page", "number", "code"), EXAMPLES, ids=lambda v: str(v)[:12])
def test_python_examples_run(
    page: str, number: int, code: str, tally: Callable[[str, int], None]
) -> None:
    exec(compile(code, f"{page}, example {number}", "exec"), {})
    tally("Python examples of the documentation", 1)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_files_that_pages_link_to_exist(page: Path, tally: Callable[[str, int], None]) -> None:
    text = page.read_text()
    for link in re.findall(r"\]\(([^)#]+)", text):
        if "://" not in link:
            assert (page.parent / link).exists(), link
            tally("links between documents", 1)
    for path in re.findall(r"`((?:src|tests|docs|examples|benchmarks)/[\w./]+)`", text):
        assert (ROOT / path).exists(), path
        tally("files that the documentation names", 1)


def lines_of(page: Path) -> list[list[str]]:
    """The commands of a page's bash blocks."""
    blocks = re.findall(r"```(?:bash|sh|console)\n(.*?)```", page.read_text(), re.DOTALL)
    joined = "\n".join(blocks).replace("\\\n", " ").replace("&&", "\n")
    return [words for line in joined.splitlines() if (words := shlex.split(line, comments=True))]


def mentioned(page: Path) -> list[list[str]]:
    """The commands that a page's sentences name, without placeholders such as COMMAND."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    found = [shlex.split(line) for line in re.findall(r"`(resqunn [a-z][^`]*)`", text)]
    return [words for words in found if not any(re.fullmatch("[A-Z.]+", word) for word in words)]


def shortened(words: list[str]) -> list[str]:
    """The line's arguments with small settings: they replace the line's own."""
    _, command, *rest = words
    small = shlex.split(SMALL.get(command, ""))
    if command == "reproduce":
        small += shlex.split(SMALL_FIGURES)
    names = {word for word in small if word.startswith("--")}
    kept, skipping = [], False
    for word in rest:
        skipping = word in names or (skipping and not word.startswith("--"))
        if not skipping:
            kept.append(word)
    return [command, *kept, *small]


def succeeds(arguments: list[str]) -> None:
    try:
        main(arguments)
    except SystemExit as exit:
        assert not exit.code, arguments  # noqa: PT017


def test_every_command_of_every_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tally: Callable[[str, int], None]
) -> None:
    for page in PAGES:
        folder = tmp_path / page.stem
        folder.mkdir()
        monkeypatch.chdir(folder)
        for words in lines_of(page):
            if words[0] == "resqunn":
                parsed(words[1:])
                succeeds(shortened(words))
            elif words[0] == "python" and words[1] != "-m":
                assert (ROOT / words[1]).exists(), words
            else:
                assert words[0] in BY_CI or words[0] == "python", words
            tally("command lines of the documentation", 1)


def test_every_command_that_a_sentence_names_is_one(tally: Callable[[str, int], None]) -> None:
    for page in PAGES:
        for words in mentioned(page):
            if "--help" not in words and len(words) > 2:
                parsed(words[1:])
            else:
                assert words[1] in COMMANDS or words[1].startswith("--"), words
            tally("commands that sentences of the documentation name", 1)


def test_what_a_command_is_said_to_show_is_what_it_shows(
    capsys: pytest.CaptureFixture[str], tally: Callable[[str, int], None]
) -> None:
    for page in PAGES:
        pattern = r"`(resqunn (?:gradients|wirings|draw)[^`]*)`[^`]*?\n```\n(.*?)```"
        for line, block in re.findall(pattern, page.read_text(), re.DOTALL):
            succeeds(shlex.split(line)[1:])
            shown = [row.rstrip() for row in capsys.readouterr().out.splitlines()]
            for row in block.splitlines():
                assert row.rstrip() in shown, f"{line}: {row}"
                tally("lines of output in the documentation", 1)


def test_every_example_of_the_help_runs(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tally: Callable[[str, int], None],
) -> None:
    monkeypatch.chdir(tmp_path)
    for command in COMMANDS.values():
        last = inspect.cleandoc(command.__doc__ or "").splitlines()[-1]
        assert last.startswith("Example: resqunn "), command
        words = shlex.split(last.removeprefix("Example: "))
        assert type(parsed(words[1:])) is command
        succeeds(shortened(words))
        assert capsys.readouterr().out
        tally("examples of the commands' help", 1)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_in_the_help_with_its_text(
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tally: Callable[[str, int], None],
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    succeeds([name, "--help"])
    shown = capsys.readouterr().out
    plain = " ".join(re.sub("[│╭╮╰╯─]", " ", shown).split())
    for option in options(COMMANDS[name]):
        assert re.search(rf"{option}\b", plain), option
        tally("options of the commands", 1)
    for kind in {COMMANDS[name], TrainConfig} if name == "train" else {COMMANDS[name]}:
        texts = field_texts(kind)
        assert set(texts) == {field.name for field in fields(kind)} - {"config"}
        for field, text in texts.items():
            words = re.findall(r"\w+", text)[:6]
            assert re.search(r"\W+".join(map(re.escape, words)), plain), f"{field}: {text}"


def field_texts(kind: type) -> dict[str, str]:
    """The string below each field of a dataclass."""
    body = ast.parse(inspect.getsource(kind)).body[0].body
    return {
        field.target.id: text.value.value
        for field, text in itertools.pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
    }


def test_doctests_are_many(tally: Callable[[str, int], None]) -> None:
    parser = doctest.DocTestParser()  # they are run by --doctest-modules
    counts = [len(parser.get_examples(path.read_text())) for path in SOURCE.rglob("*.py")]
    assert sum(counts) >= 20
    tally("doctest lines, run by pytest --doctest-modules", sum(counts))


def tables() -> ModuleType:
    """docs/tables.py, which belongs to no package."""
    spec = importlib.util.spec_from_file_location("tables", ROOT / "docs/tables.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_pages_show_the_numbers_of_their_files(tally: Callable[[str, int], None]) -> None:
    written = tables()
    names = "|".join(written.TABLES)
    for path in written.PAGES:
        page = path.read_text()
        marked = re.findall(rf"<!-- ({names}) -->\n(.*?)<!-- end of \1 -->", page, re.DOTALL)
        assert page == written.filled(page, json.loads(written.NUMBERS.read_text())), path
        tally("tables of the documentation, compared with their files", len(marked))
    page = counts.PAGE.read_text()
    assert page == counts.written(page, json.loads(counts.COUNTS.read_text())), counts.PAGE


def test_the_picture_shows_what_the_benchmarks_wrote() -> None:
    data = json.loads((ROOT / "docs/benchmarks.json").read_text())
    shown = re.findall(r"<!-- ([\d,.]+) ms -->", (ROOT / "docs/benchmarks.svg").read_text())
    wanted = ["once, depth 4, 16 images", "re-upload, depth 4, 16 images"]
    found = [
        f"{value:,.2f}"
        for case in data["cases"]
        if case["case"].removeprefix("2x2 (4 qubits), ") in wanted
        for value in case["milliseconds"].values()
    ]
    assert sorted(shown) == sorted(found)


def test_files_and_tables_that_pages_name_exist(tally: Callable[[str, int], None]) -> None:
    folders = ("src", "tests", "benchmarks", "examples")
    existing = {path.name for folder in folders for path in (ROOT / folder).rglob("*.*")}
    source = "\n".join(path.read_text() for path in SOURCE.rglob("*.py"))
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))
    for page in (ROOT / "CONTRIBUTING.md", ROOT / "docs/architecture.md"):
        text = page.read_text()
        for name in re.findall(r"`(?:[\w/]+/)?(\w+\.(?:py|html))`", text):
            assert name in existing, f"{page.name}: {name}"
            tally("files that the documentation names", 1)
        for name in re.findall(r"`([A-Z][A-Z_]{3,})`", text):
            assert re.search(rf"^{name}\b", source + "\n" + tests, re.MULTILINE), name


def test_the_floors_hold_what_the_architecture_says(tally: Callable[[str, int], None]) -> None:
    rows = re.findall(
        r"^\| \d \| `([\w./]+)` \| (.*) \|$", (ROOT / "docs/architecture.md").read_text(), re.M
    )
    assert {row[0] for row in rows} >= {f"{path.parent.name}/" for path in SOURCE.glob("*/*.py")}
    for folder, text in rows:
        assert (SOURCE / folder).exists(), folder
        for name in re.findall(r"`([\w/]+(?:\.py|\.html|/))`", text):
            assert (SOURCE / folder / name).exists(), f"{folder}: {name}"
            tally("files that the documentation names", 1)
