"""Random layers to try torch's modes on, and what they must give.

What a mode gives is compared with plain reverse differentiation on the reference engine in
float64.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.func import functional_call

from resqunn import Quanv1d, Quanv2d, Quanv3d
from resqunn.circuits.ansatze import ANSATZE
from resqunn.circuits.circuit import Circuit
from resqunn.circuits.readouts import READOUTS
from resqunn.errors import ResqunnError

from reliability.laws import able
from support import REPEATED, SMALL

Found = dict[str, Tensor]

KERNELS = {
    1: [1, 2, 3, 4],
    2: [(1, 2), (2, 1), 2, (1, 3), 1],
    3: [(1, 1, 2), (2, 1, 1), (1, 2, 2), (2, 1, 2), 1],
}
LAYERS = {1: Quanv1d, 2: Quanv2d, 3: Quanv3d}
WANTED = ("none", "images", "weights", "both")


def loss(values: Tensor, cotangent: Tensor) -> Tensor:
    return (values.sin() * cotangent).sum()


@dataclass(frozen=True)
class Case:
    """A layer, the same one in float64 on the reference engine, and what they are given.

    `others` are images of the same shape, `tangent` is a direction, `cotangent` weighs the
    values in the loss. Gradients are wanted of the images, the weights, both or none; weights
    of which none are wanted are frozen.
    """

    layer: nn.Module
    oracle: nn.Module
    images: Tensor
    others: Tensor
    tangent: Tensor
    cotangent: Tensor
    wanted: str

    def __str__(self) -> str:
        dtype, shape = self.images.dtype, tuple(self.images.shape)
        return f"gradients of {self.wanted}, {dtype}, images {shape}, {self.layer}"

    @property
    def names(self) -> list[str]:
        """Of what gradients are wanted, the images first."""
        weights = [name for name, _ in self.layer.named_parameters()]
        images = ["images"] * (self.wanted in ("images", "both"))
        return images + (weights if self.wanted in ("weights", "both") else [])

    @property
    def given(self) -> Tensor:
        """The images as a leaf, which asks for a gradient if one is wanted."""
        return self.images.clone().requires_grad_("images" in self.names)

    @cached_property
    def parameters(self) -> dict[str, Tensor]:
        return {name: value.detach() for name, value in self.layer.named_parameters()}

    @cached_property
    def other_parameters(self) -> dict[str, Tensor]:
        return {name: value.cos() + 1 for name, value in self.parameters.items()}

    @cached_property
    def directions(self) -> list[Tensor]:
        """Tangents of images and parameters."""
        return [self.tangent, *((value + 0.5).sin() for value in self.parameters.values())]

    def of(self, module: Callable[[Tensor], Tensor], images: Tensor, owner: nn.Module) -> Found:
        """The values of a module, and the gradients that are wanted.

        Args:
            owner: whose parameters the module has.
        """
        named = {"images": images, **dict(owner.named_parameters())}
        wanted = {name: named[name] for name in self.names}
        return values_and_gradients(module, images, self.cotangent, wanted)


def values_and_gradients(
    module: Callable[[Tensor], Tensor], images: Tensor, cotangent: Tensor, wanted: Found
) -> Found:
    values = module(images)
    found = {"values": values.detach()}
    if wanted and values.requires_grad:
        of = loss(values, cotangent.to(values.dtype))
        gradients = torch.autograd.grad(
            of, list(wanted.values()), allow_unused=True, materialize_grads=True
        )
        found |= {f"gradient of {n}": g for n, g in zip(wanted, gradients, strict=True)}
    return found


def penalty(module: nn.Module, images: Tensor, cotangent: Tensor) -> Found:
    """The derivatives of a gradient penalty: of the square of the gradient by the images."""
    images = images.clone().requires_grad_()
    of = loss(module(images), cotangent.to(images.dtype))
    options = {"allow_unused": True, "materialize_grads": True}
    if not of.requires_grad:
        return {}
    (first,) = torch.autograd.grad(of, images, create_graph=True, **options)
    if not first.requires_grad:
        return {}
    named = {"images": images, **dict(module.named_parameters())}
    wanted = {name: value for name, value in named.items() if value.requires_grad}
    second = torch.autograd.grad(first.square().sum(), list(wanted.values()), **options)
    return {f"penalty's gradient of {n}": g for n, g in zip(wanted, second, strict=True)}


def expected(case: Case, keys: list[str]) -> Found:
    """What a mode must give of all that it says it gives."""
    oracle, images, cotangent = case.oracle, case.images.double(), case.cotangent
    leaf = images.clone().requires_grad_()
    named = {"images": leaf, **dict(oracle.named_parameters())}
    found = values_and_gradients(oracle, leaf, cotangent, named)
    for name in named:  # of what is not differentiable at all, here and below
        found.setdefault(f"gradient of {name}", torch.zeros_like(named[name]))
    if "values of other weights" in keys:
        other = {name: value.double() for name, value in case.other_parameters.items()}
        found["values of other weights"] = functional_call(oracle, other, (images,))
    if "tangent" in keys:
        found["tangent"] = pushed_forward(case, named)
    if "Jacobian" in keys:
        found["Jacobian"] = torch.autograd.functional.jacobian(oracle, images)
    if "Hessian" in keys:
        of = lambda x: loss(oracle(x), cotangent)  # noqa: E731
        found["Hessian"] = torch.autograd.functional.hessian(of, images)
    if any(key.startswith("penalty") for key in keys):
        found |= {f"penalty's gradient of {n}": torch.zeros_like(named[n]) for n in named}
        found |= penalty(oracle, images, cotangent)
    return {key: found[key] for key in keys}


def pushed_forward(case: Case, named: dict[str, Tensor]) -> Tensor:
    """The derivative along the directions: that of the gradients by the cotangents."""
    values = case.oracle(named["images"])
    if not values.requires_grad:
        return torch.zeros_like(values)
    v = torch.zeros_like(values).requires_grad_()
    gradients = torch.autograd.grad(
        values, list(named.values()), v, create_graph=True, allow_unused=True
    )
    pairs = zip(gradients, case.directions, strict=True)
    along = sum((g * d.double()).sum() for g, d in pairs if g is not None)
    return torch.autograd.grad(along, v)[0]


def drawn(rng: random.Random) -> Case:
    """A case for which there is a layer."""
    while True:
        try:
            return _drawn(rng)
        except ResqunnError:
            continue


def _drawn(rng: random.Random) -> Case:
    rank = rng.choice((1, 2, 2, 3))
    groups, members = rng.choice((1, 1, 2)), rng.choice((1, 1, 2))
    channel_mode = rng.choice(("joint", "sum"))
    kernel = rng.choice(KERNELS[rank])
    each = kernel if isinstance(kernel, tuple) else (kernel,) * rank
    values = members if channel_mode == "joint" else 1
    for number in each:
        values *= number
    encoding = rng.choice([n for n in SMALL if n != "frqi_mattern"])  # steep at pixels of 1
    parts = {
        "encoding": SMALL[encoding],
        "ansatz": rng.choice([*ANSATZE, f"random:{rng.randrange(100)}"]),
        "depth": rng.randint(0, 2),
        "reupload": encoding in REPEATED and rng.random() < 0.4,
        "readout": rng.choice([*READOUTS, "z1,z0"]),
    }
    circuit = Circuit(**parts, inputs=values)
    dilation = rng.choice((1, 1, 2))
    options = {
        "stride": rng.choice((1, 1, 2)),
        "padding": rng.choice((0, 0, 1, "same", "valid")),
        "padding_mode": rng.choice(("zeros", "zeros", "reflect", "replicate", "circular")),
        "dilation": dilation,
        "groups": groups,
        "bias": rng.random() < 0.3,
        "channel_mode": channel_mode,
        "angle_scale": rng.choice((None, 1.0, 0.3)),
        "input_gradients": rng.random() < 0.9,
        **parts,
    }
    shape = (groups * members, groups * circuit.num_outputs * rng.randint(1, 2), kernel)
    dtype = rng.choice((torch.float32, torch.float64))
    wanted = rng.choice(WANTED)
    draw = torch.Generator().manual_seed(rng.getrandbits(32))
    layer = LAYERS[rank](
        *shape, **options, engine=rng.choice(able(circuit)), dtype=dtype, generator=draw
    )
    oracle = LAYERS[rank](*shape, **options, engine="statevector", dtype=torch.float64)
    oracle.load_state_dict({name: value.double() for name, value in layer.state_dict().items()})
    layer.requires_grad_(wanted in ("weights", "both"))
    sizes = [dilation * (number - 1) + 1 + rng.randint(0, 2) for number in each]
    batch = (rng.randint(1, 3), shape[0], *sizes)
    first, others, tangent = (
        torch.rand(batch, generator=draw, dtype=dtype) * 0.9 + 0.1 for _ in range(3)
    )
    output = oracle(first.double()).detach()
    cotangent = torch.rand(output.shape, generator=draw, dtype=torch.float64) * 2 - 1
    return Case(layer, oracle, first, others, tangent, cotangent, wanted)
