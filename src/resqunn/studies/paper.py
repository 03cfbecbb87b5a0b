"""The ResQuNN paper's studies as data, and those that go beyond it.

Sections, figures and tables are the paper's (Kashif and Shafique, ResQuNNs). Its claims are
in `claims.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from resqunn.nn.wiring import Wiring
from resqunn.studies.plan import Options, Plan, Series, Study
from resqunn.studies.readings import AS_WRITTEN, Reading, readings
from resqunn.training.config import PRESETS, TrainConfig

WIRINGS = ("none", "X+O1", "O1+O2", "X+O2", "(X+O1)+O2")
"""The five residual configurations of two layers (Fig. 5), in the paper's order."""

FEATURES = {"none": 49, "X+O1": 196, "O1+O2": 196, "X+O2": 784, "(X+O1)+O2": 784}
"""Table 2: values that the head reads, for images of 28x28."""

DEPTHS = (4, 1)
"""Ansatz layers of the two quanvolutional layers (Sec. 3.1)."""

MAX_LAYERS = 6
"""Of the study of gradient norms by depth."""

QUICK_EPOCHS, QUICK_SEEDS, QUICK_PER_CLASS = 4, 2, 60
"""`--quick`: enough to see everything work, too little to judge the paper by."""

FULL_EPOCHS = 10
"""Epochs on the whole of MNIST: 37,500 steps, against 3,000 on the paper's subset."""

FULL_WIRINGS = ("O1+O2", "X+O2", "(X+O1)+O2")


def base(options: Options, classes: int = 10) -> TrainConfig:
    """Table 3: data and hyperparameters, in the preset "paper" of a run."""
    return replace(
        PRESETS["paper"],
        data=options.data,
        classes=classes,
        per_class=_images(options, 200),
        depths=DEPTHS,
        epochs=options.epochs,
        batch_size=16,
        learning_rate=0.01,
    )


def _images(options: Options, per_class: int) -> int | None:
    if options.quick:
        return QUICK_PER_CLASS
    # The embedded digits have fewer than 200 of each class: all of them are taken.
    return None if options.data == "digits" and per_class > 150 else per_class


def plan(options: Options) -> Plan:
    """Everything that the chosen figures need.

    >>> from resqunn.studies.plan import Options
    >>> [study.id for study in plan(Options(figures=("8", "9"))).studies]
    ['fig8', 'fig9']
    """
    chosen = set(options.figures)
    studies = [
        build(options)
        for figure, build in (
            ("2", figure_2),
            ("8", figure_8),
            ("9", figure_9),
            ("10", figure_10),
            ("three-layers", three_layers),
        )
        if figure in chosen
    ]
    if options.full:
        studies.append(full(options))
    surveys = []
    if chosen & {"3", "7"}:
        surveys.append(survey(2, "Fig. 3 (upper) and Fig. 7", _FIGURE_7))
    if chosen & {"3", "11"}:
        surveys.append(survey(3, "Fig. 3 (lower) and Fig. 11", _FIGURE_11))
    return Plan(
        options,
        tuple(studies),
        tuple(surveys),
        depth(options) if "depth" in chosen else None,
        controls(options) if "controls" in chosen else None,
    )


def _series(
    study: str,
    options: Options,
    config: TrainConfig,
    wirings: Sequence[str],
    switches: Sequence[str],
    *,
    written: Reading = AS_WRITTEN,
    trainable: Sequence[bool] = (True,),
) -> tuple[Series, ...]:
    return tuple(
        Series(
            study,
            wiring,
            reading.name(written),
            reading.applied(replace(config, wiring=wiring, trainable=learns)),
            options.seeds,
        )
        for reading in readings(written, options.readings, switches)
        for learns in trainable
        for wiring in wirings
    )


def figure_2(options: Options) -> Study:
    """One layer of RY rotations, trained and frozen.

    The gate counts of Sec. 1.1 (8 single-qubit and 6 two-qubit gates at depth 2) fit a
    circuit that encodes once, so that this is the paper as written here.
    """
    config = replace(base(options), ansatz="ry_chain", depths=(2,), per_class=_images(options, 100))
    series = _series(
        "fig2",
        options,
        config,
        ["none"],
        ["upload", "softmax", "readout"],
        written=Reading(upload="once"),
        trainable=(True, False),
    )
    return Study(
        "fig2",
        "One layer, trained and frozen",
        "Sec. 1.1, Fig. 2",
        "A trainable quanvolutional layer is about 36 % more accurate than a frozen one.",
        tuple(replace(s, label="trainable" if s.trainable else "untrainable") for s in series),
    )


_FIGURE_8 = ("gradients", "upload", "softmax", "readout")


def figure_8(options: Options) -> Study:
    """The five wirings of two layers, trained."""
    return Study(
        "fig8",
        "Five wirings of two layers",
        "Sec. 5.1.2, Fig. 8",
        "Every residual connection helps; without one there is no training; O1+O2 is far better "
        "than X+O1; X+O2 and (X+O1)+O2 are best, and alike.",
        _series("fig8", options, base(options), WIRINGS, _FIGURE_8),
    )


