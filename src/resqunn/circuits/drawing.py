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
    places = columns_of(operations, num_qubits, prepared is not None)
    columns: list[dict[int, str]] = [{} for _ in range(max(places, default=-1) + 1)]
    if prepared is not None:
        columns[:1] = [dict.fromkeys(range(num_qubits), f"|{prepared}⟩")]
    for place, operation in zip(places, operations, strict=True):
        column = columns[place]
        for q in range(min(operation.qubits), max(operation.qubits) + 1):
            column[q] = "│"
        last = operation.qubits[-1]
        for q, symbol in zip(operation.qubits, operation.symbols, strict=True):
            column[q] = symbol + angles_of(operation) * (q == last)
    lines = [f"{q:>{len(str(num_qubits - 1))}}: ─" for q in range(num_qubits)]
    for column in columns:
        width = max(len(text) for text in column.values())
        for q in range(num_qubits):
            lines[q] += column.get(q, "").ljust(width, "─") + "─"
    ends = [measured(observables, q) for q in range(num_qubits)]
    return "\n".join(
        line + (f"┤ {text}" if text else "┤") for line, text in zip(lines, ends, strict=True)
    )


def columns_of(operations: Sequence[Operation], num_qubits: int, prepared: bool) -> list[int]:
    """In which column each operation stands; the first is taken if something is prepared."""
    busy, found = [int(prepared)] * num_qubits, []
    for operation in operations:
        low, high = min(operation.qubits), max(operation.qubits) + 1
        column = max(busy[low:high])
        busy[low:high] = [column + 1] * (high - low)
        found.append(column)
    return found


def angles_of(operation: Operation) -> str:
    """Its angles in brackets, or an empty text."""
    return f"({', '.join(map(_angle, operation.angles))})" if operation.angles else ""


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


def measured(observables: Sequence[Observable], qubit: int) -> str:
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
