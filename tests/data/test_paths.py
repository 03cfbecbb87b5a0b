"""Names and paths: which is which, where a path leads, and what is said if it leads nowhere."""

from pathlib import Path

import numpy as np
import pytest

from resqunn import Images, load_dataset
from resqunn.data.paths import base_of, is_path
from resqunn.errors import ConfigurationError, DataError

from support import own_images, write_folder


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with images in it; there is another folder beside it."""
    monkeypatch.delenv("RESQUNN_DATA", raising=False)
    (tmp_path / "here").mkdir()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    write_folder(Path("tiles"), own_images({"train": 5}))
    images, labels = own_images({"train": 5})["train"]
    np.savez("tiles.npz", images=images, labels=labels)
    return tmp_path / "here"


def test_names_and_paths(here: Path) -> None:
    assert is_path("tiles")
    assert is_path("tiles.npz")
    assert is_path("gone.NPZ")
    assert is_path("./gone")
    assert is_path(str(here))
    assert is_path(Path("mnist"))
    assert not is_path("mnist")
    assert not is_path("gone")
    assert not is_path("")
    assert not is_path("a\0b")
    Path("digits").mkdir()  # names come first
    assert load_dataset("digits").train.images.shape[1:] == (1, 8, 8)
    with pytest.raises(DataError, match="digits must hold a folder of PNG or JPEG"):
        load_dataset("./digits")


@pytest.mark.parametrize("name", ["tiles", "tiles.npz", "./tiles", "../here/tiles.npz"])
def test_every_way_to_say_where(here: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = load_dataset(Images.from_arrays(*own_images({"train": 5})["train"]))
    assert load_dataset(name).sha256 == expected.sha256
    assert load_dataset(Path(name)).sha256 == expected.sha256
    assert load_dataset(str(Path(name).absolute())).sha256 == expected.sha256
    monkeypatch.chdir(here.parent / "elsewhere")
    assert load_dataset(name, root=here).sha256 == expected.sha256
    if not name.startswith(".."):
        with pytest.raises((DataError, ConfigurationError)):
            load_dataset(name)
    monkeypatch.setenv("RESQUNN_DATA", str(here))
    assert load_dataset(name).sha256 == expected.sha256
    assert base_of(name) in (here, Path())


def test_the_current_folder_comes_before_the_data_folder(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESQUNN_DATA", str(here.parent / "elsewhere"))
    images, labels = own_images({"train": 6})["train"]
    np.savez(here.parent / "elsewhere/tiles.npz", images=images, labels=labels)
    assert len(load_dataset("tiles.npz").train) == 9
    assert len(load_dataset("tiles.npz", root=here.parent / "elsewhere").train) == 12


@pytest.mark.parametrize(
    ("name", "options", "error", "message"),
    [
        ("gone.npz", {}, DataError, "there is no gone.npz: give the path of an .npz file or"),
        ("gone.npz", {"root": "tiles"}, DataError, "there is no gone.npz below tiles"),
        ("gone/there", {}, DataError, "there is no gone/there"),
        ("tilse", {}, ConfigurationError, r"unknown data set 'tilse'.*; or a path: an .npz file"),
        ("tilse", {}, ConfigurationError, r"'tilse', and no file or folder of that name here"),
        ("tilse", {"root": "tiles"}, ConfigurationError, "no file or folder of that name in tiles"),
        ("", {}, ConfigurationError, "unknown data set ''"),
        ("a/b\0c", {}, DataError, "there is no a/b"),
        ("x" * 5000, {}, ConfigurationError, "unknown data set"),
        ("tiles", {"mirror": "https://a.test"}, ConfigurationError, "mirror must be left out"),
        ("/gone.npz", {"root": "."}, ConfigurationError, "root must be left out for '/gone.npz'"),
    ],
)
@pytest.mark.usefixtures("here")
def test_paths_that_lead_nowhere(name: str, options: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        load_dataset(name, **options)
    assert "\n" not in str(caught.value)
