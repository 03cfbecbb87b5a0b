r"""An angle encoding as a product state, and what Pauli strings are worth in it.

A qubit that is prepared by fixed Clifford gates around one rotation by input $x_i$ has
$\langle X\rangle, \langle Y\rangle, \langle Z\rangle$ equal to $0$, $\pm 1$, $\pm\cos x_i$
or $\pm\sin x_i$. In a product state a string is worth the product over its letters.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from resqunn.circuits.operations import Input, Operation
from resqunn.engines.fourier.pauli import LETTERS, Pauli, anticommute, axis_of, through, turned
from resqunn.errors import CircuitError

Factor = int
"""1 + 2 i stands for the cosine of input i, 2 + 2 i for its sine, 0 for the number 1."""

ONE: Factor = 0


def split(operations: Sequence[Operation]) -> tuple[list[Operation], list[Operation]]:
    """The gates that prepare a product state from the inputs, and the gates after them.

    A qubit's gates belong to the first part up to its first rotation by a weight or gate
    with another qubit.

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
        self.letters: list[dict[tuple[int, int], tuple[int, Factor]]] = []
        """For each qubit, the letters whose value is not zero: its sign and its factor."""
        for qubit in range(qubits):
            values = {
                (x, z): _value(gates[qubit], Pauli(1, x << qubit, z << qubit))
                for x, z in LETTERS.values()
            }
            self.letters.append({k: value for k, value in values.items() if value is not None})

        self.inputs = tuple(
            next(((factor - 1) // 2 for _, factor in letters.values() if factor != ONE), -1)
            for letters in self.letters
        )
        """For each qubit, the input that it is rotated by; -1 for none."""

    def values(self, x_S: np.ndarray, z_S: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The signs (S) of strings whose expectation value is not zero, and their factors (S, Q)
        on each qubit: 0 for 1, 1 for the cosine of its input, 2 for the sine."""
        sign_S = np.ones(len(x_S), dtype=np.int64)
        factors_SQ = np.zeros((len(x_S), len(self.letters)), dtype=np.int8)
        for qubit, letters in enumerate(self.letters):
            x_bit_S = (x_S >> np.uint64(qubit)).astype(np.int64) & 1
            z_bit_S = (z_S >> np.uint64(qubit)).astype(np.int64) & 1
            for (x, z), (sign, factor) in letters.items():
                here_S = (x_bit_S == x) & (z_bit_S == z)
                sign_S[here_S] *= sign
                factors_SQ[here_S, qubit] = 0 if factor == ONE else 2 - factor % 2
        return sign_S, factors_SQ


def _value(gates: Sequence[Operation], letter: Pauli) -> tuple[int, Factor] | None:
    """Sign and factor of one letter after `gates` on its qubit; None if it is zero."""
    turns = [k for k, operation in enumerate(gates) if operation.angle is not None]
    if not turns:
        terms = [(through(gates, letter), ONE)]
    else:
        turn = turns[0]
        before, axis, angle = gates[:turn], axis_of(gates[turn]), gates[turn].angle
        letter = through(gates[turn + 1 :], letter)
        terms = [(through(before, letter), ONE)]
        if anticommute(axis, letter):
            assert isinstance(angle, Input)
            # cos(x) Q + sin(x) i P Q: two different letters, so that |0> keeps one at most.
            terms = [
                (through(before, letter), 1 + 2 * angle.index),
                (through(before, turned(axis, letter)), 2 + 2 * angle.index),
            ]
    return next(((string.sign, factor) for string, factor in terms if string.x == 0), None)
