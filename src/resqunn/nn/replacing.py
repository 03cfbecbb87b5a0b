"""`replace_conv2d`: a quanvolutional layer where a convolution stood."""

from __future__ import annotations

import inspect
from typing import Any

from torch import nn
from torch.nn.parameter import UninitializedParameter

from resqunn.checks import checked
from resqunn.errors import CircuitError, ConfigurationError, ShapeError, unknown_name
from resqunn.nn.quanv import Quanv2d

TAKEN = (
    "in_channels",
    "out_channels",
    "kernel_size",
    "stride",
    "padding",
    "dilation",
    "groups",
    "padding_mode",
)
"""What the layer takes over from the convolution, so that its output has the same shape."""

OPTIONS = tuple(name for name in inspect.signature(Quanv2d).parameters if name not in TAKEN)


@checked
def replace_conv2d(model: nn.Module, name: str, **options: Any) -> nn.Module:
    """Puts a `Quanv2d` in the place of an `nn.Conv2d` of a model, in the model itself.

    Its output has the same shape for every input. By default it has `channel_mode="sum"` and the
    readout `"mean_z"`, so that any number of channels works with one qubit for each value of the
    kernel, and a bias if the convolution has one. Its weights are drawn, not taken over; hooks
    of the convolution are not either.

    Args:
        model: holds the convolution.
        name: where, as in `model.named_modules()`, for instance `"features.0"`.
        options: of `Quanv2d`, but for those that decide the output's shape; by default
            `device`, `dtype` and `bias` are the convolution's.

    Returns:
        The model.

    Raises:
        ConfigurationError: if there is no such convolution, or no layer in its place; the
            message says why.

    >>> model = nn.Sequential(nn.Conv2d(3, 5, 3, padding=1), nn.ReLU())
    >>> replace_conv2d(model, "0", depth=1)[0].weight.shape
    torch.Size([5, 3, 1, 9])
    """
    convolutions = [n for n, m in model.named_modules() if n and isinstance(m, nn.Conv2d)]
    if name not in convolutions:
        raise unknown_name("convolution", name, convolutions)
    for option in options:
        if option not in OPTIONS:
            raise unknown_name("option", option, OPTIONS)
    found = model.get_submodule(name)
    assert isinstance(found, nn.Conv2d)
    if isinstance(found.weight, UninitializedParameter):
        raise ConfigurationError(
            f"{name} must know its input channels, got {found}: run a batch first"
        )
    kept: dict[str, Any] = {option: getattr(found, option) for option in TAKEN}
    kept |= {"device": found.weight.device, "dtype": found.weight.dtype}
    kept |= {"bias": found.bias is not None, "channel_mode": "sum"}
    if options.get("circuit") is None:
        kept["readout"] = "mean_z"
    try:
        layer = Quanv2d(**(kept | options))
    except (ConfigurationError, CircuitError, ShapeError) as error:
        raise ConfigurationError(f"{name} cannot be replaced: {error}") from None
    layer.train(found.training)
    parent, _, last = name.rpartition(".")
    model.get_submodule(parent).register_module(last, layer)
    return model
