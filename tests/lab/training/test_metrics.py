"""Metrics beside scikit-learn's, and the calibration error beside a loop."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn import metrics as sklearn

from resqunn.lab.training.metrics import BINS, METRICS, confusion, measures
from resqunn.lab.training.metrics import softmax as probabilities_of


def drawn(seed: int, classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores with ties, logits of any size, and labels of each class."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2 * classes, 60))
    labels = np.concatenate([np.arange(classes), rng.integers(0, classes, count - classes)])
    scores = rng.normal(size=(count, classes)) * rng.choice([0.5, 3.0, 40.0])
    scores += 2 * np.eye(classes)[labels] * rng.random()
    if rng.random() < 0.5:
        scores = scores.round(0)
    return torch.tensor(scores), torch.tensor(labels)


def written_out(p: np.ndarray, predicted: np.ndarray, labels: np.ndarray) -> float:
    """The calibration error, bin by bin."""
    total = 0.0
    for number in range(BINS):
        low, high = number / BINS, (number + 1) / BINS
        inside = []
        for row, guess, label in zip(p, predicted, labels, strict=True):
            if low < row[guess] <= high:
                inside.append((row[guess], guess == label))
        if inside:
            confidence = sum(c for c, _ in inside) / len(inside)
            accuracy = sum(r for _, r in inside) / len(inside)
            total += abs(accuracy - confidence) * len(inside) / len(labels)
    return total


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_metrics_are_scikit_learns(classes: int) -> None:
    for seed in range(40):
        scores, labels = drawn(seed, classes)
        found = measures(scores, labels, 0.5)
        p, y = scores.softmax(dim=1).numpy(), labels.numpy()
        guesses = scores.argmax(dim=1)
        predicted = guesses.numpy()
        binary = classes == 2
        column = (scores[:, 1] - scores[:, 0]).numpy() if binary else p
        one_hot = y if binary else np.eye(classes)[y]
        expected = {
            "accuracy": sklearn.accuracy_score(y, predicted),
            "balanced_accuracy": sklearn.balanced_accuracy_score(y, predicted),
            "f1": sklearn.f1_score(y, predicted, average="binary" if binary else "macro"),
            "auroc": sklearn.roc_auc_score(y, column, multi_class="ovr", average="macro"),
            "average_precision": sklearn.average_precision_score(one_hot, column, average="macro"),
            "matthews": sklearn.matthews_corrcoef(y, predicted),
            "loss": 0.5,
            "calibration_error": written_out(p, predicted, y),
        }
        assert found.keys() == expected.keys() == set(METRICS)
        for name, value in expected.items():
            assert found[name] == pytest.approx(value, abs=1e-12), (seed, name)
        expected_counts = sklearn.confusion_matrix(y, predicted, labels=np.arange(classes))
        assert (confusion(scores, labels) == expected_counts).all()


def test_probabilities_are_taken_as_they_are() -> None:
    scores, labels = drawn(3, 3)
    p = scores.softmax(dim=1)
    assert measures(p, labels, 0.5, probabilities=True) == pytest.approx(
        measures(scores, labels, 0.5)
    )
    again = measures(p, labels, 0.5)["calibration_error"]
    assert again != pytest.approx(measures(scores, labels, 0.5)["calibration_error"])
    np.testing.assert_allclose(probabilities_of(scores.numpy()), p.numpy(), rtol=1e-12)


def test_what_is_not_defined_is_none() -> None:
    scores = torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    one = measures(scores, torch.tensor([1, 1]), math.inf)
    none = ("balanced_accuracy", "f1", "auroc", "average_precision", "matthews", "loss")
    assert all(one[name] is None for name in none)
    assert one["accuracy"] == 0.5
    two = measures(scores, torch.tensor([1, 0]), 0.5)  # nothing of the third class
    assert (two["auroc"], two["average_precision"]) == (None, None)
    assert (two["balanced_accuracy"], two["f1"], two["matthews"]) == (1, 1, 1)
    constant = measures(torch.tensor([[0.0, 1.0]] * 4), torch.tensor([0, 1, 0, 1]), 0.5)
    assert (constant["matthews"], constant["auroc"]) == (0, 0.5)


def test_the_difference_of_large_logits_has_no_ties() -> None:
    """Both probabilities are 1 in double precision, and in the order of the labels."""
    scores = torch.tensor([[0.0, 50.0], [0.0, 60.0]])
    assert measures(scores, torch.tensor([0, 1]), 0.5)["auroc"] == 1
