"""What the authors measured: 120 results, as a task, so that claims are judged by them too."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

from resqunn.errors import ConfigurationError
from resqunn.lab.study.results import Measured
from resqunn.lab.training.config import TrainConfig
from resqunn.papers.mattern.networks import ENCODINGS, KERNELS

CIRCUITS = range(10)
"""The numbers of the authors' circuits."""

Case = tuple[str, str, bool, int]
"""Kernel, encoding, whether it was trained, and the circuit's number."""


@cache
def results() -> dict[Case, dict[str, float]]:
    """The authors' results, by the names that the metrics have here.

    Their test images are images of the pool that they train on: `trained_accuracy` here.
    """
    text = resources.files("resqunn.papers.mattern").joinpath("reported.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    names = {name.lower(): name for name in ENCODINGS}
    return {
        (kernel, names[encoding.lower()], trainable, circuit): {
            "train_accuracy": train,
            "validation_accuracy": validation,
            "trained_accuracy": test,
        }
        for kernel, encoding, trainable, circuit, train, validation, test in found["rows"]
    }


def reported(config: TrainConfig) -> Measured:
    """The authors' result on the circuit of a configuration.

    Raises:
        ConfigurationError: if they have none.
    """
    kernel = next((k for k, shape in KERNELS.items() if shape.size == config.kernel_size), "")
    encoding = next((n for n, known in ENCODINGS.items() if known == config.encoding), "")
    circuit = config.ansatz.rpartition(":")[2]
    case = kernel, encoding, config.trainable, int(circuit) if circuit.isdecimal() else -1
    if case not in results():
        raise ConfigurationError(f"the authors have no result of {config.ansatz!r:.80}")
    return Measured(results()[case])
