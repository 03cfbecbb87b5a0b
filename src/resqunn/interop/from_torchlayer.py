"""`from_torchlayer`: a PennyLane `TorchLayer` as a layer, its weights included."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from resqunn.checks import shown
from resqunn.errors import ConfigurationError, MissingExtraError
from resqunn.interop.from_pennylane import from_pennylane
from resqunn.nn.patches import OneOrEach, sizes
from resqunn.nn.quanv import Quanv2d


def from_torchlayer(
    layer: nn.Module,
    kernel_size: OneOrEach = 2,
    stride: OneOrEach = 2,
    in_channels: int = 1,
    **options: Any,
) -> Quanv2d:
    """The `Quanv2d` of one filter that applies a PennyLane `TorchLayer` to every patch.

    Its output channels are what the layer returns for a patch, whose values are flattened channel
    by channel and row by row. The weights are copied, in their number type and on their device.

    Args:
        layer: a `pennylane.qnn.TorchLayer`, whose QNode is read by `from_pennylane`.
        kernel_size, stride, in_channels: of the patches; the layer reads as many inputs.
        options: further ones of `Quanv2d`.

    Raises:
        MissingExtraError: without PennyLane.
        ConfigurationError: for what is no `TorchLayer`.
        CircuitError: for a QNode that `from_pennylane` refuses.

    >>> import pennylane as qml
    >>> @qml.qnode(qml.device("default.qubit", wires=4))
    ... def qnode(inputs, weights):
    ...     qml.AngleEmbedding(inputs, wires=range(4))
    ...     qml.BasicEntanglerLayers(weights, wires=range(4))
    ...     return [qml.expval(qml.Z(q)) for q in range(4)]
    >>> trained = qml.qnn.TorchLayer(qnode, {"weights": (2, 4)})
    >>> layer = from_torchlayer(trained, kernel_size=2)
    >>> image = torch.rand(1, 1, 2, 2)
    >>> torch.allclose(layer(image).flatten(), trained(image.flatten()), atol=1e-5)
    True
    """
    try:
        import pennylane
    except ImportError:
        raise MissingExtraError("from_torchlayer", "pennylane") from None
    if not isinstance(layer, pennylane.qnn.TorchLayer):  # pyright: ignore[reportArgumentType]
        raise ConfigurationError(f"layer must be a pennylane.qnn.TorchLayer, got {shown(layer)}")
    height, width = sizes("kernel_size", kernel_size, 2, 1)
    weights: dict[str, torch.Tensor] = dict(layer.qnode_weights)  # pyright: ignore[reportArgumentType, reportAssignmentType, reportCallIssue]
    shapes = {name: tuple(weight.shape) for name, weight in weights.items()}
    circuit = from_pennylane(layer.qnode, height * width * in_channels, shapes)
    flat = torch.cat([weight.detach().reshape(-1) for weight in weights.values()])
    made = Quanv2d(
        in_channels,
        circuit.num_outputs,
        kernel_size,
        stride,
        circuit=circuit,
        **{"dtype": flat.dtype, "device": flat.device, **options},
    )
    with torch.no_grad():
        made.weight.copy_(flat.reshape(made.weight.shape))
    return made
