r"""What is measured of a run, and its values in samples.

Shape suffixes as in `engines/base.py`, and C circuits (groups and filters), W products of Z, A
outcomes of the measured bits, the first qubit's the most significant.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from resqunn.circuits.gate_circuit import GateCircuit, Run
from resqunn.engines.sampling import compiled_draws
from resqunn.engines.sampling.draws import Generator, counts, device_of, successes

TOGETHER = 4
"""Qubits that one matrix of signs acts on."""


class Measurement(ABC):
    """What is measured of a run: products of Z of its bits, and how samples give its values."""

    def __init__(self, run: Run) -> None:
        self.run = run

    @property
    @abstractmethod
    def products(self) -> tuple[tuple[int, ...], ...]:
        """The qubits of each product of Z whose mean is asked of an engine."""

    def sampled(
        self, means_CWP: Float[Tensor, "C W P"], shots: int, generator: Generator
    ) -> Float[Tensor, "C R P"]:
        """The run's values in `shots` samples of each circuit and patch, given the exact means."""
        if compiled_draws.applies(means_CWP, shots, generator):
            return self.by_compiled_code(means_CWP, shots, generator).to(means_CWP)
        device = device_of(means_CWP, generator)
        means = means_CWP.to(device, torch.float64)
        return self.by_torch(means, shots, generator).to(means_CWP)

    @abstractmethod
    def by_compiled_code(
        self, means_CWP: Float[Tensor, "C W P"], shots: int, generator: Generator
    ) -> Float[Tensor, "C R P"]:
        """Those values by compiled code, where it applies."""

    @abstractmethod
    def by_torch(
        self, means_CWP: Float[Tensor, "C W P"], shots: int, generator: Generator
    ) -> Float[Tensor, "C R P"]:
        """Those values in float64, on a device that has it."""

    @cached_property
    def circuit(self) -> GateCircuit:
        """The circuit whose values are the means of the products, if there are some."""
        return self.run.measuring(self.products) if self.products else self.run.circuit

    @cached_property
    def size(self) -> int:
        """How many numbers a circuit and patch need while samples are drawn."""
        return len(self.products) + 1

    def coefficients_RW(self, products: Sequence[tuple[int, ...]]) -> Float[Tensor, "R W"]:
        """How much of each product is in each of the run's values."""
        place = {product: column for column, product in enumerate(products)}
        found = np.zeros((len(self.run.of_bits), len(products)))
        for row, observable in enumerate(self.run.of_bits):
            for coefficient, product in observable.products:
                if product in place:
                    found[row, place[product]] += coefficient
        return torch.from_numpy(found)


class Joint(Measurement):
    r"""All bits are read in each shot, and each value is the mean over the shots.

    Of the n bits that some value depends on, the engine is asked for all products of Z, of which
    the probabilities are the Walsh-Hadamard transform:
    $p(s) = 2^{-n} \sum_S (-1)^{|s \cap S|} \langle\prod_{q \in S} Z_q\rangle$.
    """

    @cached_property
    def qubits(self) -> tuple[int, ...]:
        """Those of the bits that some value depends on."""
        return tuple(sorted({q for product in _products(self.run) for q in product}))

    @cached_property
    def products(self) -> tuple[tuple[int, ...], ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self._subsets[1:]

    @cached_property
    def _subsets(self) -> tuple[tuple[int, ...], ...]:
        """All of the qubits, the first qubit the most significant bit of a subset's number."""
        count = len(self.qubits)
        numbers = range(2**count)
        return tuple(
            tuple(q for k, q in enumerate(self.qubits) if number >> (count - 1 - k) & 1)
            for number in numbers
        )

    @cached_property
    def values_RA(self) -> Float[Tensor, "R A"]:
        """The run's values in each outcome."""
        coefficients = self.coefficients_RW(self._subsets)
        return signed_sums(coefficients.unsqueeze(2)).squeeze(2)

    def by_compiled_code(
        self, means_CWP: Float[Tensor, "C W P"], shots: int, generator: Generator
    ) -> Float[Tensor, "C R P"]:
        return compiled_draws.joint(means_CWP, self.values_RA, shots, generator)

    def by_torch(
        self, means_CWP: Float[Tensor, "C W P"], shots: int, generator: Generator
    ) -> Float[Tensor, "C R P"]:
        circuits, words, patches = means_CWP.shape
        subsets_CAP = means_CWP.new_ones(circuits, words + 1, patches)
        subsets_CAP[:, 1:] = means_CWP
        drawn_CAP = counts(signed_sums(subsets_CAP), shots, generator)
        return self.values_RA.to(means_CWP) @ drawn_CAP / shots


class Independent(Measurement):
    """Each product of Z is measured in shots of its own, and each value is a sum of their means."""

    @cached_property
    def products(self) -> tuple[tuple[int, ...], ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return tuple(dict.fromkeys(filter(None, _products(self.run))))

    @cached_property
    def _of_products_RW(self) -> Tensor:
        return self.coefficients_RW(self.products)

    @cached_property
    def _constants_R1(self) -> Tensor:
        return self.coefficients_RW([()])

    def by_compiled_code(
        self, means_CWP: Float[Tensor, "C W P"], shots: int, generator: Generator
    ) -> Float[Tensor, "C R P"]:
        return self._summed(compiled_draws.independent(means_CWP, shots, generator))

    def by_torch(
        self, means_CWP: Float[Tensor, "C W P"], shots: int, generator: Generator
    ) -> Float[Tensor, "C R P"]:
        trials = means_CWP.new_full((), shots).expand_as(means_CWP)
        drawn = successes(trials, ((1 + means_CWP) / 2).clamp_(0, 1), generator)
        return self._summed((2 * drawn - shots) / shots)

    def _summed(self, means_CWP: Tensor) -> Tensor:
        """The values, of the means of the products."""
        return self._of_products_RW.to(means_CWP) @ means_CWP + self._constants_R1.to(means_CWP)


SAMPLINGS: dict[str, type[Measurement]] = {"joint": Joint, "independent": Independent}
"""How the values of one run go together."""


@lru_cache(maxsize=256)
def measurement(run: Run, sampling: str) -> Measurement:
    """What is measured of a run, prepared once."""
    return SAMPLINGS[sampling](run)


def _products(run: Run) -> Iterator[tuple[int, ...]]:
    return (product for each in run.of_bits for _, product in each.products)


def signed_sums(values_CAP: Float[Tensor, "C A P"]) -> Float[Tensor, "C A P"]:
    r"""The Walsh-Hadamard transform along the second axis, whose length is $2^n$:
    $y_s = \sum_S (-1)^{|s \cap S|} x_S$.

    >>> signed_sums(torch.tensor([[[1.0], [2.0], [3.0], [4.0]]])).flatten()
    tensor([10., -2., -4.,  0.])
    """
    circuits, size, patches = values_CAP.shape
    found, before = values_CAP, 1
    while before < size:
        step = min(2**TOGETHER, size // before)
        after = size // (before * step)
        split = found.reshape(circuits * before, step, after * patches)
        found = (_signs(step).to(found) @ split).view_as(values_CAP)
        before *= step
    return found


@lru_cache(maxsize=TOGETHER)
def _signs(size: int) -> Tensor:
    """The matrix of the transform."""
    signs = torch.ones(1, 1, dtype=torch.float64, device="cpu")
    while len(signs) < size:
        signs = torch.cat((torch.cat((signs, signs), 1), torch.cat((signs, -signs), 1)))
    return signs
