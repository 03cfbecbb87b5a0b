"""Anybody's images: what is understood, what is refused, and that it is one thing in every form."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import IterableDataset, TensorDataset

from resqunn import Images, load_dataset
from resqunn.errors import ConfigurationError, DataError, ResqunnError, WrongTypeError

from support import own_images, write_folder

SPLITS = {"train": 6, "validation": 2, "test": 3}


def written(splits: dict, form: str, folder: Path) -> Images:
    """Images in one of the forms that they may have."""
    (images, labels), *_ = splits.values()
    if form == "folder":
        return Images.from_folder(write_folder(folder / "tiles", splits))
    if form == "medmnist":
        short = {"train": "train", "validation": "val", "test": "test"}
        arrays = {}
        for split, (each, of_each) in splits.items():
            # As MedMNIST has them: channels last if there are any, labels (N, 1).
            last = each[:, 0] if each.shape[1] == 1 else each.transpose(0, 2, 3, 1)
            arrays |= {f"{short[split]}_images": last, f"{short[split]}_labels": of_each[:, None]}
        np.savez_compressed(folder / "tiles.npz", **arrays)
        return Images.from_npz(folder / "tiles.npz")
    if form == "keras":
        short = {"train": "train", "validation": "val", "test": "test"}
        arrays = {f"x_{short[split]}": pair[0] for split, pair in splits.items()}
        arrays |= {f"y_{short[split]}": pair[1].astype(np.uint8) for split, pair in splits.items()}
        np.savez(folder / "tiles.npz", **arrays)
        return Images.from_npz(str(folder / "tiles.npz"))
    further = {split: pair for split, pair in splits.items() if split != "train"}
    if form == "arrays":
        return Images.from_arrays(images, labels, **further)
    if form == "floats":
        as_floats = {s: (i / np.float32(255), o.tolist()) for s, (i, o) in splits.items()}
        train = as_floats.pop("train")
        return Images.from_arrays(*train, **as_floats)
    if form == "tensors":
        as_tensors = {s: tuple(map(torch.as_tensor, pair)) for s, pair in splits.items()}
        train = as_tensors.pop("train")
        return Images.from_arrays(*train, **as_tensors)
    if form == "columns":  # in Fortran's order, big-endian
        return Images.from_arrays(np.asfortranarray(images.astype(">i4")), labels, **further)
    sets = {s: TensorDataset(*map(torch.as_tensor, pair)) for s, pair in splits.items()}
    train = sets.pop("train")
    return Images.from_dataset(train, **sets)


FORMS = [
    "folder", "medmnist", "keras", "arrays", "floats", "tensors", "columns", "dataset",
]  # fmt: skip


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_bytes(tmp_path: Path, form: str, channels: int) -> None:
    splits = own_images(SPLITS, channels=channels)
    data = load_dataset(written(splits, form, tmp_path))
    for name, (images, labels) in splits.items():
        part = getattr(data, name)
        assert part.images.dtype == torch.float32
        assert torch.equal(part.images, torch.as_tensor(images / np.float32(255)))
        assert part.labels.tolist() == labels.tolist()
        assert part.classes == ("0", "1", "2")


@pytest.mark.parametrize("form", FORMS)
def test_every_form_without_splits_is_split_alike(tmp_path: Path, form: str) -> None:
    whole = own_images({"train": 10}, channels=3)
    data = load_dataset(written(whole, form, tmp_path), seed=3)
    expected = load_dataset(Images.from_arrays(*whole["train"]), seed=3)
    assert data.sha256 == expected.sha256
    assert data.test_sha256 == expected.test_sha256


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_resized_alike(tmp_path: Path, form: str) -> None:
    splits = own_images(SPLITS, side=9, channels=3)
    found = load_dataset(written(splits, form, tmp_path), size=(4, 6))
    assert found.train.images.shape == (18, 3, 4, 6)
    expected = load_dataset(Images.from_arrays(*splits["train"]).at_size((4, 6)), per_class=6)
    both = torch.cat([expected.train.images, expected.validation.images, expected.test.images])
    # Floats are not rounded to 256 values.
    steps = 1 if form == "floats" else 0
    for image in found.train.images:
        assert (both - image).abs().amax(dim=(1, 2, 3)).min() <= steps / 255


@pytest.mark.skipif("RESQUNN_DATA" not in os.environ, reason="RESQUNN_DATA names no data")
def test_breastmnist() -> None:
    path = Path(os.environ["RESQUNN_DATA"], "medmnist/breastmnist.npz")
    data = load_dataset(path)
    assert [len(part) for part in (data.train, data.validation, data.test)] == [546, 78, 156]
    assert data.train.images.shape == (546, 1, 28, 28)
    assert data.train.labels.bincount().tolist() == [147, 399]
    assert data.train.classes == ("0", "1")
    named = load_dataset("breastmnist")
    assert named.train.classes == ("malignant", "normal, benign")
    assert (named.sha256, named.test_sha256) == (data.sha256, data.test_sha256)


@pytest.mark.parametrize(
    ("shape", "layout", "found"),
    [
        ((4, 5, 6), None, (1, 5, 6)),
        ((4, 1, 5, 6), None, (1, 5, 6)),
        ((4, 3, 5, 6), None, (3, 5, 6)),
        ((4, 5, 6, 1), None, (1, 5, 6)),
        ((4, 5, 6, 3), None, (3, 5, 6)),
        ((4, 3, 5, 3), "NCHW", (3, 5, 3)),
        ((4, 3, 5, 3), "NHWC", (3, 3, 5)),
        ((4, 7, 5, 6), "NCHW", (7, 5, 6)),
        ((4, 5, 6, 4), "NHWC", (4, 5, 6)),
    ],
)
def test_layouts(shape: tuple[int, ...], layout: str | None, found: tuple[int, ...]) -> None:
    pixels = np.arange(np.prod(shape)).reshape(shape) % 251
    images = Images.from_arrays(pixels, [0, 1, 0, 1], layout=layout)
    assert images.train.shape == found
    # The first image's pixels, channel by channel.
    last = layout == "NHWC" or (len(shape) == 4 and layout is None and shape[1] not in (1, 3))
    expected = pixels[0].transpose(2, 0, 1) if last else pixels[0]
    assert np.array_equal(images.train.pixels[0].ravel(), expected.ravel())


@pytest.mark.parametrize(
    ("labels", "classes", "indices"),
    [
        ([7, 3, 7, 5], ("3", "5", "7"), [2, 0, 2, 1]),
        ([10, 9, 10, 9], ("9", "10"), [1, 0, 1, 0]),
        (["b", "a", "b", "c"], ("a", "b", "c"), [1, 0, 1, 2]),
        ([True, False, True, True], ("0", "1"), [1, 0, 1, 1]),
        ([-1, 1, -1, 1], ("-1", "1"), [0, 1, 0, 1]),
        (np.array([[3], [0], [0], [3]], np.uint8), ("0", "3"), [1, 0, 0, 1]),
        (np.array([b"a", "ä".encode(), b"a", b"b"]), ("a", "b", "ä"), [0, 2, 0, 1]),
        (torch.tensor([1, 0, 1, 0], dtype=torch.int32), ("0", "1"), [1, 0, 1, 0]),
    ],
)
def test_labels(labels: Any, classes: tuple[str, ...], indices: list[int]) -> None:
    images = Images.from_arrays(np.zeros((4, 2, 2), np.uint8), labels)
    assert images.classes == classes
    assert images.train.labels.tolist() == indices


def test_names_of_classes() -> None:
    pixels = np.zeros((4, 2, 2), np.uint8)
    named = Images.from_arrays(pixels, [1, 0, 2, 0], classes=("dog", "cat", "bird"))
    assert named.classes == ("dog", "cat", "bird")
    assert named.train.labels.tolist() == [1, 0, 2, 0]
    by_name = Images.from_arrays(pixels, ["cat", "dog", "cat", "dog"], classes=("dog", "cat"))
    assert by_name.train.labels.tolist() == [1, 0, 1, 0]


class Pairs(TorchDataset):
    """Pillow images and labels, as torchvision's data sets give them."""

    def __init__(self, sizes: list[int], mode: str = "RGB", classes: Any = ()) -> None:
        self.sizes, self.mode, self.classes = sizes, mode, classes

    def __len__(self) -> int:
        return len(self.sizes)

    def __getitem__(self, number: int) -> tuple[Any, Any]:
        side = self.sizes[number]
        return Image.new(self.mode, (side, side)), number % 2


