"""The data set table: one row a set, with its files, checksums and classes.

To add a set of IDX files, add a row to `SOURCES`.

The SHA-256 sums of the .gz files are those that TensorFlow Datasets publishes for the same
mirrors' files; the sums of MNIST's unpacked files were taken from the originals.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from resqunn.data.download import download
from resqunn.data.idx import LIMIT, decompressed, parse_idx
from resqunn.errors import ConfigurationError, DataError, unknown_name

DATA_ROOT = "RESQUNN_DATA"
"""Environment variable: the folder that holds the data sets."""

_DIGITS = tuple("0123456789")


@dataclass(frozen=True)
class IdxFile:
    """A file of a set: its name without .gz, and the SHA-256 of the .gz and unpacked file."""

    name: str
    gz_sha256: str
    sha256: str | None = None


@dataclass(frozen=True)
class Source:
    """A row of the table. A set without files ships with the library.

    Attributes:
        per_class: images of each class in the default subset; None for all.
        files: train images, train labels, test images, test labels.
        mirror: base address of the .gz files.
    """

    name: str
    summary: str
    classes: tuple[str, ...]
    per_class: int | None
    mirror: str = ""
    files: tuple[IdxFile, ...] = ()


SOURCES: dict[str, Source] = {
    row.name: row
    for row in (
        Source(
            "digits",
            "1,797 digits, 8x8",
            _DIGITS,
            None,
        ),
        Source(
            "mnist",
            "70,000 digits, 28x28",
            _DIGITS,
            200,
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            (
                IdxFile(
                    "train-images-idx3-ubyte",
                    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                ),
                IdxFile(
                    "train-labels-idx1-ubyte",
                    "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
                ),
                IdxFile(
                    "t10k-images-idx3-ubyte",
                    "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                ),
                IdxFile(
                    "t10k-labels-idx1-ubyte",
                    "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
                ),
            ),
        ),
        Source(
            "fashion_mnist",
            "70,000 clothes, 28x28",
            (
                "T-shirt/top",
                "Trouser",
                "Pullover",
                "Dress",
                "Coat",
                "Sandal",
                "Shirt",
                "Sneaker",
                "Bag",
                "Ankle boot",
            ),
            200,
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
            (
                IdxFile(
                    "train-images-idx3-ubyte",
                    "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                ),
                IdxFile(
                    "train-labels-idx1-ubyte",
                    "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                ),
                IdxFile(
                    "t10k-images-idx3-ubyte",
                    "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                ),
                IdxFile(
                    "t10k-labels-idx1-ubyte",
                    "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
                ),
            ),
        ),
        Source(
            "kmnist",
            "70,000 kana, 28x28",
            ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
            200,
            "https://codh.rois.ac.jp/kmnist/dataset/kmnist/",
            (
                IdxFile(
                    "train-images-idx3-ubyte",
                    "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
                ),
                IdxFile(
                    "train-labels-idx1-ubyte",
                    "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
                ),
                IdxFile(
                    "t10k-images-idx3-ubyte",
                    "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
                ),
                IdxFile(
                    "t10k-labels-idx1-ubyte",
                    "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
                ),
            ),
        ),
    )
}


def source(name: str) -> Source:
    """The row of that name.

    Raises:
        ConfigurationError: if the table has none.
    """
    if name not in SOURCES:
        raise unknown_name("data set", name, SOURCES)
    return SOURCES[name]


def require_used(row: Source, name: str, root: str | Path | None) -> None:
    """Refuses a folder for a data set that has no files.

    Raises:
        ConfigurationError: naming the option `name`.
    """
    if root is not None and not row.files:
        raise ConfigurationError(
            f"{name} must be left out for {row.name}, which ship with this package, got "
            f"{str(root)!r}"
        )


def find(row: Source, file: IdxFile, root: str | Path | None) -> Path | None:
    """Where a file is under `root` or `RESQUNN_DATA`, plain or .gz; None if it is in neither.

    Files may be in a folder of the set's name, or in one folder with those of other sets,
    which have the same names and are passed over.
    """
    for folder in (root, os.environ.get(DATA_ROOT)):
        if not folder:
            continue
        for base in (Path(folder) / row.name, Path(folder)):
            for path in (base / f"{file.name}.gz", base / file.name):
                if path.is_file() and not (base == Path(folder) and _of_another(row, path)):
                    return path
    return None


def _of_another(row: Source, path: Path) -> bool:
    found = _sha256(path, _state(path))
    others = [file for other in SOURCES.values() if other is not row for file in other.files]
    return any(found in (file.gz_sha256, file.sha256) for file in others)


def _state(path: Path) -> tuple[int, ...]:
    """What a file that has changed does not keep."""
    try:
        found = path.stat()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror})") from None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


@lru_cache(maxsize=64)
def _sha256(path: Path, state: tuple[int, ...]) -> str:
    return hashlib.sha256(_content(path)).hexdigest()


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(LIMIT + 1)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror})") from None
    if len(content) > LIMIT:
        raise DataError(f"{path} has more than {LIMIT:,} bytes: it is not the file wanted")
    return content


def read(row: Source, root: str | Path | None, mirror: str | None) -> list[np.ndarray]:
    """Train images, train labels, test images and test labels, checksums verified.

    Files are read again only if they have changed since; the arrays cannot be written to.

    Raises:
        DataError: if a file is altered or damaged, or cannot be read or downloaded safely.
    """
    arrays = []
    for file in row.files:
        path = find(row, file, root) or _download(row, file, mirror)
        arrays.append(_verified(file, path, _state(path)))
    return arrays


@lru_cache(maxsize=4)
def _verified(file: IdxFile, path: Path, state: tuple[int, ...]) -> np.ndarray:
    """The array of a file; those of one set are kept."""
    content = _content(path)
    unpacked = decompressed(content, path)
    _verify(file, path, content, unpacked)
    array = parse_idx(unpacked, path)
    array.flags.writeable = False
    return array


def _verify(file: IdxFile, path: Path, content: bytes, unpacked: bytes) -> None:
    found = hashlib.sha256(unpacked).hexdigest()
    if file.sha256 is not None and found == file.sha256:
        return
    if hashlib.sha256(content).hexdigest() == file.gz_sha256:
        return
    if file.sha256 is None and content == unpacked:
        raise DataError(
            f"{path} cannot be verified: a checksum is known only for {file.name}.gz; "
            "put that file there instead"
        )
    raise DataError(
        f"{path} is altered or damaged: its SHA-256 is {found}, expected "
        f"{file.sha256 or f'{file.gz_sha256} for the .gz'}; replace it, or remove it and it is "
        "downloaded"
    )


def _download(row: Source, file: IdxFile, mirror: str | None) -> Path:
    base = (mirror or row.mirror).rstrip("/")
    otherwise = (
        f"put the files in a folder {row.name}/ and name its parent by --data-root or {DATA_ROOT}"
    )
    return download(f"{base}/{file.name}.gz", file.gz_sha256, row.name, otherwise)
