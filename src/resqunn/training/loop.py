"""One epoch of training, and evaluation; no files here.

Shape suffixes: B batch, N images, C H W channels, height and width.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from jaxtyping import Int
from torch import Tensor, nn

from resqunn.data.datasets import LabelledImages
from resqunn.errors import DivergedError

EVALUATION_BATCH = 256
"""Images a forward pass of the evaluation: bounds memory on large sets."""

BatchReport = Callable[[int, int, float, float], None]
"""Called after each batch with its number, the number of batches, and the epoch's mean loss
and accuracy so far."""


@dataclass(frozen=True)
class Scores:
    """Mean cross entropy, accuracy in [0, 1], and right and all predictions of each class."""

    loss: float
    accuracy: float
    right: tuple[int, ...] = field(default=())
    total: tuple[int, ...] = field(default=())


def batch_order(count: int, seed: int, epoch: int) -> Int[Tensor, " N"]:
    """The order of images in an epoch: a function of (seed, epoch) alone."""
    mixed = (seed * 1_000_003 + epoch) % 2**63
    return torch.randperm(count, generator=torch.Generator().manual_seed(mixed))


def train_epoch(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    data: LabelledImages,
    *,
    seed: int,
    epoch: int,
    batch_size: int,
    parts: dict[str, nn.Module],
    on_batch: BatchReport | None = None,
) -> tuple[float, dict[str, float | None]]:
    """Trains on every image once.

    Args:
        parts: modules whose gradient norms are reported, by name.

    Returns:
        The mean loss over batches, and for each part the mean over batches of the L2 norm of
        its gradient (None if it got no gradient).

    Raises:
        DivergedError: at the first batch whose loss is NaN or infinite.
    """
    model.train()
    order = batch_order(len(data), seed, epoch).to(data.labels.device)
    batches = order.split(batch_size)
    loss_sum, right, seen = 0.0, 0, 0
    norm_sums: dict[str, Tensor | None] = dict.fromkeys(parts)
    for number, index in enumerate(batches, 1):
        images, labels = data.images[index], data.labels[index]
        optimizer.zero_grad(set_to_none=True)
        scores = model(images)
        loss = nn.functional.cross_entropy(scores, labels)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise DivergedError(
                f"the loss became {value} in epoch {epoch}, batch {number} of {len(batches)}: "
                "lower the learning rate, or look for extreme values in the data"
            )
        loss.backward()
        for name, part in parts.items():
            norm_sums[name] = _add_norm(norm_sums[name], part)
        optimizer.step()
        loss_sum += value
        if on_batch is not None:
            right += int((scores.detach().argmax(dim=1) == labels).sum())
            seen += len(labels)
            on_batch(number, len(batches), loss_sum / number, right / seen)
    count = len(batches)
    norms = {name: None if s is None else float(s) / count for name, s in norm_sums.items()}
    return loss_sum / count, norms


def _add_norm(total: Tensor | None, part: nn.Module) -> Tensor | None:
    gradients = [p.grad for p in part.parameters() if p.grad is not None]
    if not gradients:
        return total
    norm = nn.utils.get_total_norm(gradients)
    return norm if total is None else total + norm


@torch.no_grad()
def evaluate(model: nn.Module, data: LabelledImages) -> Scores:
    """Loss and accuracy on every image, in the order of the set."""
    model.eval()
    loss_sum = 0.0
    right = torch.zeros(len(data.classes), dtype=torch.int64)
    for images, labels in zip(
        data.images.split(EVALUATION_BATCH), data.labels.split(EVALUATION_BATCH), strict=True
    ):
        scores = model(images)
        loss_sum += float(nn.functional.cross_entropy(scores, labels, reduction="sum"))
        hits = labels[scores.argmax(dim=1) == labels]
        right += torch.bincount(hits.cpu(), minlength=len(data.classes))
    total = torch.bincount(data.labels.cpu(), minlength=len(data.classes))
    return Scores(
        loss_sum / len(data),
        int(right.sum()) / len(data),
        tuple(right.tolist()),
        tuple(total.tolist()),
    )