class Stream(IterableDataset):
    def __iter__(self):
        return iter([(torch.zeros(1, 4, 4), np.array([n % 2])) for n in range(6)])


def test_torch_data_sets_of_all_kinds() -> None:
    images = Images.from_dataset(Pairs([4] * 6, classes=["cat", "dog"]))
    assert (images.classes, images.train.shape) == (("cat", "dog"), (3, 4, 4))
    assert Images.from_dataset(Pairs([4] * 6, "L")).train.shape == (1, 4, 4)
    assert Images.from_dataset(Pairs([4, 5] * 3), size=3).train.shape == (3, 3, 3)
    assert Images.from_dataset(Stream()).train.labels.tolist() == [0, 1] * 3
    listed = [(np.zeros((4, 5), np.uint8), torch.tensor(n % 2)) for n in range(6)]
    assert Images.from_dataset(listed).train.shape == (1, 4, 5)
    assert Images.from_dataset([(np.zeros((4, 5, 3)), "ab"[n % 2]) for n in range(6)]).classes == (
        "a",
        "b",
    )


def picture(path: Path, mode: str = "L", size: tuple[int, int] = (4, 4), **options: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, **options).save(path)


@pytest.fixture
def tiles(tmp_path: Path) -> Path:
    """A folder of two classes of four grey pictures."""
    for name in ("cat", "dog"):
        for number in range(4):
            picture(tmp_path / "tiles" / name / f"{number}.png")
    return tmp_path / "tiles"


