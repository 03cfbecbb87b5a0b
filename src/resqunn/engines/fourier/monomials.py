r"""A trigonometric polynomial as arrays for the compiled loops of `polynomial_kernels.py`.

A *node* is a number that each patch has: node 0 is 1, nodes 1 + 2 i and 2 + 2 i are
$\cos x_i$ and $\sin x_i$, and each further one is the product of two earlier nodes. Every
monomial of the polynomial is a node.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np
import torch
from jaxtyping import Float, Integer

from resqunn.circuits.circuit import Circuit
from resqunn.engines.compiled.kernel import Constants
from resqunn.engines.fourier.heisenberg import propagate
from resqunn.engines.fourier.product_state import Factor

LANES, TASK = 128, 8
"""Patches in a block, and blocks in a task."""


def tasks(patches: int) -> int:
    """How many tasks a group of `patches` patches makes."""
    return -(-patches // (TASK * LANES))


@dataclass(frozen=True, eq=False)
class FourierPlan:
    """The constants of a circuit. S slots, T rotations, K coefficients, M nodes.

    Attributes:
        slots: how many there are.
        nodes: how many there are.
        outputs: how many readout values there are.
        start_S: the observables' vector before the first rotation.
        step_weight_T: the weight of each rotation.
        step_pair_T: where each rotation's pairs begin, and where the last's end.
        pairs: the two slots of each pair.
        terms: slot, coefficient and sign, for each slot with a value in the end.
        products: the two factors of each node after the sines.
        row_K: the readout value of each coefficient, ascending.
        node_K: the node of each coefficient.
    """

    slots: int
    nodes: int
    outputs: int
    start_S: Float[np.ndarray, " S"]
    step_weight_T: Integer[np.ndarray, " T"]
    step_pair_T: Integer[np.ndarray, " _"]
    pairs: Integer[np.ndarray, "_ 2"]
    terms: Integer[np.ndarray, "_ 3"]
    products: Integer[np.ndarray, "_ 2"]
    row_K: Integer[np.ndarray, " K"]
    node_K: Integer[np.ndarray, " K"]
    kept: dict[tuple[int, torch.dtype], Constants] = field(default_factory=dict, repr=False)

    @cached_property
    def rotations(self) -> Constants:
        """The tables of `coefficient_kernels.py`."""
        return Constants(self.start_S, self.step_weight_T, self.step_pair_T, self.pairs, self.terms)

    def polynomial(self, filters: int, dtype: torch.dtype) -> Constants:
        """The tables of `polynomial_kernels.py`, for so many filters, whose coefficients follow
        each other."""
        if (filters, dtype) not in self.kept:
            node_K = np.tile(self.node_K, filters)
            row_K = (np.arange(filters)[:, None] * self.outputs + self.row_K).reshape(-1)
            entry_K = np.argsort(node_K, kind="stable")
            self.kept[filters, dtype] = Constants(
                self.products,
                np.searchsorted(row_K, np.arange(filters * self.outputs + 1)),
                node_K,
                np.searchsorted(node_K[entry_K], np.arange(self.nodes + 1)),
                entry_K,
                row_K[entry_K],
                trigonometry(np.dtype(str(dtype).removeprefix("torch."))),
            )
        return self.kept[filters, dtype]

    def operations(self, patches: int, inputs: int, filters: int) -> int:
        """About how many multiplications the values of `patches` patches take."""
        return patches * (30 * inputs + self.products.shape[0] + filters * self.node_K.size)


@lru_cache(maxsize=256)
def fourier_plan(circuit: Circuit) -> FourierPlan:
    """The plan of a circuit; errors as in `heisenberg.propagate`."""
    propagation = propagate(circuit)
    nodes = _Nodes(circuit.num_inputs, {term.factors for term in propagation.terms})
    placed = [(term, nodes.of[term.factors]) for term in propagation.terms]
    coefficients = sorted({(term.row, node) for term, node in placed})
    number = {coefficient: k for k, coefficient in enumerate(coefficients)}
    terms = [(term.slot, number[term.row, node], term.sign) for term, node in placed]
    pairs = [pair for _, step in propagation.steps for pair in step]
    row_K = np.array([row for row, _ in coefficients], dtype=np.int64)
    node_K = np.array([node for _, node in coefficients], dtype=np.int64)
    return FourierPlan(
        slots=len(propagation.start),
        nodes=len(nodes.of),
        outputs=circuit.num_outputs,
        start_S=np.array(propagation.start, dtype=np.float64),
        step_weight_T=np.array([weight for weight, _ in propagation.steps], dtype=np.int64),
        step_pair_T=np.cumsum([0, *(len(step) for _, step in propagation.steps)], dtype=np.int64),
        pairs=np.array(pairs, dtype=np.int64).reshape(-1, 2),
        terms=np.array(terms, dtype=np.int64).reshape(-1, 3),
        products=np.array(nodes.products, dtype=np.int64).reshape(-1, 2),
        row_K=row_K,
        node_K=node_K,
    )


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


TERMS = 11
"""Of the Taylor series on [-pi/2, pi/2], the first to be left out is below rounding."""


@lru_cache(maxsize=2)
def trigonometry(dtype: np.dtype) -> Float[np.ndarray, " _"]:
    """The constants of `polynomial_kernels._sines`: 1/pi, 1/2, 1, 2, pi in three parts, the
    largest angle, and the Taylor coefficients of cos(r) and of sin(r)/r as polynomials of
    r**2, highest power first and without the constant 1."""
    # n pi is exact in the first two parts if they and n share the bits of a number.
    bits, limit = (12, 1e4) if dtype == np.float32 else (32, 1e6)
    high = math.floor(math.pi * 2 ** (bits - 2)) / 2 ** (bits - 2)
    middle = math.floor((math.pi - high) * 2 ** (2 * bits - 2)) / 2 ** (2 * bits - 2)
    # sin(pi) in double precision is what pi lacks there.
    low = (math.pi - high - middle) + math.sin(math.pi)
    powers = range(TERMS - 1, 0, -1)
    cosine = [(-1) ** k / math.factorial(2 * k) for k in powers]
    sine = [(-1) ** k / math.factorial(2 * k + 1) for k in powers]
    constants = [1 / math.pi, 0.5, 1.0, 2.0, high, middle, low, limit]
    return np.array([*constants, *cosine, *sine], dtype=dtype)
