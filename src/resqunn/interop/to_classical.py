"""`to_classical`: a trained network as plain torch operations."""

from __future__ import annotations

import copy

from torch import nn

from resqunn.checks import checked
from resqunn.errors import CircuitError, ConfigurationError
from resqunn.interop.classical import ClassicalHead, ClassicalQuanv
from resqunn.nn.heads import QuantumHead
from resqunn.nn.layer import Quanv


@checked
def to_classical(module: nn.Module) -> nn.Module:
    r"""A layer, a quantum head or a network that holds some, as plain torch operations.

    Each quantum part becomes a module of cosines, sines and products with constant real matrices,
    with the part's values up to rounding: real numbers alone, for images of the sizes that the
    layer takes, in their memory format. It goes through `torch.compile(fullgraph=True)`,
    `torch.export` and `torch.onnx.export`. It is for inference: buffers are made of the weights as
    they are; derivatives by the images flow where the layer's do. Values are exact: shots and noise
    of an engine are left out.

    Args:
        module: stays as it is; what is not quantum is copied, its hooks included, those of quantum
            parts not.

    Returns:
        A module of the module's device, number type and mode (`train` or `eval`).

    Raises:
        CircuitError: for a circuit of more than 10 qubits, whose matrices would be too large, or
            with too many of them (2**27 numbers).
        ConfigurationError: for an argument of a wrong type, or a layer or head whose `forward` is
            not the library's.

    >>> import torch
    >>> from resqunn import Quanv2d
    >>> layer = Quanv2d(1, 4, 2, 2, reupload=True)
    >>> images = torch.rand(8, 1, 28, 28)
    >>> torch.allclose(to_classical(layer)(images), layer(images), atol=1e-5)
    True
    """
    if isinstance(module, Quanv | QuantumHead):
        return _classical("module", module)
    found = copy.deepcopy(module)
    known: dict[nn.Module, nn.Module] = {}
    for name, part in list(found.named_modules(remove_duplicate=False)):
        if isinstance(part, Quanv | QuantumHead):
            if part not in known:
                known[part] = _classical(name, part)
            parent, _, last = name.rpartition(".")
            found.get_submodule(parent).register_module(last, known[part])
    return found


def _classical(name: str, part: Quanv | QuantumHead) -> nn.Module:
    base = Quanv if isinstance(part, Quanv) else QuantumHead
    if type(part).forward is not base.forward:
        raise ConfigurationError(
            f"{name} must have the library's own forward, got that of {type(part).__name__}: "
            "make it of a layer inside a module of your own"
        )
    try:
        found = ClassicalQuanv(part) if isinstance(part, Quanv) else ClassicalHead(part)
    except CircuitError as error:
        raise CircuitError(f"{name}: {error}") from None
    return found.train(part.training)
