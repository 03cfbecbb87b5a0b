"""The networks of Mattern et al., their data and their training, as configurations.

What the authors' code and logs say is in the names here; what they leave open, or what is done
otherwise, is in `docs/mattern.md`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from resqunn.lab.training.config import TrainConfig
from resqunn.lab.training.controls import CONTROLS
from resqunn.papers.paper import Options

ENCODINGS = {"FRQI": "frqi_mattern", "NEQR": "neqr", "threshold": "threshold"}
"""The paper's encodings, by the names of this library's."""

START = (
    -0.07266094962931335,
    -0.8793490277240921,
    -0.26835022124251884,
    -0.6564112353869826,
    -0.3854421492097657,
    -0.5738906864585323,
    -0.8883924415115529,
    0.30142901586503545,
    0.7925602163173222,
    -0.751168536986115,
)
"""Where the angles of every circuit start, as many of them as it has: NumPy's
`default_rng(11111).uniform(-1, 1, 10)`, written out since NumPy may change that stream."""

CNOTS = 0.4
"""The ratio of CNOTs in the random circuits; PennyLane's own default is 0.3."""

SEED = 10
"""Of every run: of the order of the images, and of the head's first weights."""

SPLIT_SEED = 362356
"""Of scikit-learn's draws."""


@dataclass(frozen=True)
class Kernel:
    """A size of the quanvolution, with its step and the rotations of each circuit."""

    size: int
    stride: int
    rotations: int


KERNELS = {"2x2": Kernel(2, 1, 4), "4x4": Kernel(4, 2, 10)}
"""By the names of the figures."""


def base(options: Options) -> TrainConfig:
    """Data and schedule: 100 steps of two images an epoch, Adam, cross entropy on logits."""
    config = TrainConfig(
        wiring="none",
        data=options.data,
        size=14,
        antialias=False,
        train_images=10_000,
        validation_images=200,
        split_seed=SPLIT_SEED,
        depths=(1,),
        epochs=options.epochs,
        steps_per_epoch=100,
        train_scores="during",
        batch_size=2,
        learning_rate=0.01,
        seed=SEED,
    )
    if not options.quick:
        return config
    few = replace(config, train_images=200, validation_images=50, steps_per_epoch=20)
    # The embedded digits have 8x8 pixels.
    return replace(few, size=None, antialias=True) if options.data == "digits" else few


def network(options: Options, kernel: str, encoding: str, trainable: bool) -> TrainConfig:
    """One quanvolution, one filter, and a linear head; a run's circuit is named by its number."""
    shape = KERNELS[kernel]
    return replace(
        base(options),
        kernel_size=shape.size,
        stride=shape.stride,
        encoding=ENCODINGS[encoding],
        ansatz=f"random_layers_2021/{shape.rotations}/{CNOTS}",
        initial_weights=START[: shape.rotations],
        trainable=trainable,
    )


def pixels(options: Options) -> TrainConfig:
    """The head alone, on the pixels."""
    return CONTROLS["no_circuit"].applied("no_circuit", base(options))


def thresholded(options: Options) -> TrainConfig:
    """The head alone, on pixels that are 1 up to the threshold and -1 above it."""
    return replace(
        base(options), kernel_size=1, stride=1, depths=(0,), encoding="threshold", trainable=False
    )
