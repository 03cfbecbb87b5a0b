"""From images to a data set: which classes, how many, and three splits that share nothing."""

import itertools
from typing import Any

import numpy as np
import pytest
import torch

from resqunn import Dataset, Images, load_dataset
from resqunn.errors import ConfigurationError, DataError

from support import own_images


def numbered(counts: list[int], **more: Any) -> Images:
    """Images of classes of so many images, each with a number of its own in its first pixels."""
    labels = np.repeat(np.arange(len(counts)), counts)
    pixels = np.zeros((len(labels), 2, 2), np.uint8)
    pixels[:, 0, 0], pixels[:, 0, 1] = np.divmod(np.arange(len(labels)), 256)
    pixels[:, 1, 0], pixels[:, 1, 1] = labels, 255
    return Images.from_arrays(pixels, labels, **more)


def numbers(data: Dataset) -> dict[str, list[int]]:
    """Which images each split has."""
    found = {}
    for name in ("train", "validation", "test"):
        part = getattr(data, name)
        if part is not None:
            first = (part.images[:, 0, 0] * 255).round().long()
            found[name] = (first[:, 0] * 256 + first[:, 1]).tolist()
    return found


def counted(data: Dataset) -> dict[str, list[int]]:
    parts = {name: getattr(data, name) for name in ("train", "validation", "test")}
    return {n: part.labels.bincount().tolist() for n, part in parts.items() if part is not None}


def test_images_without_splits_are_split_in_three() -> None:
    images = numbered([100, 50, 10])
    data = load_dataset(images, seed=1)
    assert counted(data) == {"train": [60, 30, 6], "validation": [20, 10, 2], "test": [20, 10, 2]}
    found = numbers(data)
    assert sorted(itertools.chain(*found.values())) == list(range(160))  # each once
    for part in (data.train, data.validation, data.test):
        assert part is not None
        assert torch.equal((part.images[:, 0, 1, 0] * 255).round().long(), part.labels)
    assert numbers(load_dataset(images, seed=1)) == found
    other = numbers(load_dataset(images, seed=2))
    assert all(sorted(other[name]) != sorted(found[name]) for name in found)


@pytest.mark.parametrize(
    ("options", "sizes"),
    [
        ({}, [6, 2, 2]),
        ({"validation": 0.3, "test": 0.1}, [6, 3, 1]),
        ({"validation": 0.01, "test": 0.01}, [8, 1, 1]),
        ({"validation": 0.9}, [1, 8, 1]),
        ({"validation": 0.5, "test": 0.49}, [1, 5, 4]),
        ({"per_class": 5}, [3, 1, 1]),
        ({"per_class": 3}, [1, 1, 1]),
    ],
)
def test_shares(options: dict, sizes: list[int]) -> None:
    data = load_dataset(numbered([10, 10]), **options)
    assert counted(data) == {
        name: [size, size]
        for name, size in zip(("train", "validation", "test"), sizes, strict=True)
    }


def test_every_split_has_every_class_whatever_the_numbers() -> None:
    rng = np.random.default_rng(0)
    for seed in range(100):
        counts = rng.integers(3, 40, rng.integers(2, 5)).tolist()
        validation = float(rng.uniform(0.01, 0.6))
        test = float(rng.uniform(0.01, 0.39))
        data = load_dataset(numbered(counts), seed=seed, validation=validation, test=test)
        found = counted(data)
        assert np.sum(list(found.values()), axis=0).tolist() == counts
        for each in found.values():
            assert len(each) == len(counts)
            assert min(each) >= 1
        assert len(set(itertools.chain(*numbers(data).values()))) == sum(counts)
        for share, name in ((validation, "validation"), (test, "test")):
            for part, count in zip(found[name], counts, strict=True):
                assert abs(part - share * count) <= 1.5


