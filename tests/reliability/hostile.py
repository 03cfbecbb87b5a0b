"""What somebody may do to a folder of runs before they hand it over: links, pipes, huge files,
entries that are wrong but sealed anew so that every checksum fits, names that nobody would choose.

Each change takes a `Place` and returns what it did, in words.
"""

import hashlib
import json
import os
import random
import shutil
import socket
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import torch
from safetensors.torch import load, save

from resqunn.lab.training.config import identity
from resqunn.lab.training.files import FORMAT, SEAL, digest

from reliability import mutations

TEXTS = [
    *("../x", "../../outside/new", "/etc/passwd", "..", "", ".", "a/b", "x\\..\\y", "\0", "a\0b"),
    *("\x1b[31mred", "two\nlines", "\u202egnp.exe", "\u2066x", "\x9b31m", "\u0085", "\ud800"),
    *("\uffff", "=cmd|' /C calc'!A0", "+1", "@x", "-1", "\t=1", "[bold]x[/bold]", "[/]", "%s{}"),
    *("</script><b>", "x" * 10**5, "1" * 5000, "\U0001f600" * 50, "None", "NaN", "true"),
    *("random:5", "nobody:nothing"),
]  # fmt: skip
NUMBERS = [
    *(0, -1, 1, 2, 3, 7, 2**31, 2**53 + 1, 2**63, 2**64, -(2**70), 10**400, 0.5, -0.0, 1e-320),
    *(1e300, 1.7e308, -1.7e308, float("inf"), float("nan"), 64, 1e16),
]
VALUES = [*TEXTS, *NUMBERS, None, True, False, [], {}, [[]], [None], {"a": 1}, {"": []}, [1] * 1000]


@dataclass
class Place:
    """A folder that is handed over, and what lies beside it and must not change.

    Attributes:
        outside: holds `same`, a copy of the folder, and `new`, an empty folder.
    """

    folder: Path
    outside: Path
    rng: random.Random

    def files(self, *suffixes: str) -> list[Path]:
        """Ordinary files that are not huge, in order; no links are followed."""
        found = [
            Path(at) / name
            for at, folders, names in os.walk(self.folder)
            if not folders.sort()
            for name in sorted(names)
            if name.endswith(suffixes or "")
        ]
        return [path for path in found if _ordinary(path)]

    def anything(self) -> Path:
        """A file or a folder inside, whatever it is."""
        found = [
            Path(at) / name
            for at, folders, names in os.walk(self.folder)
            for name in (*folders, *names)
        ]
        return self.rng.choice(sorted(found))

    def told(self, path: Path) -> str:
        return str(path.relative_to(self.folder))


def _ordinary(path: Path) -> bool:
    status = path.lstat()
    return stat.S_ISREG(status.st_mode) and status.st_size < 2**24


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def link(place: Place) -> str:
    """A symbolic link in the place of something: to its like outside, to nothing, to itself..."""
    path, rng = place.anything(), place.rng
    moved = place.outside / f"moved-{rng.randrange(10**9)}"
    targets = [
        place.outside / "same" / path.relative_to(place.folder),
        place.outside / "new" / path.name,
        place.outside,
        path,
        Path(".."),
        Path(rng.choice(["/dev/null", "/dev/zero", "/dev/full", "/dev/tty", "/etc/passwd"])),
        place.anything(),
        moved,
    ]
    target = rng.choice(targets)
    if target is moved:
        path.rename(moved)
    remove(path)
    path.symlink_to(target, target_is_directory=target.is_dir())
    return f"{place.told(path)} links to {target}"


def hard_link(place: Place) -> str:
    """A second name of a file outside, or of another one inside."""
    paths = place.files()
    path = place.rng.choice(paths)
    target = place.outside / "same" / path.relative_to(place.folder)
    if place.rng.random() < 0.3 or not target.exists():
        target = place.rng.choice(paths)
    if target != path:
        path.unlink()
        os.link(target, path)
    return f"{place.told(path)} is the file {target}"


def special(place: Place) -> str:
    """A pipe, a socket, a folder or nothing in the place of something."""
    path, kind = place.anything(), place.rng.choice(["pipe", "socket", "folder", "nothing", "file"])
    remove(path)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        short = Path(f"/tmp/s{os.getpid()}")
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(str(short))
        shutil.move(short, path)
    elif kind == "folder":
        path.mkdir()
        (path / "mine.txt").write_text("mine")
    elif kind == "file":
        path.write_bytes(place.rng.choice([b"", b"{}", b"mine", b"\n" * 50]))
    return f"{place.told(path)} is a {kind}"


def rights(place: Place) -> str:
    """Other modes and owners."""
    rng = place.rng
    path = place.anything() if rng.random() < 0.9 else place.folder
    mode = rng.choice([0, 0o111, 0o222, 0o400, 0o444, 0o555, 0o777, 0o4755, 0o1777])
    if not path.is_symlink():
        path.chmod(mode)
    if os.geteuid() == 0 and rng.random() < 0.5:
        os.chown(path, 12345, 12345, follow_symlinks=False)
    return f"{place.told(path)} has mode {mode:o}"


