"""Sets of the table that are one archive: MedMNIST's, CIFAR-10 and EuroSAT."""

import gzip
import hashlib
import io
import os
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import torch
from PIL import Image

from resqunn import load_dataset
from resqunn.data import cifar
from resqunn.data.cifar import parse_cifar
from resqunn.data.eurosat import parse_eurosat
from resqunn.data.medmnist import MEDMNIST
from resqunn.data.sources import SOURCES, Archive
from resqunn.errors import DataError

HERE = Path("file")


def md5(content: bytes) -> str:
    return f"md5:{hashlib.md5(content).hexdigest()}"


def tar(files: dict[str, bytes]) -> bytes:
    """A .tar.gz of these files in a folder, as CIFAR-10's."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return content.getvalue()


def cifar_files(count: int = 20) -> tuple[dict[str, bytes], np.ndarray, np.ndarray]:
    """CIFAR-10's six files with few images, and all images and labels in their order."""
    rng = np.random.default_rng(0)
    labels = np.tile(np.arange(10, dtype=np.uint8), 6 * count // 10)
    images = rng.integers(0, 256, (len(labels), 3, 32, 32), dtype=np.uint8)
    records = np.concatenate([labels[:, None], images.reshape(len(labels), -1)], axis=1)
    names = [*cifar.TRAIN, *cifar.TEST]
    files = {
        name: records[start : start + count].tobytes()
        for name, start in zip(names, range(0, 6 * count, count), strict=True)
    }
    return {"batches.meta.txt": b"airplane\n", **files}, images, labels


def zip_of_tiles(count: int = 5) -> tuple[bytes, np.ndarray]:
    """EuroSAT's archive with few tiles, in no order, and all tiles class after class."""
    content, tiles = io.BytesIO(), []
    rng = np.random.default_rng(0)
    entries = {"2750/": b"", "2750/Forest/notes.txt": b"x"}
    for name in SOURCES["eurosat"].classes:
        for number in range(count):
            jpeg = io.BytesIO()
            tile = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
            Image.fromarray(tile).save(jpeg, "JPEG")
            entries[f"2750/{name}/{name}_{number}.jpg"] = jpeg.getvalue()
            tiles.append(np.asarray(Image.open(jpeg)).transpose(2, 0, 1))
    with zipfile.ZipFile(content, "w") as archive:
        for name in sorted(entries, key=lambda name: name[::-1]):
            archive.writestr(name, entries[name])
    return content.getvalue(), np.stack(tiles)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A mirror's folder with small sets of both kinds, which the table knows by their sums."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    rng = np.random.default_rng(0)
    arrays = {}
    for split, count in (("train", 20), ("val", 6), ("test", 8)):
        arrays[f"{split}_images"] = rng.integers(0, 256, (count, 28, 28, 3), dtype=np.uint8)
        arrays[f"{split}_labels"] = np.arange(count, dtype=np.uint8)[:, None] % 5
    np.savez_compressed(folder / "retinamnist.npz", **arrays)
    (folder / "cifar-10-binary.tar.gz").write_bytes(tar(cifar_files()[0]))
    (folder / "EuroSAT.zip").write_bytes(zip_of_tiles()[0])
    for name in ("retinamnist", "cifar10", "eurosat"):
        (file,) = SOURCES[name].files
        assert isinstance(file, Archive)
        known = replace(file, sums=(md5((folder / file.name).read_bytes()),))
        monkeypatch.setitem(SOURCES, name, replace(SOURCES[name], files=(known,)))
    monkeypatch.delenv("RESQUNN_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


@pytest.fixture
def server(small: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(small))) as httpd:
        Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_address[1]}/"
        httpd.shutdown()


def test_a_set_of_medmnist_is_downloaded(small: Path, server: str) -> None:
    data = load_dataset("retinamnist", mirror=server)
    assert data.train.images.shape == (20, 3, 28, 28)
    assert [len(data.validation), len(data.test)] == [6, 8]
    assert data.train.labels.tolist() == [n % 5 for n in range(20)]
    # The second time the cache is enough.
    again = load_dataset("retinamnist", mirror="http://127.0.0.1:9/")
    assert again.sha256 == data.sha256


@pytest.mark.parametrize("place", ["medmnist", "retinamnist", "."])
def test_where_a_set_of_medmnist_is_found(small: Path, tmp_path: Path, place: str) -> None:
    (tmp_path / "root" / place).mkdir(parents=True)
    shutil.copy(small / "retinamnist.npz", tmp_path / "root" / place)
    assert len(load_dataset("retinamnist", root=tmp_path / "root").train) == 20


def test_cifar_10_is_downloaded(small: Path, server: str) -> None:
    data = load_dataset("cifar10", per_class="all", mirror=server)
    _, images, labels = cifar_files()
    parts = {name: getattr(data, name) for name in ("train", "validation", "test")}
    # A fifth of each class of the five files to train on; the sixth is for tests.
    assert {name: len(part) for name, part in parts.items()} == {
        "train": 80, "validation": 20, "test": 20,
    }  # fmt: skip
    assert torch.equal(data.test.images, torch.as_tensor(images[100:] / np.float32(255)))
    assert data.test.labels.tolist() == labels[100:].tolist()
    drawn = torch.cat([data.train.images, data.validation.images])
    first = torch.as_tensor(images[:100] / np.float32(255)).flatten(1)
    assert torch.equal(torch.unique(drawn.flatten(1), dim=0), torch.unique(first, dim=0))
    assert data.train.classes[:2] == ("airplane", "automobile")
    assert len(load_dataset("cifar10", classes=(3, 5), per_class=10, mirror=server).train) == 16


