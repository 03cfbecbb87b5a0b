"""Ready-made networks."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from resqunn.checks import checked, shown
from resqunn.circuits.circuit import Circuit
from resqunn.errors import ConfigurationError, unknown_name
from resqunn.nn.followed import FollowedQuanv
from resqunn.nn.heads import head_class
from resqunn.nn.network import ResQuNN
from resqunn.nn.quanv import Quanv2d
from resqunn.nn.wiring import Wiring

PAPER: dict[str, Any] = {
    "encoding": "ry",
    "ansatz": "rx_chain",
    "readout": "mean_z",
    "reupload": True,
    "angle_scale": 1.0,
    "input_gradients": False,
}
"""The layers of the ResQuNN paper, read literally."""


_SETTLED = ("in_channels", "out_channels", "stride", "groups", "depth", "circuit")
_NAMED = ("kernel_size", "generator")
LAYER_OPTIONS = tuple(
    name for name in inspect.signature(Quanv2d).parameters if name not in (*_SETTLED, *_NAMED)
)
"""Options of `Quanv2d` that `depthwise_layers` passes on."""


def taken_by(maker: Callable[..., Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Those of some options that `maker` has parameters of the same name for.

    So an option is named where it is given and where it is used, and nowhere in between.

    >>> taken_by(Quanv2d, {"depth": 3, "measured": (0, 1)})
    {'depth': 3}
    """
    parameters = inspect.signature(maker).parameters
    return {name: value for name, value in options.items() if name in parameters}