def test_what_the_files_say_is_kept() -> None:
    splits = own_images({"train": 10, "validation": 4, "test": 5})
    pairs = {name: splits[name] for name in ("validation", "test")}
    everything = Images.from_arrays(*splits["train"], **pairs)
    data = load_dataset(everything, seed=5)
    assert counted(data) == {"train": [10] * 3, "validation": [4] * 3, "test": [5] * 3}
    assert data.train.labels.tolist() == splits["train"][1].tolist()  # in their order
    assert data.sha256 == load_dataset(everything, seed=6).sha256
    few = load_dataset(everything, per_class=3, seed=5)
    assert counted(few) == {"train": [3] * 3, "validation": [4] * 3, "test": [5] * 3}
    assert few.sha256 != load_dataset(everything, per_class=3, seed=6).sha256

    no_validation = Images.from_arrays(*splits["train"], test=splits["test"])
    data = load_dataset(no_validation, seed=5)
    assert counted(data) == {"train": [8] * 3, "validation": [2] * 3, "test": [5] * 3}
    assert data.test_sha256 == load_dataset(everything).test_sha256

    no_test = Images.from_arrays(*splits["train"], validation=splits["validation"])
    assert counted(load_dataset(no_test)) == {"train": [10] * 3, "validation": [4] * 3}
    assert load_dataset(no_test).test_sha256 is None


def test_classes_are_picked_in_their_order() -> None:
    images = numbered([10] * 8, classes=tuple("abcdefgh"))
    data = load_dataset(images, classes=(3, 6))
    assert data.train.classes == ("d", "g")
    assert counted(data)["train"] == [6, 6]
    shown = (data.train.images[:, 0, 1, 0] * 255).round().long()
    assert torch.equal(shown, torch.tensor([3, 6])[data.train.labels])
    swapped = load_dataset(images, classes=("g", 3))
    assert swapped.train.classes == ("g", "d")
    assert load_dataset(images, classes=("d", "g")).sha256 == data.sha256
    first = load_dataset(images, classes=3)
    assert first.train.classes == ("a", "b", "c")
    assert first.sha256 == load_dataset(images, classes=(0, 1, 2)).sha256


def test_classes_of_the_digits() -> None:
    data = load_dataset("digits", classes=(3, 6), per_class=50)
    assert data.train.classes == ("3", "6")
    assert data.test is None
    everything = load_dataset("digits")
    threes = everything.train.images[everything.train.labels == 3]
    threes = torch.cat([threes, everything.validation.images[everything.validation.labels == 3]])
    for image in data.train.images[data.train.labels == 0]:
        assert (threes == image).flatten(1).all(dim=1).any()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"classes": 1}, ConfigurationError, "classes must be 2 to 3 for arrays, got 1"),
        ({"classes": 4}, ConfigurationError, "classes must be 2 to 3 for arrays, got 4"),
        ({"classes": (0,)}, ConfigurationError, "two different ones or more, got 0"),
        ({"classes": (1, 1)}, ConfigurationError, "two different ones or more, got 1, 1"),
        ({"classes": ("1", 1)}, ConfigurationError, "two different ones or more, got 1, 1"),
        ({"classes": ()}, ConfigurationError, "two different ones or more, got none"),
        ({"classes": (0, 3)}, ConfigurationError, r"among 0 to 2 or the names \('0', '1', '2'\)"),
        ({"classes": (0, -1)}, ConfigurationError, "for arrays, got -1"),
        ({"classes": ("0", "cat")}, ConfigurationError, "got 'cat'"),
        ({"per_class": 11}, DataError, "has 10 images of class '0', fewer than per_class=11"),
        ({"per_class": 2}, DataError, r"fewer than its 3 splits \(train, validation, test\)"),
        ({"test": 0.0}, ConfigurationError, "test must be a fraction above 0"),
        ({"test": 0.8}, ConfigurationError, "leaves images beside validation=0.2, got 0.8"),
        ({"root": "."}, ConfigurationError, "root must be left out for Images"),
        ({"mirror": "https://a.test"}, ConfigurationError, "mirror must be left out"),
        ({"train_images": 9}, ConfigurationError, "must be given together, got 9 and None"),
        ({"train_images": 0, "validation_images": 3}, ConfigurationError, "must be 1 or more"),
        (
            {"train_images": 9, "validation_images": 3, "per_class": 4},
            ConfigurationError, "per_class must be left out with train_images, got 4",
        ),
        ({"train_images": 28, "validation_images": 3}, DataError, "has 30 images to draw from"),
        ({"train_images": 9, "validation_images": 2}, DataError, "must be 3 or more each"),
    ],
)  # fmt: skip
def test_options_that_do_not_fit(options: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        load_dataset(numbered([10, 10, 10]), **options)
    assert "\n" not in str(caught.value)


def test_counts_are_drawn_as_scikit_learn_draws_them() -> None:
    """Its functions called here, and the shares of the classes counted."""
    from sklearn.model_selection import StratifiedShuffleSplit

    images = numbered([100, 50, 50])
    data = load_dataset(images, train_images=80, validation_images=20, seed=7)
    found = numbers(data)
    assert counted(data) == {
        "train": [40, 20, 20], "validation": [10, 5, 5], "test": [50, 25, 25],
    }  # fmt: skip
    labels = np.repeat(np.arange(3), [100, 50, 50])
    _, pool = next(StratifiedShuffleSplit(1, test_size=100, random_state=7).split(labels, labels))
    _, held = next(
        StratifiedShuffleSplit(1, test_size=20, random_state=7).split(pool, labels[pool])
    )
    assert found["validation"] == pool[held].tolist()
    assert sorted(found["train"] + found["validation"]) == sorted(pool.tolist())
    assert sorted(itertools.chain(*found.values())) == list(range(200))


def test_counts_leave_the_files_test_images_and_may_take_all_others() -> None:
    rest = numbered([10, 10])
    given = numbered([6, 6], test=(rest.train.pixels, rest.train.labels))
    data = load_dataset(given, train_images=8, validation_images=4)
    assert counted(data) == {"train": [4, 4], "validation": [2, 2], "test": [10, 10]}
    whole = load_dataset(numbered([6, 6]), train_images=8, validation_images=4)
    assert counted(whole) == {"train": [4, 4], "validation": [2, 2]}


@pytest.mark.parametrize("floats", [False, True])
def test_without_antialiasing_half_the_size_is_the_mean_of_blocks(floats: bool) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (3, 2, 6, 8)).astype(np.uint8)
    given = (pixels / 255).astype(np.float32) if floats else pixels
    images = Images.from_arrays(given, [0, 1, 0], layout="NCHW").at_size((3, 4), antialias=False)
    expected = (pixels / 255).reshape(3, 2, 3, 2, 4, 2).mean(axis=(3, 5))
    assert np.abs(images.train.pixels - expected).max() < 1e-6
    third = Images.from_arrays(given, [0, 1, 0], layout="NCHW").at_size((2, 8), antialias=False)
    # A third of the height: the middle row of each three is the only one that is near.
    assert np.abs(third.train.pixels - (pixels / 255)[:, :, 1::3]).max() < 1e-6


