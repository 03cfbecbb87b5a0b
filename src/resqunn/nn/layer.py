"""`Quanv`: what the quanvolutional layers of all ranks share.

Shape suffixes: B batch, C channel, S spatial dimensions, K output channels.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.fx import Proxy

from resqunn.checks import checked
from resqunn.circuits.ansatze import Ansatz
from resqunn.circuits.circuit import Circuit
from resqunn.circuits.encodings import Encoding
from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.circuits.noise import Noise
from resqunn.circuits.readouts import Readout
from resqunn.engines.base import Engine
from resqunn.engines.guard import interpreted
from resqunn.engines.registry import engine as find_engine
from resqunn.engines.sampling.options import ShotGradient, ShotOptions, ShotSampling
from resqunn.errors import ConfigurationError, ShapeError, unknown_name
from resqunn.nn.circuit_module import CircuitModule
from resqunn.nn.patches import AXES, OneOrEach, PaddingOption, Sizes, Window, padding_of, sizes
from resqunn.nn.placement import draw, factory, fitting, require_computable
from resqunn.nn.quanvolution import Quanvolution
from resqunn.nn.raw_pixels import LOOKS, warn_of_raw_pixels
from resqunn.nn.tracing import traced_call

CHANNEL_MODES = ("joint", "sum")

PARTS = ("encoding", "ansatz", "depth", "reupload", "readout")
"""What a circuit of one's own stands in place of."""


def _circuit_or_parts(init: Callable[..., None]) -> Callable[..., None]:
    """Refuses a circuit together with parts, those that are as the defaults too."""

    @functools.wraps(init)
    def wrapper(*args: Any, **options: Any) -> None:
        given = [name for name in PARTS if name in options]
        if options.get("circuit") is not None and given:
            raise ConfigurationError(
                f"circuit must be given without {', '.join(PARTS)}, in whose place it stands, "
                f"got also {', '.join(given)}"
            )
        init(*args, **options)

    return wrapper


