"""The configuration of a training run.

No torch here, so that the command can show its help at once.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import tyro

from resqunn.checks import check_fields, settle_fields
from resqunn.circuits.noise import Noise
from resqunn.data.sources import SOURCES
from resqunn.errors import ConfigurationError, RunError, unknown_name
from resqunn.lab.training.controls import CONTROLS
from resqunn.lab.training.files import digest, exists, read_sealed, sealed
from resqunn.lab.training.harmless import one_line
from resqunn.lab.training.limits import (
    GIVEN,
    require_ranges,
    require_together,
    require_written,
)
from resqunn.nn.wiring import Wiring

__all__ = ["GIVEN", "LATER", "PRESETS", "TrainConfig", "identity"]


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides a run's result.

    The defaults train well; `--preset paper` takes the choices of the ResQuNN paper instead.

    Raises:
        WrongTypeError: for an object in place of a name; what the names do not have comes in by
            `model`, a function that makes the network.
    """

    preset: Literal["resqunn", "paper"] = "resqunn"
    """Sets the defaults of the options below: those that train well, or the paper's."""

    wiring: str = "O1+O2"
    """Residual wiring, such as none, X+O1 or "(X+O1)+O2"; `resqunn wirings` lists them."""

    data: str = "digits"
    """Images: digits, mnist, fashion_mnist, kmnist, cifar10, eurosat, or of MedMNIST pathmnist,
    dermamnist, octmnist, pneumoniamnist, retinamnist, breastmnist, bloodmnist, tissuemnist,
    organamnist, organcmnist or organsmnist; or the path of an .npz file, or of a folder that holds
    a folder of PNG or JPEG files for each class."""

    data_root: Annotated[
        str | None,
        tyro.conf.arg(metavar="FOLDER", help_behavior_hint="(default: $RESQUNN_DATA)"),
    ] = None
    """Folder that holds the data files, or that a relative path starts from."""

    classes: Annotated[
        int | tuple[int | str, ...] | None,
        tyro.conf.arg(metavar="INT|CLASS...", help_behavior_hint="(default: all)"),
    ] = None
    """How many classes, the first ones; or which, two or more, by index from 0 or by name."""

    per_class: Annotated[
        int | Literal["all"] | None,
        tyro.conf.arg(
            metavar="INT|all",
            help_behavior_hint="(default: 200; digits, MedMNIST and paths: all)",
        ),
    ] = None
    """Images of each class, drawn from those to train on and split, or all."""

    size: Annotated[
        int | None,
        tyro.conf.arg(metavar="INT", help_behavior_hint="(default: as they are)"),
    ] = None
    """Height and width to which images are resized."""

    antialias: bool = True
    """With --size: each pixel is a weighted mean of what becomes one, as in Pillow; else it is
    interpolated between the four nearest alone."""

    train_images: Annotated[
        int | None, tyro.conf.arg(metavar="INT", help_behavior_hint="(default: --per-class)")
    ] = None
    """Images to train on, drawn so that each class has its share; with --validation-images."""

    validation_images: Annotated[
        int | None, tyro.conf.arg(metavar="INT", help_behavior_hint="(with --train-images)")
    ] = None
    """Images to validate on, drawn likewise from those to train on."""

    split_seed: Annotated[
        int | None, tyro.conf.arg(metavar="INT", help_behavior_hint="(default: --seed)")
    ] = None
    """Number that fixes the images drawn, in the seed's place, so that all seeds see the same."""

    depths: tuple[int, ...] = (2, 2)
    """Ansatz layers of each quanvolutional layer: one number for each layer."""

    kernel_size: int = 2
    """Side of the square kernel."""

    stride: Annotated[
        int | None, tyro.conf.arg(metavar="INT", help_behavior_hint="(default: the kernel's side)")
    ] = None
    """Steps from patch to patch."""

    groups: Annotated[
        int | None,
        tyro.conf.arg(metavar="INT", help_behavior_hint="(default: one for each channel)"),
    ] = None
    """Groups of channels in each layer; a circuit reads the channels of its group."""

    filters: int = 1
    """Circuits, each with weights of its own, for each group of channels."""

    channel_mode: Literal["joint", "sum"] = "joint"
    """With --groups: one circuit reads all channels of its group, or one for each is summed."""

    normalization: Literal["none", "batch", "layer"] = "none"
    """After each quanvolutional layer: batch normalization, or each image's; its weights are
    trained, with --no-trainable too."""

    activation: Literal["none", "relu", "gelu", "tanh", "elu"] = "none"
    """After each quanvolutional layer and its normalization, before the residual sum."""

    encoding: str = "ry"
    """How pixels become a quantum state: ry, rx, rz, plain_rz, learnable_ry,
    learnable_rx, learnable_rz, dense_angle, iqp, zz_feature_map, threshold, basis, frqi,
    frqi_mattern, neqr, amplitude or softmax_amplitude."""

    ansatz: str = "ry_chain"
    """Trainable gates: rx_chain, ry_chain, rx_ring, ry_ring, rz_ring, crz_ring,
    strongly_entangling, strongly_entangling_cz, simplified_two_design, real_amplitudes,
    efficient_su2, two_local, mps, ttn, mera, random:SEED, random_layers:SEED,
    random_layers_2021:SEED, these two with /ROTATIONS or /ROTATIONS/RATIO before the colon for
    so many a layer and that ratio of CNOTs, or sim_1 to sim_19."""

    initial_weights: Annotated[
        tuple[float, ...] | None,
        tyro.conf.arg(metavar="FLOAT...", help_behavior_hint="(default: drawn)"),
    ] = None
    """Weights that each circuit begins with, in order, in radians."""

    readout: str = "z"
    """Channels: z, x or y, the expectation of that Pauli matrix on each qubit; xyz, of all three;
    zz or xx, of neighbours; probs, of each basis state; mean_z, the mean of z; var_z, variances;
    z0, z1, ..., one."""

    reupload: bool = False
    """Repeat the encoding before each ansatz layer."""

    angle_scale: float = math.pi
    """Angle in radians that encodes a pixel of 1."""

    noise: Annotated[
        str | None,
        tyro.conf.arg(metavar="NAME=STRENGTH,...", help_behavior_hint="(default: none)"),
    ] = None
    """Noise of the circuits, as in depolarizing=0.01,readout=0.02: depolarizing, bit_flip,
    phase_flip, phase_damping, amplitude_damping, readout (flips of measured bits); where=layer
    or where=readout for elsewhere than after each gate."""

    shots: Annotated[
        int | None, tyro.conf.arg(metavar="INT", help_behavior_hint="(default: exact values)")
    ] = None
    """Measurements that each expectation value is the mean of."""

    shot_gradient: Literal["exact", "parameter-shift"] = "exact"
    """With --shots: derivatives of the exact values, or by parameter shift from samples."""

    shot_sampling: Literal["joint", "independent"] = "joint"
    """With --shots: measure all qubits together, or each value by itself."""

    input_gradients: bool = True
    """Pass the true derivative to each layer's input; the paper cuts it there."""

    trainable: bool = True
    """Train the circuits of the quanvolutional layers too, not only what follows them."""

    head: Literal["linear", "quantum"] = "linear"
    """What turns the last feature map into one score for each class."""

    measured: Annotated[
        tuple[int, ...] | None,
        tyro.conf.arg(metavar="QUBIT...", help_behavior_hint="(default: the last ones)"),
    ] = None
    """Qubits that the quantum head measures, one for each class."""

    softmax: bool = False
    """Apply a softmax to the scores before the cross entropy applies its own, as in the paper."""

    align: Literal["zero_pad", "zero_pad_center"] = "zero_pad"
    """Where a smaller map gets zeros before a sum: at the bottom and right, or all around."""

    model: Annotated[
        str | None,
        tyro.conf.arg(
            metavar="PACKAGE.MODULE:FACTORY", help_behavior_hint="(default: the network above)"
        ),
    ] = None
    """Function that makes the network to train, called with the configuration and the Shape of
    the data."""

    control: Annotated[
        str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="(default: none)")
    ] = None
    """Train a classical control in the network's place: no_circuit, the head on the pixels;
    matched_convolution, with as many weights; random_convolution, never trained; monomials, the
    circuits' frequencies with free coefficients."""

    epochs: int = 30
    """Passes over the training images, at most."""

    steps_per_epoch: Annotated[
        int | None, tyro.conf.arg(metavar="INT", help_behavior_hint="(default: all)")
    ] = None
    """Batches of the shuffled images in each epoch."""

    patience: Annotated[
        int | None, tyro.conf.arg(metavar="INT", help_behavior_hint="(default: none)")
    ] = None
    """Stop when so many epochs have passed without a better --metric."""

    metric: Literal[
        "accuracy", "balanced_accuracy", "f1", "auroc", "average_precision", "matthews", "loss"
    ] = "accuracy"
    """What says on validation images which epoch is the best."""

    train_scores: Literal["after", "during"] = "after"
    """Training accuracy of an epoch: of all images after it, or of its batches as they come, which
    takes no time; then all images are scored at the end of the run."""

    test: bool = True
    """Score the test images, where there are some, at the end of the run."""

    batch_size: int = 16
    """Images in each step of the optimiser."""

    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    """Optimiser; adamw decays weights apart from the gradient."""

    learning_rate: float = 0.01
    """Learning rate of the optimiser."""

    quantum_learning_rate: Annotated[
        float | None,
        tyro.conf.arg(metavar="FLOAT", help_behavior_hint="(default: --learning-rate)"),
    ] = None
    """Learning rate of the weights of circuits."""

    momentum: float = 0.0
    """Momentum of sgd."""

    weight_decay: float = 0.0
    """Weight decay of the optimiser, for all weights."""

    schedule: Literal["constant", "cosine", "step"] = "constant"
    """Learning rates over epochs: cosine goes to 0, step multiplies them now and then."""

    step_epochs: Annotated[
        int | None, tyro.conf.arg(metavar="INT", help_behavior_hint="(with --schedule step)")
    ] = None
    """Epochs after which --schedule step multiplies the rates, each time."""

    step_factor: float = 0.1
    """What --schedule step multiplies the rates by."""

    clip_norm: Annotated[
        float | None, tyro.conf.arg(metavar="FLOAT", help_behavior_hint="(default: none)")
    ] = None
    """Largest L2 norm of the network's whole gradient; longer ones are made as short."""

    label_smoothing: float = 0.0
    """Share of each label that the loss spreads over all classes."""

    class_weights: Literal["none", "balanced"] = "none"
    """Weights of the classes in the loss: alike, or inverse to their number of images."""

    seed: int = 0
    """Number that fixes the images drawn, the initial weights and the order of batches."""

    engine: str = "auto"
    """What evaluates circuits: auto (chooses), fourier, alternating, chains, fused, statevector,
    paulis or density (with noise), pennylane:DEVICE."""

    dtype: Literal["float32", "float64"] = "float32"
    """Floating-point type of the computation."""

    device: str = "cpu"
    """PyTorch device, such as cpu or cuda."""

    threads: int = 1
    """CPU threads of the computation."""

    def __post_init__(self) -> None:
        require_written(self)
        with contextlib.suppress(ConfigurationError):
            settle_fields(self)  # `check` reports what does not fit

    def check(self) -> None:
        """Refuses values that do not fit; called before a run starts.

        Raises:
            ConfigurationError: naming the first field whose type or value does not fit.
            ConfigurationError: for a value that is none of a field's names.
        """
        check_fields(self)
        require_ranges(self)
        if self.control is not None and self.control not in CONTROLS:
            raise unknown_name("control", self.control, CONTROLS)
        if self.noise is not None:
            Noise.parse(self.noise)
        Wiring.parse(self.wiring, len(self.depths))
        for name, hint in get_type_hints(type(self)).items():
            if get_origin(hint) is Literal and getattr(self, name) not in get_args(hint):
                raise unknown_name(name, getattr(self, name), get_args(hint))
        require_together(self)

    @property
    def sha256(self) -> str:
        """Of everything that decides the trained network: all but `data_root` and `test`."""
        return identity(dataclasses.asdict(self))

    @property
    def num_classes(self) -> int | None:
        """How many classes; None if only the data of a path say it."""
        if isinstance(self.classes, tuple):
            return len(self.classes)
        if self.classes is None and self.data in SOURCES:
            return len(SOURCES[self.data].classes)
        return self.classes

    def to_json(self) -> bytes:
        """The configuration as the content of a `config.json`."""
        return sealed("config.json", dataclasses.asdict(self))

    @staticmethod
    def from_json(path: Path) -> TrainConfig:
        """Reads a `config.json`.

        Raises:
            RunError: if it is missing, damaged, altered, or of another version.
        """
        if not exists(path):
            raise RunError(f"{path.parent} holds no run: there is no {path.name} in it")
        remedy = f"put the original back, or delete {path.parent} and make the run again"
        values = read_sealed(path, RunError, remedy)
        try:
            config = TrainConfig(**{name: _plain(value) for name, value in values.items()})
            config.check()
        except (ValueError, TypeError) as error:
            raise RunError(f"{path} cannot be read: {one_line(error):.500}") from None
        return config


