"""PennyLane's measurements as observables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from resqunn.circuits.observables import Observable, pauli_word
from resqunn.circuits.readouts import (
    MOST_HERMITIAN,
    MOST_PROBABILITIES,
    matrix_terms,
    probability_terms,
)
from resqunn.errors import CircuitError


def observables(qml: Any, measurement: Any, qubits: Mapping[Any, int]) -> list[Observable]:
    """What a measurement returns, one observable a value.

    Args:
        qml: the package PennyLane.
        qubits: of each wire.
    """
    if isinstance(measurement, qml.measurements.ProbabilityMP):
        wires = list(measurement.wires) or list(qubits)
        return _probabilities([qubits[wire] for wire in wires])
    variance = isinstance(measurement, qml.measurements.VarianceMP)
    return [Observable(_terms(qml, measurement.obs, qubits), variance=variance)]


def require_known(qml: Any, measurement: Any) -> None:
    """
    Raises:
        CircuitError: for what is no expectation value, variance or probability.
    """
    measures = qml.measurements
    if getattr(measurement, "mv", None) is not None:
        raise CircuitError(
            "function must measure at the end alone, got a measurement of a qubit in the middle "
            "of the circuit"
        )
    if isinstance(measurement, measures.ExpectationMP | measures.VarianceMP):
        if measurement.obs is None:
            raise CircuitError("an observable must be an operator, got eigenvalues alone")
        return
    if isinstance(measurement, measures.ProbabilityMP) and measurement.obs is None:
        return
    raise CircuitError(
        "function must return expectation values, variances or probabilities of wires, got "
        f"{type(measurement).__name__.removesuffix('MP').lower()}"
    )


def _terms(qml: Any, operator: Any, qubits: Mapping[Any, int]) -> tuple[Any, ...]:
    if operator.pauli_rep is not None:
        found = []
        for word, coefficient in operator.pauli_rep.items():
            letters = tuple((qubits[wire], letter) for wire, letter in word.items())
            found.append((_real(coefficient), letters))
        return tuple(found)
    if any(getattr(each, "requires_grad", False) for each in operator.data):
        raise CircuitError("an observable must be fixed, got one that depends on inputs or weights")
    wires = list(operator.wires)
    if len(wires) > MOST_HERMITIAN:
        raise CircuitError(
            f"an observable that is no sum of Pauli words must act on {MOST_HERMITIAN} qubits or "
            f"fewer, got {operator.name} on {len(wires)}"
        )
    try:
        matrix = np.asarray(qml.matrix(operator, wire_order=wires), dtype=complex)
    except Exception:
        raise CircuitError(f"an observable must have a matrix, got {operator.name}") from None
    places = [qubits[wire] for wire in wires]
    return tuple(
        (share, tuple((places[k], letter) for k, letter in pauli_word(letters, len(wires))))
        for share, letters in matrix_terms(matrix)
    )


def _real(coefficient: Any) -> float:
    if getattr(coefficient, "requires_grad", False):
        raise CircuitError("an observable must be fixed, got one that depends on inputs or weights")
    number = complex(coefficient)
    if abs(number.imag) > 1e-12:
        raise CircuitError(f"coefficients of an observable must be real, got {number}")
    return number.real


def _probabilities(qubits: list[int]) -> list[Observable]:
    count = len(qubits)
    if count > MOST_PROBABILITIES:
        raise CircuitError(
            f"probabilities must be of {MOST_PROBABILITIES} qubits or fewer, got {count}"
        )
    return [
        Observable(
            tuple(
                (share, tuple((qubits[k], "Z") for k in chosen))
                for share, chosen in probability_terms(state, count)
            )
        )
        for state in range(2**count)
    ]
