"""Random circuits, each drawn once from its seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from resqunn.checks import settle_fields
from resqunn.circuits.angles import Weight
from resqunn.circuits.ansatze.base import Ansatz
from resqunn.circuits.operations import Operation
from resqunn.errors import ConfigurationError

ROTATIONS = ("RX", "RY", "RZ")


@dataclass(frozen=True)
class Random(Ansatz):
    """A random circuit, drawn once from `seed`: as many rotations a layer as qubits.

    Each rotation has a random axis and a random qubit; before each one, with probability
    `entangling`, CNOTs between random pairs are drawn. After Henderson et al.,
    arXiv:1904.04767, which froze the circuit; here the rotation angles are weights, so a
    frozen layer is the original.
    """

    name: str = "random"
    seed: int = 0
    entangling: float = 0.3

    def __post_init__(self) -> None:
        if not 0 <= self.entangling < 1:
            raise ConfigurationError(f"entangling must be in [0, 1), got {self.entangling}")

    def layer_shape(self, num_qubits: int) -> tuple[int, ...]:
        return (num_qubits,)

    def layer(self, index: int, num_qubits: int) -> tuple[Operation, ...]:
        # Only Random.random() is promised to give the same numbers in every Python version.
        draw = random.Random(f"resqunn {self.seed} {index} {num_qubits}").random
        operations: list[Operation] = []
        for weight in range(num_qubits):
            while num_qubits > 1 and draw() < self.entangling:
                control = int(draw() * num_qubits)
                target = (control + 1 + int(draw() * (num_qubits - 1))) % num_qubits
                operations.append(Operation("CNOT", (control, target)))
            rotation = ROTATIONS[int(draw() * 3)]
            operations.append(Operation(rotation, (int(draw() * num_qubits),), Weight(weight)))
        return tuple(operations)


@dataclass(frozen=True)
class RandomLayers(Ansatz):
    """The circuit that PennyLane's `RandomLayers` draws from a seed.

    After Henderson et al., arXiv:1904.04767. Draws are made until the rotations of a layer are
    placed: with probability `ratio_imprim` a CNOT on two random qubits (nothing where there is one
    qubit), else RX, RY or RZ on a random one. Layers follow on one stream of random numbers.

    Attributes:
        seed: of NumPy's `default_rng`, as in PennyLane 0.45, or, with `legacy`, of the generator
            behind `numpy.random.seed`, as in PennyLane's releases of 2021. NumPy keeps the stream
            of the second one for good, and may change that of the first.
        ratio_imprim: in [0, 1).
        rotations: how many a layer has; as many as qubits by default.

    Raises:
        ConfigurationError: for a seed below 0 (or, with `legacy`, above 2**32 - 1), a ratio that is
            out of range, or fewer than one rotation.
    """

    name: str = "random_layers"
    seed: int = 42
    ratio_imprim: float = 0.3
    rotations: int | None = None
    legacy: bool = False

    def __post_init__(self) -> None:
        settle_fields(self)
        most = 2**32 - 1
        if self.seed < 0 or (self.legacy and self.seed > most):
            limit = f"0 to {most}" if self.legacy else "0 or more"
            raise ConfigurationError(f"seed must be {limit}, got {self.seed}")
        if not 0 <= self.ratio_imprim < 1:
            raise ConfigurationError(f"ratio_imprim must be in [0, 1), got {self.ratio_imprim}")
        if self.rotations is not None and self.rotations < 1:
            raise ConfigurationError(f"rotations must be 1 or more, got {self.rotations}")

    def layer_shape(self, num_qubits: int) -> tuple[int, ...]:
        return (num_qubits if self.rotations is None else self.rotations,)

    def layer(self, index: int, num_qubits: int) -> tuple[Operation, ...]:
        (rotations,) = self.layer_shape(num_qubits)
        # Twice as many as before, when there are too few: more layers leave earlier ones alone.
        count = 1 << index.bit_length()
        stream = (self.seed, self.legacy, self.ratio_imprim)
        return _drawn(*stream, rotations, num_qubits, count)[index]


@lru_cache(maxsize=16)
def _drawn(
    seed: int, legacy: bool, ratio: float, rotations: int, num_qubits: int, layers: int
) -> tuple[tuple[Operation, ...], ...]:
    """The first layers of a seed."""
    draw: Any = np.random.RandomState(seed) if legacy else np.random.default_rng(seed)
    found = []
    for _ in range(layers):
        operations: list[Operation] = []
        placed = 0
        while placed < rotations:
            if draw.random() > ratio:
                name = ROTATIONS[int(draw.choice(3))]
                (qubit,) = draw.choice(num_qubits, size=1, replace=False)
                operations.append(Operation(name, (int(qubit),), Weight(placed)))
                placed += 1
            elif num_qubits > 1:
                pair = draw.choice(num_qubits, size=2, replace=False)
                operations.append(Operation("CNOT", tuple(map(int, pair))))
        found.append(tuple(operations))
    return tuple(found)
