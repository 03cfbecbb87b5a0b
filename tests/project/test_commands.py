"""Every command line of the documentation and of the help is run, and every option is explained."""

import ast
import inspect
import itertools
import re
import shlex
from dataclasses import fields
from pathlib import Path

import pytest

from resqunn.circuits.ansatze import ANSATZE
from resqunn.circuits.encodings import ENCODINGS
from resqunn.circuits.readouts import READOUTS
from resqunn.cli import main
from resqunn.cli.command_line import parsed
from resqunn.cli.commands import COMMANDS
from resqunn.cli.mistakes import options
from resqunn.data.sources import SOURCES
from resqunn.engines.registry import ENGINES
from resqunn.lab.training.config import PRESETS, TrainConfig
from resqunn.nn.aligned import ALIGNMENTS
from resqunn.nn.heads import HEADS
from resqunn.papers.paper import INTERPRETATIONS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

SMALL = {
    "train": "--data digits --classes 4 --per-class 10 --epochs 1 --depths 1 1",
    "reproduce": "--quick --epochs 1 --seeds 1 --workers 1 --figures 7",
    "study": "--seeds 1 --workers 1",
}
"""What makes a command short, in place of what its line says."""
BY_CI = ("pip", "pytest", "pre-commit", "ruff", "python")


def write_files(page: Path, folder: Path) -> None:
    """Puts the files that a page shows, whose first lines name them, into a folder."""
    for name, text in re.findall(
        r"```(?:toml|python)\n# (\w+\.\w+)\n(.*?)```", page.read_text(), re.DOTALL
    ):
        (folder / name).write_text(text)


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


def test_every_command_of_every_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for page in PAGES:
        folder = tmp_path / page.stem
        folder.mkdir()
        write_files(page, folder)
        monkeypatch.chdir(folder)
        for words in lines_of(page):
            if words[0] == "resqunn":
                parsed(words[1:])
                succeeds(shortened(words))
            elif words[:2] == ["python", "-c"]:
                exec(words[2], {})
            else:
                assert words[0] in BY_CI, words
                assert words[0] != "python" or words[1] == "-m" or (ROOT / words[1]).exists(), words


def test_every_command_that_a_sentence_names_is_one() -> None:
    for page in PAGES:
        for words in mentioned(page):
            if "--help" not in words and len(words) > 2:
                parsed(words[1:])
            else:
                assert words[1] in COMMANDS or words[1].startswith("--"), words


def test_what_a_command_is_said_to_show_is_what_it_shows(
    capsys: pytest.CaptureFixture[str],
) -> None:
    compared = 0
    for page in PAGES:
        pattern = r"`(resqunn (?:gradients|wirings|draw|circuit)[^`]*)`[^`]*?\n```\n(.*?)```"
        for line, block in re.findall(pattern, page.read_text(), re.DOTALL):
            succeeds(shlex.split(line)[1:])
            shown = [row.rstrip() for row in capsys.readouterr().out.splitlines()]
            for row in block.splitlines():
                assert row.rstrip() in shown, f"{line}: {row}"
                compared += 1
    assert compared


def test_every_example_of_the_help_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One after the other: some use what others made."""
    monkeypatch.chdir(tmp_path)
    write_files(ROOT / "docs/studies.md", tmp_path)
    for name, command in COMMANDS.items():
        last = inspect.cleandoc(command.__doc__ or "").splitlines()[-1]
        assert f"{last} ".startswith(f"Example: resqunn {name} ")
        words = shlex.split(last.removeprefix("Example: "))
        assert type(parsed(words[1:])) is command
        succeeds(shortened(words))
        assert capsys.readouterr().out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_in_the_help_with_its_text(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    succeeds([name, "--help"])
    shown = capsys.readouterr().out
    plain = " ".join(re.sub("[│╭╮╰╯─]", " ", shown).split())
    for option in options(COMMANDS[name]):
        assert re.search(rf"{option}\b", plain), option
    for kind in {COMMANDS[name], TrainConfig} if name == "train" else {COMMANDS[name]}:
        texts = field_texts(kind)
        assert set(texts) == {field.name for field in fields(kind)} - {"config"}
        for field, text in texts.items():
            words = re.findall(r"\w+", text)[:6]
            assert re.search(r"\W+".join(map(re.escape, words)), plain), f"{field}: {text}"


TABLES = {
    "encoding": ENCODINGS, "ansatz": ANSATZE, "readout": READOUTS, "engine": ENGINES,
    "data": SOURCES, "head": HEADS, "align": ALIGNMENTS, "preset": PRESETS,
    "interpretations": INTERPRETATIONS,
}  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_names_every_entry_of_a_table(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    succeeds([name, "--help"])
    shown = re.split(r"(?m)^\W*(?=--[a-z-]+)", capsys.readouterr().out)
    for option in {option.removeprefix("--") for option in options(COMMANDS[name])} & set(TABLES):
        text = next(part for part in shown if part.startswith(f"--{option} "))
        for entry in TABLES[option]:
            assert re.search(rf"(?<!\w){entry}(?!\w)", text), f"--{option}: {entry}"


def test_the_help_shows_no_default_that_is_none_or_empty(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in COMMANDS:
        succeeds([name, "--help"])
        shown = " ".join(capsys.readouterr().out.split())
        assert "None" not in shown, name
        assert "(default: )" not in shown, name


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
