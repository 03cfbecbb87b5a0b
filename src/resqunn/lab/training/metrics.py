r"""Metrics of a classifier, from its scores; the same values as scikit-learn's.

Written in numpy: importing `sklearn.metrics` takes longer than all metrics of a run, and the tests
compare them.

Shape suffixes: N images, K classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import get_args, get_type_hints

import numpy as np
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from resqunn.errors import DataError
from resqunn.lab.training.config import TrainConfig
from resqunn.nn.network import ResQuNN

CHOOSING: tuple[str, ...] = get_args(get_type_hints(TrainConfig)["metric"])
"""Metrics that may choose the best epoch."""

METRICS = (*CHOOSING, "calibration_error")

BINS = 15
"""Of the calibration error."""

Measures = dict[str, float | None]
"""Metrics by name; None where one is not defined, as the AUROC of one class alone."""


def gives_probabilities(model: nn.Module) -> bool:
    """Whether a network's scores have been through a softmax."""
    return isinstance(model, ResQuNN) and bool(getattr(model.head, "softmax", False))


def confusion(
    scores_NK: Float[Tensor, "N K"], labels_N: Int[Tensor, " N"]
) -> Int[np.ndarray, "K K"]:
    """How many images of each class (rows) are taken for each class (columns)."""
    classes = scores_NK.shape[1]
    pairs = labels_N.cpu() * classes + scores_NK.argmax(dim=1).cpu()
    return np.bincount(pairs.numpy(), minlength=classes**2).reshape(classes, classes)


def measures(
    scores_NK: Float[Tensor, "N K"],
    labels_N: Int[Tensor, " N"],
    loss: float,
    probabilities: bool = False,
) -> Measures:
    """All metrics.

    Args:
        loss: the mean cross entropy.
        probabilities: whether the scores are probabilities, and not logits.
    """
    found = confusion(scores_NK, labels_N)
    scores = scores_NK.detach().cpu().double().numpy()
    labels = labels_N.cpu().numpy()
    p_NK = scores if probabilities else softmax(scores)
    binary = scores.shape[1] == 2
    # One column for each class against the rest; of two classes the second says all, and the
    # difference has no ties where probabilities round to 1.
    columns = (scores[:, 1] - scores[:, 0])[:, None] if binary else p_NK
    first = 1 if binary else 0
    targets = [labels == k for k in range(first, scores.shape[1])]
    return {
        "accuracy": float(found.trace() / found.sum()),
        "balanced_accuracy": balanced_accuracy(found),
        "f1": f1(found),
        "auroc": _macro(auroc, targets, columns),
        "average_precision": _macro(average_precision, targets, columns),
        "matthews": matthews(found),
        "loss": loss if math.isfinite(loss) else None,
        "calibration_error": calibration_error(p_NK, labels, scores_NK.argmax(dim=1).cpu().numpy()),
    }


def softmax(scores_NK: Float[np.ndarray, "N K"]) -> Float[np.ndarray, "N K"]:
    """Probabilities of logits."""
    powers = np.exp(scores_NK - scores_NK.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _macro(
    metric: Callable[..., float | None], targets: list[np.ndarray], columns: np.ndarray
) -> float | None:
    """The mean over classes, where each has a value."""
    values = [metric(wanted, column) for wanted, column in zip(targets, columns.T, strict=True)]
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if len(known) == len(values) else None


def balanced_accuracy(confusion_KK: Int[np.ndarray, "K K"]) -> float | None:
    """The mean over the classes that there are of the share that is right; None for one class."""
    totals = confusion_KK.sum(axis=1)
    present = totals > 0
    if present.sum() < 2:
        return None
    return float((confusion_KK.diagonal()[present] / totals[present]).mean())


def f1(confusion_KK: Int[np.ndarray, "K K"]) -> float | None:
    """2 TP / (2 TP + FP + FN): of two classes of the second, else the mean over those that are
    among labels or predictions; None for labels of one class."""
    right, wanted, given = (
        confusion_KK.diagonal(),
        confusion_KK.sum(axis=1),
        confusion_KK.sum(axis=0),
    )
    if (wanted > 0).sum() < 2:
        return None
    both = wanted + given
    values = 2 * right[both > 0] / both[both > 0]
    return float(values[1] if len(both) == 2 else values.mean())


def matthews(confusion_KK: Int[np.ndarray, "K K"]) -> float | None:
    """The correlation of labels and predictions (Gorodkin 2004); 0 where all predictions are one
    class, None where all labels are."""
    counts = confusion_KK.astype(np.float64)
    wanted, given, total = counts.sum(axis=1), counts.sum(axis=0), counts.sum()
    spread_of_labels = total**2 - wanted @ wanted
    spread_of_predictions = total**2 - given @ given
    if spread_of_labels == 0:
        return None
    if spread_of_predictions == 0:
        return 0.0
    covariance = counts.trace() * total - wanted @ given
    return float(covariance / math.sqrt(spread_of_labels * spread_of_predictions))


def auroc(wanted_N: Bool[np.ndarray, " N"], scores_N: Float[np.ndarray, " N"]) -> float | None:
    """The probability that an image of the class has a higher score than another image, a tie
    counting half; None where there are none of either."""
    inside = int(wanted_N.sum())
    outside = len(wanted_N) - inside
    if not inside or not outside:
        return None
    _, places, counts = np.unique(scores_N, return_inverse=True, return_counts=True)
    last = counts.cumsum()
    ranks = (last - (counts - 1) / 2)[places]  # the mean rank of equal scores
    return float((ranks[wanted_N].sum() - inside * (inside + 1) / 2) / (inside * outside))


def average_precision(
    wanted_N: Bool[np.ndarray, " N"], scores_N: Float[np.ndarray, " N"]
) -> float | None:
    """The sum over thresholds of precision times the gain in recall; None where there are no
    images of the class, or no others."""
    inside = int(wanted_N.sum())
    if not inside or inside == len(wanted_N):
        return None
    order = np.argsort(-scores_N, kind="stable")
    hits, falling = wanted_N[order].cumsum(), scores_N[order]
    ends = np.append(np.flatnonzero(np.diff(falling)), len(falling) - 1)
    right = hits[ends]
    gains = np.diff(right, prepend=0)
    return float((right / (ends + 1) * gains).sum() / inside)


def calibration_error(
    p_NK: Float[np.ndarray, "N K"],
    labels_N: Int[np.ndarray, " N"],
    predicted_N: Int[np.ndarray, " N"],
) -> float:
    """Expected calibration error of the predicted class (arXiv 1706.04599, Eq. 3): the mean over
    images of |accuracy - confidence| of their bin, of `BINS` equal ones (a, b]."""
    confidence = np.take_along_axis(p_NK, predicted_N[:, None], axis=1)[:, 0]
    bins = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    right = np.bincount(bins, labels_N == predicted_N, minlength=BINS)
    confident = np.bincount(bins, confidence, minlength=BINS)
    return float(np.abs(right - confident).sum() / len(labels_N))


def require_defined(
    metric: str,
    labels_N: Int[Tensor, " N"],
    classes: tuple[str, ...],
    split: str = "validation",
) -> None:
    """
    Raises:
        DataError: if images of these labels have no such metric.
    """
    present = set(labels_N.tolist())
    every = metric in ("auroc", "average_precision")
    if metric in ("accuracy", "loss") or len(present) >= (len(classes) if every else 2):
        return
    missing = next(name for k, name in enumerate(classes) if k not in present)
    raise DataError(
        f"metric {metric} needs {split} images of {'each class' if every else 'two classes'}, "
        f"got none of class {missing!r:.80}: choose another metric or split"
    )