def huge(place: Place) -> str:
    """A sparse file of up to a tebibyte."""
    path, size = place.rng.choice(place.files()), place.rng.choice([2**22, 2**28 + 1, 2**33, 2**40])
    os.truncate(path, size)
    return f"{place.told(path)} has {size} bytes"


def damaged(place: Place) -> str:
    """Bytes changed, with sums that fit or not."""
    path, rng = place.rng.choice(place.files()), place.rng
    content = path.read_bytes()
    if len(content) > 2:
        way = rng.choice([mutations.flip, mutations.zero, mutations.drop, mutations.double])
        content = rng.choice([way(content, rng), content[: rng.randrange(len(content))]])
        _write(path, content)
    return f"{place.told(path)} is damaged{_mended(place, path)}"


def named(place: Place) -> str:
    """Another file or folder, or one renamed, with a name that somebody hopes will do harm."""
    rng = place.rng
    folders = [Path(at) for at, _, _ in os.walk(place.folder)]
    names = [text[:80].replace("/", "-").replace("\0", "0") for text in TEXTS if text not in ".."]
    names = [name for name in names if name.isprintable() or name.isascii()]
    names += ["latest-00001.safetensors\n", "best-99999.safetensors", "latest-00000.safetensors.x"]
    names += [
        ".config.json.partial",
        ".x.12.partial.mine",
        "loss.svg",
        "rings-curves.png",
        "x" * 250,
    ]
    path = rng.choice(sorted(folders)) / rng.choice(names)
    if os.path.lexists(path):
        return "nothing"
    if rng.random() < 0.2:
        place.anything().rename(path)
    elif rng.random() < 0.3:
        path.mkdir()
    else:
        path.write_bytes(b"mine")
    return f"there is {place.told(path)!r}"


def nested(place: Place) -> str:
    """Entries or folders within each other without end."""
    files = place.files(".json", ".jsonl")
    if files and place.rng.random() < 0.7:
        path = place.rng.choice(files)
        count = place.rng.choice([50, 10**5])
        start, end = place.rng.choice([(b'{"a":', b"}"), (b"[", b"]")])
        _write(path, start * count + b"1" + end * count)
    else:
        path = place.folder.joinpath(*["deep"] * 40)
        path.mkdir(parents=True, exist_ok=True)
    return f"{place.told(path)} is nested deeply"


def entry(place: Place) -> str:
    """One or two entries of a JSON file changed, gone or renamed, and all sealed anew."""
    files, rng = place.files(".json", ".jsonl"), place.rng
    if not files:
        return "nothing"
    names = sorted({file.name for file in files})
    name = rng.choice([*names, *["summary.json"] * 4] if "summary.json" in names else names)
    path = rng.choice([file for file in files if file.name == name])
    lines = path.read_bytes().splitlines() if path.suffix == ".jsonl" else [path.read_bytes()]
    number = rng.randrange(len(lines)) if lines else 0
    try:
        value = json.loads(lines[number])
    except (ValueError, IndexError, RecursionError):
        return "nothing"
    changes = [_changed(value, rng) for _ in range(rng.randint(1, 2))]
    if path.suffix == ".jsonl":
        lines[number] = _as_text(value)
        _write(path, b"\n".join([*lines, b""]))
    elif isinstance(value, dict):
        _write(path, resealed(path.name, value))
    return f"{place.told(path)}: {' and '.join(changes)}{_mended(place, path)}"


def tensors(place: Place) -> str:
    """A checkpoint's entries of another shape, type or value, missing or more than there are."""
    files, rng = place.files(".safetensors"), place.rng
    if not files:
        return "nothing"
    path = rng.choice(files)
    content = path.read_bytes()
    try:
        if rng.random() < 0.3:
            ways = mutations.of_safetensors()
            what = rng.choice(list(ways))
            changed = ways[what](content, rng)
        else:
            found = load(content)
            what = " and ".join(_respelt(found, rng) for _ in range(rng.randint(1, 2)))
            changed = save({name: tensor.contiguous() for name, tensor in found.items()})
    except Exception:  # what others have done to it before
        return "nothing"
    _write(path, changed)
    return f"{place.told(path)}: {what}{_mended(place, path)}"