class Quanv(CircuitModule):
    """What the layers of all ranks share; `Quanv2d` says it."""

    rank: ClassVar[int]
    weight: nn.Parameter
    bias: nn.Parameter | None

    @checked
    @_circuit_or_parts
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: OneOrEach,
        stride: OneOrEach = 1,
        padding: PaddingOption = 0,
        dilation: OneOrEach = 1,
        groups: int = 1,
        bias: bool = False,
        padding_mode: str = "zeros",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        encoding: str | Encoding = "ry",
        ansatz: str | Ansatz = "ry_chain",
        depth: int = 2,
        reupload: bool = False,
        readout: str | Readout = "z",
        circuit: GateCircuit | None = None,
        channel_mode: str = "joint",
        angle_scale: float | None = None,
        noise: Noise | str | None = None,
        shots: int | None = None,
        shot_gradient: ShotGradient = "exact",
        shot_sampling: ShotSampling = "joint",
        input_gradients: bool = True,
        engine: str | Engine = "auto",
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.window = Window(
            sizes("kernel_size", kernel_size, self.rank, 1),
            sizes("stride", stride, self.rank, 1),
            padding_of(padding, self.rank),
            sizes("dilation", dilation, self.rank, 1),
            padding_mode,
        )
        if min(in_channels, out_channels, groups) < 1 or in_channels % groups:
            raise ConfigurationError(
                "in_channels, out_channels and groups must be 1 or more, and groups divide "
                f"in_channels, got {in_channels}, {out_channels} and {groups}"
            )
        if channel_mode not in CHANNEL_MODES:
            raise unknown_name("channel_mode", channel_mode, CHANNEL_MODES)
        if angle_scale is None:
            angle_scale = math.pi if circuit is None else 1.0
        if not math.isfinite(angle_scale):
            raise ConfigurationError(f"angle_scale must be a finite number, got {angle_scale}")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.groups = groups
        self.channel_mode = channel_mode
        self.angle_scale = float(angle_scale)
        self.input_gradients = input_gradients
        values = math.prod(self.kernel_size)
        if channel_mode == "joint":
            values *= in_channels // groups
        # Of circuits of one's own the scaling is inside.
        self._looks = LOOKS if circuit is None else 0
        if circuit is None:
            circuit = Circuit(
                encoding, ansatz, readout, inputs=values, depth=depth, reupload=reupload
            )
        elif circuit.num_inputs != values:
            raise ConfigurationError(
                f"circuit must read {values} values, as many as a patch has with channel_mode="
                f"{channel_mode!r}, got a circuit of {circuit.num_inputs}"
            )
        self._kept: tuple[tuple[Any, ...], Quanvolution] | None = None
        self._require_whole_filters(circuit)
        options = ShotOptions(shots, shot_gradient, shot_sampling)
        self._set_circuit(circuit, noise, find_engine(engine), options)
        place = factory(device, dtype)
        self.weight = nn.Parameter(torch.empty(self._weight_shape, **place))
        self.register_parameter(
            "bias", nn.Parameter(torch.empty(out_channels, **place)) if bias else None
        )
        self.reset_parameters(generator)

    def _require_whole_filters(self, circuit: GateCircuit) -> None:
        step = circuit.num_outputs * self.groups
        if self.out_channels % step == 0:
            return
        ways = ["a readout of one value such as 'mean_z'", "encoding='amplitude'"]
        if self.in_channels > self.groups and self.channel_mode == "joint":
            ways += ["groups", "channel_mode='sum'"]
        raise ConfigurationError(
            f"out_channels must be a multiple of {step} ({step}, {2 * step}, {3 * step}, ...), "
            f"got {self.out_channels}: a filter gives {circuit.num_outputs} channel(s), one "
            f"for each value of the readout on {circuit.num_qubits} qubits, and there are "
            f"{self.groups} group(s); other numbers are given by {', '.join(ways[:-1])} or "
            f"{ways[-1]}"
        )

    @property
    def _weight_shape(self) -> Sizes:
        filters = self.out_channels // self.circuit.num_outputs
        if self.channel_mode == "sum":
            return (filters, self.in_channels // self.groups, *self.circuit.weight_shape)
        return (filters, *self.circuit.weight_shape)

    @property
    def kernel_size(self) -> Sizes:
        """Sizes of the kernel; set once, since the circuit reads as many values."""
        return self.window.kernel

    @property
    def stride(self) -> Sizes:
        """Steps from patch to patch."""
        return self.window.stride

    @stride.setter
    def stride(self, value: OneOrEach) -> None:
        self.window = replace(self.window, stride=sizes("stride", value, self.rank, 1))

    @property
    def padding(self) -> Sizes | str:
        """How much is added on each side, or `"same"` or `"valid"`."""
        return self.window.padding

    @padding.setter
    def padding(self, value: PaddingOption) -> None:
        self.window = replace(self.window, padding=padding_of(value, self.rank))

    @property
    def dilation(self) -> Sizes:
        """Steps from one value of a patch to the next."""
        return self.window.dilation

    @dilation.setter
    def dilation(self, value: OneOrEach) -> None:
        self.window = replace(self.window, dilation=sizes("dilation", value, self.rank, 1))

    @property
    def padding_mode(self) -> str:
        """What is added."""
        return self.window.padding_mode

    @padding_mode.setter
    def padding_mode(self, value: str) -> None:
        self.window = replace(self.window, padding_mode=value)

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draws the weights uniformly from [0, 2 pi); a bias starts at zero."""
        draw(self.weight, 0.0, 2 * math.pi, generator)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, x: Tensor | Proxy) -> Tensor | Proxy:
        """The expectation values of each filter on each patch; see the class."""
        if isinstance(x, Proxy):
            return traced_call(self, x)
        weight, bias = self.weight, self.bias  # once: torch looks for them in several places
        x = self._fitting(x, weight, bias)
        unbatched = x.ndim == self.rank + 1
        x_BCS = x.unsqueeze(0) if unbatched else x
        if not self.input_gradients:
            x_BCS = x_BCS.detach()
        y_BKS = self._evaluated(x_BCS, weight)
        if bias is not None:
            y_BKS = y_BKS + bias.reshape(-1, *[1] * self.rank)
        return y_BKS.squeeze(0).contiguous() if unbatched else y_BKS

    @property
    def operation(self) -> Quanvolution:
        """The layer as a function, kept until an attribute is set to something else."""
        summed = self.channel_mode == "sum"
        options = (self.noisy_circuit, self.window, self.groups, summed, self.angle_scale)
        found = self._kept
        if found is None or found[0] != options:
            found = self._kept = (options, Quanvolution(*options))
        return found[1]

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_kept": None}

    def _fitting(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """The images as the layer reads them, once they and its parameters fit.

        Raises:
            ShapeError, WrongTypeError: if they do not.
        """
        rank, amplitudes = self.rank, self.circuit.prepares_amplitudes
        require_computable(weight.dtype, "weights")
        x = fitting(x, weight, "images")
        if weight.shape != self._weight_shape:
            raise ShapeError(
                f"weight must have shape {self._weight_shape}, got {tuple(weight.shape)}"
            )
        if bias is not None and bias.shape != (self.out_channels,):
            raise ShapeError(
                f"bias must have shape {(self.out_channels,)}, got {tuple(bias.shape)}"
            )
        if x.ndim not in (rank + 1, rank + 2) or x.shape[-rank - 1] != self.in_channels:
            shape = f"{self.in_channels}, {AXES[rank]}"
            raise ShapeError(
                f"images must have shape (B, {shape}) or ({shape}), got {tuple(x.shape)}"
            )
        if self._looks and not amplitudes and not interpreted():
            self._looks -= 1
            warn_of_raw_pixels(x if x.ndim == rank + 2 else x.unsqueeze(0), self.angle_scale)
        return x

    def extra_repr(self) -> str:
        window, circuit = self.window, self.circuit
        parts = [
            f"{self.in_channels}, {self.out_channels}, kernel_size={window.kernel}",
            f"stride={window.stride}",
        ]
        if window.padding != (0,) * self.rank:
            parts.append(f"padding={window.padding!r}")
        if set(window.dilation) != {1}:
            parts.append(f"dilation={window.dilation}")
        if self.groups != 1:
            parts.append(f"groups={self.groups}")
        if self.bias is not None:
            parts.append("bias=True")
        if window.padding_mode != "zeros":
            parts.append(f"padding_mode={window.padding_mode!r}")
        parts.append(circuit.summary())
        if self.channel_mode != "joint":
            parts.append(f"channel_mode={self.channel_mode!r}")
        parts.append(f"angle_scale={self.angle_scale:.6g}")
        parts += self._noise_and_shots()
        if not self.input_gradients:
            parts.append("input_gradients=False")
        engine = self._engine_in_words(self.weight.shape[0] // self.groups)
        return ", ".join([*parts, f"engine={engine}"])
