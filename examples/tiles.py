"""Makes a folder of colour tiles of scikit-learn's two sample photographs, labelled by picture.

Neighbouring tiles of one photograph are alike, so that tiles drawn at random into training and
test images would make a test of memory. Each photograph is cut into vertical strips instead, a
split to each in turn, and the tiles at the border of two strips are left out.

Usage: python examples/tiles.py FOLDER [--side 16] [--per-class 200]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images

STRIPS = ("train", "validation", "train", "test", "train")
"""Of each photograph, from left to right."""


def tiles(picture: np.ndarray, side: int) -> dict[str, list[np.ndarray]]:
    """The tiles (side, side, 3) of a photograph (H, W, 3) by split."""
    found: dict[str, list[np.ndarray]] = {name: [] for name in STRIPS}
    rows, columns = (length // side for length in picture.shape[:2])
    strips = np.array_split(np.arange(columns), len(STRIPS))
    for name, strip in zip(STRIPS, strips, strict=True):
        for column in strip[:-1]:  # the last one touches the next strip
            for row in range(rows):
                corner = row * side, column * side
                found[name].append(picture[corner[0] :, corner[1] :][:side, :side])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--side", type=int, default=16, help="of a tile, in pixels")
    parser.add_argument("--per-class", type=int, default=200, help="of a split, at most")
    given = parser.parse_args()
    sample = load_sample_images()
    for path, picture in zip(sample.filenames, sample.images, strict=True):
        for split, found in tiles(picture, given.side).items():
            folder = given.folder / split / Path(path).stem
            folder.mkdir(parents=True, exist_ok=True)
            drawn = np.random.default_rng(0).permutation(len(found))[: given.per_class]
            for number in sorted(drawn):
                Image.fromarray(found[number]).save(folder / f"{number:04}.png")
            print(f"{folder}: {len(drawn)} tiles")


if __name__ == "__main__":
    main()
