"""The data set table: one row a set, with its files, checksums and classes.

To add a set of IDX files, add a row to `SOURCES`.

The SHA-256 sums of the .gz files, of CIFAR-10 and of EuroSAT are those that TensorFlow Datasets
publishes; the sums of MNIST's unpacked files were taken from the originals. The MD5 sum of
CIFAR-10 is that of its authors' page, that of EuroSAT and its mirror are torchvision's, those of
MedMNIST are its maintainers'. No numpy here, so that the command can show its help at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from resqunn.data.medmnist import MEDMNIST, MIRROR, QUERY
from resqunn.errors import ConfigurationError, unknown_name

_DIGITS = tuple("0123456789")
_CIFAR10 = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
_EUROSAT = (
    "AnnualCrop",
    "Forest",
    "HerbaceousVegetation",
    "Highway",
    "Industrial",
    "Pasture",
    "PermanentCrop",
    "Residential",
    "River",
    "SeaLake",
)


@dataclass(frozen=True)
class IdxFile:
    """A file of a set: its name without .gz, and the SHA-256 of the .gz and unpacked file."""

    name: str
    gz_sha256: str
    sha256: str | None = None


@dataclass(frozen=True)
class Archive:
    """A file that holds a whole set.

    Attributes:
        sums: any of which it may have, "sha256:..." or "md5:..."; a download has the first.
        query: what follows its name in its address.
    """

    name: str
    sums: tuple[str, ...]
    query: str = ""


@dataclass(frozen=True)
class Source:
    """A row of the table. A set without files ships with the library.

    Attributes:
        per_class: images of each class in the default subset; None for all.
        mirror: base address of the files.
        files: train images, train labels, test images, test labels; or one archive.
        kind: the format of the files.
        shape: of an image: channels, height and width.
        folder: where files may also lie, and are kept, if not in one of the set's name.
        test_validates: whether all images are validated on the test files (ResQuNN paper).
    """

    name: str
    summary: str
    classes: tuple[str, ...]
    per_class: int | None
    mirror: str = ""
    files: tuple[IdxFile | Archive, ...] = ()
    kind: Literal["idx", "npz", "cifar", "eurosat"] = "idx"
    shape: tuple[int, int, int] = (1, 28, 28)
    folder: str = ""
    test_validates: bool = False


SOURCES: dict[str, Source] = {
    row.name: row
    for row in (
        Source(
            "digits",
            "1,797 digits, 8x8",
            _DIGITS,
            None,
            shape=(1, 8, 8),
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
            test_validates=True,
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
            test_validates=True,
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
            test_validates=True,
        ),
        Source(
            "cifar10",
            "60,000 photographs, 32x32 in colour",
            _CIFAR10,
            200,
            "https://www.cs.toronto.edu/~kriz/",
            (
                Archive(
                    "cifar-10-binary.tar.gz",
                    (
                        "sha256:c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
                        "md5:c32a1d4ab5d03f1284b67883e8d87530",
                    ),
                ),
            ),
            kind="cifar",
            shape=(3, 32, 32),
        ),
        Source(
            "eurosat",
            "27,000 satellite tiles, 64x64 in colour",
            _EUROSAT,
            200,
            "https://huggingface.co/datasets/torchgeo/eurosat/resolve/"
            "c877bcd43f099cd0196738f714544e355477f3fd/",
            (
                Archive(
                    "EuroSAT.zip",
                    (
                        "sha256:8ebea626349354c5328b142b96d0430e647051f26efc2dc974c843f25ecf70bd",
                        "md5:c8fa014336c82ac7804f0398fcb19387",
                    ),
                ),
            ),
            kind="eurosat",
            shape=(3, 64, 64),
        ),
        *(
            Source(
                row.name,
                row.summary,
                row.classes,
                None,
                MIRROR,
                (Archive(f"{row.name}.npz", row.sums, QUERY),),
                kind="npz",
                shape=(row.channels, 28, 28),
                folder="medmnist",
            )
            for row in MEDMNIST
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
