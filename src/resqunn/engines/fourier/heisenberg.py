r"""Observables propagated backwards through a circuit, as a plan of constants.

In the Heisenberg picture the expectation value of observable $r$ is
$\langle 0| E(x)^\dagger U(w)^\dagger O_r U(w) E(x) |0\rangle$. With $U$ a sequence of
rotations about Pauli strings (`circuits/pushed.py`), $U^\dagger O_r U$ is a vector over strings
that each rotation changes in pairs only:

$$Q \to \cos(w) Q + \sin(w) Q', \qquad Q' \to \cos(w) Q' - \sin(w) Q, \qquad Q' = iPQ.$$

Channels among them multiply strings by numbers, or add them to others (`reached.py`).

In the product state $E(x)|0\rangle$ each string is worth a sum of monomials, products of
$\cos x_i$ and $\sin x_i$ and a number, or exactly zero. Strings that cannot reach a value other
than zero are left out. What remains is a trigonometric polynomial in the inputs whose
coefficients depend on the weights alone (Schuld, Sweke and Meyer, arXiv:2008.08605).

Shape suffixes: S strings or slots, T terms, Q qubits, P pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Float, Integer

from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.circuits.observables import Observable
from resqunn.circuits.pauli_strings import Pauli, through
from resqunn.circuits.pushed import pushed_apart
from resqunn.engines.fourier.dead_letters import dead_letters
from resqunn.engines.fourier.ordering import by_qubit
from resqunn.engines.fourier.product_state import ProductState, split
from resqunn.engines.fourier.reached import Reached, Step
from resqunn.errors import CircuitError

SECONDS_PER_STRING = 2.5e-6
"""About what making a plan takes for each string that the observables reach."""

MOST_SECONDS = 2.5
"""Plans that would take longer are not made; they would also take over 250 MB to make."""

FEW_STRINGS = 10_000
"""So many are worth a plan in any circuit."""


@dataclass(frozen=True, eq=False)
class Propagation:
    """How the coefficients follow from the weights.

    The vector has a slot for each string of each observable and starts as `start_S`. `steps`
    act on it in order. In the end, `worth_T` times what stands in `slot_T` is a part
    of the coefficient that monomial `letters_TQ` has in readout value `row_T`. A monomial is a
    product over the qubits of 1, a cosine or a sine, named by 0, 1 and 2: of `inputs_Q`.
    """

    start_S: Float[np.ndarray, " S"]
    steps: tuple[Step, ...]
    row_T: Integer[np.ndarray, " T"]
    slot_T: Integer[np.ndarray, " T"]
    worth_T: Float[np.ndarray, " T"]
    letters_TQ: Integer[np.ndarray, "T Q"]
    inputs_Q: tuple[int, ...]


def propagate(circuit: GateCircuit, limit: int | None = None) -> Propagation:
    """The plan of a circuit.

    Args:
        limit: how many strings it may have, and how many terms; None for `string_limit`.

    Raises:
        CircuitError: if the circuit is not of the supported kind (`product_state.split`,
            `pushed.pushed_apart`), or if its observables reach more than `limit` strings.
    """
    limit = string_limit(circuit) if limit is None else limit
    result = _attempt(circuit, limit)
    if isinstance(result, str):
        raise CircuitError(result)
    return result


def string_limit(circuit: GateCircuit) -> int:
    """So many strings that more are not worth a plan: they would take longer than state vectors,
    or the plan itself `MOST_SECONDS`."""
    # Density matrices take about ten times as long for each of their numbers.
    numbers = 10 * 4**circuit.num_qubits if circuit.is_noisy else 2**circuit.num_qubits
    worth = numbers * len(circuit.operations)
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
    items, fixed = pushed_apart(rest)
    # The last item meets the observables first.
    items = by_qubit(items[::-1])
    dead = dead_letters(items, state)
    starts: list[Any] = []
    steps: list[list[Step]] = [[] for _ in items]
    terms: list[tuple[Any, ...]] = []
    slots = count = 0
    for row, observable in enumerate(circuit.observables):
        reached = Reached(_strings(observable, fixed), items, dead, limit - slots)
        number_S = reached.needed()
        for step, (weight, pairs_P2, ratio_P) in zip(steps, reached.steps, strict=True):
            step.append(Step(weight, slots + number_S[pairs_P2], ratio_P))
        starts.append(reached.start_S[number_S >= 0])
        string_T, worth_T, letters_TQ = state.monomials(reached.x_S, reached.z_S, limit - count)
        slot_T = slots + number_S[reached.slot_S[string_T]]
        worth_T *= reached.scale_S[string_T]
        terms.append((np.full_like(slot_T, row), slot_T, worth_T, letters_TQ))
        slots, count = slots + len(starts[-1]), count + len(slot_T)
    row_T, slot_T, worth_T, letters_TQ = (np.concatenate(part) for part in zip(*terms, strict=True))
    joined = (
        Step(step[0].weight, *map(np.concatenate, zip(*(each[1:] for each in step), strict=True)))
        for step in steps
    )
    return Propagation(
        np.concatenate(starts),
        tuple(step for step in joined if len(step.pairs_P2)),
        row_T,
        slot_T,
        worth_T,
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
