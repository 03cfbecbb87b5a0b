"""From somebody's images to a data set: which classes, how many of each, and which split.

What the files say is kept. Where they have no validation images, or no splits at all, these are
drawn from each class by a seed, so that every split has every class in about the same share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from resqunn.data.images import Images
from resqunn.data.labelled import LabelledImages
from resqunn.data.split import SPLITS
from resqunn.data.stratified import drawn_from, rest_of
from resqunn.errors import ConfigurationError, DataError

Classes = int | tuple[int | str, ...] | None
"""How many classes, the first ones; or which, by index or name, in that order; or all."""

PerClass = int | Literal["all"]


@dataclass(frozen=True)
class Counts:
    """How many images to train and to validate on are drawn, each class by its share."""

    train: int
    validation: int


def chosen(name: str, known: Sequence[str], classes: Classes) -> tuple[int, ...]:
    """The labels that become 0, 1, ...

    Args:
        name: of the images, for messages.
        known: the names of their classes.

    Raises:
        ConfigurationError: for classes that there are not.
    """
    if classes is None:
        return tuple(range(len(known)))
    if isinstance(classes, int):
        if not 2 <= classes <= len(known):
            raise ConfigurationError(f"classes must be 2 to {len(known)} for {name}, got {classes}")
        return tuple(range(classes))
    found = tuple(_index(name, known, each) for each in classes)
    if len(found) < 2 or len(set(found)) < len(found):
        raise ConfigurationError(
            f"classes must be two different ones or more, got {_shown(classes)}"
        )
    return found


def _index(name: str, known: Sequence[str], which: int | str) -> int:
    if isinstance(which, int) and 0 <= which < len(known):
        return which
    if isinstance(which, str) and which in known:
        return known.index(which)
    names = ", ".join(repr(each)[:30] for each in known[:10])
    more = "" if len(known) <= 10 else ", ..."
    raise ConfigurationError(
        f"classes must be among 0 to {len(known) - 1} or the names ({names}{more}) for {name}, got "
        f"{repr(which)[:60]}"
    )


def _shown(classes: Sequence[int | str]) -> str:
    return ", ".join(str(each)[:30] for each in classes[:10]) or "none"


def split(
    images: Images,
    classes: Classes,
    per_class: PerClass,
    seed: int,
    fractions: Sequence[float],
) -> dict[str, LabelledImages]:
    """The splits by their names.

    Args:
        classes: as in `chosen`.
        per_class: images of each class, drawn from those to train on; or all.
        seed: fixes what is drawn.
        fractions: of each class that are drawn for further splits, validation and then test:
            none where the files have validation images already.

    Raises:
        ConfigurationError: for classes that there are not.
        DataError: for a class with too few images, or that a split lacks.
    """
    labels = chosen(images.name, images.classes, classes)
    names = tuple(images.classes[label] for label in labels)
    found: dict[str, LabelledImages] = {}
    if per_class == "all" and not fractions:
        _require_every_class(images, "train", labels)
        found["train"] = images.train.whole(labels, names)
    else:
        drawn = _drawn(images, labels, per_class, seed, fractions)
        for name, index in zip(SPLITS, drawn, strict=False):
            found[name] = images.train.at(index, labels, names)
    for name, given in images.splits.items():
        if name not in found:
            _require_every_class(images, name, labels)
            found[name] = given.whole(labels, names)
    return found


def counted_split(
    images: Images, classes: Classes, counts: Counts, seed: int
) -> dict[str, LabelledImages]:
    """The splits by their names: so many images to train and validate on, drawn from those to
    train on. Where the files say no test images, these are what is left.

    Raises:
        ConfigurationError: for classes that there are not.
        DataError: for too few images, of all or of a class.
    """
    labels = chosen(images.name, images.classes, classes)
    names = tuple(images.classes[label] for label in labels)
    there = images.train.labels
    members = np.isin(there, labels).nonzero()[0]
    both = counts.train + counts.validation
    if both > len(members):
        raise DataError(
            f"{images.name} has {len(members)} images to draw from, fewer than train_images="
            f"{counts.train} and validation_images={counts.validation}"
        )
    try:
        whole = both == len(members)
        pool = members if whole else drawn_from(members, there, both, seed)
        held = drawn_from(pool, there, counts.validation, seed)
    except ValueError:
        raise DataError(
            f"train_images and validation_images must be {len(labels)} or more each, and leave as "
            f"many or none, with two of each class at least: {images.name} has too few for "
            f"{counts.train} and {counts.validation}"
        ) from None
    index = {"train": rest_of(pool, held), "validation": held}
    if images.test is None and not whole:
        index["test"] = rest_of(members, pool)
    found = {
        name: images.train.at(torch.as_tensor(each), labels, names) for name, each in index.items()
    }
    if images.test is not None:
        _require_every_class(images, "test", labels)
        found["test"] = images.test.whole(labels, names)
    return found


def _require_every_class(images: Images, name: str, labels: Sequence[int]) -> None:
    for label in labels:
        if not len(images.splits[name].members(label)):
            raise DataError(
                f"the {name} images of {images.name} have none of class {images.classes[label]!r}: "
                "add some, or choose other classes"
            )


def _drawn(
    images: Images,
    labels: Sequence[int],
    per_class: PerClass,
    seed: int,
    fractions: Sequence[float],
) -> list[Tensor]:
    """The numbers of the images of each split, in an order that is drawn too."""
    generator = torch.Generator().manual_seed(seed)
    parts: list[list[Tensor]] = [[] for _ in range(1 + len(fractions))]
    for label in labels:
        members = images.train.members(label)
        count = len(members) if per_class == "all" else per_class
        if len(members) < count:
            raise DataError(
                f"{images.name} has {len(members)} images of class {images.classes[label]!r}, "
                f"fewer than per_class={count}"
            )
        if count < len(parts):
            raise DataError(
                f"{images.name} has {count} of class {images.classes[label]!r}, fewer than its "
                f"{len(parts)} splits ({', '.join(SPLITS[: len(parts)])}): add some, or choose "
                "other classes"
            )
        order = members[torch.randperm(len(members), generator=generator)[:count]]
        for part, piece in zip(parts, order.split(_sizes(count, fractions)), strict=True):
            part.append(piece)
    each = [torch.cat(part) for part in parts]
    return [part[torch.randperm(len(part), generator=generator)] for part in each]


def _sizes(count: int, fractions: Sequence[float]) -> list[int]:
    """How many of so many images each split gets, one or more."""
    kept = max(1, round(count * (1 - sum(fractions))))
    held: list[int] = []
    left = count - min(count - len(fractions), kept)
    for number, fraction in enumerate(fractions):
        later = len(fractions) - number - 1
        share = fraction / sum(fractions[number:])
        held.append(min(left - later, max(1, round(left * share))))
        left -= held[-1]
    return [count - sum(held), *held]
