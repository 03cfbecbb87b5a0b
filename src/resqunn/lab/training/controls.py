"""Classical controls by name: what a comparison of quanvolutional networks is held against.

No torch here, as in `config.py`; the networks are in `control_networks.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar

Config = TypeVar("Config")
"""A `TrainConfig`, whose file reads this one."""

_PHYSICAL = (
    "angle_scale",
    "noise",
    "shots",
    "shot_gradient",
    "shot_sampling",
    "input_gradients",
    "trainable",
    "initial_weights",
    "engine",
    "quantum_learning_rate",
)
"""Of circuits as they are evaluated and differentiated."""

_LAYERS = (
    *_PHYSICAL,
    "wiring",
    "depths",
    "kernel_size",
    "stride",
    "groups",
    "filters",
    "channel_mode",
    "normalization",
    "activation",
    "encoding",
    "ansatz",
    "readout",
    "reupload",
    "align",
)
"""Of the quanvolutional layers."""


@dataclass(frozen=True)
class Control:
    """A classical model in the place of a network.

    Attributes:
        note: what a reader should know of it.
        unread: options of the network that it does not depend on.
        settled: options that it gives values of its own.
    """

    note: str
    unread: tuple[str, ...]
    settled: Mapping[str, Any] = field(default_factory=dict)

    def applied(self, name: str | None, config: Config) -> Config:
        """The configuration of the control, for that of a network.

        What it does not depend on has its default, so that it is trained once for all networks
        that differ in nothing else.
        """
        of: Any = config
        defaults = {each.name: each.default for each in fields(of)}
        values = {key: defaults[key] for key in self.unread} | dict(self.settled)
        return replace(of, control=name, **values)


_TRAINING = (
    "head",
    "measured",
    "softmax",
    "epochs",
    "batch_size",
    "optimizer",
    "learning_rate",
    "momentum",
    "weight_decay",
    "schedule",
    "step_epochs",
    "step_factor",
    "clip_norm",
    "label_smoothing",
    "class_weights",
    "steps_per_epoch",
    "train_scores",
    "patience",
)
"""Of the head and of training."""

CONTROLS: dict[str, Control] = {
    "no_circuit": Control(
        "the head alone, on the pixels", _LAYERS, {"wiring": "none", "depths": (0,)}
    ),
    "matched_convolution": Control(
        "convolutions in place of the quanvolutional layers, with as many weights as their "
        "circuits have that matter, and tanh where no activation follows",
        _PHYSICAL,
    ),
    "random_convolution": Control(
        "convolutions of as many channels in place of the quanvolutional layers, drawn and never "
        "trained, and tanh where no activation follows",
        _PHYSICAL,
    ),
    "monomials": Control(
        "in place of each circuit the cosines and sines of the frequencies that it has, with free "
        "coefficients",
        tuple(name for name in _PHYSICAL if name != "angle_scale"),
    ),
}
"""Controls that are trained as networks are."""

IMAGES_ALONE = Control(
    "scikit-learn's logistic regression on the pixels, to convergence",
    (*_LAYERS, *_TRAINING, "model"),
)
"""What depends on the images alone, and is not trained as networks are."""
