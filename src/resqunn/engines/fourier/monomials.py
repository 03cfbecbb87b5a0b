r"""A trigonometric polynomial as arrays for the compiled loops of `kernels/polynomial.py`.

A *node* is a number that each patch has: node 0 is 1, nodes 1 + 2 i and 2 + 2 i are
$\cos x_i$ and $\sin x_i$, and each further one is the product of two earlier nodes. The inputs
are split in two halves, and each monomial into a left and a right node, so that

$$f_r(x) = \sum_a m_a(x) \sum_b C_{rab}\, m_b(x).$$

Far fewer nodes than monomials have to be made and kept: at most $3^{n/2}$ of each half.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Integer

from resqunn.circuits.circuit import Circuit
from resqunn.engines.compiled.kernel import Constants
from resqunn.engines.fourier.heisenberg import propagate
from resqunn.engines.fourier.product_state import Factor

TASK = 8
"""Blocks of patches in a task."""


class Polynomial(NamedTuple):
    """The arrays that the kernels of a polynomial read.

    Attributes:
        inputs: how many there are.
        products_T2: the two factors of each node after the sines.
        begin_R: where the segments of each readout value begin, and where the last's end.
        left_S: the left node of each segment.
        begin_S: where the coefficients of each segment begin, and where the last's end.
        right_K: the right node of each coefficient.
    """

    inputs: Any
    products_T2: Any
    begin_R: Any
    left_S: Any
    begin_S: Any
    right_K: Any


@dataclass(frozen=True, eq=False)
class FourierPlan:
    """The constants of a circuit. S slots, T rotations, K coefficients.

    Attributes:
        slots: how many there are.
        nodes: how many there are.
        start_S: the observables' vector before the first rotation.
        step_weight_T: the weight of each rotation.
        step_pair_T: where each rotation's pairs begin, and where the last's end.
        pairs: the two slots of each pair.
        terms: slot, coefficient and sign, for each slot with a value in the end.
        polynomial: what is evaluated for each patch.
    """

    slots: int
    nodes: int
    start_S: Float[np.ndarray, " S"]
    step_weight_T: Integer[np.ndarray, " T"]
    step_pair_T: Integer[np.ndarray, " _"]
    pairs: Integer[np.ndarray, "_ 2"]
    terms: Integer[np.ndarray, "_ 3"]
    polynomial: Polynomial

    @cached_property
    def coefficients(self) -> int:
        """How many a filter has."""
        return len(self.polynomial.right_K)

    @cached_property
    def rotations(self) -> Constants:
        """The tables of `kernels/coefficients.py`."""
        return Constants(self.start_S, self.step_weight_T, self.step_pair_T, self.pairs, self.terms)

    @cached_property
    def tables(self) -> Constants:
        """The tables of `kernels/polynomial.py`."""
        return Constants(self.polynomial)

    def operations(self, patches: int, filters: int) -> int:
        """About how many multiplications the values of `patches` patches take."""
        inputs, products = self.polynomial.inputs, len(self.polynomial.products_T2)
        segments = len(self.polynomial.left_S)
        return patches * (30 * inputs + products + filters * (self.coefficients + 2 * segments))


@lru_cache(maxsize=256)
def fourier_plan(circuit: Circuit) -> FourierPlan:
    """The plan of a circuit; errors as in `heisenberg.propagate`."""
    propagation = propagate(circuit)
    monomials = {term.factors for term in propagation.terms}
    middle = _middle(monomials, circuit.num_inputs)
    halves = {factors: _halves(factors, middle) for factors in monomials}
    nodes = _Nodes(circuit.num_inputs, {half for pair in halves.values() for half in pair})
    placed = [
        (term, (term.row, *(nodes.of[half] for half in halves[term.factors])))
        for term in propagation.terms
    ]
    coefficients = sorted({place for _, place in placed})
    number = {place: k for k, place in enumerate(coefficients)}
    terms = [(term.slot, number[place], term.sign) for term, place in placed]
    segments = sorted({place[:2] for place in coefficients})
    pairs = [pair for _, step in propagation.steps for pair in step]
    place_K3 = np.array(coefficients, dtype=np.int64).reshape(-1, 3)
    segment_S2 = np.array(segments, dtype=np.int64).reshape(-1, 2)
    segment_K = np.searchsorted(_keys(segment_S2), _keys(place_K3[:, :2]))
    return FourierPlan(
        slots=len(propagation.start),
        nodes=len(nodes.of),
        start_S=np.array(propagation.start, dtype=np.float64),
        step_weight_T=np.array([weight for weight, _ in propagation.steps], dtype=np.int64),
        step_pair_T=np.cumsum([0, *(len(step) for _, step in propagation.steps)], dtype=np.int64),
        pairs=np.array(pairs, dtype=np.int64).reshape(-1, 2),
        terms=np.array(terms, dtype=np.int64).reshape(-1, 3),
        polynomial=Polynomial(
            inputs=circuit.num_inputs,
            products_T2=np.array(nodes.products, dtype=np.int64).reshape(-1, 2),
            begin_R=np.searchsorted(segment_S2[:, 0], np.arange(circuit.num_outputs + 1)),
            left_S=segment_S2[:, 1].copy(),
            begin_S=np.searchsorted(segment_K, np.arange(len(segments) + 1)),
            right_K=place_K3[:, 2].copy(),
        ),
    )


def _keys(rows: Integer[np.ndarray, "_ 2"]) -> Integer[np.ndarray, " _"]:
    """One number for each pair, in the same order."""
    return rows[:, 0] * 2**40 + rows[:, 1]


def _halves(factors: tuple[Factor, ...], middle: int) -> tuple[tuple[Factor, ...], ...]:
    """The factors of the inputs before `middle`, and the others."""
    left = tuple(factor for factor in factors if factor <= 2 * middle)
    return left, factors[len(left) :]


def _middle(monomials: Iterable[tuple[Factor, ...]], inputs: int) -> int:
    """Where to split the inputs so that there are as few halves as possible."""
    known = set(monomials)

    def size(middle: int) -> int:
        pairs = [_halves(factors, middle) for factors in known]
        return len({left for left, _ in pairs}) + len({right for _, right in pairs})

    return min(range(inputs + 1), key=size)


class _Nodes:
    """A small set of products that makes every wanted monomial.

    Attributes:
        of: the node of each monomial that is known.
        products: the factors of each node after the sines.
    """

    def __init__(self, inputs: int, wanted: Iterable[tuple[Factor, ...]]) -> None:
        self.of: dict[tuple[Factor, ...], int] = {(): 0}
        self.of.update({(factor,): factor for factor in range(1, 1 + 2 * inputs)})
        self.products: list[tuple[int, int]] = []
        for factors in sorted(wanted, key=lambda factors: (len(factors), factors)):
            self._make(factors)

    def _make(self, factors: tuple[Factor, ...]) -> int:
        if factors not in self.of:
            for cut in range(1, len(factors)):
                left, right = self.of.get(factors[:cut]), self.of.get(factors[cut:])
                if left is not None and right is not None:
                    break
            else:
                left, right = self._make(factors[:-1]), factors[-1]
            self.products.append((left, right))
            # The number 1, the cosines and the sines are in `of` from the start.
            self.of[factors] = len(self.of)
        return self.of[factors]
