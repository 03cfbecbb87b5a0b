r"""Classical models on the same images, splits and seeds as the network O1+O2 of Fig. 8.

pixels: logistic regression on the pixels.
monomials: logistic regression on what the circuit computes from a patch, without a circuit.
    A depth-1 RX layer gives $\langle Z_q\rangle = \prod_{i\le q}\cos\theta_i\cos x_i$, so
    that its outputs for any weights are linear in the prefix products of $\cos x_i$.
convolution: the same network with convolutions of as many weights, tanh for the bounded range
    of an expectation value, the same wiring, head, optimiser and epochs.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from resqunn.data.datasets import LabelledImages
from resqunn.lab.training.config import TrainConfig
from resqunn.lab.training.loop import evaluate, prepare, train_epoch
from resqunn.lab.training.run import load_data
from resqunn.nn.heads import LinearHead
from resqunn.nn.network import ResQuNN

ITERATIONS = 1000
"""Of the logistic regressions' solver (L-BFGS), at most."""


def measure(kind: str, config: TrainConfig) -> dict[str, float]:
    """Trains a control: final accuracies in [0, 1], and the number of its weights."""
    return CONTROLS[kind](config)


def _pixels(images: Tensor, _: TrainConfig) -> Tensor:
    return images.flatten(1)


def _monomials(images: Tensor, config: TrainConfig) -> Float[Tensor, "N D"]:
    """Prefix products of the cosines of each patch's values, in radians."""
    k = config.kernel_size
    patches = nn.functional.unfold(images * config.angle_scale, k, stride=k)
    return patches.cos().cumprod(dim=1).flatten(1)


def _regression(
    features: Callable[[Tensor, TrainConfig], Tensor],
) -> Callable[[TrainConfig], dict[str, float]]:
    def measured(config: TrainConfig) -> dict[str, float]:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        data = load_data(config)
        model = LogisticRegression(max_iter=ITERATIONS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(features(data.train.images, config).numpy(), data.train.labels.numpy())

        def accuracy(part: LabelledImages) -> float:
            return float(model.score(features(part.images, config).numpy(), part.labels.numpy()))

        return {
            "train_accuracy": accuracy(data.train),
            "validation_accuracy": accuracy(data.validation),
            "weights": np.size(model.coef_) + np.size(model.intercept_),
        }

    return measured


class BoundedConvolution(nn.Module):
    """`filters` convolutions without bias, tanh, and their mean: one channel."""

    def __init__(self, filters: int, kernel_size: int, generator: torch.Generator) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, filters, kernel_size, kernel_size, bias=False)
        bound = 1 / kernel_size
        with torch.no_grad():
            self.convolution.weight.uniform_(-bound, bound, generator=generator)

    def forward(self, images: Tensor) -> Tensor:
        return self.convolution(images).tanh().mean(dim=1, keepdim=True)


def convolutional_model(config: TrainConfig) -> ResQuNN:
    """The network of `config` with convolutions: `depth` filters of 2x2 for 4 `depth` angles."""
    generator = torch.Generator().manual_seed(config.seed)
    layers = [BoundedConvolution(d, config.kernel_size, generator) for d in config.depths]
    head = LinearHead(config.classes, softmax=config.softmax, generator=generator)
    return ResQuNN(layers, config.wiring, head, align=config.align)


def _convolution(config: TrainConfig) -> dict[str, float]:
    data = load_data(config)
    model = convolutional_model(config)
    with torch.no_grad():
        model(data.train.images[:1])
    train, validation = prepare(model, data.train), prepare(model, data.validation)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate)
    for epoch in range(1, config.epochs + 1):
        train_epoch(
            model,
            optimizer,
            train,
            seed=config.seed,
            epoch=epoch,
            batch_size=config.batch_size,
            parts={},
        )
    return {
        "train_accuracy": evaluate(model, train).accuracy,
        "validation_accuracy": evaluate(model, validation).accuracy,
        "weights": sum(math.prod(parameter.shape) for parameter in model.parameters()),
    }


CONTROLS: dict[str, Callable[[TrainConfig], dict[str, float]]] = {
    "pixels": _regression(_pixels),
    "monomials": _regression(_monomials),
    "convolution": _convolution,
}

NOTES = {
    "pixels": "scikit-learn's logistic regression on the pixels, to convergence",
    "monomials": "logistic regression on prefix products of cos(x) of each patch: what a depth-1 "
    "RX layer can give its head, with no circuit",
    "convolution": "Conv2d and tanh in place of each quanvolutional layer, with as many weights, "
    "trained as the network is",
}
