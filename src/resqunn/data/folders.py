"""Folders of pictures: a folder for each class, in folders for the splits if there are any.

A folder may be a stranger's: no link in it is followed, and nothing is taken for a picture by its
name alone.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from resqunn.data.files import State, bounded, in_numbers, readable
from resqunn.data.pictures import decoded, require_moderate, resized
from resqunn.data.split import SPLITS
from resqunn.errors import DataError

ENDINGS = (".png", ".jpg", ".jpeg")

LIMIT = 2**26
"""Bytes that a picture's file may have."""

SPLIT_FOLDERS = {
    "train": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}

PASSED_OVER = ("thumbs.db", "desktop.ini", "__macosx")
"""What systems leave in folders, besides hidden files."""


Found = tuple[str, State]
"""A file's path below the folder, and its state."""


@dataclass(frozen=True)
class Picture:
    """A file: its split, its class, its path below the folder, and its state."""

    split: str
    label: int
    path: str
    state: State


@dataclass(frozen=True)
class Listing:
    """All pictures of a folder, split after split and class after class, and the classes."""

    classes: tuple[str, ...]
    pictures: tuple[Picture, ...]


def listed(root: Path) -> Listing:
    """What there is in a folder, before anything is read.

    Raises:
        DataError: if it is no folder of class folders, or holds links or other files.
    """
    tops = _entries(root, "")
    splits = {name: SPLIT_FOLDERS[name.lower()] for name in tops if name.lower() in SPLIT_FOLDERS}
    if "train" not in splits.values():  # folders of classes that happen to have such names
        return _in_order({"train": _classes(root, "", tops)})
    found: dict[str, dict[str, list[Found]]] = {}
    for name, entry in tops.items():
        if name not in splits and (entry.is_dir() or _is_picture(name)):
            raise DataError(
                f"{root} must hold folders of splits alone, or of classes alone, got "
                f"{next(iter(splits))} and {name}"
            )
    for name, split in splits.items():
        if split in found:
            raise DataError(f"{root} holds two folders of {split} images: leave one of them")
        found[split] = _classes(root, name, _entries(root, name))
    return _in_order(found)


def _in_order(found: Mapping[str, Mapping[str, Sequence[Found]]]) -> Listing:
    classes = sorted({name for each in found.values() for name in each})
    return Listing(
        tuple(classes),
        tuple(
            Picture(split, number, path, state)
            for split in SPLITS
            if split in found
            for number, name in enumerate(classes)
            for path, state in found[split].get(name, ())
        ),
    )


def _entries(root: Path, below: str) -> dict[str, os.DirEntry[str]]:
    """What a folder holds, by name and in its order, but for what systems leave there."""
    with readable(root / below), os.scandir(root / below) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    kept = {}
    for entry in entries:
        if entry.name.startswith(".") or entry.name.lower() in PASSED_OVER:
            continue
        if entry.is_symlink():
            raise DataError(
                f"{entry.path} is a symbolic link, and none is followed in a folder of images: put "
                "what it points to in its place"
            )
        kept[entry.name] = entry
    return kept


def _classes(
    root: Path, below: str, entries: Mapping[str, os.DirEntry[str]]
) -> dict[str, list[Found]]:
    """The pictures of each class folder."""
    place = root / below
    found: dict[str, list[Found]] = {}
    for name, entry in entries.items():
        if entry.is_dir():
            found[name] = _pictures(root, f"{below}/{name}" if below else name)
        elif _is_picture(name):
            raise DataError(f"{place / name} must lie in the folder of its class")
    if not found:
        raise DataError(f"{place} must hold a folder of PNG or JPEG files for each class, got none")
    return found


def _pictures(root: Path, below: str) -> list[Found]:
    found: list[Found] = []
    for name, entry in _entries(root, below).items():
        path = f"{below}/{name}"
        if entry.is_dir():
            raise DataError(
                f"{root / path} is a folder in the folder of a class: move its files up"
            )
        if not _is_picture(name):
            raise DataError(
                f"{root / path} is no PNG or JPEG file: convert it, or put it elsewhere"
            )
        with readable(root / path):
            found.append((path, in_numbers(entry.stat(follow_symlinks=False))))
    if not found:
        raise DataError(f"{root / below} holds no PNG or JPEG file: fill it, or remove it")
    return found


def _is_picture(name: str) -> bool:
    return name.lower().endswith(ENDINGS)


def read(
    root: Path, listing: Listing, size: tuple[int, int] | None, antialias: bool = True
) -> tuple[np.ndarray, np.ndarray, dict[str, int]]:
    """All pictures (N, C, H, W) as bytes, the index of each one's class, and images a split.

    Where some are grey and some are in colour, the grey ones get three equal channels.

    Raises:
        DataError: naming the first file that is no picture, or has another size than the first.
    """
    count = len(listing.pictures)
    pixels: np.ndarray[Any, Any] = np.empty(0, np.uint8)
    for number, picture in enumerate(listing.pictures):
        path = root / picture.path
        image = decoded(bounded(path, LIMIT, through_links=False), path)
        if size is not None:
            image = resized(image[None], size, antialias)[0]
        if number == 0:
            require_moderate(count, image.shape)
            pixels = np.empty((count, *image.shape), np.uint8)
        if image.shape[1:] != pixels.shape[2:]:
            raise DataError(
                f"{path} must be {_side(pixels[0])} pixels as {root / listing.pictures[0].path}, "
                f"got {_side(image)}: images of different sizes need a size to be resized to"
            )
        if len(image) > pixels.shape[1]:  # the first in colour
            require_moderate(count, image.shape)
            pixels = np.repeat(pixels, len(image), axis=1)
        pixels[number] = image
    labels = np.array([picture.label for picture in listing.pictures], np.int64)
    splits = [picture.split for picture in listing.pictures]
    return pixels, labels, {split: splits.count(split) for split in dict.fromkeys(splits)}


def _side(image: np.ndarray) -> str:
    return f"{image.shape[1]}x{image.shape[2]}"
