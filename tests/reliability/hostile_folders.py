"""Makes folders of runs, has them changed by `hostile.py`, uses them, and says what was not right.

Run as a script, `python -m reliability.hostile_folders FOLDER FIRST LAST`, it says on its last
lines of output, one a folder, which it is at and what it found; `TEMPLATES` are made in FOLDER
once. Each number is one folder, always changed and used in the same way.
"""

import contextlib
import ctypes
import io
import json
import os
import random
import re
import resource
import shutil
import signal
import stat
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from types import FrameType
from typing import Any

from resqunn.cli import main as command
from resqunn.errors import ResqunnError
from resqunn.lab import Claim, Quantity, Rule, Series, Study, Term, TrainConfig
from resqunn.lab.report.page import write_report
from resqunn.lab.study.results import (
    GradientCell,
    GradientRow,
    GradientTable,
    Measured,
    NormsByDepth,
    open_results,
)
from resqunn.lab.study.running import run as run_plan
from resqunn.lab.study.tables import write_tables
from resqunn.lab.training.harmless import FORMULA, printable
from resqunn.lab.training.run import (
    Callbacks,
    evaluate_run,
    load_model,
    open_run,
    resume,
    train,
)
from resqunn.papers import Options, Paper

from reliability.hostile import CHANGES, Place, content

SECONDS = 100
"""After which a folder counts as hanging: machines are busy."""

MEMORY = 2**30
"""Bytes beyond those of a warm process."""

CONFIG = TrainConfig(per_class=4, epochs=2, depths=(1,), wiring="none")


def gradients(config: TrainConfig) -> Measured:
    """A task that measures nothing, of every kind."""
    cells = (GradientCell("O1", "flows", 0.5), GradientCell("O2", "none", None))
    table = GradientTable(2, {"true": "true derivatives"}, (GradientRow("a", {"true": cells}),))
    return Measured({}, None, table, (NormsByDepth("panel", "line", 2, (0.1, 0.0)),))


def _studies(options: Options) -> list[Study]:
    small = replace(CONFIG, epochs=options.epochs)
    series = [
        Series("a", small, options.seeds),
        Series("a", replace(small, trainable=False), options.seeds),
    ]
    other = Series("g", small, (0,), task=f"{__spec__.name}:gradients", reads_data=False)
    return [
        Study("rings", "Two rings", tuple(series), "Fig. 1", "Better.", figures=("1",)),
        Study("flow", "Gradients", (other,), "Fig. 2", figures=("1",)),
    ]


PAPER = Paper(
    name="rings",
    title="Rings",
    figures=("1",),
    studies=_studies,
    claims=(
        Claim("better", "Fig. 1", "Trained ones are better.", "better", Rule("better"),
              ("1",), "rings",
              (Quantity("validation_accuracy", (Term("a"),), (Term("a", True),)),)),
    ),
    defaults=Options(seeds=(0, 1), epochs=1),
)  # fmt: skip


class Hangs(BaseException):
    """The time for a folder is over; no `except Exception` may catch it."""


class StopError(Exception):
    pass


def make_templates(folder: Path) -> None:
    """A finished run, one that was stopped after an epoch, and results with their report."""

    def stop(_: object) -> None:
        raise StopError

    train(CONFIG, folder / "finished")
    with contextlib.suppress(StopError):
        train(CONFIG, folder / "unfinished", Callbacks(on_epoch=stop))
    run_plan(PAPER.plan(), folder / "results")
    write_report(folder / "results")


# What is done with a folder.


def _said(*arguments: str | Path) -> Callable[[Path], None]:
    """A command, in this process; what it prints is looked at."""

    def go(folder: Path) -> None:
        out, errors = io.StringIO(), io.StringIO()
        code: object = 0
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            try:
                command([str(folder) if a == "FOLDER" else str(a) for a in arguments])
            except SystemExit as end:
                code = end.code
        assert code in (0, None, 2), f"exit code {code}"
        for text in (out.getvalue(), errors.getvalue()):
            assert printable(text) == text, f"shows {text!r:.200}"
        mistakes = [line for line in errors.getvalue().splitlines() if "warning: " not in line]
        assert len(mistakes) == (code == 2), f"says {errors.getvalue()!r:.300}"

    go.__name__ = " ".join(map(str, arguments[:2]))
    return go


def _use_model(folder: Path, name: str) -> None:
    model = load_model(folder, name)
    assert not model.training


def _study(folder: Path) -> None:
    run_plan(PAPER.plan(), folder)
    open_results(folder)


def _tables(folder: Path) -> None:
    write_tables(folder, open_results(folder))


