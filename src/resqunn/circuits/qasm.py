"""A circuit as an OpenQASM 3 program (arXiv:2104.14722)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from resqunn.checks import shown
from resqunn.circuits.angles import (
    INFIX,
    AnyAngle,
    Expression,
    Input,
    Weight,
    leaves,
    value,
)
from resqunn.circuits.operations import Operation, expanded
from resqunn.errors import CircuitError

Values = np.ndarray | int
"""What a program is given: the numbers themselves, or how many become its parameters."""


def write(
    operations: Sequence[Operation],
    num_qubits: int,
    inputs: Values,
    weights: Values,
    *,
    amplitudes: bool = False,
) -> str:
    """The program of the operations, which ends by measuring every qubit.

    Args:
        operations: the gates in order.
        num_qubits: how many qubits the program declares.
        inputs, weights: numbers in radians; of what is only counted, each becomes an `input`
            parameter of the program.
        amplitudes: whether the inputs are the amplitudes of the initial state.

    Raises:
        CircuitError: for amplitudes that are not given.
    """
    lines = ["OPENQASM 3.0;", 'include "stdgates.inc";']
    prepare: list[str] = []
    if amplitudes:
        if isinstance(inputs, int):
            raise CircuitError(
                "inputs must be given to to_qasm for an amplitude encoding, which has no "
                "parametrised gates"
            )
        prepare = list(_prepare(inputs, num_qubits))
    for letter, values in (("x", 0 if amplitudes else inputs), ("w", weights)):
        if isinstance(values, int):
            lines += [f"input float[64] {letter}{i};" for i in range(values)]
    lines += [f"qubit[{num_qubits}] q;", f"bit[{num_qubits}] c;"]
    lines += prepare
    for operation in _known(operations):
        angle = ", ".join(_written(angle, inputs, weights) for angle in operation.angles)
        angle = f"({angle})" if angle else ""
        wires = ", ".join(f"q[{q}]" for q in operation.qubits)
        lines.append(f"{operation.gate.qasm}{angle} {wires};")
    lines.append("c = measure q;")
    return "\n".join(lines) + "\n"


def _known(operations: Sequence[Operation]) -> Iterator[Operation]:
    """The operations, those that the language has no name for written out."""
    for operation in operations:
        if operation.gate.qasm:
            yield operation
        else:
            yield from _known(expanded([operation]))


NAMES = {
    **dict.fromkeys(("sin", "cos", "tan", "arcsin", "arccos", "arctan", "sqrt", "exp", "log")),
    "power": "pow",
}
"""Functions that the language has, with its names where they are others."""


def _written(angle: AnyAngle, inputs: Values, weights: Values) -> str:
    """A number as far as inputs and weights are given, and otherwise an expression.

    Raises:
        CircuitError: for a function that the language does not have.
    """
    given = {Input: inputs, Weight: weights}
    if not any(isinstance(given[type(leaf)], int) for leaf in leaves(angle)):
        of_inputs, of_weights = (
            () if isinstance(v, int) else v.tolist() for v in (inputs, weights)
        )
        try:
            number = value(angle, of_inputs, of_weights)
        except (ValueError, ArithmeticError):  # such as the root of -1
            number = math.nan
        if not math.isfinite(number):
            raise CircuitError(f"{angle} must be a finite number, got {number} for these values")
        return repr(number)
    if not isinstance(angle, Expression):
        return str(angle)
    texts = [_written(each, inputs, weights) for each in angle.arguments]
    if angle.function in INFIX:
        return f"({f' {INFIX[angle.function]} '.join(texts)})"
    if angle.function == "negative":
        return f"(-{texts[0]})"
    if angle.function == "square":
        return f"({texts[0]} * {texts[0]})"
    if angle.function not in NAMES:
        raise CircuitError(
            "inputs and weights must be given to to_qasm, as OpenQASM has no function "
            f"{angle.function!r}, got none"
        )
    return f"{NAMES[angle.function] or angle.function}({', '.join(texts)})"


def numbers(kind: str, values: Any, count: int) -> Values:
    """The `count` numbers, flattened row-major; `count` itself where none are given.

    Raises:
        CircuitError: for another number of them, or what is no finite number.
    """
    if values is None:
        return count
    # A layer's weights have a gradient, which is no part of a program.
    values = values.detach() if hasattr(values, "detach") else values
    try:
        flat = np.asarray(values, dtype=float).reshape(-1)
    except (TypeError, ValueError):
        raise CircuitError(f"{kind} must be {count} numbers, got {shown(values)}") from None
    if flat.size != count:
        raise CircuitError(f"{kind} must be {count} numbers, got {flat.size}")
    if not np.isfinite(flat).all():
        raise CircuitError(f"{kind} must be finite numbers, got {shown(values)}")
    return flat


def _prepare(values: np.ndarray, num_qubits: int) -> Iterator[str]:
    """Gates that turn |0...0> into the normalised vector: a binary tree of rotations.

    Qubit k is rotated once for each setting of the qubits before it, by twice the angle
    between the norms of the two halves of that branch; the last qubit carries the signs.
    """
    vector = np.zeros(2**num_qubits)
    vector[: values.size] = values
    for qubit in range(num_qubits):
        blocks = vector.reshape(2**qubit, 2, -1)
        last = blocks.shape[2] == 1
        halves = blocks[:, :, 0] if last else np.linalg.norm(blocks, axis=2)
        settings = itertools.product((0, 1), repeat=qubit)
        for setting, (low, high) in zip(settings, halves, strict=True):
            angle = 2 * math.atan2(high, low)
            if angle == 0:
                continue
            controls = "".join(f"{'ctrl' if bit else 'negctrl'} @ " for bit in setting)
            wires = ", ".join(f"q[{q}]" for q in range(qubit + 1))
            yield f"{controls}ry({angle!r}) {wires};"
