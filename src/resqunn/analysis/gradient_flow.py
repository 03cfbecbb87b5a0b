r"""Which layers of a network learn: whether their gradients are none, zero or flowing.

*None* means that no path of derivatives leads from the loss to the layer. *Zero* means that
a path exists but the derivative vanishes identically, up to rounding. *Flows* is all else,
however small; the norm says how small. (ResQuNN paper, Sec. 5.1.1 and 5.2.)
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from resqunn.analysis.dead_weights import dead_weights
from resqunn.checks import checked, shown
from resqunn.errors import ConfigurationError, ShapeError
from resqunn.nn.circuit_module import CircuitModule
from resqunn.nn.followed import quanv_of
from resqunn.nn.layer import Quanv
from resqunn.nn.network import ResQuNN
from resqunn.nn.presets import paper_model
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
        dead: for each weight whether no value of the layer's circuit depends on it, so that its
            gradient is zero in every network.
    """

    name: str
    status: Status
    norm: float | None
    gradient: Float[Tensor, " W"] | None
    zero: Bool[Tensor, " W"] | None
    dead: Bool[Tensor, " W"]

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON-ready values."""
        return {
            "layer": self.name,
            "status": self.status,
            "norm": self.norm,
            "gradient": None if self.gradient is None else self.gradient.tolist(),
            "zero": None if self.zero is None else self.zero.tolist(),
            "dead": self.dead.tolist(),
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
            if dead := int(layer.dead.sum()):
                flowing += f" ({dead} dead)"
            lines.append(f"{layer.name:<6} {layer.status:<6} {norm:>10}  {flowing}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """What a notebook shows: the table."""
        head, *rows = (line.split(maxsplit=3) for line in str(self).splitlines())
        cells = ["".join(f"<td>{cell}</td>" for cell in row) for row in rows]
        top = "".join(f"<th>{cell}</th>" for cell in head)
        return f"<table><tr>{top}</tr>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>"


@checked
def gradient_flow(
    model: nn.Module,
    images: Float[Tensor, "B C *S"],
    labels: Tensor,
    loss: Callable[..., Any] = cross_entropy,
) -> GradientFlow:
    r"""The gradient of a loss with respect to each layer's weights.

    It is evaluated on a copy of the model in float64, so that rounding does not look like
    flow, and with every weight trainable, so that a frozen layer shows what it would get. The
    model itself stays as it is, and `torch.no_grad` around the call makes no difference.
    The layers are `model.layers` of a `ResQuNN`, else every quanvolutional layer of the model.

    Args:
        images: one batch.
        labels: what the loss compares the outputs with, one entry an image; for the cross
            entropy the indices of their classes.
        loss: called with the outputs (B, ...) and the labels; gives one number. Labels that
            are not whole numbers, and a loss that is a module, are taken in float64 too.

    Raises:
        ConfigurationError: if the model has no such layer, or the loss gives no number.
        WrongTypeError: for arguments of a wrong type.
        ShapeError: for images and labels that do not fit together, or the model.

    >>> from resqunn import paper_model
    >>> model = paper_model("X+O2", generator=torch.Generator().manual_seed(0))
    >>> images = torch.rand(4, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    >>> gradient_flow(model, images, torch.tensor([0, 1, 2, 3])).statuses
    ('none', 'flows')
    """
    if not len(labels) == len(images) > 0:
        raise ShapeError(
            f"labels must be one for each of 1 or more images, got {len(labels)} labels and "
            f"{len(images)} images"
        )
    if loss is cross_entropy and (labels.ndim != 1 or labels.is_floating_point()):
        raise ShapeError(f"labels must be class indices of shape (B,), got {shown(labels)}")
    # Also where the caller wants no gradients, as in the validation between two epochs.
    with torch.inference_mode(False), torch.enable_grad():
        targets = labels.double() if labels.is_floating_point() else labels.long()
        if isinstance(loss, nn.Module):
            loss = copy.deepcopy(loss).double()
        return _flow(copy.deepcopy(model), images.clone(), targets.clone(), loss)


def _flow(
    model: nn.Module, images: Tensor, targets: Tensor, loss: Callable[..., Any]
) -> GradientFlow:
    outputs = _settled(model, images[:1])
    if loss is cross_entropy:
        classes = outputs.shape[-1]
        if not 0 <= targets.min() <= targets.max() < classes:
            raise ShapeError(
                f"labels of {classes} classes must be 0 to {classes - 1}, got {targets.min()} to "
                f"{targets.max()}"
            )
    model.double().requires_grad_(True)
    if isinstance(model, ResQuNN):
        layers = [quanv_of(layer) for layer in model.layers]
    else:
        layers = [module for module in model.modules() if isinstance(module, Quanv)]
    if not layers:
        raise ConfigurationError("model must have a quanvolutional layer, got none")
    kept: dict[nn.Module, list[Tensor]] = {layer: [] for layer in layers}

    def keep(layer: nn.Module, _: Any, output: Tensor) -> None:
        kept[layer].append(output)

    for layer in kept:
        layer.register_forward_hook(keep)
    value = loss(model(images.double()), targets)
    if not isinstance(value, Tensor) or value.numel() != 1:
        raise ConfigurationError(f"loss must give one number, got {shown(value)}")
    flows = []
    for number, layer in enumerate(layers, 1):
        at_outputs = [g for g in _gradients(value, kept[layer]) if g is not None]
        arriving = sum((float(gradient.abs().sum()) for gradient in at_outputs), 0.0)
        weights = list(layer.parameters())
        gradients = _gradients(value, weights)
        flows.append(_layer_flow(f"O{number}", weights, gradients, arriving, _dead(layer)))
    return GradientFlow(tuple(flows))


def _settled(model: nn.Module, image: Tensor) -> Tensor:
    """What the model gives for one image; a head that waits for a batch gets its shape."""
    modes = [(module, module.training) for module in model.modules()]
    with torch.no_grad():
        output = model.eval()(image)
    for module, training in modes:
        module.training = training
    return output


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
    dead: Tensor,
) -> LayerFlow:
    if all(gradient is None for gradient in gradients):
        return LayerFlow(name, "none", None, None, None, dead)
    flat = torch.cat(
        [
            (torch.zeros_like(parameter) if gradient is None else gradient).reshape(-1)
            for parameter, gradient in zip(parameters, gradients, strict=True)
        ]
    ).detach()
    zero = flat.abs() <= ROUNDING * arriving
    status: Status = "zero" if bool(zero.all()) else "flows"
    return LayerFlow(name, status, float(torch.linalg.vector_norm(flat)), flat, zero, dead)


def _dead(layer: nn.Module) -> Tensor:
    """Which of a layer's parameters, flattened, are weights that its circuit does not need."""
    parts = []
    for name, parameter in layer.named_parameters():
        found = torch.zeros(parameter.shape, dtype=torch.bool)
        if name == "weight" and isinstance(layer, CircuitModule):
            circuit = layer.noisy_circuit
            found.view(-1, max(1, circuit.num_weights))[:, list(dead_weights(circuit))] = True
        parts.append(found.flatten())
    return torch.cat(parts) if parts else torch.zeros(0, dtype=torch.bool)


def survey(
    layers: int,
    *,
    depth: int = 1,
    batch: int = 4,
    seed: int = 0,
    **options: Any,
) -> Iterator[tuple[Wiring, GradientFlow, GradientFlow]]:
    """Every wiring of `layers` layers, with its gradients under cut and true derivatives.

    The networks are the paper's (Fig. 3, 7 and 11) with circuits of `depth` layers, on a
    batch of uniformly random images, 28x28 or large enough to halve in every layer. All
    wirings start from the same weights.

    Args:
        options: as in `paper_model`.

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
                paper_model(
                    wiring,
                    depths=[depth] * layers,
                    input_gradients=input_gradients,
                    generator=torch.Generator().manual_seed(seed),
                    **options,
                ),
                images,
                labels,
            )
            for input_gradients in (False, True)
        )
        yield wiring, cut, true
