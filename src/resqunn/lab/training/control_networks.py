r"""The networks of `controls.py`: those of a configuration, with other layers.

Shape suffixes: B batch, C channel, H, W height and width, G groups, N values of a patch, P patches,
K frequencies, R outputs of a group.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from resqunn.analysis.dead_weights import num_dead_weights
from resqunn.analysis.spectrum import spectrum
from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.errors import CircuitError, ConfigurationError
from resqunn.nn.presets import depthwise_layers
from resqunn.nn.quanv import Quanv2d

DRAWS = 3
"""Sets of weights by which the frequencies of a circuit are found."""

SMALLEST = 1e-9
"""Of a coefficient that is not zero, relative to the largest."""


def control_layers(control: str, **options: Any) -> list[nn.Module]:
    """The layers of a control, in the place of those that the options name.

    Args:
        options: as in `depthwise_layers`.

    Raises:
        CircuitError: for circuits that are no trigonometric polynomials, for "monomials".
    """
    if control == "no_circuit":
        return [nn.Identity()]
    generator = options.get("generator")
    if control == "monomials":
        return depthwise_layers(**options, replaced=lambda layer: FreeSeries(layer, generator))
    if options["activation"] == "none":
        options["activation"] = "tanh"
    matched = control == "matched_convolution"
    return depthwise_layers(
        **options,
        replaced=lambda layer: convolution(layer, matched=matched, generator=generator),
    )


def convolution(
    layer: Quanv2d, *, matched: bool, generator: torch.Generator | None = None
) -> nn.Conv2d:
    """A convolution of a layer's windows, without bias.

    Args:
        matched: with about as many weights as the layer has that matter, at least one filter for
            each group; or with as many channels, and frozen.
    """
    of_filter = layer.in_channels // layer.groups * math.prod(layer.kernel_size)
    channels = layer.out_channels
    if matched:
        live = layer.weight.numel() - num_dead_weights(layer)
        filters = max(1, round(live / (of_filter * layer.groups)))
        channels = filters * layer.groups
    found = nn.Conv2d(
        layer.in_channels,
        channels,
        layer.kernel_size,  # pyright: ignore[reportArgumentType]
        layer.stride,  # pyright: ignore[reportArgumentType]
        groups=layer.groups,
        bias=False,
        dtype=layer.weight.dtype,
    )
    bound = 1 / math.sqrt(of_filter)
    with torch.no_grad():
        found.weight.uniform_(-bound, bound, generator=generator)
    return found.requires_grad_(matched)


class FreeSeries(nn.Module):
    r"""A layer's Fourier series with free coefficients, $\sum_\omega a_\omega \cos\omega x +
    b_\omega \sin\omega x$, over the frequencies that its circuit reaches.

    Args:
        layer: a layer with windows that lie within the image.

    Raises:
        CircuitError: if its circuit is no trigonometric polynomial, or has too many frequencies.
    """

    frequencies: Tensor

    def __init__(self, layer: Quanv2d, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.groups, self.kernel_size, self.stride = layer.groups, layer.kernel_size, layer.stride
        self.in_channels, self.out_channels = layer.in_channels, layer.out_channels
        if layer.channel_mode == "sum":
            raise ConfigurationError("channel_mode must be 'joint' for the control 'monomials'")
        omegas_KN = reached(layer.circuit) * layer.angle_scale
        self.register_buffer("frequencies", omegas_KN.to(layer.weight))
        each = layer.out_channels // layer.groups
        count = 2 * len(omegas_KN)
        bound = 1 / math.sqrt(count)
        weight = torch.empty(layer.groups, each, count, dtype=layer.weight.dtype)
        self.weight = nn.Parameter(weight.uniform_(-bound, bound, generator=generator))

    def forward(self, input: Tensor) -> Tensor:
        batch = len(input)
        patches = nn.functional.unfold(input, self.kernel_size, stride=self.stride)
        x_BGNP = patches.unflatten(1, (self.groups, -1))
        angles_BGKP = torch.einsum("kn,bgnp->bgkp", self.frequencies, x_BGNP)
        waves = torch.cat([angles_BGKP.cos(), angles_BGKP.sin()], dim=2)
        values_BGRP = torch.einsum("grk,bgkp->bgrp", self.weight, waves)
        size = [
            (side - kernel) // stride + 1
            for side, kernel, stride in zip(
                input.shape[2:], self.kernel_size, self.stride, strict=True
            )
        ]
        return values_BGRP.reshape(batch, self.out_channels, *size)


def reached(circuit: GateCircuit) -> Tensor:
    """The frequencies of a circuit, one of each pair, that some weights give a coefficient."""
    generator = torch.Generator().manual_seed(0)
    shape = (DRAWS, circuit.num_weights)
    drawn = torch.rand(shape, generator=generator, dtype=torch.float64) * 2 * math.pi
    found = spectrum(circuit, drawn if circuit.num_weights else None)
    sizes = torch.from_numpy(abs(found.coefficients)).reshape(-1, len(found.frequencies))
    largest = sizes.amax(dim=0)
    omegas = torch.from_numpy(found.frequencies)
    kept = omegas[largest > SMALLEST * largest.max()]
    if not len(kept):
        raise CircuitError("the circuit's values are all zero: there are no frequencies")
    first = [next((w for w in row if abs(w) > 1e-12), 0.0) >= 0 for row in kept.tolist()]
    return kept[torch.tensor(first)]