@checked
def depthwise_layers(
    wiring: Wiring | str,
    depths: Sequence[int],
    *,
    channels: int = 1,
    kernel_size: int = 2,
    stride: int | None = None,
    groups: int | None = None,
    filters: int = 1,
    normalization: str = "none",
    activation: str = "none",
    trainable: bool = True,
    initial_weights: Sequence[float] | None = None,
    generator: torch.Generator | None = None,
    replaced: Callable[[Quanv2d], nn.Module] | None = None,
    **options: Any,
) -> list[nn.Module]:
    """One layer a depth for a `ResQuNN`, by default kernels side by side (stride = kernel size).

    By default every layer sees each channel of the sum before it with a filter of its own
    (depthwise), so that circuits stay at kernel_size**2 values whatever the readout.

    Args:
        wiring: of the network, which says how many channels each layer's input has.
        depths: ansatz layers of each quanvolutional layer; their number is the network's.
        channels: of the images.
        stride: of each layer; None is the kernel size.
        groups: of the channels that each layer reads; None is one for each channel.
        filters: circuits for each group, or with `channel_mode="sum"` sums of circuits.
        normalization, activation: after each layer, as in `FollowedQuanv`; layers with neither
            are `Quanv2d`.
        trainable: False freezes the circuits (the paper's benchmark models).
        initial_weights: that each circuit begins with, in order, in radians, as many as it has;
            None draws them.
        generator: draws all weights, the same for the same options.
        replaced: what stands in the place of each layer, given that layer; it has `weight`,
            `kernel_size` and `out_channels`.
        options: as in `Quanv2d`; `LAYER_OPTIONS` lists them.

    Raises:
        ConfigurationError, CircuitError: for options that do not fit.

    >>> [layer.out_channels for layer in depthwise_layers("X+O1", (2, 1), readout="z")]
    [4, 16]
    """
    for name in options:
        if name not in LAYER_OPTIONS:
            raise unknown_name("option", name, LAYER_OPTIONS)
    if not depths:
        raise ConfigurationError(
            f"depths must be one number a layer, for at least one layer, got {shown(depths)}"
        )
    if channels < 1:
        raise ConfigurationError(f"channels must be 1 or more, got {channels}")
    if isinstance(wiring, str):
        wiring = Wiring.parse(wiring, len(depths))
    if wiring.layers != len(depths):
        raise ConfigurationError(
            f"depths must be {wiring.layers}, as many as the wiring {wiring} has layers, got "
            f"{len(depths)}"
        )
    if filters < 1:
        raise ConfigurationError(f"filters must be 1 or more, got {filters}")
    layers: list[nn.Module] = []
    summed = [channels]
    for number, (depth, skip) in enumerate(zip(depths, wiring.skips, strict=True), 1):
        read = summed[-1]
        parts = read if groups is None else groups
        if parts < 1 or read % parts:
            raise ConfigurationError(
                f"groups must divide the channels of each layer, got {groups} for the {read} of "
                f"layer {number}"
            )
        layer = Quanv2d(
            read,
            parts * filters * _channels_of_a_filter(kernel_size, read // parts, options),
            kernel_size,
            kernel_size if stride is None else stride,
            groups=parts,
            depth=depth,
            **options,
        )
        layer.reset_parameters(generator)
        if initial_weights is not None:
            _begin_with(layer, initial_weights)
        layer.requires_grad_(trainable)
        found: Any = layer if replaced is None else replaced(layer)
        plain = normalization == activation == "none"
        layers.append(found if plain else FollowedQuanv(found, normalization, activation))
        summed.append(max(found.out_channels, 0 if skip is None else summed[skip]))
    return layers


def _begin_with(layer: Quanv2d, weights: Sequence[float]) -> None:
    """Gives each circuit of a layer these weights."""
    if len(weights) != layer.circuit.num_weights:
        raise ConfigurationError(
            f"initial_weights must be {layer.circuit.num_weights}, as many as each circuit has, "
            f"got {len(weights)}"
        )
    if not all(map(math.isfinite, weights)):
        raise ConfigurationError(f"initial_weights must be finite, got {list(weights)}")
    with torch.no_grad():
        rows = layer.weight.view(-1, len(weights))
        rows.copy_(torch.tensor(weights, dtype=torch.float64).expand_as(rows))


def _channels_of_a_filter(kernel_size: int, channels: int, options: Mapping[str, Any]) -> int:
    """How many values a filter that reads so many channels gives."""
    defaults = inspect.signature(Quanv2d).parameters
    parts = {
        name: options.get(name, defaults[name].default)
        for name in ("encoding", "ansatz", "readout")
    }
    together = 1 if options.get("channel_mode") == "sum" else channels
    return Circuit(**parts, inputs=kernel_size**2 * together, depth=0).num_outputs


@checked
def paper_model(
    wiring: Wiring | str,
    *,
    head: str = "linear",
    classes: int = 10,
    softmax: bool = True,
    depths: Sequence[int] = (4, 1),
    trainable: bool = True,
    generator: torch.Generator | None = None,
    **options: Any,
) -> ResQuNN:
    r"""The networks of the ResQuNN paper, its choices by name.

    2x2 kernels at stride 2, RY encoding of pixels in [0, 1] as radians, RX rotations and
    CNOT chains, weights from U[0, 2 pi), zero padding at the bottom and right. The defaults
    read the paper literally: derivatives cut at each layer's input, the encoding repeated
    in each repetition (Eq. 6-8), the mean over qubits as one channel (Table 2), and a
    softmax before the cross entropy's own.

    Args:
        wiring: a `Wiring` of `len(depths)` layers, or its string form.
        head: `"linear"` (Sec. 3.1.1) or `"quantum"` (Sec. 3.1.2).
        softmax: False trains on logits.
        depths: ansatz layers of each quanvolutional layer.
        trainable: False freezes the quanvolutional layers (the benchmark models of Fig. 9).
        generator: draws all initial weights.
        options: any of `Quanv2d` and of the head. Where the paper can be read in two ways:
            `input_gradients=True` passes the true derivative to each layer's input,
            `reupload=False` encodes once (the gate counts of Sec. 1.1), and `readout="z"` is
            one channel for each qubit (Sec. 3.1, step 4); later layers are then depthwise.

    Raises:
        ConfigurationError, CircuitError: for options that do not fit.

    >>> model = paper_model("(X+O1)+O2", generator=torch.Generator().manual_seed(0))
    >>> model(torch.rand(16, 1, 28, 28)).shape
    torch.Size([16, 10])
    """
    make_head = head_class(head)
    in_head = taken_by(make_head, options)
    in_layers = {n: value for n, value in options.items() if n in LAYER_OPTIONS or n not in in_head}
    layers = depthwise_layers(
        wiring, depths, trainable=trainable, generator=generator, **(PAPER | in_layers)
    )
    scores = make_head(classes, softmax=softmax, generator=generator, **in_head)
    return ResQuNN(layers, wiring, scores)
