"""Claims of Mattern et al., and questions that their results leave, with limits chosen before the
runs: 2 points as the smallest difference that matters, and the distances at which a rerun is taken
for the authors' own.

Each question is asked three times: of the mean accuracy on training images over the last 20
epochs, as the authors log it; of the images of their pool after the last epoch, from which their
test images are; and of MNIST's own test images, which they did not use.
"""

from __future__ import annotations

from collections.abc import Mapping

from resqunn.lab.study.claims import Claim
from resqunn.lab.study.questions import Quantity, Rule, Term
from resqunn.lab.study.results import SeriesResult, StudyResult
from resqunn.papers.mattern.networks import ENCODINGS, KERNELS
from resqunn.papers.mattern.studies import AGAIN, PIXELS, STUDY, THEIRS, THRESHOLDED, label

READINGS = {
    "train_accuracy": "training images, mean of the last 20 epochs",
    "trained_accuracy": "images of the pool, last epoch",
    "test_accuracy": "MNIST's test images, last epoch",
}
"""Metrics that each question is asked of, in words."""

BETTER = Rule("better")

HALF = Rule("better", delta=0.01)
"""Of half a difference of gains, since a quantity is a mean over two networks on either side."""

ALIKE = Rule("equal", margin=0.02)

FACTS = Rule("facts")

NEAR = {("2x2", "FRQI"): 0.03, ("2x2", "threshold"): 0.03}
"""How far a rerun's mean training accuracy may be from the authors'."""

ELSE_NEAR = 0.05

Side = tuple[tuple[str, bool], ...]
"""Networks by label, and whether they are frozen."""

Pairs = tuple[tuple[Side, Side], ...]


def _asked(
    name: str, source: str, statement: str, said: str, figures: tuple[str, ...], pairs: Pairs,
    rule: Rule = BETTER,
) -> list[Claim]:  # fmt: skip
    """One question in every reading."""
    return [
        Claim(
            f"{name}-{metric}",
            source,
            f"{statement} ({words})",
            said,
            rule,
            figures,
            STUDY,
            tuple(
                Quantity(metric, tuple(Term(*t) for t in plus), tuple(Term(*t) for t in minus))
                for plus, minus in pairs
            ),
        )
        for metric, words in READINGS.items()
    ]


def _training() -> list[Claim]:
    """Does training help?"""
    return [
        claim
        for kernel in KERNELS
        for encoding in ENCODINGS
        for name in (label(kernel, encoding),)
        for claim in _asked(
            f"{kernel}-{encoding}-training", "authors' logs",
            f"Training the circuits helps with {encoding} at {kernel}.", "not judged by the paper",
            (kernel,), ((((name, False),), ((name, True),)),),
        )
    ]  # fmt: skip


def _encodings() -> list[Claim]:
    found = []
    for kernel, best, frozen in (("2x2", "FRQI", False), ("4x4", "threshold", True)):
        this = ((label(kernel, best), frozen),)
        others = [label(kernel, each) for each in ENCODINGS if each != best]
        how = "frozen" if frozen else "trained"
        found += _asked(
            f"{kernel}-best", "README of the authors' code",
            f"With {how} circuits of {kernel}, {best} is better than the other two encodings.",
            f"{best} is best", (kernel,), tuple((this, ((each, frozen),)) for each in others),
        )  # fmt: skip
    for kernel in KERNELS:
        frqi, threshold = label(kernel, "FRQI"), label(kernel, "threshold")
        gains = ((frqi, False), (threshold, True)), ((frqi, True), (threshold, False))
        found += _asked(
            f"{kernel}-suits", "abstract",
            f"At {kernel}, training gains more with FRQI than with threshold; half the difference.",
            "some encodings suit trainable circuits better", (kernel,), (gains,), HALF,
        )  # fmt: skip
    small = tuple((label("2x2", each), False) for each in ("FRQI", "threshold"))
    large = tuple((label("4x4", each), True) for each in ("threshold", "FRQI"))
    found += _asked(
        "none-best", "abstract",
        "No encoding is best everywhere: FRQI is better than threshold in trained circuits of "
        "2x2, and threshold than FRQI in frozen ones of 4x4.",
        "no encoding is best everywhere", tuple(KERNELS),
        tuple(((a,), (b,)) for a, b in (small, large)),
    )  # fmt: skip
    return found


def _controls() -> list[Claim]:
    found = []
    for kernel in KERNELS:
        every = [(label(kernel, each), frozen) for each in ENCODINGS for frozen in (False, True)]
        found += _asked(
            f"{kernel}-pixels", "not in the paper",
            f"A linear head on the raw pixels is better than every network of {kernel}.",
            "no such control", (kernel,), tuple((((PIXELS, False),), (each,)) for each in every),
        )  # fmt: skip
        same = [(label(kernel, "threshold"), frozen) for frozen in (False, True)]
        found += _asked(
            f"{kernel}-thresholded", "not in the paper",
            f"A linear head on thresholded pixels is better than threshold circuits of {kernel}.",
            "no such control", (kernel,),
            tuple((((THRESHOLDED, True),), (each,)) for each in same),
        )  # fmt: skip
        found.append(
            Claim(
                f"{kernel}-leak", "not in the paper",
                f"That the test images are training images makes no difference at {kernel}: every "
                "network is as good on MNIST's test images.",
                "test images from the pool that is trained on", ALIKE, (kernel,), STUDY,
                tuple(Quantity("accuracy_gap", (Term(*each),)) for each in every),
            )
        )  # fmt: skip
    return found


def agreement(studies: Mapping[str, StudyResult]) -> list[tuple[str, str, list[bool]]]:
    """For each network, whether every circuit's result is near the authors'."""
    series = studies[STUDY].series if STUDY in studies else ()
    found = {(one.variant, one.label, one.frozen): one for one in series}
    return [
        (
            AGAIN,
            f"circuits of {one.label}, {'frozen' if frozen else 'trained'}, within "
            f"{100 * limit(one.label):.0f} points of the authors' training accuracy",
            [abs(ours - theirs) <= limit(one.label) for ours, theirs in _both(one, other)],
        )
        for (variant, name, frozen), one in found.items()
        if variant == AGAIN
        for other in (found.get((THEIRS, name, frozen)),)
        if other is not None and set(one.seeds) & set(other.seeds)
    ]


def limit(name: str) -> float:
    """How far results of the network of a label may be from the authors'."""
    kernel, _, encoding = name.partition(" ")
    return NEAR.get((kernel, encoding), ELSE_NEAR)


def _both(one: SeriesResult, other: SeriesResult) -> list[tuple[float, float]]:
    """Training accuracies of the circuits that both have."""
    columns = [
        dict(zip(each.seeds, each.final["train_accuracy"].values, strict=True))
        for each in (one, other)
    ]
    return [(value, columns[1][k]) for k, value in columns[0].items() if k in columns[1]]


CLAIMS: tuple[Claim, ...] = (
    *_encodings(),
    *_training(),
    *_controls(),
    Claim(
        "agreement", "authors' logs",
        "A rerun gives the authors' training accuracies, circuit by circuit.",
        "120 results", FACTS, facts=agreement,
    ),
)  # fmt: skip