def test_a_class_that_a_split_lacks_is_told() -> None:
    splits = own_images({"train": 5, "validation": 2})
    validation = tuple(part[:4] for part in splits["validation"])  # of classes 0 and 1
    images = Images.from_arrays(*splits["train"], validation=validation)
    message = "validation images of arrays have none of class '2': add some, or choose other"
    with pytest.raises(DataError, match=message):
        load_dataset(images)
    assert counted(load_dataset(images, classes=2))["validation"] == [2, 2]
    with pytest.raises(DataError, match="has 0 of class 'c', fewer than its 3 splits"):
        load_dataset(numbered([5, 5], classes=("a", "b", "c")))
    with pytest.raises(DataError, match="train images of arrays have none of class '2'"):
        load_dataset(
            Images.from_arrays(
                splits["train"][0][:10], splits["train"][1][:10], validation=splits["validation"]
            )
        )


def test_splits_that_are_settled_take_no_fraction() -> None:
    splits = own_images({"train": 5, "test": 2})
    with pytest.raises(ConfigurationError, match="test must be left out for arrays, whose test"):
        load_dataset(Images.from_arrays(*splits["train"], test=splits["test"]), test=0.1)
    with pytest.raises(ConfigurationError, match="test must be left out for digits"):
        load_dataset("digits", test=0.1)


def test_seeds_share_what_they_do_not_draw() -> None:
    """A stack of twenty seeds keeps one copy of what the files say."""
    splits = own_images({"train": 5, "validation": 2, "test": 2})
    pairs = {name: splits[name] for name in ("validation", "test")}
    images = Images.from_arrays(*splits["train"], **pairs)
    one, other = load_dataset(images, seed=1), load_dataset(images, seed=2)
    for name in ("train", "validation", "test"):
        assert getattr(one, name).images.data_ptr() == getattr(other, name).images.data_ptr()
    assert load_dataset(images, classes=2).test.classes == ("0", "1")