def test_eurosat_is_downloaded(small: Path, server: str) -> None:
    data = load_dataset("eurosat", per_class="all", mirror=server)
    parts = (data.train, data.validation, data.test)
    assert [len(part) for part in parts] == [30, 10, 10]
    assert data.train.classes[0] == "AnnualCrop"
    found = torch.cat([part.images for part in parts])
    labels = torch.cat([part.labels for part in parts])
    tiles = torch.as_tensor(zip_of_tiles()[1] / np.float32(255))
    for image, label in zip(found, labels, strict=True):
        assert (tiles[5 * int(label) : 5 * int(label) + 5] == image).flatten(1).all(dim=1).any()
    two = load_dataset("eurosat", ("River", "Forest"), 5, mirror=server, test=0.4, size=8)
    assert two.train.images.shape == (4, 3, 8, 8)
    assert len(two.test) == 4


@pytest.mark.parametrize("name", ["retinamnist", "cifar10", "eurosat"])
def test_an_altered_archive_is_refused(small: Path, server: str, tmp_path: Path, name: str) -> None:
    (file,) = SOURCES[name].files
    content = (small / file.name).read_bytes()
    (small / file.name).write_bytes(content + b"?")
    with pytest.raises(DataError, match="does not have the expected MD5"):
        load_dataset(name, mirror=server)
    (tmp_path / file.name).write_bytes(content[:-1])
    with pytest.raises(DataError, match=f"{file.name} is altered, damaged or packed anew"):
        load_dataset(name, root=tmp_path)


def test_every_published_sum_is_enough(small: Path) -> None:
    (file,) = SOURCES["retinamnist"].files
    assert isinstance(file, Archive)
    other = ("md5:" + "0" * 32, *file.sums)
    row = replace(SOURCES["retinamnist"], files=(replace(file, sums=other),))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SOURCES, "retinamnist", row)
        assert len(load_dataset("retinamnist", root=small).train) == 20


def test_an_archive_of_other_images_is_refused(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = small / "retinamnist.npz"
    np.savez(path, train_images=np.zeros((5, 28, 28), np.uint8), train_labels=np.arange(5))
    (file,) = SOURCES["retinamnist"].files
    known = (replace(file, sums=(md5(path.read_bytes()),)),)
    monkeypatch.setitem(SOURCES, "retinamnist", replace(SOURCES["retinamnist"], files=known))
    with pytest.raises(DataError, match=r"must have shape \(3, 28, 28\), got \(1, 28, 28\)"):
        load_dataset("retinamnist", root=small)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "damaged .tar.gz file"),
        (b"not an archive", "damaged .tar.gz file"),
        (gzip.compress(b"no tar" * 1000), "damaged .tar.gz file"),
        (tar({}), "holds no data_batch_1.bin"),
        (tar(dict.fromkeys([*cifar.TRAIN, "other.bin"], b"")), "holds no test_batch.bin"),
        (tar(dict.fromkeys([*cifar.TRAIN, *cifar.TEST], b"123")), "images have other sizes"),
        (tar(cifar_files()[0])[:-2000], "damaged .tar.gz file"),
    ],
    ids=("empty", "text", "no tar", "no files", "no test file", "other sizes", "cut"),
)  # archives say when they were made, and each process of xdist makes its own
def test_archives_that_are_not_cifar_10(content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse_cifar(content, HERE)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "damaged .zip file"),
        (b"not an archive", "damaged .zip file"),
        (zip_of_tiles()[0][:-100], "damaged .zip file"),
        (b"PK\5\6" + bytes(18), "does not hold tiles of its ten classes"),
    ],
)
def test_archives_that_are_not_eurosat(content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse_eurosat(content, HERE, SOURCES["eurosat"].classes)


def test_the_table_of_medmnist() -> None:
    assert len({row.name for row in MEDMNIST}) == len({row.md5 for row in MEDMNIST}) == 11
    for row in MEDMNIST:
        assert row.channels in (1, 3)
        assert ("in colour" in row.summary) == (row.channels == 3)
        assert SOURCES[row.name].folder == "medmnist"
        assert SOURCES[row.name].classes == row.classes


@pytest.mark.skipif("RESQUNN_DATA" not in os.environ, reason="RESQUNN_DATA names no data")
def test_the_saved_again_breastmnist_is_known_by_its_own_sum() -> None:
    """Its container is not the published one, whose MD5 it does not have."""
    path = Path(os.environ["RESQUNN_DATA"], "medmnist/breastmnist.npz")
    (file,) = SOURCES["breastmnist"].files
    assert isinstance(file, Archive)
    content = path.read_bytes()
    assert md5(content) != file.sums[0]
    assert f"sha256:{hashlib.sha256(content).hexdigest()}" in file.sums[1:]
    assert len(load_dataset("breastmnist").train) == 546
