"""What training reads of a network's data, and evaluation; no files here.

Shape suffixes: B batch, N images, K classes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from resqunn.data.datasets import LabelledImages
from resqunn.nn.network import ResQuNN
from resqunn.nn.noise import circuits_of
from resqunn.nn.side_by_side import SideBySide

EVALUATION_BATCH = 256
"""Images a forward pass of the evaluation: bounds memory on large sets."""


@dataclass(frozen=True)
class Prepared:
    """A network's data: the sums R_0, ..., R_m of its m fixed layers, computed once, and labels.

    Sums that no later layer reads are left out (None).
    """

    sums: tuple[Tensor | None, ...]
    labels: Int[Tensor, " N"]
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def scores(self, model: nn.Module, index: Tensor | slice) -> Float[Tensor, "B K"]:
        """The network's scores of some of the images."""
        return scores_of(model, [None if s is None else s[index] for s in self.sums])


def has_sums(model: nn.Module) -> bool:
    """Whether the first sums of a network may be computed beforehand: a class of its own may do
    anything else with its layers."""
    return type(model) in (ResQuNN, SideBySide)


def scores_of(model: nn.Module, first: Sequence[Tensor | None]) -> Float[Tensor, "B K"]:
    """The network's scores, given its first sums, the last of which is not left out."""
    if not has_sums(model):
        return model(first[0])
    assert isinstance(model, ResQuNN)
    # A sum that is left out is never read: any tensor may stand in its place.
    sums = model.sums([first[-1] if s is None else s for s in first])
    return model.head(sums[-1])


def seed_samples(model: nn.Module, *numbers: int) -> None:
    """Fixes by whole numbers what the shots of a network's circuits draw from now on."""
    parts = [part for part in circuits_of(model) if part.shots is not None]
    if not parts:
        return
    mixed = int.from_bytes(hashlib.sha256(repr(numbers).encode()).digest()[:7], "big")
    generator = torch.Generator().manual_seed(mixed)
    for part in parts:
        part.shot_generator = generator


@torch.no_grad()
def prepare(model: nn.Module, data: LabelledImages) -> Prepared:
    """Computes once what training cannot change."""
    if not has_sums(model):
        return Prepared((data.images,), data.labels, data.classes)
    assert isinstance(model, ResQuNN)
    fixed = model.fixed_layers()
    read = {skip for skip in model.wiring.skips[fixed:] if skip is not None} | {fixed}
    computed = [k for k in range(1, fixed + 1) if k in read]
    sums: list[Tensor | None] = [data.images if 0 in read else None, *[None] * fixed]
    for start in range(0, len(data) if computed else 0, EVALUATION_BATCH):
        batch = slice(start, start + EVALUATION_BATCH)
        found = model.sums([data.images[batch]], fixed)
        for k in computed:
            # Filled in place: parts that are put together at the end need the memory twice.
            filled = sums[k]
            if filled is None:
                filled = sums[k] = found[k].new_empty(len(data), *found[k].shape[1:])
            filled[batch] = found[k]
    return Prepared(tuple(sums), data.labels, data.classes)


@dataclass(frozen=True)
class Scores:
    """Mean cross entropy, accuracy in [0, 1], and right and all predictions of each class, whose
    names are `classes`."""

    loss: float
    accuracy: float
    right: tuple[int, ...] = field(default=())
    total: tuple[int, ...] = field(default=())
    classes: tuple[str, ...] = field(default=())


def evaluate(model: nn.Module, data: Prepared) -> Scores:
    """Loss and accuracy on every image, in the order of the set."""
    return evaluated(model, data)[0]


@torch.no_grad()
def evaluated(model: nn.Module, data: Prepared) -> tuple[Scores, Float[Tensor, "N K"]]:
    """Loss and accuracy on every image, and its scores, in the order of the set."""
    model.eval()
    loss_sum = 0.0
    right = torch.zeros(len(data.classes), dtype=torch.int64)
    # Filled in place: many small results between large temporaries would keep those from being
    # used again.
    whole: Tensor | None = None
    for start in range(0, len(data), EVALUATION_BATCH):
        index = slice(start, start + EVALUATION_BATCH)
        labels = data.labels[index]
        scores = data.scores(model, index)
        loss_sum += float(nn.functional.cross_entropy(scores, labels, reduction="sum"))
        hits = labels[scores.argmax(dim=1) == labels]
        right += torch.bincount(hits.cpu(), minlength=len(data.classes))
        if whole is None:
            whole = scores.new_empty(len(data), scores.shape[1])
        whole[index] = scores
    total = torch.bincount(data.labels.cpu(), minlength=len(data.classes))
    scores = Scores(
        loss_sum / len(data),
        int(right.sum()) / len(data),
        tuple(right.tolist()),
        tuple(total.tolist()),
        data.classes,
    )
    assert whole is not None
    return scores, whole