def _respelt(found: dict[str, torch.Tensor], rng: random.Random) -> str:
    name, other = rng.choice(sorted(found)), rng.choice(sorted(found))
    tensor = found[name]
    ways: dict[str, Callable[[], Any]] = {
        "gone": lambda: found.pop(name),
        "twice": lambda: found.update({f"{name}2": tensor.clone()}),
        "strange": lambda: found.update({rng.choice([*TEXTS, "adam/9/step", "model/"]): tensor}),
        "swapped": lambda: found.update({name: found[other].clone(), other: tensor.clone()}),
        "flat": lambda: found.update({name: tensor.flatten().clone()}),
        "short": lambda: found.update({name: tensor.flatten()[:1].clone()}),
        "empty": lambda: found.update({name: tensor.flatten()[:0].clone()}),
        "deep": lambda: found.update({name: tensor.reshape(1, *tensor.shape).clone()}),
        "double": lambda: found.update({name: tensor.double()}),
        "half": lambda: found.update({name: tensor.half()}),
        "whole": lambda: found.update({name: tensor.long()}),
        "bool": lambda: found.update({name: tensor != 0}),
        "value": lambda: found.update({name: torch.full_like(tensor, _finite(rng))}),
        "nan": lambda: found.update({name: tensor * float("nan")}),
        "inf": lambda: found.update({name: tensor + float("inf")}),
        "negative": lambda: found.update({name: -tensor - 1}),
    }  # fmt: skip
    way = rng.choice(list(ways))
    ways[way]()
    return f"{name:.40} {way}"


def _finite(rng: random.Random) -> float:
    return rng.choice([0.0, 1e-45, 1e30, -1e30, 3.4e38, 1.0])


def _changed(whole: Any, rng: random.Random) -> str:
    """Changes one entry of a JSON value, wherever it is."""
    if not isinstance(whole, dict | list):
        return "nothing"
    places = [(holder, key) for holder, key in mutations.places_in(whole) if key != SEAL]
    if not places:
        return "nothing"
    holder, key = rng.choice(places)
    value, way = holder[key], rng.random()
    if way < 0.1:
        del holder[key]
        return f"{key!r:.40} gone"
    if way < 0.2 and isinstance(holder, dict):
        name = rng.choice(TEXTS)
        holder[name] = holder.pop(key)
        return f"{key!r:.40} is {name!r:.40}"
    if way < 0.3 and isinstance(holder, list):
        holder.insert(key, value)
        return f"{key!r:.40} twice"
    near: list[Any] = [[value], str(value)]
    if isinstance(value, bool):
        near = [not value]
    elif isinstance(value, int | float):
        small = value if abs(value) < 1e300 else 1.0
        near = [value + 1, -value, value * 2, small / 2, float(small)]
    elif isinstance(value, str):
        near = [f"{value}x", value[:-1], value.upper(), f"../{value}", f"{value}\x1b[0m"]
    elif isinstance(value, list):
        near = [value[1:], value * 2, value[::-1]]
    holder[key] = rng.choice(near if rng.random() < 0.4 else VALUES)
    return f"{key!r:.40} = {holder[key]!r:.40}"


def _as_text(value: Any) -> bytes:
    """JSON, with numbers that no JSON has; infinity is at times a number of many digits."""
    text = json.dumps(value).encode()
    return text.replace(b"Infinity", b"1e999") if crc32(text) % 2 else text


def resealed(name: str, value: dict[str, Any]) -> bytes:
    """What `sealed` gives, for values that it would refuse."""
    value = {key: entry for key, entry in value.items() if key != SEAL}
    value.setdefault("format", FORMAT)
    return _as_text({**value, SEAL: digest([name, value])})


def _mended(place: Place, path: Path) -> str:
    """Mostly, makes all sums of the run that a changed file belongs to fit."""
    run = path.parent.parent if path.parent.name == "checkpoints" else path.parent
    if place.rng.random() < 0.15 or not (run / "config.json").exists():
        return ""
    with suppress(ValueError, TypeError, KeyError, AttributeError, OSError, RecursionError):
        config = _entries(run / "config.json")
        config_sha256 = identity(config)
        lines = content(run / "metrics.jsonl").splitlines(keepends=True)
        checkpoints = run / "checkpoints"
        for pointer in (*checkpoints.glob("*.json"), run / "result.json"):
            with suppress(ValueError, TypeError, KeyError, AttributeError, OSError, RecursionError):
                found = _entries(pointer)
                count = found.get("epoch", len(lines))
                found["config_sha256"] = config_sha256
                if "metrics_sha256" in found:
                    kept = b"".join(lines[:count])
                    found["metrics_sha256"] = hashlib.sha256(kept).hexdigest()
                if "file" in found:
                    named = content(checkpoints / found["file"])
                    found["file_sha256"] = hashlib.sha256(named).hexdigest()
                _write(pointer, resealed(pointer.name, found))
    return ", sealed"


def _entries(path: Path) -> dict[str, Any]:
    value = json.loads(content(path))
    return {key: entry for key, entry in value.items() if key not in ("format", SEAL)}


def content(path: Path) -> bytes:
    """What an ordinary file holds that is not huge."""
    if not _ordinary(path):
        raise OSError("not to be read")
    return path.read_bytes()


def _write(path: Path, content: bytes) -> None:
    """Replaces an ordinary file, so that a second name of it keeps what it had."""
    if _ordinary(path):
        path.unlink()
        path.write_bytes(content)


CHANGES: list[Callable[[Place], str]] = [
    *(link, link, link, hard_link, special, special, rights, huge, damaged, named, nested),
    *(entry, entry, entry, entry, entry, tensors, tensors, tensors),
]
