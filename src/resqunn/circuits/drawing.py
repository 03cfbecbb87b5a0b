"""A circuit as text."""

from __future__ import annotations

from collections.abc import Sequence

from resqunn.circuits.angles import AnyAngle, Input, leaves, written
from resqunn.circuits.observables import Observable, Word
from resqunn.circuits.operations import Operation

MOST_TERMS = 3
"""How many observables are named at the end of a qubit's line."""

LONGEST = 60
"""Longer angles are drawn as a function of what they read."""


def draw(
    operations: Sequence[Operation],
    observables: Sequence[Observable],
    num_qubits: int,
    prepared: str | None = None,
) -> str:
    """One line a qubit; operations that share no wire stand in one column."""
    columns: list[dict[int, str]] = []
    if prepared is not None:
        columns.append(dict.fromkeys(range(num_qubits), f"|{prepared}⟩"))
    busy = [len(columns)] * num_qubits
    for operation in operations:
        span = range(min(operation.qubits), max(operation.qubits) + 1)
        column = max(busy[q] for q in span)
        if column == len(columns):
            columns.append({})
        for q in span:
            columns[column][q] = "│"
            busy[q] = column + 1
        angle = f"({', '.join(map(_angle, operation.angles))})" if operation.angles else ""
        last = operation.qubits[-1]
        for q, symbol in zip(operation.qubits, operation.symbols, strict=True):
            columns[column][q] = symbol + angle * (q == last)
    lines = [f"{q:>{len(str(num_qubits - 1))}}: ─" for q in range(num_qubits)]
    for column in columns:
        width = max(len(text) for text in column.values())
        for q in range(num_qubits):
            lines[q] += column.get(q, "").ljust(width, "─") + "─"
    measured = [_measured(observables, q) for q in range(num_qubits)]
    return "\n".join(
        line + (f"┤ {text}" if text else "┤") for line, text in zip(lines, measured, strict=True)
    )


def _angle(angle: AnyAngle) -> str:
    """
    >>> _angle(sum(map(Input, range(2, 9)), 0.5 * Input(1))), _angle(sum(map(Input, range(20)), 0))
    ('0.5*x1 + x2 + x3 + x4 + x5 + x6 + x7 + x8', 'f(x0, x1, ...)')
    """
    text = written(angle)
    if len(text) <= LONGEST:
        return text
    read = sorted(leaves(angle), key=lambda leaf: (not isinstance(leaf, Input), leaf.index))
    return f"f({', '.join(map(str, read[:2]))}{', ...' if len(read) > 2 else ''})"


def _measured(observables: Sequence[Observable], qubit: int) -> str:
    """What is measured on one qubit, alone or with others, as the end of its line."""
    found = [
        _term(coefficient, _letters(word), observable.variance)
        for observable in observables
        for coefficient, word in observable.words
        if any(qubit == q for q, _ in word)
    ]
    return ", ".join(found[:MOST_TERMS] + ["..."] * (len(found) > MOST_TERMS))


def _letters(word: Word) -> str:
    """
    >>> _letters(((1, "X"),)), _letters(((0, "Z"), (2, "Y")))
    ('X', 'Z0 Y2')
    """
    return word[0][1] if len(word) == 1 else " ".join(f"{letter}{q}" for q, letter in word)


def _term(coefficient: float, word: str, variance: bool = False) -> str:
    """
    >>> _term(0.25, "Z"), _term(-0.3, "Z0 Z1"), _term(1.0, "Z", variance=True)
    ('<Z>/4', '-0.3 <Z0 Z1>', 'Var(Z)')
    """
    if variance:
        return f"Var({word})" if coefficient == 1 else f"of Var: {coefficient:g} {word}"
    if coefficient == 1:
        return f"<{word}>"
    share = 1 / coefficient if coefficient else 0.0
    whole = share > 0 and abs(share - round(share)) < 1e-9
    return f"<{word}>/{round(share)}" if whole else f"{coefficient:g} <{word}>"
