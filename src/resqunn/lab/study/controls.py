r"""Classical models on the images, splits and seeds of a configuration: tasks of a study.

pixels: logistic regression on the pixels; logistic_regression: so too, with all metrics.
monomials: logistic regression on what the circuit computes from a patch, without a circuit.
    A depth-1 RX layer gives $\langle Z_q\rangle = \prod_{i\le q}\cos\theta_i\cos x_i$, so
    that its outputs for any weights are linear in the prefix products of $\cos x_i$.
convolution: the configuration's network with convolutions of as many weights, tanh for the
    bounded range of an expectation value, the same wiring, head, optimiser and epochs.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from resqunn.data.datasets import Dataset
from resqunn.errors import RunError
from resqunn.lab.study.results import Measured
from resqunn.lab.training.config import TrainConfig
from resqunn.lab.training.evaluation import evaluate, prepare
from resqunn.lab.training.inputs import Shape, load_data, shape_of
from resqunn.lab.training.metrics import confusion, measures
from resqunn.lab.training.stack import Learner, Stack
from resqunn.nn.heads import LinearHead
from resqunn.nn.network import ResQuNN

ITERATIONS = 1000
"""Of the logistic regressions' solver, at most."""


def _pixels(images: Tensor) -> Tensor:
    return images.flatten(1)


def _monomials(images: Tensor, config: TrainConfig) -> Float[Tensor, "N D"]:
    """Prefix products of the cosines of each patch's values, in radians, channel by channel."""
    k = config.kernel_size
    channels = images.flatten(0, 1).unsqueeze(1)  # each has circuits of its own
    patches = nn.functional.unfold(channels * config.angle_scale, k, stride=k)
    return patches.cos().cumprod(dim=1).reshape(len(images), -1)


def pixels(config: TrainConfig) -> Measured:
    """Logistic regression on the pixels."""
    data = load_data(config)
    return _regression(data, _pixels(data.train.images), _pixels(data.validation.images))


def monomials(config: TrainConfig) -> Measured:
    """Logistic regression on the prefix products of cosines."""
    data = load_data(config)
    parts = (_monomials(part.images, config) for part in (data.train, data.validation))
    return _regression(data, *parts)


def logistic_regression(config: TrainConfig) -> Measured:
    """Logistic regression on the pixels, with every metric of validation and test images."""
    data = load_data(config)
    classifier = _fitted(data, _pixels(data.train.images))
    final: dict[str, float] = {}
    counts: dict[str, Any] = {}
    for name, part in (("validation", data.validation), ("test", data.test)):
        if part is None:
            continue
        pixels = _pixels(part.images).double().numpy()
        probabilities = torch.from_numpy(classifier.predict_proba(pixels))
        loss = nn.functional.nll_loss(probabilities.clamp_min(1e-300).log(), part.labels)
        found = measures(probabilities, part.labels, float(loss), probabilities=True)
        final |= {f"{name}_{metric}": v for metric, v in found.items() if v is not None}
        counts[name] = tuple(map(tuple, confusion(probabilities, part.labels).tolist()))
    score = classifier.score(_pixels(data.train.images).double().numpy(), data.train.labels)
    return Measured({"train_accuracy": float(score), **final}, _size(classifier), confusion=counts)


def _regression(data: Dataset, train: Tensor, validation: Tensor) -> Measured:
    model = _fitted(data, train)
    train, validation = train.double(), validation.double()
    return Measured(
        {
            "train_accuracy": float(model.score(train.numpy(), data.train.labels.numpy())),
            "validation_accuracy": float(
                model.score(validation.numpy(), data.validation.labels.numpy())
            ),
        },
        _size(model),
    )


def _fitted(data: Dataset, train: Tensor) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    # Of scikit-learn's solvers the fastest here, by a factor of ten.
    model = LogisticRegression(max_iter=ITERATIONS, solver="newton-cg")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(train.double().numpy(), data.train.labels.numpy())


def _size(model: Any) -> int:
    return int(np.size(model.coef_) + np.size(model.intercept_))


class BoundedConvolution(nn.Module):
    """`filters` convolutions of each channel without bias, tanh, and their mean."""

    def __init__(
        self, channels: int, filters: int, kernel_size: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.channels = channels
        self.convolution = nn.Conv2d(
            channels, channels * filters, kernel_size, kernel_size, groups=channels, bias=False
        )
        bound = 1 / kernel_size
        with torch.no_grad():
            self.convolution.weight.uniform_(-bound, bound, generator=generator)

    def forward(self, images: Tensor) -> Tensor:
        return self.convolution(images).tanh().unflatten(1, (self.channels, -1)).mean(dim=2)


def convolutional_model(config: TrainConfig, shape: Shape) -> ResQuNN:
    """The network of `config` with convolutions: `depth` filters of 2x2 for 4 `depth` angles."""
    generator = torch.Generator().manual_seed(config.seed)
    channels = shape.image[0]
    layers = [
        BoundedConvolution(channels, depth, config.kernel_size, generator)
        for depth in config.depths
    ]
    head = LinearHead(shape.classes, softmax=config.softmax, generator=generator)
    return ResQuNN(layers, config.wiring, head, align=config.align)


def convolution(config: TrainConfig) -> Measured:
    """The network with convolutions in place of circuits, trained as the network is."""
    data = load_data(config)
    model = convolutional_model(config, shape_of(data))
    with torch.no_grad():
        model(data.train.images[:1])
    train, validation = prepare(model, data.train), prepare(model, data.validation)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate)
    stack = Stack([Learner(model, optimizer, train, config.seed)], config.batch_size)
    for epoch in range(1, config.epochs + 1):
        (result,) = stack.train_epoch([epoch])
        if isinstance(result, RunError):
            raise result
    return Measured(
        {
            "train_accuracy": evaluate(model, train).accuracy,
            "validation_accuracy": evaluate(model, validation).accuracy,
        },
        sum(math.prod(parameter.shape) for parameter in model.parameters()),
    )


@dataclass(frozen=True)
class Control:
    """A task by its address, and what a reader should know of it."""

    task: str
    note: str


CONTROLS = {
    "pixels": Control(
        "resqunn.lab.study.controls:pixels",
        "scikit-learn's logistic regression on the pixels, to convergence",
    ),
    "monomials": Control(
        "resqunn.lab.study.controls:monomials",
        "logistic regression on prefix products of cos(x) of each patch: what a depth-1 RX layer "
        "can give its head, with no circuit",
    ),
    "convolution": Control(
        "resqunn.lab.study.controls:convolution",
        "Conv2d and tanh in place of each quanvolutional layer, with as many weights, trained as "
        "the network is",
    ),
}
