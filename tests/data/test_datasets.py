"""Data sets: reading, verifying, downloading from a server on loopback, splitting."""

import gzip
import hashlib
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import sklearn.datasets
import torch
from lab.study.questions import images

from resqunn import load_dataset
from resqunn.data import sources
from resqunn.data.datasets import LabelledImages
from resqunn.data.idx import decompressed, parse_idx
from resqunn.data.sources import SOURCES, IdxFile
from resqunn.data.verified import find
from resqunn.errors import ConfigurationError, DataError

from support import idx, small_mnist

HERE = Path("file")


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder with a small set in MNIST's files, and a row of the table that matches it."""
    folder = tmp_path / "root" / "mnist"
    monkeypatch.setitem(sources.SOURCES, "mnist", replace(small_mnist(folder), per_class=4))
    monkeypatch.delenv("RESQUNN_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


@pytest.fixture
def server(tiny: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tiny))) as httpd:
        Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_address[1]}/"
        httpd.shutdown()


@pytest.mark.skipif("RESQUNN_DATA" not in os.environ, reason="RESQUNN_DATA names no data")
def test_real_mnist_subset() -> None:
    data = load_dataset("mnist")
    assert data.train.images.shape == (1600, 1, 28, 28)
    assert data.train.labels.bincount().tolist() == [160] * 10
    assert data.validation.labels.bincount().tolist() == [40] * 10
    assert data.train.images.dtype == torch.float32
    assert 0 <= data.train.images.min() < data.train.images.max() <= 1
    four = load_dataset("mnist", classes=4)
    assert (len(four.train), len(four.validation)) == (640, 160)
    # The numbers themselves, so that a run of today can be repeated later.
    assert data.sha256.startswith("c1ed6ecb")


def test_digits_are_embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    data = load_dataset("digits")
    # The numbers themselves, so that a run of today can be repeated later.
    assert data.sha256.startswith("ae623384")
    assert data.train.images.shape[1:] == (1, 8, 8)
    assert len(data.train) + len(data.validation) == 1797
    assert data.train.images.max() == 1


def test_digits_are_those_of_scikit_learn() -> None:
    # Those of digits.txt; every row with its label, in whatever order.
    pixels, labels = sklearn.datasets.load_digits(return_X_y=True)
    data = load_dataset("digits")
    images = torch.cat([data.train.images, data.validation.images]).flatten(1) * 16
    found = torch.cat([images, torch.cat([data.train.labels, data.validation.labels])[:, None]], 1)
    expected = np.column_stack([pixels, labels])
    order, wanted = (np.lexsort(rows.T) for rows in (found.numpy(), expected))
    assert np.array_equal(found.numpy()[order], expected[wanted])


def test_a_data_set_is_printed_in_a_line() -> None:
    data = load_dataset("digits", classes=3, per_class=10)
    assert repr(data) == "<Dataset 'digits': 24 train, 6 validation images of 1x8x8, 3 classes>"
    tested = replace(data, name="a\nb", test=data.validation)
    assert repr(tested).startswith("<Dataset 'a\\nb': 24 train, 6 validation, 6 test images")
    assert repr(data.validation) == "<LabelledImages: 6 of 1x8x8, 3 classes>"


def test_a_data_set_says_which_splits_are_drawn(tmp_path: Path) -> None:
    digits = load_dataset("digits")
    assert digits.drawn == ("validation",)
    counted = load_dataset("digits", train_images=50, validation_images=20)
    assert counted.drawn == ("validation", "test")
    assert load_dataset(images(tmp_path)).drawn == ()
    with pytest.raises(
        ConfigurationError, match="drawn must be of validation, as there are no test images"
    ):
        replace(digits, drawn=("test",))
    words = "drawn must be of validation and test, each once"
    for drawn in (("test", "test"), ("train",)):
        with pytest.raises(ConfigurationError, match=words):
            replace(counted, drawn=drawn)


def test_seeds_fix_subsets_and_splits_are_disjoint(tiny: Path) -> None:
    first = load_dataset("mnist", root=tiny.parent, per_class=10, seed=1)
    again = load_dataset("mnist", root=tiny.parent, per_class=10, seed=1)
    other = load_dataset("mnist", root=tiny.parent, per_class=10, seed=2)
    assert first.sha256 == again.sha256 != other.sha256
    assert first.train.labels.bincount().tolist() == [8] * 10
    assert first.validation.labels.bincount().tolist() == [2] * 10
    for part in (first.train, first.validation):
        marks = (part.images[:, 0, 0, 0] * 255).round().long()
        assert torch.equal(marks, part.labels)  # images kept their labels
    rows = torch.cat([first.train.images, first.validation.images]).flatten(1)
    assert len(rows.unique(dim=0)) == 100


