r"""The state that a circuit prepares, and the unitary matrix of its gates.

Both are plain products of gate matrices in double precision, one gate after the other, without
the engines. They are meant for looking at a circuit and for tests; layers do not use
them.

Shape suffixes: A amplitudes, N inputs, W weights, P points, which stand last.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Complex, Float
from numpy.typing import ArrayLike
from torch import Tensor

from resqunn.checks import require, shown
from resqunn.circuits.angles import Input, Weight, leaves
from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.circuits.gates import on_states
from resqunn.circuits.operations import Operation, expanded
from resqunn.engines.expressions import computed
from resqunn.errors import CircuitError, ShapeError

MOST_AMPLITUDES = 2**26
"""Of all states of a call together: one gigabyte."""

MOST_QUBITS = 12
"""Of a unitary matrix, which then has 2**24 entries."""


def state(
    circuit: GateCircuit, inputs: ArrayLike | None = None, weights: ArrayLike | None = None
) -> Complex[Tensor, "*B A"]:
    r"""The state vector before readout, $|\psi\rangle = U_G \cdots U_1 |\psi_0\rangle$.

    $|\psi_0\rangle$ is $|0\ldots0\rangle$, or the normalised inputs where the circuit prepares
    amplitudes. Gates that are made of others are written out up to a global phase, so the state
    is right up to a global phase. Qubit 0 is the most significant bit of an amplitude's index.

    Args:
        inputs: `(*B, num_inputs)`, radians or amplitudes; a layer's pixels become radians by
            its `angle_scale`. They may be left out if no gate reads them.
        weights: `(*B, num_weights)` or `(*B, *weight_shape)`, radians. Axes `*B` of inputs and
            weights are broadcast.

    Returns:
        `(*B, 2**num_qubits)`, complex128, differentiable with respect to tensors that are given.

    Raises:
        CircuitError: for numbers that are missing or not finite, or more than 2**26 amplitudes.
        ShapeError: for another shape.

    >>> from resqunn import Circuit
    >>> circuit = Circuit("ry", "rx_chain", "z", inputs=2, depth=0)
    >>> state(circuit, [0.0, math.pi]).abs().round(decimals=12)
    tensor([0., 1., 0., 0.], dtype=torch.float64)
    """
    require("circuit", circuit, GateCircuit)
    inputs_BN, weights_BW = _given(circuit, inputs, weights, circuit.prepares_amplitudes)
    try:
        lead = torch.broadcast_shapes(inputs_BN.shape[:-1], weights_BW.shape[:-1])
    except RuntimeError:
        raise ShapeError(
            "inputs and weights must have axes before the last that can be broadcast, got "
            f"{tuple(inputs_BN.shape[:-1])} and {tuple(weights_BW.shape[:-1])}"
        ) from None
    points = math.prod(lead)
    if points * 2**circuit.num_qubits > MOST_AMPLITUDES:
        raise CircuitError(
            f"states must have {MOST_AMPLITUDES:,} amplitudes or fewer together, got {points:,} "
            f"of {circuit.num_qubits} qubits"
        )
    inputs_NP, weights_WP = (
        flat.expand(*lead, flat.shape[-1]).reshape(points, -1).T for flat in (inputs_BN, weights_BW)
    )
    found_AP = states(circuit, inputs_NP, weights_WP)
    return found_AP.T.reshape(*lead, -1)


def unitary(
    circuit: GateCircuit, inputs: ArrayLike | None = None, weights: ArrayLike | None = None
) -> Complex[Tensor, "A A"]:
    r"""The unitary matrix of all gates, $U_G \cdots U_1$, up to a global phase.

    The preparation of amplitudes is no gate and no part of it.

    Args:
        inputs: (num_inputs,), radians; they may be left out if no gate reads them.
        weights: (num_weights,) or `weight_shape`, radians.

    Returns:
        `(2**num_qubits, 2**num_qubits)`, complex128; column s is the state that basis state s
        becomes.

    Raises:
        CircuitError: for numbers that are missing or not finite, or more than 12 qubits.
        ShapeError: for another shape.

    >>> from resqunn import Circuit
    >>> circuit = Circuit("ry", "rx_chain", "z", inputs=1, depth=0)
    >>> unitary(circuit, [math.pi]).real.round(decimals=12)
    tensor([[ 0., -1.],
            [ 1.,  0.]], dtype=torch.float64)
    """
    require("circuit", circuit, GateCircuit)
    inputs_N, weights_W = _given(circuit, inputs, weights, prepares=False)
    if inputs_N.ndim > 1 or weights_W.ndim > 1:
        raise ShapeError(
            "inputs and weights must be those of one point for a unitary, got "
            f"{tuple(inputs_N.shape)} and {tuple(weights_W.shape)}"
        )
    if circuit.num_qubits > MOST_QUBITS:
        raise CircuitError(
            f"a unitary must be of {MOST_QUBITS} qubits or fewer, got {circuit.num_qubits}"
        )
    one_AP = torch.eye(2**circuit.num_qubits, dtype=torch.complex128, device=inputs_N.device)
    return evolved(circuit, one_AP, inputs_N[:, None], weights_W[:, None])


def states(
    circuit: GateCircuit, inputs_NP: Float[Tensor, "N P"], weights_WP: Float[Tensor, "W P"]
) -> Complex[Tensor, "A P"]:
    """The state for each point, of tensors in float64 that fit."""
    if circuit.prepares_amplitudes:
        start_AP = _amplitudes(circuit, inputs_NP)
    else:
        start_AP = inputs_NP.new_zeros(2**circuit.num_qubits, inputs_NP.shape[1])
        start_AP[0] = 1
    return evolved(circuit, start_AP.to(torch.complex128), inputs_NP, weights_WP)


def evolved(
    circuit: GateCircuit, state_AP: Tensor, inputs_NP: Tensor, weights_WP: Tensor
) -> Complex[Tensor, "A P"]:
    """The gates applied to states; there may be one point of inputs and weights for all."""
    operations = expanded(circuit.operations)
    points = max(inputs_NP.shape[1], weights_WP.shape[1])
    of_all = [angle for operation in operations for angle in operation.angles]
    halves = computed(of_all, inputs_NP, weights_WP).expand(-1, points) / 2
    turns = zip(torch.cos(halves), torch.sin(halves), strict=True)
    for operation in operations:
        if operation.gate.is_rotation:
            state_AP = _on_one(operation.qubits[0], _turn(operation, *next(turns)), state_AP)
        elif operation.gate.num_qubits == 1:
            entries = operation.gate.matrix().astype(complex)
            state_AP = _on_one(operation.qubits[0], entries, state_AP)
        else:
            source_A, factor_A = on_states(
                operation.gate.matrix(), operation.qubits, circuit.num_qubits
            )
            index_A = torch.from_numpy(source_A).to(state_AP.device)
            state_AP = state_AP.index_select(0, index_A)
            if (factor_A != 1).any():
                state_AP = torch.from_numpy(factor_A).to(state_AP)[:, None] * state_AP
    return state_AP


def _turn(operation: Operation, cosine: Tensor, sine: Tensor) -> list[list[Tensor | None]]:
    r"""The entries of $\cos(t/2)\,1 + \sin(t/2)\,(-i P)$ at each point; None for zeros."""
    turn = operation.gate.turn

    def entry(i: int, j: int) -> Tensor | None:
        real = cosine * (i == j) + sine * turn[i, j].real
        return torch.complex(real, sine * turn[i, j].imag) if i == j or turn[i, j] else None

    return [[entry(i, j) for j in (0, 1)] for i in (0, 1)]


def _on_one(qubit: int, entries: Any, state_AP: Tensor) -> Tensor:
    """A matrix of two rows and columns on one qubit."""
    halves = state_AP.unflatten(0, (2**qubit, 2, -1)).unbind(1)
    rows = []
    for row in entries:
        parts = [e * half for e, half in zip(row, halves, strict=True) if e is not None]
        rows.append(sum(parts[1:], parts[0]))
    return torch.stack(rows, dim=1).flatten(0, 2)


def _amplitudes(circuit: GateCircuit, inputs_NP: Tensor) -> Tensor:
    """The normalised amplitudes; those of a zero vector are those of |0...0>."""
    values = inputs_NP
    if circuit.amplitudes is not None:
        rows_AP = computed(circuit.amplitudes, inputs_NP, inputs_NP[:0])
        values = rows_AP.expand(-1, inputs_NP.shape[1])
    room = 2**circuit.num_qubits - len(values)
    values = torch.nn.functional.pad(values, (0, 0, 0, room))
    largest = values.detach().abs().amax(dim=0)
    first = torch.zeros_like(values)
    first[0] = 1
    values = torch.where(largest == 0, first, values / torch.where(largest == 0, 1.0, largest))
    return values / torch.linalg.vector_norm(values, dim=0)


def _given(
    circuit: GateCircuit, inputs: ArrayLike | None, weights: ArrayLike | None, prepares: bool
) -> tuple[Tensor, Tensor]:
    """Inputs (*B, N) and weights (*B, W); zeros for those that nothing reads."""
    read = {
        type(leaf)
        for operation in circuit.operations
        for angle in operation.angles
        for leaf in leaves(angle)
    }
    return (
        numbers("inputs", inputs, (circuit.num_inputs,), prepares or Input in read),
        numbers("weights", weights, circuit.weight_shape, Weight in read),
    )


def numbers(name: str, values: ArrayLike | None, shape: Sequence[int], needed: bool) -> Tensor:
    """Values of shape (*B, *shape), or with the last axes in one, as (*B, count) in float64.

    Raises:
        CircuitError: if they are needed and missing, or not finite numbers.
        ShapeError: for another shape.
    """
    count = math.prod(shape)
    if values is None:
        if needed:
            raise CircuitError(f"{name} must be given, as gates read them, got None")
        return torch.zeros(count, dtype=torch.float64)
    try:
        real = values if isinstance(values, Tensor) else np.array(values, dtype=float)
        found = torch.as_tensor(real)
    except (TypeError, ValueError, RuntimeError):
        raise CircuitError(f"{name} must be real numbers, got {shown(values)}") from None
    if found.is_complex() or not bool(found.isfinite().all()):
        raise CircuitError(f"{name} must be finite real numbers, got {shown(values)}")
    found, whole = found.to(torch.float64), tuple(shape)
    if found.ndim >= len(whole) and tuple(found.shape[found.ndim - len(whole) :]) == whole:
        return found.reshape(*found.shape[: found.ndim - len(whole)], count)
    if found.ndim and found.shape[-1] == count:
        return found
    raise ShapeError(f"{name} must be of shape {_words(whole)}, got {tuple(found.shape)}")


def _words(shape: tuple[int, ...]) -> str:
    return f"(..., {', '.join(map(str, shape))})"
