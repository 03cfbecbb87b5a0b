"""Every layer and head, in small: how it is made, and the shape of one of its images."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from resqunn import LinearHead, QuantumHead, Quanv1d, Quanv2d, Quanv3d, ResQuNN

Make = Callable[..., nn.Module]

TABLE: dict[str, tuple[Make, tuple[int, ...]]] = {
    "Quanv1d": (lambda **o: Quanv1d(2, 2, 2, 2, bias=True, readout="z0", **o), (2, 6)),
    "Quanv1d, circular": (
        lambda **o: Quanv1d(1, 2, 2, padding=1, padding_mode="circular", **o),
        (1, 5),
    ),
    "Quanv2d": (lambda **o: Quanv2d(1, 4, 2, 2, **o), (1, 4, 4)),
    "Quanv2d, overlapping": (
        lambda **o: Quanv2d(1, 1, 2, padding="same", readout="z3", **o),
        (1, 3, 3),
    ),
    "Quanv2d, sum": (
        lambda **o: Quanv2d(2, 4, 2, 2, bias=True, channel_mode="sum", reupload=True, **o),
        (2, 4, 4),
    ),
    "Quanv2d, four axes of weights": (
        lambda **o: Quanv2d(2, 8, 2, 2, groups=2, ansatz="strongly_entangling", **o),
        (2, 4, 4),
    ),
    "Quanv3d": (
        lambda **o: Quanv3d(1, 1, (1, 2, 2), 1, readout="mean_z", **o),
        (1, 2, 3, 3),
    ),
    "Quanv3d, sum": (
        lambda **o: Quanv3d(2, 8, 2, 2, channel_mode="sum", depth=1, **o),
        (2, 2, 2, 4),
    ),
    "LinearHead": (lambda **o: LinearHead(3, 8, **o), (2, 4)),
    "LinearHead, double softmax": (lambda **o: LinearHead(3, 8, softmax=True, **o), (2, 4)),
    "QuantumHead": (lambda **o: QuantumHead(3, num_qubits=3, **o), (2, 4)),
    "QuantumHead, double softmax": (
        lambda **o: QuantumHead(2, num_qubits=3, measured=(2, 0), softmax=True, **o),
        (5,),
    ),
    "ResQuNN": (
        lambda **o: ResQuNN(
            [Quanv1d(1, 2, 2, **o), Quanv1d(2, 1, 2, readout="mean_z", **o)],
            "X+O2",
            LinearHead(3, 6, **o),
        ),
        (1, 6),
    ),
}
MODULES = pytest.mark.parametrize("name", TABLE)


def made(name: str, **options) -> nn.Module:
    torch.manual_seed(0)
    return TABLE[name][0](**options)


def batch(name: str, size: int = 3, dtype: torch.dtype = torch.float32) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(size, *TABLE[name][1], generator=generator, dtype=torch.float64).to(dtype)


def gradients(module: nn.Module) -> dict[str, Tensor]:
    return {name: parameter.grad.clone() for name, parameter in module.named_parameters()}
