"""Epochs of networks that are trained together; no files here.

Each network gets the same bytes whatever else is in its stack, and if it is alone: there is
this one way of training. Where networks are alike, one call of compiled code a layer serves all
of them (`nn.side_by_side`); whatever is added up is added up for each network by itself.

Shape suffixes: B batch, M members of a block, K classes.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from resqunn.errors import RunError
from resqunn.lab.training.evaluation import Prepared, scores_of, seed_samples
from resqunn.lab.training.files import LARGEST
from resqunn.lab.training.objective import PLAIN, Objective
from resqunn.lab.training.optimizer import JointOptimizer, progress, set_rates
from resqunn.nn.side_by_side import Joined, SideBySide, shape_of

GATHERED = 256
"""Images of each network that are put in the order of an epoch at once: bounds memory."""

BatchReport = Callable[[int, int, float, float], None]
"""Called after each batch with its number, the number of batches, and the epoch's mean loss
and accuracy so far."""


@dataclass(eq=False)
class Learner:
    """A network that is trained.

    Attributes:
        optimizer: keeps its state; a `Stack` does its steps.
        seed: fixes the order of its images.
        parts: modules whose gradient norms are reported, by name.
        on_batch: is told after each batch.
        objective: the loss that is trained on.
        clip_norm: the largest norm of the network's gradient, if there is one.
        factor: of an epoch, what the rates that `optimizer` began with are multiplied by; None
            leaves them.
        epoch: the last one that was trained.
        scored: whether cross entropy and accuracy of its batches are wanted, as they come.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    data: Prepared
    seed: int
    parts: dict[str, nn.Module] = field(default_factory=dict)
    on_batch: BatchReport | None = None
    objective: Objective = PLAIN
    clip_norm: float | None = None
    factor: Callable[[int], float] | None = None
    epoch: int = 0
    scored: bool = False


@dataclass(frozen=True)
class Trained:
    """An epoch of one network.

    Attributes:
        loss: the mean over batches.
        norms: for each part the mean over batches of the L2 norm of its gradient, None if it
            got no gradient. Norms are those before clipping.
        cross_entropy, accuracy: of all images of the epoch, each before the step that it was for;
            None where they are not wanted.
    """

    loss: float
    norms: dict[str, float | None]
    cross_entropy: float | None = None
    accuracy: float | None = None


def batch_order(count: int, seed: int, epoch: int) -> Int[Tensor, " N"]:
    """The order of images in an epoch: a function of (seed, epoch) alone."""
    mixed = (seed * 1_000_003 + epoch) % 2**63
    return torch.randperm(count, generator=torch.Generator().manual_seed(mixed))


def require_finite(value: float, where: str, what: str = "loss") -> None:
    """
    Raises:
        RunError: if the value is NaN, infinite, or too large to be read back (`files.LARGEST`).
    """
    if not abs(value) <= LARGEST:
        raise RunError(
            f"the {what} became {value:g} {where}: try a smaller learning rate, or look for "
            "extreme values in the data"
        )


