"""One epoch of training, and evaluation; no files here.

Shape suffixes: B batch, N images, K classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from resqunn.data.datasets import LabelledImages
from resqunn.errors import RunError
from resqunn.lab.training.files import LARGEST
from resqunn.nn.network import ResQuNN

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

    def scores(self, model: ResQuNN, index: Tensor | slice) -> Float[Tensor, "B K"]:
        """The network's scores of some of the images."""
        # A sum that is left out is never read: any tensor may stand in its place.
        last = self.sums[-1]
        assert last is not None
        chosen = last[index]
        first = [chosen if s is None else s[index] for s in self.sums[:-1]]
        return model.head(model.sums([*first, chosen])[-1])


@torch.no_grad()
def prepare(model: ResQuNN, data: LabelledImages) -> Prepared:
    """Computes once what training cannot change."""
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
    model: ResQuNN,
    optimizer: torch.optim.Optimizer,
    data: Prepared,
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
        RunError: at the first batch whose loss is NaN, infinite or too large.
    """
    model.train()
    order = batch_order(len(data), seed, epoch).to(data.labels.device)
    batches = order.split(batch_size)
    loss_sum, right, seen = 0.0, 0, 0
    norm_sums: dict[str, Tensor | None] = dict.fromkeys(parts)
    for number, index in enumerate(batches, 1):
        labels = data.labels[index]
        optimizer.zero_grad(set_to_none=True)
        scores = data.scores(model, index)
        loss = nn.functional.cross_entropy(scores, labels)
        value = float(loss.detach())
        require_finite(value, f"in epoch {epoch}, batch {number} of {len(batches)}")
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


def require_finite(value: float, where: str, what: str = "loss") -> None:
    """
    Raises:
        RunError: if the value is NaN, infinite, or too large to be read back (`files.LARGEST`).
    """
    if not abs(value) <= LARGEST:
        raise RunError(
            f"the {what} became {value} {where}: lower the learning rate, or look for extreme "
            "values in the data"
        )


def _add_norm(total: Tensor | None, part: nn.Module) -> Tensor | None:
    gradients = [p.grad for p in part.parameters() if p.grad is not None]
    if not gradients:
        return total
    norm = nn.utils.get_total_norm(gradients)
    return norm if total is None else total + norm


@torch.no_grad()
def evaluate(model: ResQuNN, data: Prepared) -> Scores:
    """Loss and accuracy on every image, in the order of the set."""
    model.eval()
    loss_sum = 0.0
    right = torch.zeros(len(data.classes), dtype=torch.int64)
    for start in range(0, len(data), EVALUATION_BATCH):
        index = slice(start, start + EVALUATION_BATCH)
        labels = data.labels[index]
        scores = data.scores(model, index)
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
