"""A quanvolutional layer with what often follows one: a normalization and an activation.

Shape suffixes: B batch, C channel, S spatial dimensions.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.fx import Proxy

from resqunn.errors import ShapeError, unknown_name

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "tanh": nn.Tanh,
    "elu": nn.ELU,
}

_BATCH_NORMS = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}

NORMALIZATIONS = ("none", "batch", "layer")


class FollowedQuanv(nn.Sequential):
    """A quanvolutional layer, then its normalization, then an activation, those that are given.

    Args:
        quanv: the layer, a `Quanv` or a convolution; whether its weights are trained is its own
            affair.
        normalization: `"batch"`, `nn.BatchNorm2d` of the layer's rank; `"layer"`, which makes all
            values of an image's map have mean 0 and variance 1 (`nn.GroupNorm` of one group), with
            a weight and a bias for each channel; or `"none"`.
        activation: `"relu"`, `"gelu"`, `"tanh"`, `"elu"` or `"none"`.

    Raises:
        ConfigurationError: for a name that there is not.

    >>> import torch
    >>> from resqunn import Quanv2d
    >>> FollowedQuanv(Quanv2d(1, 4, 2, 2), "batch", "relu")(torch.rand(8, 1, 28, 28)).shape
    torch.Size([8, 4, 14, 14])
    """

    def __init__(
        self, quanv: nn.Module, normalization: str = "none", activation: str = "none"
    ) -> None:
        if normalization not in NORMALIZATIONS:
            raise unknown_name("normalization", normalization, NORMALIZATIONS)
        if activation != "none" and activation not in ACTIVATIONS:
            raise unknown_name("activation", activation, ("none", *ACTIVATIONS))
        parts: list[nn.Module] = [quanv]
        of: Any = quanv
        place = {"device": of.weight.device, "dtype": of.weight.dtype}
        if normalization == "batch":
            parts.append(_BATCH_NORMS[len(of.kernel_size)](of.out_channels, **place))
        elif normalization == "layer":
            parts.append(nn.GroupNorm(1, of.out_channels, **place))
        if activation != "none":
            parts.append(ACTIVATIONS[activation]())
        super().__init__(*parts)
        self.normalized = normalization != "none"
        self._single = normalization == "batch"

    @property
    def quanv(self) -> nn.Module:
        """The quanvolutional layer, or what `to_classical` has put in its place."""
        return self[0]

    @property
    def input_gradients(self) -> bool:
        """Whether the layer passes derivatives to its input."""
        return getattr(self[0], "input_gradients", True)

    def forward(self, input: Tensor | Proxy) -> Any:
        """
        Raises:
            ShapeError: for a batch that batch normalization cannot be trained on.
        """
        found: Any = self[0](input)
        looked_at = self._single and self.training and not isinstance(found, Proxy)
        if looked_at and found.numel() == found.size(1):
            raise ShapeError(
                "batch normalization needs more than one value for each channel to train on, got "
                "a batch of one image whose map is one value: choose another batch_size"
            )
        for part in list(self.children())[1:]:
            found = part(found)
        return found


def quanv_of(layer: nn.Module) -> nn.Module:
    """The quanvolutional layer in a layer of a network, or that layer itself."""
    return layer.quanv if isinstance(layer, FollowedQuanv) else layer
