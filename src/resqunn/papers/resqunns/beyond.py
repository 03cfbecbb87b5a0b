"""Studies that go beyond the ResQuNN paper, as data, one function a study."""

from __future__ import annotations

import math
from dataclasses import replace

from resqunn.lab.study.plan import Options, Series, Study
from resqunn.lab.training.config import PRESETS
from resqunn.nn.wiring import Wiring
from resqunn.papers.resqunns.figures import DEPTHS, base, every_reading
from resqunn.papers.resqunns.interpretations import AS_WRITTEN, Reading

MAX_LAYERS = 6
"""Of the study of gradient norms by depth."""

FULL_EPOCHS = 10
"""Epochs on the whole of MNIST: 37,500 steps, against 3,000 on the paper's subset."""

FULL_WIRINGS = ("O1+O2", "X+O2", "(X+O1)+O2")


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
        every_reading("three_layers", options, config, wirings, switches),
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