def test_folders_are_read_in_the_order_of_names(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        for name in ("b", "a"):
            picture(tmp_path / name / f"{number}.PNG", color=number)
            picture(tmp_path / name / f"{number}.jpeg", color=number + 100)
    images = Images.from_folder(tmp_path)
    assert images.classes == ("a", "b")
    assert images.train.labels.tolist() == [0] * 6 + [1] * 6
    assert images.train.pixels[:6, 0, 0, 0].tolist() == [1, 101, 10, 110, 2, 102]


def test_what_systems_leave_in_folders_is_passed_over(tiles: Path) -> None:
    (tiles / ".DS_Store").write_bytes(b"x")
    (tiles / "README.txt").write_text("Cats and dogs.")
    (tiles / "cat" / "Thumbs.db").write_bytes(b"x")
    (tiles / "cat" / "._0.png").write_bytes(b"x")
    (tiles / "__MACOSX").mkdir()
    (tiles / ".git").mkdir()
    images = Images.from_folder(tiles)
    assert (images.classes, len(images.train)) == (("cat", "dog"), 8)


@pytest.mark.parametrize("name", ["val", "valid", "Validation"])
def test_folders_of_splits(tmp_path: Path, name: str) -> None:
    for split in ("train", name, "TEST"):
        for label in ("cat", "dog"):
            picture(tmp_path / split / label / "0.png")
            picture(tmp_path / split / label / "1.png")
    images = Images.from_folder(tmp_path)
    assert {split: len(each) for split, each in images.splits.items()} == {
        "train": 4, "validation": 4, "test": 4,
    }  # fmt: skip
    assert images.classes == ("cat", "dog")


def test_a_class_may_be_called_as_a_split(tmp_path: Path) -> None:
    for name in ("test", "valid"):
        picture(tmp_path / name / "0.png")
    assert Images.from_folder(tmp_path).classes == ("test", "valid")


def test_grey_among_coloured_pictures_is_read_in_colour(tiles: Path) -> None:
    picture(tiles / "cat" / "0.png", color=7)
    picture(tiles / "cat" / "9.png", "RGB", color=(1, 2, 3))
    images = Images.from_folder(tiles)
    assert images.train.shape == (3, 4, 4)
    assert images.train.pixels[0, :, 0, 0].tolist() == [7, 7, 7]
    assert images.train.pixels[4, :, 0, 0].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("mode", "color", "found"),
    [
        ("L", 9, [9]),
        ("1", 1, [255]),
        ("RGB", (1, 2, 3), [1, 2, 3]),
        ("RGBA", (1, 2, 3, 255), [1, 2, 3]),
        ("LA", (9, 255), [9]),
        ("P", 0, [0, 0, 0]),
    ],
)
def test_kinds_of_pictures(tmp_path: Path, mode: str, color: Any, found: list[int]) -> None:
    for name in ("a", "b"):
        picture(tmp_path / name / "0.png", mode, color=color)
    assert Images.from_folder(tmp_path).train.pixels[0, :, 0, 0].tolist() == found


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: picture(f / "dog/9.png", size=(4, 5)), "dog/9.png must be 4x4 .* got 5x4.*size"),
        (lambda f: (f / "dog/9.png").write_bytes(b""), "dog/9.png is a damaged picture"),
        (lambda f: (f / "dog/9.png").write_text("hello"), r"9.png .*\(no PNG or JPEG\)"),
        (lambda f: (f / "dog/9.txt").write_text("hello"), "dog/9.txt is no PNG or JPEG file"),
        (lambda f: Image.new("L", (4, 4)).save(f / "dog/9.bmp"), "9.bmp is no PNG or JPEG"),
        (
            lambda f: Image.new("L", (4, 4)).save(f / "dog/9.png", format="BMP"),
            r"dog/9.png is a damaged picture \(no PNG or JPEG\)",
        ),
        (lambda f: (f / "dog/puppies").mkdir(), "dog/puppies is a folder in the folder of a class"),
        (lambda f: (f / "bird").mkdir(), "bird holds no PNG or JPEG file"),
        (lambda f: picture(f / "9.png"), "9.png must lie in the folder of its class"),
        (lambda f: (f / "dog/9.png").symlink_to(f / "cat/0.png"), "dog/9.png is a symbolic link"),
        (lambda f: (f / "bird").symlink_to(f / "cat"), "bird is a symbolic link"),
        (lambda f: os.mkfifo(f / "dog/9.png"), "dog/9.png is no ordinary file"),
        (lambda f: picture(f / "dog/9.png", "RGBA", color=(1, 2, 3, 9)), "transparent pixels"),
        (lambda f: picture(f / "dog/9.png", "I;16"), "9.png must be grey or RGB with 8 bits"),
        (lambda f: picture(f / "dog/9.jpg", "CMYK"), "9.jpg must be grey or RGB with 8 bits"),
        (lambda f: picture(f / "train/dog/9.png"), "splits alone, or of classes alone, got train"),
    ],
)
def test_folders_that_do_not_fit(tiles: Path, change: Callable[[Path], Any], message: str) -> None:
    change(tiles)
    with pytest.raises(DataError, match=message) as caught:
        Images.from_folder(tiles)
    assert "\n" not in str(caught.value)


