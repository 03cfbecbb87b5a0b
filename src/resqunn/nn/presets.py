"""Ready-made networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from resqunn.checks import checked
from resqunn.circuits.circuit import Circuit
from resqunn.engines.base import Engine
from resqunn.errors import ConfigurationError, unknown_name
from resqunn.nn.heads import LinearHead, QuantumHead
from resqunn.nn.network import ResQuNN
from resqunn.nn.quanv import Quanv2d
from resqunn.nn.wiring import Wiring

HEADS = ("linear", "quantum")


@checked
def residual_model(
    wiring: Wiring | str,
    *,
    depths: Sequence[int],
    encoding: str,
    ansatz: str,
    readout: str,
    reupload: bool,
    angle_scale: float,
    input_gradients: bool,
    head: str,
    classes: int,
    softmax: bool,
    channels: int = 1,
    kernel_size: int = 2,
    align: str = "zero_pad",
    measured: tuple[int, ...] | None = None,
    trainable: bool = True,
    engine: str | Engine = "auto",
    dtype: torch.dtype | None = None,
    generator: torch.Generator | None = None,
) -> ResQuNN:
    """A network of one `Quanv2d` a depth, kernels side by side (stride = kernel size).

    Every layer after the first sees each channel of the sum before it with a filter of its
    own (depthwise), so that circuits stay at kernel_size**2 values whatever the readout.

    Args:
        depths: ansatz layers of each quanvolutional layer; their number is the network's.
        head: `"linear"` or `"quantum"`.
        channels: of the images.
        measured: the quantum head's measured qubits.
        trainable: False freezes the quanvolutional layers (the paper's benchmark models).
        generator: draws all initial weights, the same for the same options.
        (others): as in `Quanv2d`, `ResQuNN`, `LinearHead` and `QuantumHead`.
    """
    if head not in HEADS:
        raise unknown_name("head", head, HEADS)
    if not depths:
        raise ConfigurationError("depths names the ansatz layers of at least one layer")
    if isinstance(wiring, str):
        wiring = Wiring.parse(wiring, len(depths))
    values = Circuit(encoding, ansatz, readout, inputs=kernel_size**2, depth=0).num_outputs
    layers: list[nn.Module] = []
    summed = [channels]
    for depth, skip in zip(depths, wiring.skips, strict=False):
        layer = Quanv2d(
            summed[-1],
            summed[-1] * values,
            kernel_size,
            kernel_size,
            groups=summed[-1],
            encoding=encoding,
            ansatz=ansatz,
            depth=depth,
            reupload=reupload,
            readout=readout,
            angle_scale=angle_scale,
            input_gradients=input_gradients,
            engine=engine,
            dtype=dtype,
        )
        layer.reset_parameters(generator)
        layers.append(layer.requires_grad_(trainable))
        summed.append(max(layer.out_channels, 0 if skip is None else summed[skip]))
    scores: dict[str, Any] = {"softmax": softmax, "generator": generator, "dtype": dtype}
    if head == "linear":
        last: nn.Module = LinearHead(classes, **scores)
    else:
        last = QuantumHead(classes, measured=measured, engine=engine, **scores)
    return ResQuNN(layers, wiring, last, align=align)


@checked
def paper_model(
    wiring: Wiring | str,
    *,
    head: str = "linear",
    classes: int = 10,
    trainable: bool = True,
    input_gradients: bool = False,
    reupload: bool = True,
    readout: str = "mean_z",
    softmax: bool = True,
    depths: Sequence[int] = (4, 1),
    generator: torch.Generator | None = None,
    engine: str | Engine = "auto",
    dtype: torch.dtype | None = None,
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
        trainable: False freezes the quanvolutional layers (the benchmark models of Fig. 9).
        input_gradients: True passes the true derivative to each layer's input.
        reupload: False encodes once (the gate counts of Sec. 1.1).
        readout: `"z"` is the reading of one channel a qubit; later layers are then depthwise.
        softmax: False trains on logits.
        depths: ansatz layers of each quanvolutional layer.
        generator: draws all initial weights.

    >>> model = paper_model("(X+O1)+O2", generator=torch.Generator().manual_seed(0))
    >>> model(torch.rand(16, 1, 28, 28)).shape
    torch.Size([16, 10])
    """
    return residual_model(
        wiring,
        depths=depths,
        encoding="ry",
        ansatz="rx_chain",
        readout=readout,
        reupload=reupload,
        angle_scale=1.0,
        input_gradients=input_gradients,
        head=head,
        classes=classes,
        softmax=softmax,
        trainable=trainable,
        engine=engine,
        dtype=dtype,
        generator=generator,
    )