def test_all_images_with_the_official_test_set(tiny: Path) -> None:
    data = load_dataset("mnist", root=tiny.parent, per_class="all")
    assert (len(data.train), len(data.validation)) == (120, 50)
    three = load_dataset("mnist", classes=3, root=tiny.parent, per_class="all")
    assert three.train.labels.unique().tolist() == [0, 1, 2]
    assert three.train.classes == ("0", "1", "2")
    # They are for tests where they are not for validation, and their sum is not in the others'.
    assert data.test is three.test is None
    part = load_dataset("mnist", root=tiny.parent, per_class=10)
    assert part.test is not None
    assert part.test.labels.bincount().tolist() == [5] * 10
    assert torch.equal(part.test.images, data.validation.images)
    picked = load_dataset("mnist", (7, 2), 10, root=tiny.parent)
    assert picked.test is not None
    assert picked.test.labels.bincount().tolist() == [5, 5]
    assert picked.test.classes == ("7", "2")


@pytest.mark.parametrize("way", ["root", "flat", "environment", "plain"])
def test_where_files_are_found(tiny: Path, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = load_dataset("mnist", root=tiny.parent)
    root: Path | None = tiny.parent
    if way == "flat":
        root = tiny
    if way == "environment":
        monkeypatch.setenv("RESQUNN_DATA", str(tiny.parent))
        root = None
    if way == "plain":
        for packed in tiny.glob("*.gz"):
            packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
            packed.unlink()
    assert load_dataset("mnist", root=root).sha256 == expected.sha256


def test_files_of_another_set_are_passed_over(
    tiny: Path, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All sets call their files the same, so that in one folder they can only be one set's."""
    expected = load_dataset("mnist", root=tiny.parent)
    flat = tmp_path / "flat"
    flat.mkdir()
    files = []
    for file in SOURCES["mnist"].files:
        content = gzip.compress(file.name.encode(), mtime=0)
        (flat / f"{file.name}.gz").write_bytes(content)
        files.append(IdxFile(file.name, hashlib.sha256(content).hexdigest()))
    row = replace(SOURCES["kmnist"], files=tuple(files))
    monkeypatch.setitem(sources.SOURCES, "kmnist", row)
    assert load_dataset("mnist", root=flat, mirror=server).sha256 == expected.sha256
    shutil.copytree(tiny, flat / "mnist")
    assert load_dataset("mnist", root=flat).sha256 == expected.sha256
    assert find(row, files[0], flat) == flat / f"{files[0].name}.gz"


def test_files_that_cannot_be_read_or_kept(
    tiny: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patch:
        patch.setattr("resqunn.data.files.os.open", refused)
        with pytest.raises(DataError, match=r"train-images.*cannot be read \(Permission denied\)"):
            load_dataset("mnist", root=tiny.parent)
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    with pytest.raises(DataError, match=r"cannot keep train-images.*\(Not a directory\): name"):
        load_dataset("mnist", mirror=server)


def test_a_repacked_gzip_file_is_the_same_data(tiny: Path) -> None:
    packed = tiny / "train-images-idx3-ubyte.gz"
    packed.write_bytes(gzip.compress(gzip.decompress(packed.read_bytes()), 1, mtime=7))
    assert len(load_dataset("mnist", root=tiny.parent).train) == 30


def test_download(tiny: Path, server: str) -> None:
    expected = load_dataset("mnist", root=tiny.parent)
    found = load_dataset("mnist", mirror=server)
    assert found.sha256 == expected.sha256
    # The second time the cache is enough.
    assert load_dataset("mnist", mirror="http://127.0.0.1:9/").sha256 == expected.sha256


def test_an_altered_download_is_refused(tiny: Path, server: str) -> None:
    (tiny / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(b"something else"))
    with pytest.raises(DataError, match="does not have the expected SHA-256"):
        load_dataset("mnist", mirror=server)


def test_an_unreachable_mirror_says_where_to_put_the_files(tiny: Path) -> None:
    with pytest.raises(DataError, match=r"cannot download .* put the files in a folder mnist/"):
        load_dataset("mnist", mirror="http://127.0.0.1:9/")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda c: c[:-10], "damaged gzip file"),
        (lambda c: c[:40] + bytes([c[40] ^ 1]) + c[41:], "damaged|altered"),
        (lambda c: gzip.compress(gzip.decompress(c)[:-1]), "altered or damaged"),
        (lambda c: gzip.compress(gzip.decompress(c)[:-1] + b"?"), "altered or damaged"),
        (lambda _: b"", "altered or damaged"),
        (lambda _: b"not a data file", "altered or damaged"),
    ],
)
def test_damaged_files_are_refused(tiny: Path, damage, message: str) -> None:
    file = tiny / "train-images-idx3-ubyte.gz"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(DataError, match=message) as caught:
        load_dataset("mnist", root=tiny.parent)
    assert str(file) in str(caught.value)


