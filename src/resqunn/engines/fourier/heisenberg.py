r"""Observables propagated backwards through a circuit, as a plan of constants.

In the Heisenberg picture the expectation value of observable $r$ is
$\langle 0| E(x)^\dagger U(w)^\dagger O_r U(w) E(x) |0\rangle$. With $U$ a sequence of
rotations about Pauli strings (`pauli.py`), $U^\dagger O_r U$ is a vector over strings that
each rotation changes in pairs only:

$$Q \to \cos(w) Q + \sin(w) Q', \qquad Q' \to \cos(w) Q' - \sin(w) Q, \qquad Q' = iPQ.$$

In the product state $E(x)|0\rangle$ each string is worth a monomial, a product of
$\pm\cos x_i$ and $\pm\sin x_i$, or exactly zero. Strings that cannot reach a value other
than zero are left out. What remains is a trigonometric polynomial in the inputs whose
coefficients depend on the weights alone (Schuld, Sweke and Meyer, arXiv:2008.08605).

Shape suffixes: S strings or slots, T terms, Q qubits, P pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Integer

from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.circuits.observables import Observable
from resqunn.engines.fourier.pauli import (
    LETTERS,
    Pauli,
    Rotation,
    anticommute,
    pushed_apart,
    signs_of_turned,
    through,
)
from resqunn.engines.fourier.product_state import ProductState, split
from resqunn.errors import CircuitError

SECONDS_PER_STRING = 2.5e-6
"""About what making a plan takes for each string that the observables reach."""

MOST_SECONDS = 2.5
"""Plans that would take longer are not made; they would also take over 250 MB to make."""

FEW_STRINGS = 10_000
"""So many are worth a plan in any circuit."""

Bits = Any
"""An array of 64-bit words, one a string."""


@dataclass(frozen=True, eq=False)
class Propagation:
    """How the coefficients follow from the weights.

    The vector has a slot for each string of each observable and starts as `start_S`. `steps`
    act on it in order, each a weight's index and the pairs of slots (a, b) that it turns: a, b =
    cos a - sin b, cos b + sin a. In the end, `sign_T` times what stands in `slot_T` is a part
    of the coefficient that monomial `letters_TQ` has in readout value `row_T`. A monomial is a
    product over the qubits of 1, a cosine or a sine, named by 0, 1 and 2: of `inputs_Q`.
    """

    start_S: Float[np.ndarray, " S"]
    steps: tuple[tuple[int, Integer[np.ndarray, "_ 2"]], ...]
    row_T: Integer[np.ndarray, " T"]
    slot_T: Integer[np.ndarray, " T"]
    sign_T: Integer[np.ndarray, " T"]
    letters_TQ: Integer[np.ndarray, "T Q"]
    inputs_Q: tuple[int, ...]


def propagate(circuit: GateCircuit, limit: int | None = None) -> Propagation:
    """The plan of a circuit.

    Args:
        limit: how many strings it may have; None for `string_limit`.

    Raises:
        CircuitError: if the circuit is not of the supported kind (`product_state.split`,
            `pauli.pushed_apart`), or if its observables reach more than `limit` strings.
    """
    limit = string_limit(circuit) if limit is None else limit
    result = _attempt(circuit, limit)
    if isinstance(result, str):
        raise CircuitError(result)
    return result


def string_limit(circuit: GateCircuit) -> int:
    """So many strings that more are not worth a plan: they would take longer than state vectors,
    or the plan itself `MOST_SECONDS`."""
    worth = 2**circuit.num_qubits * len(circuit.operations)
    return min(int(MOST_SECONDS / SECONDS_PER_STRING), max(FEW_STRINGS, worth))


@lru_cache(maxsize=256)
def _attempt(circuit: GateCircuit, limit: int) -> Propagation | str:
    """The plan, or why there is none: failures take time too and are kept as well."""
    try:
        return _propagate(circuit, limit)
    except CircuitError as error:
        return str(error)


def _propagate(circuit: GateCircuit, limit: int) -> Propagation:
    if circuit.prepares_amplitudes:
        raise CircuitError("its inputs are amplitudes, not angles")
    if circuit.num_qubits > WORD:
        raise CircuitError(f"it has more than {WORD} qubits")
    prepare, rest = split(circuit.operations)
    state = ProductState(prepare, circuit.num_qubits)
    rotations, fixed = pushed_apart(rest)
    # The last rotation meets the observables first.
    rotations = _by_qubit(rotations[::-1])
    dead = _dead_letters(rotations, state)
    starts: list[Any] = []
    steps: list[list[Any]] = [[] for _ in rotations]
    terms: list[tuple[Any, ...]] = []
    slots = 0
    for row, observable in enumerate(circuit.observables):
        reached = _Reached(_strings(observable, fixed), rotations, dead, limit - slots)
        number_S = reached.needed()
        for step, pairs_P2 in zip(steps, reached.pairs, strict=True):
            step.append(slots + number_S[pairs_P2])
        starts.append(reached.start_S[number_S >= 0])
        sign_T, letters_TQ = state.values(reached.x_S, reached.z_S)
        slot_T = slots + number_S[reached.slot_S]
        terms.append((np.full_like(slot_T, row), slot_T, sign_T, letters_TQ))
        slots += len(starts[-1])
    pairs = [np.concatenate(step) for step in steps]
    kept = zip(rotations, pairs, strict=True)
    row_T, slot_T, sign_T, letters_TQ = (np.concatenate(part) for part in zip(*terms, strict=True))
    return Propagation(
        np.concatenate(starts),
        tuple((rotation.weight, found_P2) for rotation, found_P2 in kept if len(found_P2)),
        row_T,
        slot_T,
        sign_T,
        letters_TQ,
        state.inputs,
    )


WORD = 63
"""Qubits that a word of the arrays holds."""


def _strings(observable: Observable, fixed: Sequence) -> dict[tuple[int, int], float]:
    """The observable conjugated by fixed gates: the coefficient of each string."""
    strings: dict[tuple[int, int], float] = {}
    for coefficient, support in observable.products:
        sign, x, z = through(fixed, Pauli(1, 0, sum(1 << q for q in support)))
        strings[x, z] = strings.get((x, z), 0.0) + sign * coefficient
    return strings


def _by_qubit(rotations: Sequence[Rotation]) -> list[Rotation]:
    """The same product of rotations in an order that finishes qubit after qubit.

    Commuting rotations may change places. The sooner a qubit has met its last rotation, the
    sooner letters on it are dead, and the fewer strings are ever reached.
    """
    left = list(rotations)
    ordered: list[Rotation] = []
    while left:
        shortest: list[int] | None = None
        for qubit in range(max((r.axis.x | r.axis.z).bit_length() for r in left)):
            # The qubit's rotations and all that must come before them.
            chosen: list[int] = []
            for k in reversed(range(len(left))):
                axis = left[k].axis
                if (axis.x | axis.z) >> qubit & 1 or any(
                    anticommute(axis, left[j].axis) for j in chosen
                ):
                    chosen.append(k)
            if chosen and (shortest is None or len(chosen) < len(shortest)):
                shortest = chosen
        assert shortest is not None
        ordered += (left[k] for k in reversed(shortest))
        left = [rotation for k, rotation in enumerate(left) if k not in shortest]
    return ordered


class _Dead(NamedTuple):
    """For each letter, the qubits on which a string that has it there can be left out."""

    x: int
    y: int
    z: int

    @staticmethod
    def outside(alive: Sequence[set[tuple[int, int]]]) -> _Dead:
        """All letters but those that are alive on each qubit."""
        return _Dead(
            *(
                sum(1 << qubit for qubit, letters in enumerate(alive) if letter not in letters)
                for letter in LETTERS.values()
            )
        )

    def covers(self, x_S: Bits, z_S: Bits) -> Bits:
        """Which strings have a dead letter."""
        dead_x, dead_y, dead_z = (np.uint64(letter) for letter in self)
        return (x_S & ~z_S & dead_x | x_S & z_S & dead_y | ~x_S & z_S & dead_z) != 0


def _dead_letters(rotations: Sequence[Rotation], state: ProductState) -> list[_Dead]:
    """The dead letters before each rotation, and after the last.

    A letter lives if it, or its product with letters of the axes that are still to come, is
    worth something.
    """
    alive = [{(0, 0), *letters} for letters in state.letters]
    result = [_Dead.outside(alive)]
    for rotation in reversed(rotations):
        for qubit, letters in enumerate(alive):
            x, z = rotation.axis.x >> qubit & 1, rotation.axis.z >> qubit & 1
            letters |= {(a ^ x, b ^ z) for a, b in letters}
        result.append(_Dead.outside(alive))
    return result[::-1]


class _Reached:
    """The strings that one observable reaches, each with a slot, and the pairs that mix.

    Attributes:
        start_S: the coefficient in each slot before the first rotation.
        pairs: for each rotation, the pairs of slots that it turns.
        x_S, z_S, slot_S: the strings that are worth something in the end, and their slots.
    """

    def __init__(
        self,
        strings: dict[tuple[int, int], float],
        rotations: Sequence[Rotation],
        dead: Sequence[_Dead],
        limit: int,
    ) -> None:
        self.x_S = np.array([x for x, _ in strings], dtype=np.uint64)
        self.z_S = np.array([z for _, z in strings], dtype=np.uint64)
        alive_S = ~dead[0].covers(self.x_S, self.z_S)
        self.x_S, self.z_S = self.x_S[alive_S], self.z_S[alive_S]
        start = np.array(list(strings.values()), dtype=np.float64)[alive_S]
        self.slots = len(start)
        self.slot_S = np.arange(self.slots)
        self.pairs: list[Any] = []
        for rotation, before, after in zip(rotations, dead[:-1], dead[1:], strict=True):
            self.pairs.append(self._turn(rotation.axis))
            if after != before:
                alive_S = ~after.covers(self.x_S, self.z_S)
                self.x_S, self.z_S = self.x_S[alive_S], self.z_S[alive_S]
                self.slot_S = self.slot_S[alive_S]
            if self.slots > limit:
                raise CircuitError("its observables reach too many Pauli strings")
        self.start_S = np.zeros(self.slots)
        self.start_S[: len(start)] = start

    def _turn(self, axis: Pauli) -> Integer[np.ndarray, "P 2"]:
        """The pairs that a rotation turns; strings that were not reached before get slots."""
        axis_x, axis_z = np.uint64(axis.x), np.uint64(axis.z)
        crossings_S = np.bitwise_count(self.x_S & axis_z) + np.bitwise_count(self.z_S & axis_x)
        turned_S = crossings_S % 2 == 1  # the others commute
        x_P, z_P, slot_P = self.x_S[turned_S], self.z_S[turned_S], self.slot_S[turned_S]
        other_x_P, other_z_P = x_P ^ axis_x, z_P ^ axis_z
        found_P = _positions(x_P, z_P, other_x_P, other_z_P)
        new_P = found_P < 0
        other_P = np.where(new_P, 0, slot_P[found_P] if len(slot_P) else 0)
        other_P[new_P] = self.slots + np.arange(new_P.sum())
        self.slots += int(new_P.sum())
        self.x_S = np.concatenate([self.x_S, other_x_P[new_P]])
        self.z_S = np.concatenate([self.z_S, other_z_P[new_P]])
        self.slot_S = np.concatenate([self.slot_S, other_P[new_P]])
        once_P = new_P | (slot_P < other_P)  # pairs of two known strings are found from both
        forward_P = signs_of_turned(axis, x_P, z_P) > 0
        pairs_P2 = np.stack([slot_P, other_P], axis=1)
        pairs_P2[~forward_P] = pairs_P2[~forward_P, ::-1]
        return pairs_P2[once_P]

    def needed(self) -> Integer[np.ndarray, " S"]:
        """New numbers, from 0 on, for the slots on which a result depends; -1 for the others.

        Pairs on which none depends are removed.
        """
        needed_S = np.zeros(self.slots, dtype=bool)
        needed_S[self.slot_S] = True
        for k in range(len(self.pairs) - 1, -1, -1):
            pairs_P2 = self.pairs[k]
            self.pairs[k] = pairs_P2 = pairs_P2[needed_S[pairs_P2].any(axis=1)]
            needed_S[pairs_P2] = True
        return np.where(needed_S, np.cumsum(needed_S) - 1, -1)


def _positions(x_S: Bits, z_S: Bits, wanted_x_P: Bits, wanted_z_P: Bits) -> Bits:
    """Where each wanted string stands among different strings; -1 if it does not."""
    if not len(x_S):
        return np.full(len(wanted_x_P), -1)
    half = np.uint64(32)
    if max(int(part.max()) for part in (x_S, z_S, wanted_x_P, wanted_z_P)) >> 32:
        # Two words do not fit into one: their ranks do.
        x_S, wanted_x_P = _ranks(x_S, wanted_x_P)
        z_S, wanted_z_P = _ranks(z_S, wanted_z_P)
    key_S, wanted_P = x_S << half | z_S, wanted_x_P << half | wanted_z_P
    order_S = np.argsort(key_S)
    place_P = np.searchsorted(key_S, wanted_P, sorter=order_S).clip(max=len(key_S) - 1)
    found_P = order_S[place_P]
    return np.where(key_S[found_P] == wanted_P, found_P, -1)


def _ranks(first: Bits, second: Bits) -> tuple[Bits, Bits]:
    """Smaller numbers that are equal where these are."""
    _, ranks = np.unique(np.concatenate([first, second]), return_inverse=True)
    return ranks[: len(first)].astype(np.uint64), ranks[len(first) :].astype(np.uint64)
