"""Whether a function is its circuit at other points than the one where it was recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from resqunn.circuits.angles import Angle
from resqunn.engines.expressions import computed
from resqunn.engines.registry import engine
from resqunn.errors import CircuitError
from resqunn.interop.conversion import measured, qubits_of
from resqunn.interop.imported import ImportedCircuit
from resqunn.interop.recording import Recorded, Recorder

RECORDED_AGAIN = 8
"""Calls at one point that would show gates which are drawn at random."""


def require_the_same(
    qml: Any,
    recorder: Recorder,
    circuit: ImportedCircuit,
    first: Recorded,
    angles: Sequence[np.ndarray],
    point: Sequence[Tensor],
) -> None:
    """
    Raises:
        CircuitError: if the function is not the circuit at another point.
    """
    values = [each.clone().requires_grad_() for each in point]
    with recorder.refusals():
        other = recorder.recorded(values)
    if _gates(first) != _gates(other):
        with recorder.refusals():
            again = (recorder.recorded(values) for _ in range(RECORDED_AGAIN))
            if any(_gates(each) != _gates(other) for each in again):
                raise CircuitError(
                    "function must have the same gates whenever it is called, got random ones: "
                    "draw random numbers outside of it, or from a seed"
                )
        raise CircuitError(
            "function must have the same gates at all inputs and weights, got others at other "
            "values: use torch.where for angles that depend on a condition"
        )
    if measured(qml, other, qubits_of(qml, other)) != list(circuit.observables):
        raise CircuitError(
            "function must measure the same observables at all inputs and weights, got others at "
            "other values"
        )
    flat = [angle for array in angles for angle in array.reshape(-1)]
    inputs_N1 = values[0].unsqueeze(-1)
    weights = torch.cat([each.reshape(-1) for each in values[1:]] or [values[0][:0]])
    ours = computed(flat, inputs_N1, weights.unsqueeze(-1)).squeeze(-1)
    theirs = [
        torch.as_tensor(np.asarray(p) if not isinstance(p, Tensor) else p).double().reshape(-1)
        for row in other.parameters
        for p in row
    ]
    expected = torch.cat(theirs or [values[0][:0]])
    if not _close(ours, expected):
        raise CircuitError(
            "an angle depends on values in a way that torch does not see, such as through NumPy "
            "or random numbers: compute it by functions of torch"
        )
    cotangent = torch.cos(torch.arange(len(expected)).double())
    pulled = (_pulled(each, cotangent, values) for each in (ours, expected))
    if not all(map(_close, *pulled)):
        raise CircuitError(
            "an angle must have the derivative of the function that it is, got another one, such "
            "as within torch.no_grad: use detach"
        )
    _require_normalised(qml, first, angles, inputs_N1)


def _gates(recorded: Recorded) -> list[tuple[str, tuple[Any, ...]]]:
    return [(each.name, tuple(each.wires)) for each in recorded.operations]


def require_the_values(
    recorder: Recorder, circuit: ImportedCircuit, point: Sequence[Tensor]
) -> None:
    """
    Raises:
        CircuitError: if PennyLane's simulator gives other values or derivatives than the circuit.
    """
    values = [each.clone().requires_grad_() for each in point]
    expected = recorder.values(values)
    weights = torch.cat([each.reshape(-1) for each in values[1:]] or [values[0][:0]])
    found = engine("statevector").expectation_values(
        circuit, values[0].reshape(1, -1, 1), weights.reshape(1, 1, -1)
    )[0, 0, :, 0]
    cotangent = torch.cos(torch.arange(len(found)).double())
    same = _close(found, expected)
    if same:
        pulled = (_pulled(each, cotangent, values) for each in (found, expected))
        same = all(map(_close, *pulled))
    if not same:
        raise CircuitError(
            "function must give what its gates do, got other values or derivatives from "
            "default.qubit: it measures what is not Hermitian, returns its measurements in "
            "another order, or has operations that PennyLane decomposes into others"
        )


def _pulled(values: Tensor, cotangent: Tensor, by: Sequence[Tensor]) -> tuple[Tensor, ...]:
    if not values.requires_grad:
        return tuple(map(torch.zeros_like, by))
    return torch.autograd.grad(
        (values * cotangent).sum(), by, allow_unused=True, materialize_grads=True, retain_graph=True
    )


def _close(ours: Tensor, theirs: Tensor) -> bool:
    # At a point outside of a function's domain both are not numbers.
    return ours.shape == theirs.shape and torch.allclose(
        ours, theirs, rtol=1e-9, atol=1e-9, equal_nan=True
    )


def _require_normalised(
    qml: Any, recorded: Recorded, angles: Sequence[np.ndarray], inputs_N1: Tensor
) -> None:
    """
    Raises:
        CircuitError: for amplitudes that the function expects to be normalised, but are not.
    """
    for operation in recorded.operations[:1]:
        if not isinstance(operation, qml.StatePrep):
            continue
        options = operation.hyperparameters
        if options.get("normalize") or options.get("pad_with") is not None:
            continue
        if not any(isinstance(each, Angle) for each in angles[0].flat):
            continue
        amplitudes = computed(list(angles[0].reshape(-1)), inputs_N1, inputs_N1[:0])
        norm = amplitudes.detach().square().sum()
        if torch.isfinite(norm) and abs(float(norm) - 1) > 1e-9:
            raise CircuitError(
                f"amplitudes must be normalised at all inputs, got a norm of {norm.sqrt():.3g}: "
                "give normalize=True"
            )
