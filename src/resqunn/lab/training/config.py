"""The configuration of a training run.

No torch here, so that the command can show its help at once.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from resqunn.checks import check_fields, settle_fields
from resqunn.errors import ConfigurationError, RunError, unknown_name
from resqunn.lab.training.files import digest, read_sealed, sealed


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides a run's result.

    The defaults are what trains well; `PRESETS["paper"]` holds the paper's choices.
    """

    preset: Literal["resqunn", "paper"] = "resqunn"
    """Where the defaults below come from: what trains well, or the paper's choices."""

    wiring: str = "O1+O2"
    """Residual wiring, such as "none", "X+O1" or "(X+O1)+O2"."""

    data: str = "digits"
    """Data set: digits, mnist, fashion_mnist or kmnist."""

    data_root: str | None = None
    """Folder with the data files; RESQUNN_DATA if not given."""

    classes: int = 10
    """Train on the first so many classes."""

    per_class: int | Literal["all"] | None = None
    """Images of each class, or all; by default 200 (digits: all)."""

    depths: tuple[int, ...] = (2, 2)
    """Ansatz layers of each quanvolutional layer; one number a layer."""

    kernel_size: int = 2
    """Side of the square kernel, which is also its stride."""

    encoding: str = "ry"
    """How pixels become qubit rotations."""

    ansatz: str = "ry_chain"
    """The trainable circuit."""

    readout: str = "z"
    """What is measured: z gives one channel a qubit, mean_z one, z0 one qubit's."""

    reupload: bool = False
    """Repeat the encoding before each ansatz layer."""

    angle_scale: float = math.pi
    """Radians for a pixel of 1."""

    input_gradients: bool = True
    """Pass the true derivative to each layer's input (the paper's code cuts it)."""

    trainable: bool = True
    """Train the quanvolutional layers too (else only the head, as in Fig. 9's benchmarks)."""

    head: Literal["linear", "quantum"] = "linear"
    """What turns the last feature map into class scores."""

    measured: tuple[int, ...] | None = None
    """The quantum head's measured qubits; by default the last ones."""

    softmax: bool = False
    """Softmax in the model, before the cross entropy's own (the paper's double softmax)."""

    align: Literal["zero_pad", "zero_pad_center"] = "zero_pad"
    """How maps of different sizes are summed."""

    epochs: int = 30
    """Passes over the training images."""

    batch_size: int = 16
    """Images a step."""

    learning_rate: float = 0.01
    """Of Adam."""

    seed: int = 0
    """Decides the images drawn, the initial weights and the order of batches."""

    engine: str = "auto"
    """How circuits are evaluated: auto, fourier, fused, statevector, or pennylane:DEVICE."""

    dtype: Literal["float32", "float64"] = "float32"
    """Number type of the computation."""

    device: str = "cpu"
    """Torch device, such as cpu or cuda."""

    threads: int = 1
    """Threads of the computation on the CPU."""

    def __post_init__(self) -> None:
        with contextlib.suppress(ConfigurationError):
            settle_fields(self)  # what does not fit is told by `check`

    def check(self) -> None:
        """Called before a run starts.

        Raises:
            ConfigurationError: naming the first field whose type or value does not fit.
            ConfigurationError: for a value that is none of a field's names.
        """
        check_fields(self)
        for name in ("epochs", "batch_size", "threads", "kernel_size"):
            holds = 1 <= getattr(self, name) < 2**31
            self._require(name, holds, "1 or more (and a whole number)")
        self._require("threads", self.threads <= 1024, "1 to 1024")
        self._require("classes", 2 <= self.classes <= 10_000, "2 or more (and below 10,000)")
        self._require("seed", 0 <= self.seed < 2**63, "0 or more (and below 2**63)")
        rate = self.learning_rate
        self._require("learning_rate", 0 < rate < math.inf, "a positive number")
        self._require("angle_scale", math.isfinite(self.angle_scale), "a finite number")
        depths = bool(self.depths) and min(self.depths) >= 0
        self._require("depths", depths, "one number a layer, each 0 or more")
        for name, hint in get_type_hints(type(self)).items():
            if get_origin(hint) is Literal and getattr(self, name) not in get_args(hint):
                raise unknown_name(name, getattr(self, name), get_args(hint))

    def _require(self, name: str, holds: bool, what: str) -> None:
        if not holds:
            raise ConfigurationError(f"{name} must be {what}, got {getattr(self, name)!r}")

    @property
    def sha256(self) -> str:
        """Of everything that decides the result, which is all but where the data lie."""
        return digest(dataclasses.asdict(dataclasses.replace(self, data_root=None)))

    def to_json(self) -> bytes:
        """The configuration as the content of a `config.json`."""
        return sealed("config.json", dataclasses.asdict(self))

    @staticmethod
    def from_json(path: Path) -> TrainConfig:
        """Reads a `config.json`.

        Raises:
            RunError: if it is missing, damaged, altered, or of another version.
        """
        if not path.exists():
            raise RunError(f"{path.parent} holds no run: there is no {path.name} in it")
        remedy = f"put the original back, or delete {path.parent} and make the run again"
        values = read_sealed(path, RunError, remedy)
        try:
            config = TrainConfig(**{name: _plain(value) for name, value in values.items()})
            config.check()
        except (ValueError, TypeError) as error:
            raise RunError(f"{path} cannot be read: {error}") from None
        return config


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
    ),
}
