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
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from resqunn.circuits.circuit import Circuit
from resqunn.circuits.readouts import Observable
from resqunn.engines.fourier.pauli import (
    LETTERS,
    Pauli,
    Rotation,
    anticommute,
    pushed_apart,
    through,
    turned,
)
from resqunn.engines.fourier.product_state import Factor, ProductState, split
from resqunn.errors import CircuitError

MAX_STRINGS = 50_000
"""Circuits whose observables reach more strings (each observable counts for itself) are
refused: their plans would be large and their evaluation slow."""

Pair = tuple[int, int]
"""Slots (a, b) that one rotation turns: a, b = cos a - sin b, cos b + sin a."""


class Term(NamedTuple):
    """`sign` times what stands in `slot` in the end is a part of the coefficient of the
    monomial that is the product of `factors` in readout value `row`."""

    row: int
    factors: tuple[Factor, ...]
    slot: int
    sign: int


@dataclass(frozen=True)
class Propagation:
    """How the coefficients follow from the weights.

    The vector has a slot for each string of each observable and starts as `start`. `steps`
    act on it in order, each a weight's index and the pairs that it turns.
    """

    start: tuple[float, ...]
    steps: tuple[tuple[int, tuple[Pair, ...]], ...]
    terms: tuple[Term, ...]


def propagate(circuit: Circuit, limit: int = MAX_STRINGS) -> Propagation:
    """The plan of a circuit.

    Raises:
        CircuitError: if the circuit is not of the supported kind (`product_state.split`,
            `pauli.pushed_apart`), or if its observables reach more than `limit` strings.
    """
    result = _attempt(circuit, limit)
    if isinstance(result, str):
        raise CircuitError(result)
    return result


@lru_cache(maxsize=256)
def _attempt(circuit: Circuit, limit: int) -> Propagation | str:
    """The plan, or why there is none: failures take time too and are kept as well."""
    try:
        return _propagate(circuit, limit)
    except CircuitError as error:
        return str(error)


def _propagate(circuit: Circuit, limit: int) -> Propagation:
    if circuit.encoding.prepares_amplitudes:
        raise CircuitError("its inputs are amplitudes, not angles")
    prepare, rest = split(circuit.operations)
    state = ProductState(prepare, circuit.num_qubits)
    rotations, fixed = pushed_apart(rest)
    # The last rotation meets the observables first.
    rotations = _by_qubit(rotations[::-1])
    dead = _dead_letters(rotations, state)
    start: list[float] = []
    steps: list[list[Pair]] = [[] for _ in rotations]
    terms: list[Term] = []
    for row, observable in enumerate(circuit.observables):
        reached = _Reached(_strings(observable, fixed), rotations, dead, limit - len(start))
        numbers = reached.needed(len(start))
        start += (reached.start[slot] for slot in numbers)
        for step, pairs in zip(steps, reached.pairs, strict=True):
            step += ((numbers[a], numbers[b]) for a, b in pairs)
        for string, slot in reached.alive.items():
            value = state.value(*string)
            assert value is not None
            terms.append(Term(row, value[1], numbers[slot], value[0]))
    kept = zip(rotations, steps, strict=True)
    return Propagation(
        tuple(start),
        tuple((rotation.weight, tuple(pairs)) for rotation, pairs in kept if pairs),
        tuple(terms),
    )


def _strings(observable: Observable, fixed: Sequence) -> dict[tuple[int, int], float]:
    """The observable conjugated by fixed gates: the coefficient of each string."""
    strings: dict[tuple[int, int], float] = {}
    for coefficient, support in observable.terms:
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

    def covers(self, x: int, z: int) -> bool:
        """Whether a string has a dead letter."""
        return bool(x & ~z & self.x or x & z & self.y or ~x & z & self.z)


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
        start: the coefficient in each slot before the first rotation.
        pairs: for each rotation, the pairs that it turns.
        alive: the strings that are worth something in the end, and their slots.
    """

    def __init__(
        self,
        strings: dict[tuple[int, int], float],
        rotations: Sequence[Rotation],
        dead: Sequence[_Dead],
        limit: int,
    ) -> None:
        strings = {s: c for s, c in strings.items() if not dead[0].covers(*s)}
        self.start = list(strings.values())
        self.pairs: list[list[Pair]] = []
        self.alive = {string: slot for slot, string in enumerate(strings)}
        for rotation, before, after in zip(rotations, dead[:-1], dead[1:], strict=True):
            self.pairs.append(self._pairs(rotation.axis))
            if after != before:
                self.alive = {s: slot for s, slot in self.alive.items() if not after.covers(*s)}
            if len(self.start) > limit:
                raise CircuitError("its observables reach too many Pauli strings")

    def _pairs(self, axis: Pauli) -> list[Pair]:
        """The pairs that a rotation turns; strings that were not reached before get slots."""
        pairs: list[Pair] = []
        axis_x, axis_z, slots = axis.x, axis.z, self.alive
        for (x, z), slot in list(slots.items()):
            if not ((axis_x & z).bit_count() + (axis_z & x).bit_count()) % 2:
                continue  # they commute
            other = slots.setdefault((x ^ axis_x, z ^ axis_z), len(self.start))
            if other == len(self.start):
                self.start.append(0.0)
            elif other < slot:
                continue  # this pair was found from its other string
            forward = turned(axis, Pauli(1, x, z)).sign > 0
            pairs.append((slot, other) if forward else (other, slot))
        return pairs

    def needed(self, first: int) -> dict[int, int]:
        """New numbers, from `first` on, for the slots on which a result depends.

        Pairs on which none depends are removed.
        """
        needed = set(self.alive.values())
        for pairs in reversed(self.pairs):
            pairs[:] = [(a, b) for a, b in pairs if a in needed or b in needed]
            for pair in pairs:
                needed.update(pair)
        return {slot: first + k for k, slot in enumerate(sorted(needed))}
