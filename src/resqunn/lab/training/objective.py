"""The loss that is trained on: cross entropy, with smoothed labels and weights of classes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from resqunn.errors import DataError
from resqunn.lab.training.config import TrainConfig


@dataclass(frozen=True)
class Objective:
    r"""The weighted mean over a batch of the cross entropy with smoothed labels.

    $\sum_i \ell_i / \sum_i w_{y_i}$ with
    $\ell_i = (1 - s) w_{y_i} (-\log p_{y_i}) + \frac{s}{K} \sum_k w_k (-\log p_k)$, as
    `nn.CrossEntropyLoss(weight=w, label_smoothing=s)`.

    Attributes:
        label_smoothing: s.
        weights: w, one for each class, or None for ones.
    """

    label_smoothing: float = 0.0
    weights: tuple[float, ...] | None = None

    def losses(
        self, scores: Float[Tensor, "B K"], labels: Int[Tensor, " B"]
    ) -> Float[Tensor, " B"]:
        """Each image's loss."""
        return nn.functional.cross_entropy(
            scores,
            labels,
            weight=None if self.weights is None else scores.new_tensor(self.weights),
            reduction="none",
            label_smoothing=self.label_smoothing,
        )

    def of_labels(self, labels: Tensor) -> Tensor | None:
        """The weight of each label's class, or None for ones."""
        if self.weights is None:
            return None
        return torch.tensor(self.weights, dtype=torch.float64, device=labels.device)[labels]


PLAIN = Objective()


def objective_of(config: TrainConfig, labels: Tensor, classes: tuple[str, ...]) -> Objective:
    r"""What a configuration trains on.

    Balanced weights are $N / (K N_k)$ for $N_k$ of $N$ images in class $k$ of $K$.

    Args:
        labels: of the images to train on.

    Raises:
        DataError: for balanced weights where a class has no image.
    """
    if config.class_weights == "none":
        return Objective(config.label_smoothing)
    counts = torch.bincount(labels.cpu(), minlength=len(classes)).tolist()
    if 0 in counts:
        raise DataError(
            "class_weights 'balanced' needs images of each class to train on, got none of class "
            f"{classes[counts.index(0)]!r:.80}"
        )
    total = sum(counts)
    weights = tuple(total / (len(counts) * count) for count in counts)
    return Objective(config.label_smoothing, weights)
