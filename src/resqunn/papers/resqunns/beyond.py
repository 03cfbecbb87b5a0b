"""Studies that go beyond the ResQuNN paper, as data, one function a study."""

from __future__ import annotations

import math
from dataclasses import replace

from resqunn.lab.study.controls import CONTROLS
from resqunn.lab.study.plan import Series, Study
from resqunn.lab.training.config import PRESETS
from resqunn.nn.wiring import Wiring
from resqunn.papers.paper import Options
from resqunn.papers.resqunns.interpretations import AS_WRITTEN, Interpretation
from resqunn.papers.resqunns.studies import DEPTHS, base, every_interpretation

MAX_LAYERS = 6
"""Of the study of gradient norms by depth."""

FULL_EPOCHS = 10
"""Epochs on the whole of MNIST: 37,500 steps, against 3,000 on the paper's subset."""

FULL_WIRINGS = ("O1+O2", "X+O2", "(X+O1)+O2")

NORMS_BY_DEPTH = "resqunn.papers.resqunns.gradients:norms_by_depth"


def three_layers(options: Options) -> Study:
    """All 15 wirings of three layers, trained; as written only, unless all is asked for."""
    config = replace(base(options), depths=(*DEPTHS, 1))
    wirings = [str(wiring) for wiring in Wiring.all(3)]
    switches = ["gradients"] if options.interpretations == "all" else []
    return Study(
        "three_layers",
        "All wirings of three layers, trained",
        every_interpretation(options, config, wirings, switches),
        "beyond Sec. 5.2",
        "The paper shows gradients of three layers, but trains none.",
        "beyond",
    )


def all_images(options: Options) -> Study:
    """The best few on all of the data: MNIST's 60,000 training and 10,000 test images."""
    config = replace(base(options), per_class="all", epochs=min(options.epochs, FULL_EPOCHS))
    return Study(
        "full",
        "The best wirings on all images",
        tuple(
            Series(
                wiring,
                interpretation.applied(replace(config, wiring=wiring)),
                options.seeds,
                interpretation.name(AS_WRITTEN),
            )
            for interpretation in (AS_WRITTEN, Interpretation(gradients="true gradients"))
            for wiring in FULL_WIRINGS
        ),
        "beyond Fig. 8",
        "The paper trains on 200 images of each class.",
        "beyond",
    )


def depth(options: Options) -> Study:
    """Gradient norms of 1 to 6 layers with true derivatives, with and without residuals."""
    config = replace(
        PRESETS["paper"], wiring="none", depths=(1,) * MAX_LAYERS, input_gradients=True
    )
    return Study(
        "depth",
        "Gradient norm by depth",
        tuple(
            Series(
                f"{ansatz}, pixels to {name}",
                replace(config, ansatz=ansatz, angle_scale=scale),
                options.seeds,
                "true gradients",
                NORMS_BY_DEPTH,
                reads_data=False,
            )
            for ansatz in ("rx_chain", "ry_chain")
            for name, scale in (("1", 1.0), ("pi", math.pi))
        ),
        "beyond Sec. 5.2",
        "The paper says that earlier layers' gradients are None without the right residuals.",
        "beyond",
    )


def controls(options: Options) -> Study:
    """What a sceptic asks for, on Fig. 8's data."""
    config = replace(base(options), wiring="O1+O2")
    networks = {
        "O1+O2 as written": config,
        "O1+O2, frozen layers": replace(config, trainable=False),
        "O1+O2, true gradients": replace(config, input_gradients=True),
    }
    classical = {
        "logistic regression on pixels": "pixels",
        "linear model on the circuit's monomials": "monomials",
        "convolution with as many weights": "convolution",
    }
    note = "the network of Fig. 8, for comparison"
    return Study(
        "controls",
        "Controls",
        (
            *(Series(name, c, options.seeds, "as written", note=note)
              for name, c in networks.items()),
            *(Series(name, config, options.seeds, "as written", CONTROLS[control].task,
                     note=CONTROLS[control].note)
              for name, control in classical.items()),
        ),
        "beyond the paper",
        "The paper has no classical control.",
        "controls",
        beside="fig8" if "8" in options.figures else None,
    )  # fmt: skip
