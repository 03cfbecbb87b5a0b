"""The 120 runs of Mattern et al., each beside the authors' own, and two heads without circuits."""

from __future__ import annotations

from dataclasses import replace

from resqunn.lab.study.plan import Series, Study, replicated
from resqunn.papers.mattern.networks import (
    ENCODINGS,
    KERNELS,
    SEED,
    network,
    pixels,
    thresholded,
)
from resqunn.papers.mattern.reported import CIRCUITS
from resqunn.papers.paper import Options

STUDY = "circuits"

AGAIN = "run again"
"""The variant of the runs that are made here."""

THEIRS = "the authors' runs"
"""The variant of what the authors measured."""

TASK = "resqunn.papers.mattern.reported:reported"

PIXELS = "pixels"

THRESHOLDED = "thresholded pixels"


def label(kernel: str, encoding: str) -> str:
    """Of a network, frozen or trained."""
    return f"{kernel} {encoding}"


def circuits(options: Options) -> Study:
    """Each encoding with each kernel, frozen and trained, on every circuit.

    What is replicated is the circuit: images, order, head and first angles are shared by all.
    The heads without circuits are replicated over seeds, since they have no circuit.
    """
    cases = [
        (label(kernel, encoding), network(options, kernel, encoding, trainable))
        for kernel in KERNELS
        if kernel in options.figures
        for encoding in ENCODINGS
        for trainable in (True, False)
    ]
    series = [Series(name, c, options.seeds, AGAIN, unit="ansatz") for name, c in cases]
    note = "over seeds, which change the order of the images and the head's first weights"
    series += [
        Series(name, config, options.seeds, AGAIN, note=note)
        for name, config in ((PIXELS, pixels(options)), (THRESHOLDED, thresholded(options)))
    ]
    known = tuple(number for number in options.seeds if number in CIRCUITS)
    if known and not options.quick:
        series += [
            Series(name, c, known, THEIRS, TASK, reads_data=False, unit="ansatz",
                   note="as the authors' logs say")
            for name, c in cases
        ]  # fmt: skip
    return Study(
        STUDY,
        "Three encodings, two kernels, frozen and trained",
        tuple(series),
        "README of the authors' code, logs of 120 runs",
        "FRQI is best with trained circuits of 2x2, threshold with frozen ones of 4x4.",
        "trained",
        options.figures,
    )


ORDERS = 12
"""Of images, in `orders`."""


def orders(options: Options) -> Study:
    """Three frozen circuits with other orders of the images and first weights of the head.

    How far results scatter that the authors have one of: by their seed alone.
    """
    cases = (("threshold", 0), ("FRQI", 1), ("threshold", 3))
    seeds = tuple(range(SEED, SEED + (2 if options.quick else ORDERS)))
    series = [
        Series(
            f"{label('2x2', encoding)}, circuit {circuit}",
            replace(
                replicated(network(options, "2x2", encoding, False), "ansatz", circuit), seed=SEED
            ),
            seeds,
            AGAIN,
        )
        for encoding, circuit in cases
    ]
    return Study(
        "orders",
        "Frozen circuits with other orders of the images",
        tuple(series),
        "beyond the paper",
        "The authors have one order.",
        "trained",
        ("orders",),
    )


def chosen(options: Options) -> list[Study]:
    """What the chosen figures need."""
    found = [circuits(options)] if set(KERNELS) & set(options.figures) else []
    return [*found, *([orders(options)] if "orders" in options.figures else [])]
