"""Ways to damage a file, as functions of its bytes; each is another file afterwards, or the same.

`of_json` also changes what a JSON file says, and `of_safetensors` what its header says.
"""

import io
import json
import pickle
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

Mutation = Callable[[bytes, random.Random], bytes]


class Payload:
    """Leaves a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


def flip(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.randint(1, 3)):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def span(content: bytes, rng: random.Random) -> tuple[int, int]:
    start = rng.randrange(len(content))
    return start, rng.randint(start + 1, len(content))


def zero(content: bytes, rng: random.Random) -> bytes:
    start, end = span(content, rng)
    return content[:start] + bytes(end - start) + content[end:]


def drop(content: bytes, rng: random.Random) -> bytes:
    start, end = span(content, rng)
    return content[:start] + content[end:]


def double(content: bytes, rng: random.Random) -> bytes:
    start, end = span(content, rng)
    return content[:end] + content[start:]


def swap(content: bytes, rng: random.Random) -> bytes:
    a, b, c, d = sorted(rng.choices(range(len(content) + 1), k=4))
    return content[:a] + content[c:d] + content[b:c] + content[a:b] + content[d:]


def of_bytes(mark: Path, other: bytes) -> dict[str, Mutation]:
    """For any file; `other` is a whole file of the same kind, `mark` what a payload leaves."""
    saved = io.BytesIO()
    torch.save({"model": Payload(mark)}, saved)
    return {
        "truncated": lambda content, rng: content[: rng.randrange(len(content))],
        "bits flipped": flip,
        "span zeroed": zero,
        "span dropped": drop,
        "span doubled": double,
        "spans swapped": swap,
        "something appended": lambda content, rng: content + rng.randbytes(rng.randint(1, 9)),
        "noise": lambda content, rng: rng.randbytes(len(content)),
        "a pickle": lambda _, rng: pickle.dumps(Payload(mark), rng.randint(0, 5)),
        "a torch file": lambda _, __: saved.getvalue(),
        "another's": lambda _, __: other,
    }


def places_in(whole: Any) -> list[tuple[Any, Any]]:
    """Every entry of a JSON value, wherever it is, by what holds it and its key."""
    places: list[tuple[Any, Any]] = []

    def gather(value: Any) -> None:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            places.append((value, key))
            if isinstance(inner, dict | list):
                gather(inner)

    gather(whole)
    return places


def change_value(content: bytes, rng: random.Random) -> bytes:
    """One entry, wherever it is, gets another value, or is gone, renamed or of another type."""
    whole = json.loads(content)
    holder, key = rng.choice(places_in(whole))
    value = holder[key]
    numeric = isinstance(value, int | float)
    nearby = [value + 1, -value, value * 1.0000001, not value] if numeric else [f"{value}x"]
    holder[key] = rng.choice([*nearby, None, [], {}, str(value), [value], 10**400, -1, True, 0.5])
    if isinstance(holder, dict) and rng.random() < 0.2:
        moved = holder.pop(key)
        if rng.random() < 0.5:
            holder[f"{key}s"] = moved
    return json.dumps(whole).encode()


def lay_out(content: bytes, rng: random.Random) -> bytes:
    """Other white space: still the same file."""
    return json.dumps(json.loads(content), indent=rng.randint(0, 8)).encode()


def of_json(seal: Callable[[dict[str, Any]], bytes]) -> dict[str, Mutation]:
    """For files of one JSON object; `seal` gives one the checksum that fits."""

    def future(content: bytes, rng: random.Random) -> bytes:
        value = json.loads(content)
        del value["sha256"]
        return seal(value | {"format": rng.choice([0, 1, 3, 99, "2", None, 2.5])})

    return {
        "value changed": change_value,
        "laid out anew": lay_out,
        "entry twice": lambda content, _: content.replace(b"{", b'{"format": 7,', 1),
        "nested deeply": lambda _, rng: b"[" * rng.choice([10, 10**5]),
        "future format": future,
    }


def header_of(content: bytes) -> dict[str, Any]:
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length])


def with_header(content: bytes, header: dict[str, Any]) -> bytes:
    (length,) = struct.unpack("<Q", content[:8])
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + content[8 + length :]


def swap_tensors(content: bytes, rng: random.Random) -> bytes:
    header = header_of(content)
    one, two = rng.sample([name for name in header if name != "__metadata__"], 2)
    header[one], header[two] = header[two], header[one]
    return with_header(content, header)


def rename_tensor(content: bytes, rng: random.Random) -> bytes:
    header = header_of(content)
    name = rng.choice(list(header))
    header[rng.choice([f"{name}s", "adam/x/step", "model", ""])] = header.pop(name)
    return with_header(content, header)


def overlap(content: bytes, rng: random.Random) -> bytes:
    header = header_of(content)
    entry = header[rng.choice(list(header))]
    entry["data_offsets"] = [0, rng.choice([4, 2**62, -1])]
    return with_header(content, header)


def of_safetensors() -> dict[str, Mutation]:
    return {
        "tensors swapped": swap_tensors,
        "tensor renamed": rename_tensor,
        "offsets": overlap,
        "huge header": lambda content, rng: (
            struct.pack("<Q", 2 ** rng.randint(20, 63)) + content[8:]
        ),
        "no header": lambda content, _: content[8:],
    }
