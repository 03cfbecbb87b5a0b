r"""Which layers of a network learn: their gradients, told apart as none, zero or flowing.

*None* means that no path of derivatives leads from the loss to the layer. *Zero* means that
a path exists but the derivative vanishes identically, up to rounding. *Flows* is all else,
however small; the norm says how small. (ResQuNN paper, Sec. 5.1.1 and 5.2.)
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from resqunn.checks import checked
from resqunn.errors import ConfigurationError, ShapeError
from resqunn.nn.network import ResQuNN
from resqunn.nn.presets import residual_model
from resqunn.nn.quanv import Quanv2d
from resqunn.nn.wiring import Wiring

ROUNDING = 64 * torch.finfo(torch.float64).eps
"""A weight's gradient counts as zero below this fraction of the L1 norm of the gradient that
arrives at its layer's output: an expectation value changes by at most 1 a radian."""


Status = Literal["none", "zero", "flows"]


@dataclass(frozen=True)
class LayerFlow:
    """The gradient of one layer's weights.

    Attributes:
        name: "O1" for the first layer, and so on.
        status: "none", "zero" or "flows".
        norm: L2 norm over the layer's weights; None if the status is "none".
        gradient: the gradient of each weight, flattened (float64), or None.
        zero: for each weight whether its gradient is zero, or None.
    """

    name: str
    status: Status
    norm: float | None
    gradient: Float[Tensor, " W"] | None
    zero: Bool[Tensor, " W"] | None

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON-ready values."""
        return {
            "layer": self.name,
            "status": self.status,
            "norm": self.norm,
            "gradient": None if self.gradient is None else self.gradient.tolist(),
            "zero": None if self.zero is None else self.zero.tolist(),
        }


@dataclass(frozen=True)
class GradientFlow:
    """The gradients of every layer; prints as a table."""

    layers: tuple[LayerFlow, ...]

    @property
    def statuses(self) -> tuple[str, ...]:
        """Each layer's status."""
        return tuple(layer.status for layer in self.layers)

    @property
    def reaches_all(self) -> bool:
        """Whether every layer's gradient flows."""
        return all(status == "flows" for status in self.statuses)

    def __str__(self) -> str:
        lines = [f"{'layer':<6} {'status':<6} {'norm':>10}  weights that flow"]
        for layer in self.layers:
            norm = "-" if layer.norm is None else f"{layer.norm:.3e}"
            flowing = "-"
            if layer.zero is not None:
                flowing = f"{int((~layer.zero).sum())} of {layer.zero.numel()}"
            lines.append(f"{layer.name:<6} {layer.status:<6} {norm:>10}  {flowing}")
        return "\n".join(lines)


@checked
def gradient_flow(
    model: nn.Module, images: Float[Tensor, "B C H W"], labels: Int[Tensor, " N"]
) -> GradientFlow:
    r"""The gradient of the cross entropy with respect to each layer's weights.

    It is evaluated on a copy of the model in float64, so that rounding does not look like
    flow, and with every weight trainable, so that a frozen layer shows what it would get. The
    model itself stays as it is, and `torch.no_grad` around the call makes no difference.
    The layers are `model.layers` of a `ResQuNN`, else every `Quanv2d` of the model.

    Args:
        images: one batch.
        labels: class indices.

    Raises:
        ConfigurationError: if the model has no such layer, or for arguments of a wrong type.
        ShapeError: for images and labels that do not fit together, or the model.

    >>> from resqunn import paper_model
    >>> model = paper_model("X+O2", generator=torch.Generator().manual_seed(0))
    >>> images = torch.rand(4, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    >>> gradient_flow(model, images, torch.tensor([0, 1, 2, 3])).statuses
    ('none', 'flows')
    """
    if not len(labels) == len(images) > 0:
        raise ShapeError(
            f"a batch has a label for each image, not {len(images)} images and {len(labels)} labels"
        )
    # Also where the caller wants no gradients, as in the validation between two epochs.
    with torch.inference_mode(False), torch.enable_grad():
        return _flow(copy.deepcopy(model), images.clone(), labels.clone().long())