class Stack:
    """Networks that are trained together, on as many images each.

    Args:
        learners: with optimisers of one kind.
        batch_size: images of each network in a step.
        steps: batches of an epoch; None is as many as there are.
    """

    def __init__(
        self, learners: Sequence[Learner], batch_size: int, steps: int | None = None
    ) -> None:
        self.learners, self.batch_size = learners, batch_size
        self.steps = steps or -(-len(learners[0].data) // batch_size)
        together: dict[Hashable, list[_Member]] = defaultdict(list)
        members = [_Member(learner) for learner in learners]
        for member in members:
            together[_kind(member)].append(member)
        self._members = members
        self._blocks = [_Block(each, kind is each[0]) for kind, each in together.items()]
        self._optimizer = JointOptimizer(
            [learner.optimizer for learner in learners],
            [joined for block in self._blocks for joined in block.joined],
            [learner.epoch for learner in learners],
        )

    def train_epoch(self, epochs: Sequence[int]) -> list[Trained | RunError]:
        """Trains each network on every image once, or on as many as its steps take.

        Args:
            epochs: the number of each network's epoch.

        Returns:
            For each network what has become of it: an error from the first batch on whose loss
            is NaN, infinite or too large, which is nobody else's.
        """
        for member, epoch in zip(self._members, epochs, strict=True):
            member.begin(epoch)
        self._optimizer.follow()
        for block in self._blocks:
            block.begin()
        for number in range(1, self.steps + 1):
            going = [b for b in self._blocks if any(m.error is None for m in b.members)]
            if not going:
                break
            self._step(going, number, self.steps)
        self._optimizer.hand_back()
        return [member.error or member.trained() for member in self._members]

    def _step(self, blocks: Sequence[_Block], number: int, count: int) -> None:
        batch = slice((number - 1) * self.batch_size, number * self.batch_size)
        scores = [block.scores(batch) for block in blocks]
        labels = [block.labels(batch) for block in blocks]
        losses = [
            block.losses(s, wanted) for block, s, wanted in zip(blocks, scores, labels, strict=True)
        ]
        totals = [block.totals(wanted) for block, wanted in zip(blocks, labels, strict=True)]
        for block, loss, total in zip(blocks, losses, totals, strict=True):
            block.take_losses(loss.detach(), total, f"batch {number} of {count}")
        # Each network's own mean loss.
        shares = [b.shares(loss, t) for b, loss, t in zip(blocks, losses, totals, strict=True)]
        torch.autograd.backward(losses, shares)
        for block in blocks:
            block.hand_on()
        members = [member for block in blocks for member in block.members]
        norms = _norms(members, [joined for block in blocks for joined in block.joined])
        for member in members:
            member.take_norms(norms)
        for block in blocks:
            block.clip(norms)
        self._optimizer.step()
        for block, s, wanted in zip(blocks, scores, labels, strict=True):
            block.report(s, wanted, number, count)


def _kind(member: _Member) -> Hashable:
    """What members of a block have in common; one that stands alone is a kind of its own."""
    learner = member.learner
    shape = shape_of(learner.model)
    if shape is None:
        return member
    options = learner.objective, learner.clip_norm, learner.epoch
    return (shape, len(learner.data.sums), progress(learner.optimizer), options)


class _Member:
    """A network in its epoch."""

    def __init__(self, learner: Learner) -> None:
        self.learner = learner
        self.parts = [(name, list(part.parameters())) for name, part in learner.parts.items()]
        groups = learner.optimizer.param_groups
        self.reached: list[Tensor] = [weight for group in groups for weight in group["params"]]
        self.weights = list(dict.fromkeys(w for _, each in self.parts for w in each))
        if learner.clip_norm is not None:
            self.weights = list(dict.fromkeys([*self.weights, *self.reached]))

    def begin(self, epoch: int) -> None:
        data = self.learner.data
        self.epoch, self.error = epoch, None
        self.learner.epoch = epoch
        if self.learner.factor is not None:
            set_rates(self.learner.optimizer, self.learner.factor(epoch))
        self.order = batch_order(len(data), self.learner.seed, epoch).to(data.labels.device)
        self.losses: list[float] = []
        self.norms: dict[str, list[float]] = {name: [] for name in self.learner.parts}
        self.entropies: list[float] = []
        self.right = self.seen = 0
        seed_samples(self.learner.model, self.learner.seed, epoch)
        self.learner.model.train()

    def take_norms(self, norms: Mapping[Tensor, float]) -> None:
        """Notes the norm of each part's gradient."""
        for name, each in self.parts:
            found = [norms[w] for w in each if w in norms]
            if found:
                self.norms[name].append(math.hypot(*found))

    def excess(self, norms: Mapping[Tensor, float]) -> float:
        """What the network's gradient is multiplied by, so that it is short enough."""
        longest = self.learner.clip_norm
        if longest is None:
            return 1.0
        norm = math.hypot(*(norms[weight] for weight in self.reached if weight in norms))
        factor = longest / (norm + 1e-6)  # as torch.nn.utils.clip_grad_norm_
        return 1.0 if factor > 1 else factor

    def take_loss(self, values: Sequence[float], total: float, where: str) -> None:
        loss = _mean(values, total)
        self.losses.append(loss)
        try:
            require_finite(loss, f"in epoch {self.epoch}, {where}")
        except RunError as error:
            self.error = self.error or error

    def trained(self) -> Trained:
        norms = {n: _mean(each, len(each)) if each else None for n, each in self.norms.items()}
        loss = _mean(self.losses, len(self.losses))
        if not self.learner.scored:
            return Trained(loss, norms)
        return Trained(loss, norms, _mean(self.entropies, self.seen), self.right / self.seen)


class _Block:
    """Networks of a stack that stand side by side, or one that stands alone."""

    def __init__(self, members: list[_Member], alone: bool) -> None:
        self.members = members
        self.data = [member.learner.data for member in members]
        models: list[Any] = [member.learner.model for member in members]
        self.network: nn.Module = models[0] if alone else SideBySide(models)
        self.joined = self.network.joined if isinstance(self.network, SideBySide) else []

    def begin(self) -> None:
        pairs = zip(self.data, self.members, strict=True)
        self._labels_NM = torch.stack([d.labels[member.order] for d, member in pairs], dim=1)
        self._ready = slice(0, 0)

    def labels(self, batch: slice) -> Int[Tensor, " BM"]:
        return self._labels_NM[batch].flatten()

    def scores(self, batch: slice) -> Float[Tensor, "BM K"]:
        if not self.joined:
            self.network.zero_grad()
        if batch.stop > self._ready.stop:
            # The rows of several batches at once: each call takes as long as some rows do.
            count = max(1, GATHERED // (batch.stop - batch.start)) * (batch.stop - batch.start)
            self._ready = slice(batch.start, batch.start + count)
            sums = zip(*(data.sums for data in self.data), strict=True)
            self._rows = [None if s[0] is None else self._chosen(s) for s in sums]
        within = slice(batch.start - self._ready.start, batch.stop - self._ready.start)
        first = [None if rows is None else rows[within].flatten(0, 1) for rows in self._rows]
        return scores_of(self.network, first)

    def _chosen(self, parts: Sequence[Tensor]) -> Tensor:
        """Of each member's tensor the rows that come next, (N, M, ...)."""
        pairs = zip(parts, self.members, strict=True)
        rows = [part.index_select(0, member.order[self._ready]) for part, member in pairs]
        return rows[0].unsqueeze(1) if len(rows) == 1 else torch.stack(rows, dim=1)

    def losses(self, scores: Tensor, labels: Tensor) -> Float[Tensor, " BM"]:
        """Each image's loss; members of a block have one objective."""
        return self.members[0].learner.objective.losses(scores, labels)

    def totals(self, labels_BM: Tensor) -> list[float]:
        """What each network's sum of losses is divided by: images, or their weights together."""
        weights_BM = self.members[0].learner.objective.of_labels(labels_BM)
        if weights_BM is None:
            return [len(labels_BM) / len(self.members)] * len(self.members)
        return [math.fsum(each) for each in weights_BM.view(-1, len(self.members)).T.tolist()]

    def take_losses(self, losses_BM: Tensor, totals: Sequence[float], where: str) -> None:
        each = losses_BM.view(-1, len(self.members)).T.tolist()
        for member, values, total in zip(self.members, each, totals, strict=True):
            member.take_loss(values, total, where)

    def shares(self, losses_BM: Tensor, totals: Sequence[float]) -> Tensor:
        """What each loss has in its network's mean."""
        if len(set(totals)) == 1:
            return torch.full_like(losses_BM, 1 / totals[0])
        shares_M = losses_BM.new_tensor([1 / total for total in totals])
        return shares_M.repeat(len(losses_BM) // len(totals))

    def clip(self, norms: Mapping[Tensor, float]) -> None:
        """Shortens the gradients of networks that ask for it."""
        factors = [member.excess(norms) for member in self.members]
        if set(factors) == {1.0}:
            return
        if self.joined:
            for joined in self.joined:
                joined.scale(factors)
            return
        for weight in self.members[0].reached:
            if weight.grad is not None:
                weight.grad.mul_(factors[0])

    def hand_on(self) -> None:
        for joined in self.joined:
            joined.hand_on()

    def report(self, scores: Tensor, labels: Tensor, number: int, count: int) -> None:
        if not any(m.learner.on_batch or m.learner.scored for m in self.members):
            return
        if any(member.learner.scored for member in self.members):
            each = nn.functional.cross_entropy(scores.detach(), labels, reduction="none")
            columns = each.view(-1, len(self.members)).T.tolist()
            for member, values in zip(self.members, columns, strict=True):
                member.entropies.extend(values)
        hits = (scores.detach().argmax(dim=1) == labels).view(-1, len(self.members))
        for member, right in zip(self.members, hits.sum(dim=0).tolist(), strict=True):
            member.right += right
            member.seen += len(hits)
            if member.learner.on_batch is not None and member.error is None:
                accuracy = member.right / member.seen
                loss = _mean(member.losses, len(member.losses))
                member.learner.on_batch(number, count, loss, accuracy)


def _mean(values: Sequence[float], total: int | float) -> float:
    """Of the exact sum, so that no order matters; infinite where that is too large."""
    try:
        return math.fsum(values) / total
    except OverflowError:
        return math.inf


def _norms(members: Sequence[_Member], joined: Sequence[Joined]) -> dict[Tensor, float]:
    """The norm of each weight's gradient, where there is one."""
    together = [each for each in joined if each.flat.grad is not None]
    within = {part for each in together for part in each.parts}
    weights = [weight for member in members for weight in member.weights]
    alone = [w for w in weights if w.grad is not None and w not in within]
    gradients = [w.grad for w in alone if w.grad is not None]
    each_norm = torch._foreach_norm(gradients) if gradients else ()  # pyright: ignore[reportPrivateImportUsage]
    norms = [*(each.gradient_norms() for each in together), *(n.view(1) for n in each_norm)]
    if not norms:
        return {}
    owners = [*(part for each in together for part in each.parts), *alone]
    return dict(zip(owners, torch.cat(norms).tolist(), strict=True))
