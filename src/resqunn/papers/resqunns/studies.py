"""The ResQuNN paper's studies as data, one function a figure.

Sections, figures and tables are the paper's (Kashif and Shafique, ResQuNNs). Its claims are
in `claims.py`, what goes beyond it in `beyond.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from resqunn.lab.study.plan import Series, Study
from resqunn.lab.training.config import PRESETS, TrainConfig
from resqunn.papers.paper import Options
from resqunn.papers.resqunns.interpretations import (
    AS_WRITTEN,
    Interpretation,
    interpretations,
)

WIRINGS = ("none", "X+O1", "O1+O2", "X+O2", "(X+O1)+O2")
"""The five residual configurations of two layers (Fig. 5), in the paper's order."""

FEATURES = {"none": 49, "X+O1": 196, "O1+O2": 196, "X+O2": 784, "(X+O1)+O2": 784}
"""Table 2: values that the head reads, for images of 28x28."""

DEPTHS = (4, 1)
"""Ansatz layers of the two quanvolutional layers (Sec. 3.1)."""

EVERY_WIRING = "resqunn.papers.resqunns.gradients:every_wiring"

QUICK_PER_CLASS = 60
"""Images of each class in a quick run: too few to judge the paper by."""


def base(options: Options, classes: int = 10) -> TrainConfig:
    """Table 3: data and hyperparameters, in the preset "paper" of a run."""
    return replace(
        PRESETS["paper"],
        data=options.data,
        classes=classes,
        per_class=images(options, 200),
        depths=DEPTHS,
        epochs=options.epochs,
        batch_size=16,
        learning_rate=0.01,
    )


def images(options: Options, per_class: int) -> int | None:
    """Images of each class, of which the paper has `per_class`; None for all there are."""
    if options.quick:
        return QUICK_PER_CLASS
    # The embedded digits have fewer than 200 of each class: all of them are taken.
    return None if options.data == "digits" and per_class > 150 else per_class


def every_interpretation(
    options: Options,
    config: TrainConfig,
    wirings: Sequence[str],
    switches: Sequence[str],
    *,
    written: Interpretation = AS_WRITTEN,
    trainable: Sequence[bool] = (True,),
) -> tuple[Series, ...]:
    """The wirings in each interpretation that the options ask for, trained or frozen."""
    return tuple(
        Series(
            wiring,
            interpretation.applied(replace(config, wiring=wiring, trainable=learns)),
            options.seeds,
            interpretation.name(written),
        )
        for interpretation in interpretations(written, options.interpretations, switches)
        for learns in trainable
        for wiring in wirings
    )


def figure_2(options: Options) -> Study:
    """One layer of RY rotations, trained and frozen.

    The gate counts of Sec. 1.1 (8 single-qubit and 6 two-qubit gates at depth 2) fit a
    circuit that encodes once, so that this is the paper as written here.
    """
    config = replace(base(options), ansatz="ry_chain", depths=(2,), per_class=images(options, 100))
    series = every_interpretation(
        options,
        config,
        ["none"],
        ["upload", "softmax", "readout"],
        written=Interpretation(upload="once"),
        trainable=(True, False),
    )
    return Study(
        "fig2",
        "One layer, trained and frozen",
        tuple(replace(each, label="one layer") for each in series),
        "Sec. 1.1, Fig. 2",
        "A trainable quanvolutional layer is about 36 % more accurate than a frozen one.",
        "trained",
        ("2",),
    )


_FIGURE_8 = ("gradients", "upload", "softmax", "readout")


def figure_8(options: Options) -> Study:
    """The five wirings of two layers, trained."""
    return Study(
        "fig8",
        "Five wirings of two layers",
        every_interpretation(options, base(options), WIRINGS, _FIGURE_8),
        "Sec. 5.1.2, Fig. 8",
        "Every residual connection helps; without one there is no training; O1+O2 is far better "
        "than X+O1; X+O2 and (X+O1)+O2 are best, and alike.",
        "trained",
        ("8",),
    )


def figure_9(options: Options) -> Study:
    """Each wiring against its benchmark, whose quanvolutional layers are frozen."""
    return Study(
        "fig9",
        "Trained against frozen quanvolutional layers",
        every_interpretation(options, base(options), WIRINGS, _FIGURE_8, trainable=(True, False)),
        "Sec. 5.1.2, Fig. 9",
        "O1+O2 gains 66 % (training) and 64 % (validation) over its frozen benchmark; X+O2 and "
        "(X+O1)+O2 are close to theirs.",
        "trained",
        ("9",),
    )


def figure_10(options: Options) -> Study:
    """The five wirings under a quantum head, on four classes."""
    return Study(
        "fig10",
        "Five wirings with a quantum head",
        every_interpretation(
            options,
            replace(base(options, classes=4), head="quantum"),
            WIRINGS,
            [*_FIGURE_8, "measured"],
        ),
        "Sec. 5.1.2, Fig. 10",
        "No residual, X+O1 and X+O2 hardly train; the two wirings with full gradient flow "
        "clearly do. (The text's last bullet lists X+O2 among those two: it must be O1+O2.)",
        "trained",
        ("10",),
    )


def figure_7(_: Options) -> Study:
    """Which of two layers get a gradient, by wiring; also the upper half of Fig. 3."""
    return _gradients(
        2,
        1,
        "Fig. 3 (upper) and Fig. 7",
        "Without residuals, and with X+O1 or X+O2, only the last layer gets a gradient; with "
        "O1+O2 and (X+O1)+O2 both layers do.",
        ("3", "7"),
    )


def figure_7_deeper(_: Options) -> Study:
    """The same with deeper circuits, of which Fig. 7 says that they make no difference."""
    return _gradients(
        2,
        4,
        "Fig. 7 (caption)",
        "The depth of the circuits does not change which layers get a gradient.",
        ("7",),
    )


def figure_11(_: Options) -> Study:
    """Which of three layers get a gradient, by wiring; also the lower half of Fig. 3."""
    return _gradients(
        3,
        1,
        "Fig. 3 (lower) and Fig. 11",
        "Of the 15 wirings of three layers only (O1+O2)+O3 and ((X+O1)+O2)+O3 give all layers a "
        "gradient.",
        ("3", "11"),
    )


def gradients_id(layers: int, depth: int) -> str:
    """The id of the study of gradients of `layers` layers with circuits of this depth."""
    return f"gradients-{layers}-layers-depth-{depth}"


def _gradients(layers: int, depth: int, source: str, claim: str, figures: tuple[str, ...]) -> Study:
    """Gradients of every wiring, with circuits of one depth."""
    config = replace(PRESETS["paper"], wiring="none", depths=(depth,) * layers)
    series = Series("every wiring", config, (0,), task=EVERY_WIRING, reads_data=False)
    return Study(
        gradients_id(layers, depth),
        f"Gradients of {layers} layers, circuits of depth {depth}",
        (series,),
        source,
        claim,
        "gradients",
        figures,
    )
