r"""An angle encoding as a product state, and what Pauli strings are worth in it.

A qubit that is prepared by fixed Clifford gates around one rotation by input $x_i$ has
$\langle X\rangle, \langle Y\rangle, \langle Z\rangle$ equal to $0$, $\pm 1$, $\pm\cos x_i$
or $\pm\sin x_i$; where there are channels among the gates too, equal to
$a + b \cos x_i + c \sin x_i$. In a product state a string is worth the product over its letters, a
sum of monomials.

Shape suffixes: S strings, T monomials, Q qubits, 4 letters I, X, Y and Z, 3 factors: 1, the cosine
and the sine of the qubit's input.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Integer

from resqunn.circuits.channels import ChannelOperation
from resqunn.circuits.operations import Input, Operation
from resqunn.circuits.pauli_strings import LETTERS, Pauli, anticommute, axis_of, through, turned
from resqunn.circuits.pushed import cleaned
from resqunn.errors import CircuitError

TOO_MANY = "its observables reach too many Pauli strings"

BITS = ((0, 0), *LETTERS.values())
"""Of the letters I, X, Y and Z."""


def split(operations: Sequence[Operation]) -> tuple[list[Operation], list[Operation]]:
    """The gates that prepare a product state from the inputs, and the gates after them.

    A qubit's gates and channels belong to the first part up to its first rotation by a weight, or
    gate or channel with another qubit.

    Raises:
        CircuitError: if the inputs do not enter by one rotation of each qubit at most, all
            of them in the first part.
    """
    prepare: list[Operation] = []
    rest: list[Operation] = []
    encoded: set[int] = set()
    closed: set[int] = set()
    for operation in operations:
        qubit = operation.qubits[0]
        if isinstance(operation.angle, Input):
            if qubit in encoded or qubit in closed:
                raise CircuitError(
                    f"qubit {qubit} is rotated by an input after another "
                    + ("input" if qubit in encoded else "gate of the ansatz")
                )
            encoded.add(qubit)
            prepare.append(operation)
        elif operation.angle is None and len(operation.qubits) == 1 and qubit not in closed:
            prepare.append(operation)
        else:
            closed.update(operation.qubits)
            rest.append(operation)
    return prepare, rest


class ProductState:
    """The state that `prepare`, the first part of `split`, makes of $|0\\ldots0\\rangle$."""

    def __init__(self, prepare: Sequence[Operation], qubits: int) -> None:
        gates = [[op for op in prepare if op.qubits == (q,)] for q in range(qubits)]
        self.worth_Q43 = np.stack([_worth(gates[qubit], qubit) for qubit in range(qubits)])
        """What each letter of each qubit is worth, as what its factors are multiplied by."""

        self.letters = [
            {letter for letter, of_letter in zip(BITS, worth_43, strict=True) if of_letter.any()}
            for worth_43 in self.worth_Q43
        ]
        """For each qubit, the letters whose value is not zero."""

        read = [[op.angle.index for op in each if isinstance(op.angle, Input)] for each in gates]
        self.inputs = tuple(indices[0] if indices else -1 for indices in read)
        """For each qubit, the input that it is rotated by; -1 for none."""

    def monomials(
        self, x_S: np.ndarray, z_S: np.ndarray, limit: int
    ) -> tuple[Integer[np.ndarray, " T"], Float[np.ndarray, " T"], Integer[np.ndarray, "T Q"]]:
        """Strings as sums of monomials: whose each of these is, what it is multiplied by there, and
        its factors on each qubit.

        Raises:
            CircuitError: for more than `limit` monomials.
        """
        string_T, worth_T = np.arange(len(x_S)), np.ones(len(x_S))
        factors_TQ = np.zeros((len(x_S), len(self.letters)), dtype=np.int8)
        for qubit, worth_43 in enumerate(self.worth_Q43):
            x_T, z_T = ((bits >> np.uint64(qubit)).astype(np.int64) & 1 for bits in (x_S, z_S))
            letter_T = ((x_T ^ z_T) | z_T << 1)[string_T]
            kept_T, factor_T = np.nonzero(worth_43[letter_T])  # in the order of the strings
            if len(kept_T) > limit:
                raise CircuitError(TOO_MANY)
            worth_T = worth_T[kept_T] * worth_43[letter_T[kept_T], factor_T]
            string_T, factors_TQ = string_T[kept_T], factors_TQ[kept_T]
            factors_TQ[:, qubit] = factor_T
        return string_T, worth_T, factors_TQ


def _worth(gates: Sequence[Operation], qubit: int) -> Float[np.ndarray, "4 3"]:
    """What the letters of a qubit are worth after gates and channels on it."""

    def on_qubit(letter: tuple[int, int]) -> Pauli:
        return Pauli(1, letter[0] << qubit, letter[1] << qubit)

    def number(string: Pauli) -> int:
        return BITS.index((string.x >> qubit, string.z >> qubit))

    worth_43 = np.zeros((4, 3))
    worth_43[[0, 3], 0] = 1.0
    for operation in gates:
        before_43, worth_43 = worth_43, np.zeros((4, 3))
        if isinstance(operation, ChannelOperation):
            worth_43 = cleaned(cleaned(operation.matrix) @ before_43)
            continue
        for row, letter in enumerate(map(on_qubit, BITS)):
            if operation.angle is None:
                old = through([operation], letter)
                worth_43[row] = old.sign * before_43[number(old)]
            elif anticommute(axis := axis_of(operation), letter):
                # cos(x) Q + sin(x) i P Q, of values that no input has changed yet
                old = turned(axis, letter)
                worth_43[row, 1] = before_43[row, 0]
                worth_43[row, 2] = old.sign * before_43[number(old), 0]
            else:
                worth_43[row] = before_43[row]
    return worth_43
