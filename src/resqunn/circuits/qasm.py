"""A circuit as an OpenQASM 3 program (arXiv:2104.14722)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from resqunn.circuits.operations import Input, Weight
from resqunn.errors import CircuitError

if TYPE_CHECKING:
    from resqunn.circuits.circuit import Circuit


def write(
    circuit: Circuit,
    inputs: ArrayLike | None,
    weights: ArrayLike | None,
) -> str:
    """The program of `Circuit.to_qasm`."""
    values = _flat("inputs", inputs, circuit.inputs)
    angles = _flat("weights", weights, circuit.weights)
    lines = ["OPENQASM 3.0;", 'include "stdgates.inc";']
    prepare: list[str] = []
    if circuit.encoding.prepares_amplitudes:
        if values is None:
            raise CircuitError(
                "an amplitude encoding has no parametrised gates: give to_qasm the inputs"
            )
        prepare = list(_prepare(values, circuit.qubits))
    elif values is None:
        lines += [f"input float[64] x{i};" for i in range(circuit.inputs)]
    if angles is None:
        lines += [f"input float[64] w{i};" for i in range(circuit.weights)]
    lines += [f"qubit[{circuit.qubits}] q;", f"bit[{circuit.qubits}] c;"]
    lines += prepare
    for operation in circuit.operations:
        angle = ""
        if operation.angle is not None:
            given = {Input: values, Weight: angles}[type(operation.angle)]
            number = None if given is None else repr(float(given[operation.angle.index]))
            angle = f"({number or operation.angle})"
        wires = ", ".join(f"q[{q}]" for q in operation.qubits)
        lines.append(f"{operation.gate.qasm}{angle} {wires};")
    lines.append("c = measure q;")
    return "\n".join(lines) + "\n"


def _flat(kind: str, values: Any, expected: int) -> np.ndarray | None:
    if values is None:
        return None
    # A layer's weights have a gradient, which is no part of a program.
    values = values.detach() if hasattr(values, "detach") else values
    try:
        flat = np.asarray(values, dtype=float).reshape(-1)
    except (TypeError, ValueError):
        raise CircuitError(f"to_qasm: {kind} are {expected} numbers") from None
    if flat.size != expected:
        raise CircuitError(f"to_qasm: {expected} {kind} expected, got {flat.size}")
    if not np.isfinite(flat).all():
        raise CircuitError(f"to_qasm: {kind} are finite numbers; some are infinite or not a number")
    return flat


def _prepare(values: np.ndarray, qubits: int) -> Iterator[str]:
    """Gates that turn |0...0> into the normalised vector: a binary tree of rotations.

    Qubit k is rotated once for each setting of the qubits before it, by twice the angle
    between the norms of the two halves of that branch; the last qubit carries the signs.
    """
    vector = np.zeros(2**qubits)
    vector[: values.size] = values
    for qubit in range(qubits):
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