def _flow(model: nn.Module, images: Tensor, labels: Tensor) -> GradientFlow:
    classes = _classes(model, images[:1])
    if not 0 <= labels.min() <= labels.max() < classes:
        raise ShapeError(
            f"labels of {classes} classes are 0 to {classes - 1}, not {labels.min()} to "
            f"{labels.max()}"
        )
    model.double().requires_grad_(True)
    if isinstance(model, ResQuNN):
        layers = list(model.layers)
    else:
        layers = [module for module in model.modules() if isinstance(module, Quanv2d)]
    if not layers:
        raise ConfigurationError("the model has no quanvolutional layer to look at")
    outputs: dict[nn.Module, list[Tensor]] = {layer: [] for layer in layers}

    def keep(layer: nn.Module, _: Any, output: Tensor) -> None:
        outputs[layer].append(output)

    for layer in outputs:
        layer.register_forward_hook(keep)
    loss = nn.functional.cross_entropy(model(images.double()), labels)
    flows = []
    for number, layer in enumerate(layers, 1):
        at_outputs = [g for g in _gradients(loss, outputs[layer]) if g is not None]
        arriving = sum((float(gradient.abs().sum()) for gradient in at_outputs), 0.0)
        weights = list(layer.parameters())
        flows.append(_layer_flow(f"O{number}", weights, _gradients(loss, weights), arriving))
    return GradientFlow(tuple(flows))


def _classes(model: nn.Module, image: Tensor) -> int:
    """How many scores the model gives; a head that waits for a batch gets its shape."""
    modes = [(module, module.training) for module in model.modules()]
    with torch.no_grad():
        classes = model.eval()(image).shape[-1]
    for module, training in modes:
        module.training = training
    return classes


def _gradients(loss: Tensor, of: list[Any]) -> list[Tensor | None]:
    tracked = [tensor for tensor in of if tensor.requires_grad]
    if not tracked or not loss.requires_grad:
        return [None] * len(of)
    found = iter(torch.autograd.grad(loss, tracked, retain_graph=True, allow_unused=True))
    return [next(found) if tensor.requires_grad else None for tensor in of]


def _layer_flow(
    name: str,
    parameters: list[Any],
    gradients: list[Tensor | None],
    arriving: float,
) -> LayerFlow:
    if all(gradient is None for gradient in gradients):
        return LayerFlow(name, "none", None, None, None)
    flat = torch.cat(
        [
            (torch.zeros_like(parameter) if gradient is None else gradient).reshape(-1)
            for parameter, gradient in zip(parameters, gradients, strict=True)
        ]
    ).detach()
    zero = flat.abs() <= ROUNDING * arriving
    status: Status = "zero" if bool(zero.all()) else "flows"
    return LayerFlow(name, status, float(torch.linalg.vector_norm(flat)), flat, zero)


def survey(
    layers: int,
    *,
    depth: int = 1,
    ansatz: str = "rx_chain",
    readout: str = "mean_z",
    reupload: bool = True,
    batch: int = 4,
    seed: int = 0,
) -> Iterator[tuple[Wiring, GradientFlow, GradientFlow]]:
    """Every wiring of so many layers, with its gradients under cut and true derivatives.

    The networks are the paper's (Fig. 3, 7 and 11) with circuits of `depth` layers, on a
    batch of uniformly random images, 28x28 or large enough to halve in every layer. All
    wirings start from the same weights.

    Yields:
        The wiring, and its gradient flow with `input_gradients` False and True.
    """
    generator = torch.Generator().manual_seed(seed)
    side = max(28, 2 ** (layers + 1))
    images = torch.rand(batch, 1, side, side, generator=generator)
    labels = torch.randint(10, (batch,), generator=generator)
    for wiring in Wiring.all(layers):
        cut, true = (
            gradient_flow(
                residual_model(
                    wiring,
                    depths=[depth] * layers,
                    encoding="ry",
                    ansatz=ansatz,
                    readout=readout,
                    reupload=reupload,
                    angle_scale=1.0,
                    input_gradients=input_gradients,
                    head="linear",
                    classes=10,
                    softmax=True,
                    generator=torch.Generator().manual_seed(seed),
                ),
                images,
                labels,
            )
            for input_gradients in (False, True)
        )
        yield wiring, cut, true
