"""A circuit as text."""

from __future__ import annotations

from collections.abc import Sequence

from resqunn.circuits.operations import Operation
from resqunn.circuits.readouts import Observable


def draw(
    operations: Sequence[Operation],
    observables: Sequence[Observable],
    qubits: int,
    prepared: str | None = None,
) -> str:
    """One line a qubit; operations that share no wire stand in one column."""
    columns: list[dict[int, str]] = []
    if prepared is not None:
        columns.append(dict.fromkeys(range(qubits), f"|{prepared}⟩"))
    busy = [len(columns)] * qubits
    for operation in operations:
        span = range(min(operation.qubits), max(operation.qubits) + 1)
        column = max(busy[q] for q in span)
        if column == len(columns):
            columns.append({})
        for q in span:
            columns[column][q] = "│"
            busy[q] = column + 1
        angle = "" if operation.angle is None else f"({operation.angle})"
        for q, symbol in zip(operation.qubits, operation.gate.symbols, strict=True):
            columns[column][q] = symbol + angle
    lines = [f"{q:>{len(str(qubits - 1))}}: ─" for q in range(qubits)]
    for column in columns:
        width = max(len(text) for text in column.values())
        for q in range(qubits):
            lines[q] += column.get(q, "").ljust(width, "─") + "─"
    measured = [_measured(observables, q) for q in range(qubits)]
    return "\n".join(
        line + (f"┤ {text}" if text else "┤") for line, text in zip(lines, measured, strict=True)
    )


def _measured(observables: Sequence[Observable], qubit: int) -> str:
    """What is measured on one qubit, as the end of its line."""
    for observable in observables:
        if any(qubit in support for _, support in observable.terms):
            return "<Z>" if len(observable.terms) == 1 else f"<Z>/{len(observable.terms)}"
    return ""
