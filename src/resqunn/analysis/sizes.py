"""How large a circuit is."""

from __future__ import annotations

import numpy as np

from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.circuits.operations import Operation, expanded


def depth(circuit: GateCircuit) -> int:
    """The longest row of gates of which each shares a qubit with the next."""
    busy = [0] * circuit.num_qubits
    for operation in circuit.operations:
        column = 1 + max(busy[qubit] for qubit in operation.qubits)
        for qubit in operation.qubits:
            busy[qubit] = column
    return max(busy)


def flops(circuit: GateCircuit) -> int:
    r"""Floating-point operations of one patch on a dense state vector of $A = 2^n$ amplitudes.

    A gate of one qubit takes $14 A$: two complex products, of six operations each, and a complex
    sum, of two, for each amplitude. A gate of several qubits permutes amplitudes, which is free,
    as are signs; where it has other phases it takes $6 A$. Gates that are made of others count
    as these. For each basis that is measured, squares take $3 A$, and a readout value $2 A$.
    """
    gates = sum(_operations(operation) for operation in expanded(circuit.operations))
    turns = sum(
        _operations(operation)
        for run in circuit.runs
        for operation in run.circuit.operations[len(circuit.lowered.operations) :]
    )
    again = gates * len(circuit.runs) + turns
    read = sum(3 + 2 * len(run.rows) for run in circuit.runs)
    return (again + read) * 2**circuit.num_qubits


def _operations(operation: Operation) -> int:
    """Of a gate that is made of no others, for each amplitude."""
    if operation.gate.num_qubits == 1:
        return 14
    entries = operation.gate.matrix()
    return 0 if np.isin(entries, (-1, 0, 1)).all() else 6