def test_a_plain_file_without_a_known_checksum_is_refused(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = SOURCES["mnist"]
    files = tuple(replace(file, sha256=None) for file in row.files)
    monkeypatch.setitem(sources.SOURCES, "mnist", replace(row, files=files))
    assert len(load_dataset("mnist", root=tiny.parent).train) == 30
    packed = tiny / "train-images-idx3-ubyte.gz"
    packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
    packed.unlink()
    with pytest.raises(DataError, match="checksum is known only for"):
        load_dataset("mnist", root=tiny.parent)


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "i4", "f4", "f8"])
def test_idx_files_of_every_type(dtype: str) -> None:
    codes = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}
    array = np.arange(24).reshape(2, 3, 4).astype(dtype)
    found = parse_idx(idx(array, codes[dtype]), HERE)
    assert found.dtype == array.dtype
    assert np.array_equal(found, array)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an IDX file"),
        (b"\0\0\x07\x01\0\0\0\0", "not an IDX file"),
        (b"\0\1\x08\x01\0\0\0\0", "not an IDX file"),
        (b"\0\0\x08\x03\0\0\0\1", "header of 3 dimension"),
        (b"\0\0\x08\x00", "header of 0 dimension"),
        (b"\0\0\x08\x01\0\0\0\x05abcd", r"truncated: shape \(5,\) needs 13 bytes, it has 12"),
        (b"\0\0\x08\x01\0\0\0\x03abcd", "too long"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "truncated"),
    ],
)
def test_idx_files_that_are_none(content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse_idx(content, HERE)


def test_gzip_is_told_by_its_content() -> None:
    assert decompressed(gzip.compress(b"abc"), HERE) == b"abc"
    assert decompressed(b"abc", HERE) == b"abc"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": torch.full((2, 1, 2, 2), torch.nan)}, "image 0 holds NaN"),
        ({"images": torch.full((2, 1, 2, 2), torch.inf)}, "image 0 holds NaN or infinite"),
        (
            {"images": torch.full((2, 1, 2, 2), 255.0)},
            r"pixels must be in \[0, 1\], got \[255, 255\]: scale them",
        ),
        ({"labels": torch.tensor([0, 3])}, "labels of 3 classes must be 0 to 2, got 3 for image 1"),
        ({"labels": torch.tensor([-1, 0])}, "got -1 for image 0"),
        ({"labels": torch.tensor([0])}, "one for each of 2 images, got 1"),
    ],
)
def test_images_and_labels_that_do_not_fit(change: dict, message: str) -> None:
    options = {
        "images": torch.rand(2, 1, 2, 2),
        "labels": torch.tensor([0, 2]),
        "classes": ("a", "b", "c"),
    }
    LabelledImages(**options)
    with pytest.raises(DataError, match=message):
        LabelledImages(**(options | change))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"name": "mnits"}, ConfigurationError, "did you mean 'mnist'"),
        ({"classes": 11}, ConfigurationError, "classes must be 2 to 10"),
        ({"classes": 1}, ConfigurationError, "classes must be 2 to 10"),
        ({"per_class": 1}, ConfigurationError, "2 or more"),
        ({"per_class": 500}, DataError, "fewer than per_class=500"),
        ({"validation": 1.0}, ConfigurationError, "between 0 and 1"),
        ({"seed": -1}, ConfigurationError, "seed must be 0 or more"),
    ],
)
def test_options_that_do_not_fit(options: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        load_dataset(**({"name": "digits"} | options))


def test_a_folder_for_the_digits_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="root must be left out for digits, which ship"):
        load_dataset("digits", root=tmp_path)
