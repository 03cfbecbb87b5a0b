"""Commands that are to be stopped in the midst of it, what goes on with them, and what is left."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load

from reliability.victims import Outcome, Victims

NETWORK = ["--per-class", "4", "--epochs", "4", "--depths", "1", "--wiring", "none"]
QUESTION = Path(__file__).with_name("question.toml")
STUDIES = ["reproduce", "--quick", "--seeds", "1", "--epochs", "1", "--figures", "2", "7"]


def train(folder: Path) -> list[object]:
    return ["train", "--out", folder, *NETWORK]


def resume(folder: Path) -> list[object]:
    return ["resume", folder] if (folder / "config.json").exists() else train(folder)


def reproduce(folder: Path) -> list[object]:
    return [*STUDIES, "--workers", 1, "--out", folder]


def study(folder: Path) -> list[object]:
    return ["study", QUESTION, "--workers", 1, "--out", folder]


def report(folder: Path) -> list[object]:
    return ["report", folder]


COMMANDS = {
    "train": (train, resume),
    "reproduce": (reproduce, reproduce),
    "study": (study, study),
    "report": (report, report),  # of the summary that `reproduce` left
}
"""Each with the command that goes on with it."""


@dataclass(frozen=True)
class Undisturbed:
    """What a command gives when nothing happens to it, and what it took."""

    results: dict[str, Any]
    outcome: Outcome


class Commands:
    """Does the commands, and knows what comes of them undisturbed.

    Args:
        folder: for the undisturbed ones.
    """

    def __init__(self, victims: Victims, folder: Path) -> None:
        self.victims = victims
        self.summary = b""
        self.undisturbed: dict[str, Undisturbed] = {}
        for name in COMMANDS:
            outcome = self.begin(name, folder / name)
            assert outcome.code == 0, outcome.errors
            self.undisturbed[name] = Undisturbed(results(folder / name), outcome)
            if name == "reproduce":
                self.summary = (folder / name / "summary.json").read_bytes()

    def prepare(self, name: str, folder: Path) -> None:
        """Puts there what the command needs, if it is not there yet."""
        if name == "report" and not folder.exists():
            folder.mkdir()
            (folder / "summary.json").write_bytes(self.summary)

    def begin(self, name: str, folder: Path, **order: Any) -> Outcome:
        """The command in a new folder, under one of the orders of `Victims.run`."""
        self.prepare(name, folder)
        return self.victims.run(*COMMANDS[name][0](folder), **order)

    def go_on(self, name: str, folder: Path, **order: Any) -> Outcome:
        """What a user does who finds the folder as it was left."""
        return self.victims.run(*COMMANDS[name][1](folder), **order)

    def check(self, name: str, folder: Path, outcome: Outcome) -> None:
        """The last command was done, and all is as if nothing had happened."""
        assert outcome.code == 0, outcome.errors
        assert results(folder) == self.undisturbed[name].results


OWN = {"manifest.json", "study.json"}
"""Files that hold times alone, or the command line."""

TIMES = {"seconds", "created"}

TIMED = r"rerun with.*?in all|Time taken.*?added|[\d.,]+\W+m?s\b"
"""What the page says of times."""


def results(folder: Path) -> dict[str, Any]:
    """What must be the same whatever happened, by file; without times, nor how often it went on."""
    found: dict[str, Any] = {}
    for file in folder.rglob("*"):
        if file.is_file() and "locks" not in file.parts and file.name != "stretches.jsonl":
            found[str(file.relative_to(folder))] = None if file.name in OWN else comparable(file)
    return found


def comparable(file: Path) -> Any:
    if file.name == "summary.json":
        return without_times(json.loads(file.read_bytes()))
    if file.name == "timings.jsonl":
        return [json.loads(line)["epoch"] for line in file.read_bytes().splitlines()]
    if file.name == "index.html":
        return re.sub(TIMED, "", file.read_text())
    return file.read_bytes()


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        free = TIMES | ({"sha256"} if "created" in value else set())
        return {key: without_times(entry) for key, entry in value.items() if key not in free}
    return [without_times(entry) for entry in value] if isinstance(value, list) else value


WHOLE: dict[str, Callable[[bytes], Any]] = {
    ".json": json.loads,
    ".safetensors": load,
    ".svg": lambda content: content.index(b"</svg>", -10),
    ".html": lambda content: content.index(b"</html>", -10),
    ".png": lambda content: content.index(b"IEND", -10),
    ".csv": lambda content: content.index(b"\n", -1),
}


def check_whole(folder: Path) -> None:
    """Reads every file that can be seen; lines of epochs alone are added one by one."""
    for file in folder.rglob("*"):
        if file.suffix in WHOLE and not file.name.startswith("."):
            WHOLE[file.suffix](file.read_bytes())
