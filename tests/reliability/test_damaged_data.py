"""Damaged files of data are refused in one line that names them, or were not really changed."""

import gzip
import hashlib
import io
import random
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from resqunn import load_dataset
from resqunn.data import sources
from resqunn.data.idx import decompressed, parse_idx
from resqunn.data.sources import SOURCES, IdxFile
from resqunn.errors import DataError

from reliability import mutations
from reliability.damage import damage, tried
from support import own_images, write_folder


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


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Images of somebody, as an .npz file and as folders of PNG and JPEG files, and an .npz file
    that holds something else."""
    splits = own_images({"train": 4, "validation": 2, "test": 2}, channels=3)
    short = {"train": "train", "validation": "val", "test": "test"}
    arrays = {f"{short[split]}_images": images for split, (images, _) in splits.items()}
    arrays |= {f"{short[split]}_labels": labels for split, (_, labels) in splits.items()}
    np.savez(tmp_path / "plain.npz", **arrays)
    np.savez_compressed(tmp_path / "packed.npz", **arrays)
    np.savez(tmp_path / "other.npz", weights=np.zeros(3))
    for kind in ("png", "jpg"):
        write_folder(tmp_path / kind, splits, kind)
    Image.new("RGB", (5, 7)).save(tmp_path / "other.png")
    return tmp_path


@pytest.mark.parametrize("name", ["plain.npz", "packed.npz"])
def test_damaged_npz_files(own: Path, name: str, size: Callable) -> None:
    place, other = own / name, (own / "other.npz").read_bytes()
    ways = mutations.of_bytes(place.with_name("mark"), other)

    def load() -> tuple[str, str | None]:
        data = load_dataset(place)
        return data.sha256, data.test_sha256

    damage(place, ways, size(200, 4000), load, DataError)


def test_damaged_png_files(own: Path, size: Callable) -> None:
    place = own / "png/train/1/00005.png"
    ways = mutations.of_bytes(place.with_name("mark"), (own / "other.png").read_bytes())
    damage(place, ways, size(200, 4000), lambda: load_dataset(own / "png").sha256, DataError)


def test_damaged_jpeg_files(own: Path, size: Callable) -> None:
    """They hold no checksum: a damaged one is refused in one line, or gives other pixels."""
    place = own / "jpg/train/1/00005.jpg"
    content, rng = place.read_bytes(), random.Random(place.name)
    ways = mutations.of_bytes(place.with_name("mark"), (own / "other.png").read_bytes())
    expected, refused = load_dataset(own / "jpg").sha256, 0
    for number in range(size(200, 4000)):
        place.write_bytes(list(ways.values())[number % len(ways)](content, rng))
        data, mistake = tried(partial(load_dataset, own / "jpg"), DataError)
        if mistake is None:
            assert data.train.images.shape == (12, 3, 8, 8)
            assert data.sha256 == expected or not torch.equal(
                data.train.images, load_dataset(own / "png").train.images
            )
        else:
            refused += 1
            assert place.name in mistake
            assert "\n" not in mistake
        assert not place.with_name("mark").exists()
    assert refused


def claiming(content: bytes, name: str, bytes_claimed: int) -> bytes:
    """A zip archive whose directory says that an entry unpacks to so many bytes."""
    changed = bytearray(content)
    at = content.rindex(b"PK\x01\x02", 0, content.rindex(name.encode()))
    changed[at + 24 : at + 28] = struct.pack("<I", bytes_claimed)
    return bytes(changed)


def array_of(shape: tuple[int, ...], values: bytes) -> bytes:
    """An .npy file that says it has that shape."""
    header = repr({"descr": "|u1", "fortran_order": False, "shape": shape}).ljust(117).encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header) + 1) + header + b"\n" + values


def zipped(arrays: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            archive.writestr(f"{name}.npy", array)
    return content.getvalue()


LABELS = array_of((4,), b"\0\1\0\1")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            claiming(zipped({"images": array_of((4, 2, 2), bytes(16))}), "images", 2**32 - 2),
            "unpacks to more than 1,073,741,824 bytes",
        ),
        (
            zipped({"images": array_of((2**20, 2**15), bytes(16)), "labels": LABELS}),
            r"images of .* is damaged: shape \(1048576, 32768\) needs 34,?359,?738,?496 bytes",
        ),
        (
            zipped({"images": array_of((-4, -4), bytes(16)), "labels": LABELS}),
            "damaged",
        ),
        (zipped({f"array {n}": LABELS for n in range(1001)}), "must hold 1,000 arrays or fewer"),
        (zipped({"images": b"\x93NUMPY" + bytes(10**4), "labels": LABELS}), "damaged|must be an"),
        (
            zipped({"images": array_of((4, 2, 2), bytes(16)), "labels": LABELS})[:-4],
            "damaged or no .npz file",
        ),
    ],
)
def test_what_an_npz_file_claims_is_compared_before_memory_is_used(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "own.npz"
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=message):
            load_dataset(path)
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()


def png_of(width: int, height: int) -> bytes:
    """A PNG file that says it has so many pixels of one bit, and has hardly any."""
    chunks = [
        (b"IHDR", struct.pack(">2I5B", width, height, 1, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes(100))),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


@pytest.mark.parametrize(
    ("width", "height", "message"),
    [
        (2**16, 2**10 + 1, "has more than 67,108,864 pixels: make it smaller"),
        (2**15, 2**15, "has more than 67,108,864 pixels: make it smaller"),
        (2**31 - 1, 2**31 - 1, "has more than 67,108,864 pixels: make it smaller"),
        (0, 8, "damaged picture"),
        (2**10, 2**10, "damaged picture"),
    ],
)
def test_pictures_that_claim_too_many_pixels(
    own: Path, width: int, height: int, message: str
) -> None:
    (own / "png/train/1/00005.png").write_bytes(png_of(width, height))
    with pytest.raises(DataError, match=message) as caught:
        load_dataset(own / "png")
    assert "00005.png" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_too_large_are_not_read(own: Path) -> None:
    for path, limit in ((own / "png/train/1/00005.png", 2**26), (own / "plain.npz", 2**30)):
        with path.open("r+b") as file:
            file.truncate(limit + 1)  # without taking that much of the disk
        with pytest.raises(DataError, match=f"{path.name} has more than {limit:,} bytes"):
            load_dataset(path if path.suffix == ".npz" else own / "png")