def figure_9(options: Options) -> Study:
    """Each wiring against its benchmark, whose quanvolutional layers are frozen."""
    return Study(
        "fig9",
        "Trained against frozen quanvolutional layers",
        "Sec. 5.1.2, Fig. 9",
        "O1+O2 gains 66 % (training) and 64 % (validation) over its frozen benchmark; X+O2 and "
        "(X+O1)+O2 are close to theirs.",
        _series("fig9", options, base(options), WIRINGS, _FIGURE_8, trainable=(True, False)),
    )


def figure_10(options: Options) -> Study:
    """The five wirings under a quantum head, on four classes."""
    return Study(
        "fig10",
        "Five wirings with a quantum head",
        "Sec. 5.1.2, Fig. 10",
        "No residual, X+O1 and X+O2 hardly train; the two wirings with full gradient flow "
        "clearly do. (The text's last bullet lists X+O2 among those two: it must be O1+O2.)",
        _series(
            "fig10",
            options,
            replace(base(options, classes=4), head="quantum"),
            WIRINGS,
            [*_FIGURE_8, "measured"],
        ),
    )


def three_layers(options: Options) -> Study:
    """All 15 wirings of three layers, trained; as written only, unless all readings are asked."""
    config = replace(base(options), depths=(*DEPTHS, 1))
    wirings = [str(wiring) for wiring in Wiring.all(3)]
    switches = ["gradients"] if options.readings == "all" else []
    return Study(
        "three_layers",
        "All wirings of three layers, trained",
        "beyond Sec. 5.2",
        "The paper shows gradients of three layers, but trains none.",
        _series("three_layers", options, config, wirings, switches),
    )


def full(options: Options) -> Study:
    """The best few on all of the data: MNIST's 60,000 training and 10,000 test images."""
    config = replace(base(options), per_class="all", epochs=min(options.epochs, FULL_EPOCHS))
    true = Reading(gradients="true gradients")
    series = [
        Series("full", wiring, reading.name(AS_WRITTEN), reading.applied(chosen), options.seeds)
        for reading in (AS_WRITTEN, true)
        for wiring in FULL_WIRINGS
        for chosen in (replace(config, wiring=wiring),)
    ]
    return Study(
        "full",
        "The best wirings on all images",
        "beyond Fig. 8",
        "The paper trains on 200 images of each class.",
        tuple(series),
    )


_FIGURE_7 = (
    "Without residuals, and with X+O1 or X+O2, only the last layer gets a gradient; with O1+O2 "
    "and (X+O1)+O2 both layers do."
)
_FIGURE_11 = (
    "Of the 15 wirings of three layers only (O1+O2)+O3 and ((X+O1)+O2)+O3 give all layers a "
    "gradient."
)


def survey(layers: int, source: str, paper: str) -> Study:
    """Gradients of every wiring, with circuits of depth 1 (Fig. 7) and, for two layers, 4."""
    name = f"layers{layers}"
    config = replace(PRESETS["paper"], wiring="none")
    series = [
        Series(name, f"depth {d}", "both", replace(config, depths=(d,) * layers), 1, "survey")
        for d in ((1, 4) if layers == 2 else (1,))
    ]
    return Study(name, f"Gradients of {layers} layers", source, paper, tuple(series))


def depth(options: Options) -> Study:
    """Gradient norms of 1 to 6 layers with true derivatives, with and without residuals."""
    config = replace(
        PRESETS["paper"], wiring="none", depths=(1,) * MAX_LAYERS, input_gradients=True
    )
    series = [
        Series(
            "depth",
            f"{ansatz}, pixel scale {name}",
            "true gradients",
            replace(config, ansatz=ansatz, angle_scale=scale),
            options.seeds,
            "depth",
        )
        for ansatz in ("rx_chain", "ry_chain")
        for name, scale in (("1", 1.0), ("pi", math.pi))
    ]
    return Study(
        "depth",
        "Gradient norm by depth",
        "beyond Sec. 5.2",
        "The paper says that earlier layers' gradients are None without the right residuals.",
        tuple(series),
    )


def controls(options: Options) -> Study:
    """What a sceptic asks for, on Fig. 8's data."""
    config = replace(base(options), wiring="O1+O2")
    trained = {
        "O1+O2 as written": config,
        "O1+O2, frozen layers": replace(config, trainable=False),
        "O1+O2, true gradients": replace(config, input_gradients=True),
    }
    classical = {
        "logistic regression on pixels": "pixels",
        "linear model on the circuit's monomials": "monomials",
        "convolution with as many weights": "convolution",
    }
    series = [
        *(Series("controls", n, "paper", c, options.seeds) for n, c in trained.items()),
        *(Series("controls", n, "paper", config, options.seeds, k) for n, k in classical.items()),
    ]
    return Study(
        "controls", "Controls", "beyond the paper", "The paper has no classical control.",
        tuple(series),
    )  # fmt: skip