ON_RUNS: dict[str, Callable[[Path], Any]] = {
    "resume": resume,
    "evaluate best": lambda folder: evaluate_run(folder, "best"),
    "evaluate latest": lambda folder: evaluate_run(folder, "latest"),
    "model best": lambda folder: _use_model(folder, "best"),
    "model latest": lambda folder: _use_model(folder, "latest"),
    "open": open_run,
    "train": lambda folder: train(CONFIG, folder),
    "$ resume": _said("resume", "FOLDER"),
    "$ evaluate": _said("evaluate", "FOLDER"),
}

ON_RESULTS: dict[str, Callable[[Path], Any]] = {
    "open": open_results,
    "tables": _tables,
    "run": _study,
    "report": write_report,
    "$ report": _said("report", "FOLDER"),
    "$ reproduce": _said(
        "reproduce", "reliability.hostile_folders:PAPER", "--workers", "1", "--out", "FOLDER"
    ),
}

CHEAP = {*ON_RUNS, "open", "tables", "run"}
"""A report takes some seconds."""

KINDS = {"finished": ON_RUNS, "unfinished": ON_RUNS, "results": ON_RESULTS}


# What must be so afterwards.

RUN = (
    r"(?:config|manifest|result)\.json|(?:metrics|timings|stretches)\.jsonl"
    r"|checkpoints/(?:best|latest)(?:\.json|-\d{5,}\.safetensors)"
)
TABLES = "claims|final|seeds|epochs|gradients|norms"
OURS = {
    "run": re.compile(rf"(?:{RUN})"),
    "results": re.compile(
        rf"(?:study|failures|summary)\.json|locks/(?:[0-9a-f]{{16}}|command|probe)|tables/(?:{TABLES})\.csv"
        rf"|report/(?:index\.html|files\.json)|runs/(?:KEYS)/(?:{RUN})".replace(
            "KEYS", "|".join(run.key for run in PAPER.plan().runs)
        )
    ),
}
"""Files that are written by what is tested here; all others are somebody's own."""

PARTIAL = re.compile(r"(?s)(?:.*/)?\.[^/]+\.\d+\.partial")


def snapshot(folder: Path) -> dict[str, tuple[Any, ...]]:
    """Every file and folder below, with its rights, times and content; no links are followed."""
    found = {}
    for path in [folder, *(Path(at) / n for at, ds, fs in os.walk(folder) for n in (*ds, *fs))]:
        status = path.lstat()
        held: Any = None
        if stat.S_ISLNK(status.st_mode):
            held = path.readlink()
        elif stat.S_ISREG(status.st_mode):
            held = _sum(path, status.st_size)
        rights = (status.st_mode, status.st_uid, status.st_mtime_ns)
        found[str(path.relative_to(folder))] = (*rights, held)
    return found


def _sum(path: Path, size: int) -> str | int:
    return sha256(path.read_bytes()).hexdigest() if size < 2**24 else size


def others(folder: Path, kind: str) -> dict[str, Any]:
    """The content of all files inside that are not ours."""
    ours = OURS["results" if kind == "results" else "run"]
    listed = set()
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        listed = {
            f"report/figures/{name}"
            for name in json.loads(content(folder / "report/files.json"))["figures"]
        }
    return {
        name: seen[3]
        for name, seen in snapshot(folder).items()
        if stat.S_ISREG(seen[0])
        and not ours.fullmatch(name)
        and not PARTIAL.fullmatch(name)
        and name not in listed
    }


def check_tables(folder: Path) -> None:
    """No cell would be computed, and nothing turns a terminal's colours or a line's direction."""
    for file in folder.glob("tables/*.csv"):
        if re.fullmatch(TABLES, file.stem) and file.is_file() and not file.is_symlink():
            text = file.read_text("utf-8")
            assert printable(text) == text, f"{file.name} holds control characters"
            for cell in re.split(r"[,\n]", text):
                number = re.fullmatch(r"-?[\d.]+(?:e[+-]?\d+)?|", cell)
                assert number or not cell.startswith(FORMULA), f"{file.name}: {cell!r:.80}"


def check_message(text: str) -> None:
    assert len(text.splitlines()) == 1, f"more than one line: {text!r:.300}"
    assert printable(text) == text, f"control characters: {text!r:.300}"
    assert len(text) < 3000, f"{len(text)} characters: {text[:300]!r}"


