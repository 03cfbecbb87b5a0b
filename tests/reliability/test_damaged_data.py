"""Damaged files of data are refused in one line that names them, or were not really changed."""

import gzip
import hashlib
import random
import struct
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from resqunn import load_dataset
from resqunn.data import sources
from resqunn.data.idx import decompressed, parse_idx
from resqunn.data.sources import SOURCES, IdxFile
from resqunn.errors import DataError

from reliability import mutations
from reliability.damage import damage, tried


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """MNIST's four files with few images, packed and not, and a row of the table for them."""
    rng = np.random.default_rng(0)
    files = []
    for file in SOURCES["mnist"].files:
        shape = (60, 6, 6) if "images" in file.name else (60,)
        values = rng.integers(0, 256, shape) if "images" in file.name else np.arange(60) % 10
        plain = struct.pack(f">4B{len(shape)}I", 0, 0, 8, len(shape), *shape)
        plain += values.astype(np.uint8).tobytes()
        packed = gzip.compress(plain, mtime=0)
        for folder, content in (("packed", packed), ("plain", plain)):
            (tmp_path / folder).mkdir(exist_ok=True)
            name = file.name if folder == "plain" else f"{file.name}.gz"
            (tmp_path / folder / name).write_bytes(content)
        sums = [hashlib.sha256(content).hexdigest() for content in (packed, plain)]
        files.append(IdxFile(file.name, *sums))
    row = replace(SOURCES["mnist"], files=tuple(files))
    monkeypatch.setitem(sources.SOURCES, "mnist", row)
    monkeypatch.delenv("RESQUNN_DATA", raising=False)
    return tmp_path


def unpacked(content: bytes, place: Path) -> np.ndarray:
    return parse_idx(decompressed(content, place), place)


@pytest.mark.parametrize("folder", ["plain", "packed"])
@pytest.mark.parametrize("part", ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"])
def test_damaged_data(data: Path, folder: str, part: str, size: Callable) -> None:
    place = data / folder / (part if folder == "plain" else f"{part}.gz")
    other = place.with_name(place.name.replace("train", "t10k")).read_bytes()
    ways, count = mutations.of_bytes(place.with_name("mark"), other), size(100, 1000)

    def load() -> str:
        return load_dataset("mnist", per_class=2, root=data / folder).sha256

    damage(place, ways, count, load, DataError)
    # The format itself, of files of which no checksum is known: refused, or an array.
    content, rng = place.read_bytes(), random.Random(part)
    for number in range(count):
        changed = list(ways.values())[number % len(ways)](content, rng)
        _, mistake = tried(partial(unpacked, changed, place), DataError)
        assert mistake is None or (place.name in mistake and "\n" not in mistake)
