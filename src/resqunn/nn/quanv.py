"""`Quanv2d`: the quanvolutional layer.

Shape suffixes: B batch, C channel, H W height and width, G groups, F filters in a group,
N values of a patch, P patches, R readout values, W weights of a filter.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from resqunn.checks import checked
from resqunn.circuits.ansatze import Ansatz
from resqunn.circuits.circuit import Circuit
from resqunn.circuits.encodings import Encoding
from resqunn.circuits.readouts import Readout
from resqunn.engines.base import Engine
from resqunn.engines.registry import engine as find_engine
from resqunn.errors import ConfigurationError, ShapeError
from resqunn.nn.patches import Pair, Window, pair
from resqunn.nn.placement import draw, factory, fitting, require_computable


class Quanv2d(nn.Module):
    r"""A quanvolutional layer with the shapes and conventions of `nn.Conv2d`.

    Each patch $x$ of the image is encoded into qubits, goes through the trainable circuit,
    and is measured; the expectation values are the output channels:

    $$y_r = \langle 0|\,U(\alpha x, \theta)^\dagger\, O_r\, U(\alpha x, \theta)\,|0\rangle$$

    with $\alpha$ = `angle_scale` (ResQuNN paper, Sec. 3.1). One circuit with its own
    weights $\theta$ is a *filter*; it gives as many channels as its readout has values:
    `"z"` one a qubit, `"z0"`, `"z1"`, ... one, `"mean_z"` one. Output channels run over
    groups, then filters, then readout values. There is no `bias` (it would leave the range of
    expectation values) and no `padding_mode` but zeros.

    Shape:
        - input: (B, in_channels, H, W) or (in_channels, H, W)
        - output: (B, out_channels, H', W') or (out_channels, H', W'), with
          $H' = \lfloor (H + 2p - d(k-1) - 1)/s \rfloor + 1$ and $W'$ likewise

    Args:
        in_channels: channels of the input.
        out_channels: filters times the values of the readout.
        kernel_size, stride, padding, dilation: int or pair. (`nn.Conv2d`'s padding by name
            is not offered.)
        groups: as in `nn.Conv2d`; `groups=in_channels` is depthwise. A filter reads
            `in_channels / groups * kh * kw` values, and an angle encoding needs as many
            qubits.
        encoding, ansatz, readout: a table name or an object.
        depth: ansatz layers.
        reupload: repeat the encoding before each ansatz layer.
        angle_scale: radians for an input of 1. Amplitude encoding ignores it.
        input_gradients: False cuts the derivative with respect to the layer's input, as in
            the paper's code: layers before this one then get no gradient through it.
        engine: `"auto"`, an engine's name, `"pennylane:DEVICE"`, or an `Engine`.
        device, dtype: of the weights; float32 or float64.

    Attributes:
        weight: (filters, \*ansatz.weight_shape), in radians; for the chains
            (filters, depth, qubits). Drawn uniformly from [0, 2 pi).
        circuit: the `Circuit` of every filter.

    Raises:
        ConfigurationError, CircuitError: for options that do not fit.
        ShapeError: from `forward`, for images that do not fit.

    >>> layer = Quanv2d(1, 8, kernel_size=2, stride=2)
    >>> layer(torch.rand(16, 1, 28, 28)).shape
    torch.Size([16, 8, 14, 14])
    >>> layer.weight.shape
    torch.Size([2, 2, 4])
    """

    weight: nn.Parameter

    @checked
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair,
        stride: int | Pair = 1,
        padding: int | Pair = 0,
        dilation: int | Pair = 1,
        groups: int = 1,
        *,
        encoding: str | Encoding = "ry",
        ansatz: str | Ansatz = "ry_chain",
        depth: int = 2,
        reupload: bool = False,
        readout: str | Readout = "z",
        angle_scale: float = math.pi,
        input_gradients: bool = True,
        engine: str | Engine = "auto",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.window = Window(
            pair("kernel_size", kernel_size, 1),
            pair("stride", stride, 1),
            pair("padding", padding, 0),
            pair("dilation", dilation, 1),
        )
        if min(in_channels, out_channels, groups) < 1 or in_channels % groups:
            raise ConfigurationError(
                "in_channels, out_channels and groups must be 1 or more, and groups divide "
                f"in_channels, got {in_channels}, {out_channels} and {groups}"
            )
        if not math.isfinite(angle_scale):
            raise ConfigurationError(f"angle_scale must be a finite number, got {angle_scale}")
        rows, columns = self.window.kernel
        self.circuit = Circuit(
            encoding,
            ansatz,
            readout,
            inputs=in_channels // groups * rows * columns,
            depth=depth,
            reupload=reupload,
        )
        step = self.circuit.num_outputs * groups
        if out_channels % step:
            raise ConfigurationError(
                f"out_channels must be a multiple of {step} ({step}, {2 * step}, {3 * step}, ...), "
                f"got {out_channels}: with readout {self.circuit.readout.name!r} on "
                f"{self.circuit.num_qubits} qubits a filter gives {self.circuit.num_outputs} "
                f"channel(s), and there are {groups} group(s)"
            )
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.groups = groups
        self.angle_scale = float(angle_scale)
        self.input_gradients = input_gradients
        self.engine = find_engine(engine)
        self.engine.require(self.circuit)
        filters = out_channels // self.circuit.num_outputs
        self.weight = nn.Parameter(
            torch.empty(filters, *self.circuit.weight_shape, **factory(device, dtype))
        )
        self.reset_parameters()

    @property
    def kernel_size(self) -> Pair:
        """Rows and columns of the kernel."""
        return self.window.kernel

    @property
    def stride(self) -> Pair:
        """Rows and columns from patch to patch."""
        return self.window.stride

    @property
    def padding(self) -> Pair:
        """Rows and columns of zeros on each side."""
        return self.window.padding

    @property
    def dilation(self) -> Pair:
        """Rows and columns from one value of a patch to the next."""
        return self.window.dilation

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draws the weights uniformly from [0, 2 pi)."""
        draw(self.weight, 0.0, 2 * math.pi, generator)

    def forward(
        self, x: Float[Tensor, "B C H W"] | Float[Tensor, "C H W"] | Tensor
    ) -> Float[Tensor, "B K H2 W2"] | Float[Tensor, "K H2 W2"]:
        """The expectation values of each filter on each patch; see the class."""
        require_computable(self.weight.dtype, "weights")
        x = fitting(x, self.weight, "images")
        if x.ndim not in (3, 4) or x.shape[-3] != self.in_channels:
            raise ShapeError(
                f"images must have shape (B, {self.in_channels}, H, W) or ({self.in_channels}, H, "
                f"W), got {tuple(x.shape)}"
            )
        unbatched = x.ndim == 3
        x_BCHW = x.unsqueeze(0) if unbatched else x
        if not self.input_gradients:
            x_BCHW = x_BCHW.detach()
        batch, _, height, width = x_BCHW.shape
        rows, columns = self.window.output_size(height, width)
        inputs_GNP = self.window.patches(x_BCHW, self.groups)
        if self.angle_scale != 1.0 and not self.circuit.encoding.prepares_amplitudes:
            inputs_GNP = inputs_GNP * self.angle_scale
        filters = self.weight.shape[0] // self.groups
        weights_GFW = self.weight.reshape(self.groups, filters, self.circuit.num_weights)
        values_GFRP = self.engine.expectation_values(self.circuit, inputs_GNP, weights_GFW)
        y_KBHW = values_GFRP.reshape(self.out_channels, batch, rows, columns)
        y = y_KBHW.squeeze(1) if unbatched else y_KBHW.transpose(0, 1)
        return y.contiguous()

    def extra_repr(self) -> str:
        window, circuit = self.window, self.circuit
        parts = [
            f"{self.in_channels}, {self.out_channels}, kernel_size={window.kernel}",
            f"stride={window.stride}",
        ]
        if window.padding != (0, 0):
            parts.append(f"padding={window.padding}")
        if window.dilation != (1, 1):
            parts.append(f"dilation={window.dilation}")
        if self.groups != 1:
            parts.append(f"groups={self.groups}")
        parts += [
            f"encoding={circuit.encoding.name}",
            f"ansatz={circuit.ansatz.name}",
            f"depth={circuit.depth}",
            f"reupload={circuit.reupload}",
            f"readout={circuit.readout.name}",
            f"angle_scale={self.angle_scale:.6g}",
        ]
        if not self.input_gradients:
            parts.append("input_gradients=False")
        return ", ".join([*parts, f"engine={self.engine.chosen_for(circuit, self.weight.dtype)}"])