@contextlib.contextmanager
def without_privileges() -> Iterator[None]:
    """Root loses for a while what makes it pass over modes of files, where that can be done."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    data = (ctypes.c_uint32 * 6)()
    if os.geteuid() or libc.capget(header, data):
        yield
        return
    before = data[0]
    data[0] &= ~((1 << 1) | (1 << 2))  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    libc.capset(header, data)
    try:
        yield
    finally:
        data[0] = before
        libc.capset(header, data)


def tried(number: int, templates: Path) -> dict[str, Any]:
    """One folder: changed, used, looked at."""
    rng = random.Random(number)
    kind = rng.choice(["finished", "unfinished", "unfinished", "results"])
    uses = KINDS[kind]
    told: list[str] = []
    wrong: list[str] = []
    with tempfile.TemporaryDirectory(prefix="hostile-", ignore_cleanup_errors=True) as name:
        above = Path(name)
        place = Place(above / kind, above / "outside", rng)
        for target in (place.folder, place.outside / "same"):
            shutil.copytree(templates / kind, target, symlinks=True)
        (place.outside / "new").mkdir()
        (place.outside / "here").mkdir()
        os.chdir(place.outside / "here")
        for part in ("notes.txt", "checkpoints/best-of-all.safetensors", "report/figures/mine.png"):
            if (place.folder / part).parent.is_dir():
                (place.folder / part).write_bytes(b"mine")
        for _ in range(rng.choice([1, 1, 2, 2, 3, 4])):
            try:
                told.append(rng.choice(CHANGES)(place))
            except OSError as error:  # it cannot be done after what was done before
                told.append(f"nothing: {error.strerror}")
        given = place.folder
        if rng.random() < 0.1:
            given = above / "linked"
            given.symlink_to(place.folder)
        outside, mine = snapshot(place.outside), others(place.folder, kind)
        touched = any(re.search(r"summary|report|tables", change) for change in told)
        weights = [16 if use in CHEAP else 8 if touched else 1 for use in uses]
        for use in dict.fromkeys(rng.choices(list(uses), weights, k=2)):
            told.append(f"-> {use}")
            try:
                answer = used(uses[use], given)
                told.append(answer)
                if kind == "results" and answer == "done" and use != "open":
                    check_tables(place.folder)
            except (Exception, Hangs) as error:
                wrong.append(f"{use}: {''.join(traceback.format_exception(error, limit=-6))}")
        now = snapshot(place.outside)
        wrong += [
            f"outside, {path}: {outside.get(path)} became {now.get(path)}"
            for path in sorted(outside.keys() | now.keys())
            if outside.get(path) != now.get(path)
        ]
        left = {
            str(path): seen for path in mine if (seen := _left(place.folder / path)) != mine[path]
        }
        wrong += [f"{path!r} became {seen}" for path, seen in left.items()]
        os.chdir("/")
    return {"number": number, "kind": kind, "told": told, "wrong": wrong}


def _left(path: Path) -> Any:
    try:
        return _sum(path, path.lstat().st_size)
    except OSError as error:
        return type(error).__name__


def used(use: Callable[[Path], Any], folder: Path) -> str:
    """What came of it: nothing, or a mistake's message."""
    with warnings.catch_warnings(record=True) as said, without_privileges():
        warnings.simplefilter("always")
        signal.alarm(SECONDS)
        try:
            use(folder)
            answer = "done"
        except ResqunnError as error:
            answer = f"{type(error).__name__}: {error!s:.200}"
            signal.alarm(0)
            check_message(str(error))
        finally:
            signal.alarm(0)
    for warning in said:
        check_message(str(warning.message))
        assert warning.category is UserWarning, f"{warning.category.__name__}: {warning.message}"
    return answer


def peak() -> int:
    """The most memory that this process has had, and has it counted anew."""
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return 1024 * int(found[1]) if found else 0


def open_files() -> set[str]:
    """What this process has open."""
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found.add(str(entry.readlink()))
    return {name for name in found if not name.endswith("/fd")}


def stop_hanging(*_: int | FrameType | None) -> None:
    raise Hangs


def main() -> None:
    templates, first, last = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    answers = os.fdopen(os.dup(1), "w")
    os.environ["RESQUNN_DATA"] = str(templates)
    signal.signal(signal.SIGALRM, stop_hanging)
    if not (templates / "results/report").exists():
        make_templates(templates)
    with tempfile.TemporaryDirectory() as name:  # warm
        shutil.copytree(templates / "unfinished", Path(name, "u"))
        resume(Path(name, "u"))
        shutil.copytree(templates / "results", Path(name, "r"))
        write_report(Path(name, "r"))
    bound = resource.getrlimit(resource.RLIMIT_AS)[1]
    virtual = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (virtual + 6 * MEMORY, bound))
    peak()
    warm, handles = peak(), open_files()
    for number in range(first, last):
        answers.write(json.dumps({"begins": number}) + "\n")
        answers.flush()
        start = time.monotonic()
        found = tried(number, templates)
        most = peak()
        if most > warm + MEMORY:
            found["wrong"].append(f"took {most - warm} bytes")
        if (opened := open_files()) - handles:
            found["wrong"].append(f"left open: {sorted(opened - handles)}")
            handles = opened
        found["seconds"] = round(time.monotonic() - start, 3)
        answers.write(json.dumps(found) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