def test_folders_that_hold_no_classes(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere cannot be read \(No such file"):
        Images.from_folder(tmp_path / "nowhere")
    with pytest.raises(DataError, match="must hold a folder of PNG or JPEG files for each class"):
        Images.from_folder(tmp_path)
    picture(tmp_path / "cat/0.png")
    with pytest.raises(DataError, match=r"must have two classes or more, got 1 alone: 'cat'"):
        Images.from_folder(tmp_path)
    for split in ("val", "valid", "train"):
        picture(tmp_path / "splits" / split / "cat/0.png")
    with pytest.raises(DataError, match="holds two folders of validation images"):
        Images.from_folder(tmp_path / "splits")


def test_a_folder_is_read_again_when_a_file_has_changed(tiles: Path) -> None:
    before = Images.from_folder(tiles)
    assert Images.from_folder(tiles) is before
    picture(tiles / "cat/0.png", color=9)
    assert Images.from_folder(tiles).train.pixels[0].max() == 9


PIXELS = np.zeros((4, 5, 6), np.uint8)


@pytest.mark.parametrize(
    ("images", "labels", "options", "error", "message"),
    [
        (PIXELS[0], [0, 1], {}, DataError, r"images must have shape .* got \(5, 6\)"),
        (PIXELS[:0], [], {}, DataError, "one image or more"),
        (PIXELS[:, :0], [0, 1, 0, 1], {}, DataError, "one pixel or more"),
        (np.zeros((4, 3, 5, 3)), [0, 1, 0, 1], {}, DataError, "say layout='NCHW' or"),
        (np.zeros((4, 5, 6, 4)), [0, 1, 0, 1], {}, DataError, "must have 1 or 3 channels"),
        (PIXELS, [0, 1, 0, 1], {"layout": "CHW"}, ConfigurationError, "layout must be 'NCHW'"),
        (PIXELS + 0.5 + 1, [0, 1, 0, 1], {}, DataError, r"floats must be in \[0, 1\].*scale them"),
        (PIXELS - 1.0, [0, 1, 0, 1], {}, DataError, r"floats must be in \[0, 1\]"),
        (PIXELS.astype(int) + 256, [0, 1, 0, 1], {}, DataError, "must be 0 to 255, got 256"),
        (PIXELS.astype(int) - 1, [0, 1, 0, 1], {}, DataError, "must be 0 to 255, got -1"),
        (PIXELS + 1, [0, 1, 0, 1], {}, DataError, "these are 0 and 1 alone: give floats"),
        (PIXELS * np.nan, [0, 1, 0, 1], {}, DataError, "image 0 holds NaN or infinite"),
        (PIXELS + 1e300, [0, 1, 0, 1], {}, DataError, "image 0 holds NaN or infinite"),
        (PIXELS.astype(complex), [0, 1, 0, 1], {}, DataError, "whole numbers or floats"),
        (PIXELS.astype(object), [0, 1, 0, 1], {}, DataError, "whole numbers or floats"),
        ("images", [0, 1], {}, WrongTypeError, "images must be a NumPy array or a dense tensor"),
        ([[0]], [0, 1], {}, WrongTypeError, "images must be a NumPy array or a dense tensor"),
        (torch.zeros(4, 5, 6).to_sparse(), [0, 1], {}, WrongTypeError, "a dense tensor"),
        (PIXELS, [0, 1, 0], {}, DataError, "labels must be one for each of 4 images"),
        (PIXELS, np.zeros((4, 3), int), {}, DataError, r"several labels .* argmax\(axis=1\)"),
        (PIXELS, [0.0, 1, 0, 1], {}, DataError, "labels must be whole numbers or strings, got f"),
        (PIXELS, [0, None, 0, 1], {}, DataError, "labels must be whole numbers or strings, got o"),
        (PIXELS, [[0], [1, 2], [0], [1]], {}, WrongTypeError, "labels must be whole numbers or"),
        (PIXELS, "0101", {}, WrongTypeError, "labels must be a NumPy array"),
        (PIXELS, 3, {}, WrongTypeError, "labels must be a NumPy array"),
        (PIXELS, np.array([b"\xff"] * 4), {}, DataError, "must be text in UTF-8"),
        (PIXELS, [1, 1, 1, 1], {}, DataError, "two classes or more, got 1 alone: '1'"),
        (PIXELS, [0, 1, 2, 1], {"classes": ("a", "b")}, DataError, "hold '2', which is none of"),
        (PIXELS, ["a", "c"] * 2, {"classes": ("a", "b")}, DataError, "hold 'c', which is none of"),
        (PIXELS, [0, 1, 0, 1], {"classes": ("a", "a")}, DataError, "different names"),
        (
            PIXELS, [0, 1, 0, 1], {"test": (PIXELS[:, 1:], [0, 1, 0, 1])}, DataError,
            "test images of arrays must be 5x6 in grey .* got 4x6",
        ),
        (
            PIXELS, [0, 1, 0, 1], {"test": (PIXELS, ["a"] * 4)}, DataError,
            "labels and test labels must be all whole numbers or all strings",
        ),
        (PIXELS, [0, 1, 0, 1], {"test": PIXELS}, WrongTypeError, "test must be a pair"),
        (PIXELS, [0, 1, 0, 1], {"size": 0}, ConfigurationError, "size must be 1 to 4,096"),
        (PIXELS, [0, 1, 0, 1], {"size": (3, 10**6)}, ConfigurationError, "size must be 1 to"),
    ],
)  # fmt: skip
def test_arrays_that_do_not_fit(
    images: Any, labels: Any, options: dict, error: type[ResqunnError], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        Images.from_arrays(images, labels, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("dataset", "error", "message"),
    [
        (3, WrongTypeError, "train data must be a torch Dataset, got 3"),
        ([], DataError, "must have one image or more"),
        ([torch.zeros(1, 4, 4)], DataError, "train image 0 must come with its label, as a pair"),
        ([(torch.zeros(4), 0)], DataError, r"train image 0 must have shape \(H, W\)"),
        ([("image", 0)], WrongTypeError, "train image 0 must be a NumPy array or a dense tensor"),
        (Pairs([4, 5]), DataError, "train image 1 must be as the first, uint8 of shape"),
        (Pairs([4, 4], "CMYK"), DataError, "train image 0 must be grey or RGB"),
        ([(torch.zeros(1, 4, 4), np.zeros(14))] * 2, DataError, "several labels"),
        ([(torch.full((1, 4, 4), 7.0), n) for n in range(2)], DataError, r"must be in \[0, 1\]"),
    ],
)
def test_torch_data_sets_that_do_not_fit(dataset: Any, error: type, message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        Images.from_dataset(dataset)
    assert "\n" not in str(caught.value)


def saved(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": PIXELS}, "must hold images and labels, train_images .* got 'a'"),
        ({}, "must hold images and labels, .* got nothing"),
        ({"images": PIXELS}, "holds images but no labels"),
        ({"train_labels": [1]}, "holds train_labels but no train_images"),
        ({"val_images": PIXELS, "val_labels": [0, 1] * 2}, "no images to train on"),
        (
            {"images": PIXELS, "labels": [0, 1] * 2, "x_train": PIXELS, "y_train": [0, 1] * 2},
            "holds train images under two names",
        ),
        (
            {"images": PIXELS, "labels": np.array([0, 1, None, 1], object)},
            "labels of .* is pickled, which is refused",
        ),
        ({"images": PIXELS.astype(object), "labels": [0, 1] * 2}, "images of .* is pickled"),
        ({"images": PIXELS, "labels": np.zeros((4, 14), np.uint8)}, "several labels"),
        ({"images": PIXELS.astype(complex), "labels": [0, 1] * 2}, "must hold numbers or strings"),
        ({"images": PIXELS * np.nan, "labels": [0, 1] * 2}, "train images of .* NaN"),
        ({"images": np.zeros((4, 3, 5, 3)), "labels": [0, 1] * 2}, "say layout='NCHW' or"),
    ],
)
def test_npz_files_that_do_not_fit(tmp_path: Path, arrays: dict, message: str) -> None:
    path = saved(tmp_path / "own.npz", **arrays)
    with pytest.raises(DataError, match=message) as caught:
        Images.from_npz(path)
    assert "own.npz" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_arrays_of_a_file_are_passed_over(tmp_path: Path) -> None:
    pickled = np.array([{"who": "me"}], object)
    path = saved(tmp_path / "own.npz", images=PIXELS, labels=[0, 1] * 2, author=pickled)
    assert len(Images.from_npz(path).train) == 4


def test_a_path_that_is_neither_file_nor_folder_of_images(tmp_path: Path) -> None:
    (tmp_path / "own.zip").write_bytes(b"PK")
    with pytest.raises(DataError, match=r"own.zip must be an .npz file, or a folder that holds"):
        load_dataset(tmp_path / "own.zip")
    with pytest.raises(DataError, match=r"gone.npz cannot be read \(No such file"):
        Images.from_npz(tmp_path / "gone.npz")