LATER = {
    "noise": None,
    "shots": None,
    "shot_gradient": "exact",
    "shot_sampling": "joint",
    "size": None,
    "antialias": True,
    "train_images": None,
    "validation_images": None,
    "split_seed": None,
    "initial_weights": None,
    "train_scores": "after",
    "stride": None,
    "groups": None,
    "filters": 1,
    "channel_mode": "joint",
    "normalization": "none",
    "activation": "none",
    "model": None,
    "control": None,
    "steps_per_epoch": None,
    "patience": None,
    "metric": "accuracy",
    "optimizer": "adam",
    "quantum_learning_rate": None,
    "momentum": 0.0,
    "weight_decay": 0.0,
    "schedule": "constant",
    "step_epochs": None,
    "step_factor": 0.1,
    "clip_norm": None,
    "label_smoothing": 0.0,
    "class_weights": "none",
}
"""Options that earlier versions did not have, and what stood for them."""


def identity(values: dict[str, Any]) -> str:
    """The SHA-256 of what decides the result, given all fields of a configuration.

    That is all but `data_root` and `test`, which says what else is reported. What came after the
    first runs is left out while it has its default, and all classes of a named set count as their
    number, so that older folders go on.
    """
    values = values | {"data_root": None}
    values.pop("test", None)
    for name, before in LATER.items():
        if values.get(name, before) == before:
            values.pop(name, None)
    row = SOURCES.get(str(values.get("data")))
    if row is not None and values.get("classes") is None:
        values["classes"] = len(row.classes)
    return digest(values)


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


PRESETS: dict[str, TrainConfig] = {
    "resqunn": TrainConfig(),
    "paper": TrainConfig(
        preset="paper",
        depths=(4, 1),
        ansatz="rx_chain",
        readout="mean_z",
        reupload=True,
        angle_scale=1.0,
        input_gradients=False,
        softmax=True,
        test=False,  # the paper has no third split
    ),
}
