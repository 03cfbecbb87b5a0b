r"""A trigonometric polynomial as arrays for the compiled loops of `kernels/polynomial.py`.

A *node* is a number that each patch has: node 0 is 1, nodes 1 + 2 i and 2 + 2 i are
$\cos x_i$ and $\sin x_i$, and each further one is the product of two earlier nodes. The inputs
are split in two halves, and each monomial into nodes of both, the left and the right one, so that

$$f_r(x) = \sum_a m_a(x) \sum_b C_{rab}\, m_b(x).$$

Far fewer nodes than monomials have to be made and kept: at most $3^{n/2}$ of each half.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Integer

from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.engines.compiled.arguments import Constants
from resqunn.engines.fourier.heisenberg import propagate
from resqunn.engines.fourier.reached import ADDS

Factor = int
"""1 + 2 i stands for the cosine of input i, 2 + 2 i for its sine, 0 for the number 1."""

DIGITS = 26
"""Letters that a number of 64 bits holds, besides one of 20 bits."""

TASK = 1024
"""Patches of a task, in whole blocks."""


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


class Rotations(NamedTuple):
    """The arrays that the kernels of the coefficients read.

    Attributes:
        start_S: the observables' vector before the first step.
        weight_T: the weight of each step, `reached.ADDS` where it adds.
        pair_T: where each step's pairs begin, and where the last's end.
        pairs_P2: the two slots of each pair.
        ratio_P: their ratios (`reached.Step`); none where all are 1 and no step adds.
        terms_K2: slot and coefficient of each term of the coefficients.
        worth_K: what the slot is multiplied by there.
        count: how many coefficients there are.
    """

    start_S: Any
    weight_T: Any
    pair_T: Any
    pairs_P2: Any
    ratio_P: Any
    terms_K2: Any
    worth_K: Any
    count: Any


@dataclass(frozen=True, eq=False)
class FourierPlan:
    """The constants of a circuit.

    Attributes:
        nodes: how many there are.
        rotations: how the coefficients follow from the weights.
        polynomial: what is evaluated for each patch.
    """

    nodes: int
    rotations: Rotations
    polynomial: Polynomial

    @cached_property
    def tables(self) -> tuple[Constants, Constants]:
        """The polynomial and the rotations as kernels take them."""
        return Constants(self.polynomial), Constants(self.rotations)

    def operations(self, patches: int, filters: int) -> int:
        """About how many multiplications the values of `patches` patches take."""
        inputs, products = self.polynomial.inputs, len(self.polynomial.products_T2)
        segments = len(self.polynomial.left_S)
        coefficients = self.rotations.count
        return patches * (30 * inputs + products + filters * (coefficients + 2 * segments))


@lru_cache(maxsize=256)
def fourier_plan(circuit: GateCircuit) -> FourierPlan:
    """The plan of a circuit; errors as in `heisenberg.propagate`."""
    propagation = propagate(circuit)
    letters_MQ, monomial_T = _different(propagation.letters_TQ)
    inputs, middle = propagation.inputs_Q, _middle(letters_MQ)
    nodes = _Nodes(circuit.num_inputs)
    left_M = _nodes_of(nodes, letters_MQ[:, :middle], inputs[:middle])
    right_M = _nodes_of(nodes, letters_MQ[:, middle:], inputs[middle:])
    place_3T = np.stack([propagation.row_T, left_M[monomial_T], right_M[monomial_T]])
    sizes = (circuit.num_outputs, len(nodes.of), len(nodes.of))
    place_T = np.ravel_multi_index(tuple(_fewest_segments(place_3T)), sizes)
    place_K, number_T = np.unique(place_T, return_inverse=True)
    place_K3 = np.stack(np.unravel_index(place_K, sizes), axis=1)
    segment_S2, segment_K = np.unique(place_K3[:, :2], axis=0, return_inverse=True)
    steps = propagation.steps
    no_pairs = np.empty((0, 2), dtype=np.int64)
    ratio_P = np.concatenate([np.empty(0), *(step.ratio_P for step in steps)])
    if (ratio_P == 1).all() and all(step.weight != ADDS for step in steps):
        ratio_P = np.empty(0)
    return FourierPlan(
        nodes=len(nodes.of),
        rotations=Rotations(
            start_S=propagation.start_S,
            weight_T=np.array([step.weight for step in steps], dtype=np.int64),
            pair_T=np.cumsum([0, *(len(step.ratio_P) for step in steps)], dtype=np.int64),
            pairs_P2=np.concatenate([no_pairs, *(step.pairs_P2 for step in steps)]),
            ratio_P=ratio_P,
            terms_K2=np.stack([propagation.slot_T, number_T.reshape(-1)], axis=1),
            worth_K=propagation.worth_T,
            count=len(place_K3),
        ),
        polynomial=Polynomial(
            inputs=circuit.num_inputs,
            products_T2=np.array(nodes.products, dtype=np.int64).reshape(-1, 2),
            begin_R=np.searchsorted(segment_S2[:, 0], np.arange(circuit.num_outputs + 1)),
            left_S=segment_S2[:, 1].copy(),
            begin_S=np.searchsorted(segment_K.reshape(-1), np.arange(len(segment_S2) + 1)),
            right_K=place_K3[:, 2].copy(),
        ),
    )


def _different(
    letters_TQ: Integer[np.ndarray, "T Q"],
) -> tuple[Integer[np.ndarray, "M Q"], Integer[np.ndarray, " T"]]:
    """The different rows, and which of them each is."""
    which_T = np.zeros(len(letters_TQ), dtype=np.int64)
    first_M = which_T[:1]
    for begin in range(0, letters_TQ.shape[1], DIGITS):
        for letter_T in letters_TQ[:, begin : begin + DIGITS].T:
            which_T = 3 * which_T + letter_T
        _, first_M, which_T = np.unique(which_T, return_index=True, return_inverse=True)
    return letters_TQ[first_M], which_T.reshape(-1)


def _middle(letters_TQ: Integer[np.ndarray, "T Q"]) -> int:
    """Where to split the qubits so that there are as few halves as possible."""

    def size(middle: int) -> int:
        halves = letters_TQ[:, :middle], letters_TQ[:, middle:]
        return sum(len(np.unique(half, axis=0)) if half.size else 1 for half in halves)

    qubits = letters_TQ.shape[1]
    return min(range(qubits // 3, qubits - qubits // 3 + 1), key=size)


def _fewest_segments(place_3T: Integer[np.ndarray, "3 T"]) -> Integer[np.ndarray, "3 T"]:
    """Readout value, left and right node of each monomial, with the half that has fewer
    different nodes on the left: each of them is a segment."""
    place_3T = place_3T.copy()
    for r in np.unique(place_3T[0]):
        of_r = place_3T[0] == r
        left, right = (len(np.unique(nodes_T[of_r])) for nodes_T in place_3T[1:])
        if left > right:
            place_3T[1:, of_r] = place_3T[:0:-1, of_r]
    return place_3T


def _nodes_of(
    nodes: _Nodes, letters_TQ: Integer[np.ndarray, "T Q"], inputs: tuple[int, ...]
) -> Integer[np.ndarray, " T"]:
    """The nodes that are the products of some qubits' factors; missing ones are made."""
    if not letters_TQ.size:
        return np.zeros(len(letters_TQ), dtype=np.int64)
    different, which_T = np.unique(letters_TQ, axis=0, return_inverse=True)
    wanted = [
        tuple(sorted(2 * i + int(c) for i, c in zip(inputs, row, strict=True) if c))
        for row in different
    ]
    nodes.make(wanted)
    return np.array([nodes.of[factors] for factors in wanted])[which_T.reshape(-1)]


class _Nodes:
    """A small set of products that makes every wanted monomial.

    Attributes:
        of: the node of each monomial that is known.
        products: the factors of each node after the sines.
    """

    def __init__(self, inputs: int) -> None:
        self.of: dict[tuple[Factor, ...], int] = {(): 0}
        self.of.update({(factor,): factor for factor in range(1, 1 + 2 * inputs)})
        self.products: list[tuple[int, int]] = []

    def make(self, wanted: Iterable[tuple[Factor, ...]]) -> None:
        """Makes what is wanted and missing, short products first."""
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
