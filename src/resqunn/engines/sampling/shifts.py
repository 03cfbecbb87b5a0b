r"""The parameter-shift rule: derivatives of samples, from more samples.

As a function of the angle t of one rotation about a Pauli matrix, an expectation value is
$a + b \cos t + c \sin t$, whatever gates and channels stand around it. Its derivative is half the
difference of its values at $t + \pi/2$ and $t - \pi/2$ (Mitarai et al., arXiv:1803.00745), and
where both are sampled, this is an unbiased estimate. So an input or a weight that several rotations
turn by becomes one of its own for each, and the derivatives by these are added up.

Weights that are shifted are more filters, and inputs that are shifted more patches, of a few
calls.

Shape suffixes as in `engines/base.py`, and K shifted angles.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from resqunn.circuits.angles import Input, Weight
from resqunn.circuits.gate_circuit import GateCircuit, PlainCircuit, Run
from resqunn.circuits.operations import Operation

Sampled = Callable[[Run, Tensor, Tensor], Tensor]
"""Draws the values (G, F, R, P) of a run."""

MOST_NUMBERS = 2**21
"""That are worked on together, in float64."""


@dataclass(frozen=True, eq=False)
class Apart:
    """A run in which each rotation turns by an angle of its own.

    Attributes:
        inputs, weights: which input or weight of the run each of its own is.
        turning_inputs, turning_weights: those that some rotation turns by.
    """

    run: Run
    inputs: tuple[int, ...]
    weights: tuple[int, ...]
    turning_inputs: tuple[int, ...]
    turning_weights: tuple[int, ...]


@lru_cache(maxsize=256)
def apart(run: Run) -> Apart:
    """The run with its angles apart; the first rotation of each keeps its own.

    Of inputs that are amplitudes there are no derivatives, so that they stay as they are.
    """
    circuit = run.circuit
    known = {Input: list(range(circuit.num_inputs)), Weight: list(range(circuit.num_weights))}
    turning: dict[type[Input | Weight], list[int]] = {Input: [], Weight: []}
    operations: list[Operation] = []
    for operation in circuit.operations:
        angle = operation.angle
        if isinstance(angle, Weight) or (
            isinstance(angle, Input) and not circuit.prepares_amplitudes
        ):
            kind, index = type(angle), angle.index
            if index in turning[kind]:
                index = len(known[kind])
                known[kind].append(angle.index)
                operation = Operation(operation.name, operation.qubits, kind(index))
            turning[kind].append(index)
        operations.append(operation)
    inputs, weights = tuple(known[Input]), tuple(known[Weight])
    if len(inputs) > circuit.num_inputs or len(weights) > circuit.num_weights:
        circuit = _with_angles(circuit, len(inputs), len(weights), tuple(operations))
    of_run = Run(circuit, run.rows, run.of_bits, run.shrinking)
    return Apart(of_run, inputs, weights, tuple(turning[Input]), tuple(turning[Weight]))


def _with_angles(
    circuit: GateCircuit, inputs: int, weights: int, operations: tuple[Operation, ...]
) -> GateCircuit:
    return PlainCircuit(
        circuit.num_qubits,
        inputs,
        (weights,),
        operations,
        circuit.observables,
        circuit.prepares_amplitudes,
        depth=circuit.depth,
        reupload=circuit.reupload,
    )


def shift_gradients(
    sampled: Sampled,
    run: Run,
    size: int,
    tensors: tuple[Tensor, Tensor],
    cotangents_GFRP: Tensor,
    wanted: tuple[bool, bool],
) -> tuple[Tensor | None, Tensor | None]:
    """The derivatives by inputs and by weights of what cotangents are multiplied by.

    Args:
        size: how many numbers `sampled` works on, for each circuit and patch.
    """
    found = apart(run)
    inputs_GNP, weights_GFW = tensors
    inputs = _taken(inputs_GNP, found.inputs, 1)
    weights = _taken(weights_GFW, found.weights, 2)
    numbers = 2 * size * cotangents_GFRP.shape[0] * cotangents_GFRP.shape[1] * inputs.shape[2]
    most = max(1, MOST_NUMBERS // max(1, numbers))
    by_inputs = by_weights = None
    if wanted[0]:
        by_inputs = torch.zeros_like(inputs_GNP)
        for shifted in _parts(found.turning_inputs, most):
            by_shifted = _by_inputs(sampled, found.run, shifted, inputs, weights, cotangents_GFRP)
            index = [found.inputs[each] for each in shifted]
            by_inputs = _added(by_inputs, 1, index, by_shifted)
    if wanted[1]:
        by_weights = torch.zeros_like(weights_GFW)
        for shifted in _parts(found.turning_weights, most):
            by_shifted = _by_weights(sampled, found.run, shifted, inputs, weights, cotangents_GFRP)
            index = [found.weights[each] for each in shifted]
            by_weights = _added(by_weights, 2, index, by_shifted)
    return by_inputs, by_weights


def _by_weights(
    sampled: Sampled,
    run: Run,
    shifted: Sequence[int],
    inputs_GNP: Tensor,
    weights_GFW: Tensor,
    cotangents_GFRP: Tensor,
) -> Tensor:
    """The derivatives (G, F, K)."""
    steps_2KW = _steps(shifted, weights_GFW)
    filters = (weights_GFW[:, :, None, None] + steps_2KW).flatten(1, 3)
    values = sampled(run, inputs_GNP, filters)
    up, down = values.unflatten(1, (-1, 2, len(shifted))).unbind(2)
    return ((up - down) * cotangents_GFRP.unsqueeze(2)).sum((3, 4)) / 2


def _by_inputs(
    sampled: Sampled,
    run: Run,
    shifted: Sequence[int],
    inputs_GNP: Tensor,
    weights_GFW: Tensor,
    cotangents_GFRP: Tensor,
) -> Tensor:
    """The derivatives (G, K, P)."""
    steps_N2K = _steps(shifted, inputs_GNP.transpose(1, 2)).movedim(2, 0)
    patches = (inputs_GNP[:, :, None, None] + steps_N2K[..., None]).flatten(2, 4)
    values = sampled(run, patches, weights_GFW)
    up, down = values.unflatten(3, (2, len(shifted), -1)).unbind(3)
    return ((up - down) * cotangents_GFRP.unsqueeze(3)).sum((1, 2)) / 2


def _steps(shifted: Sequence[int], angles: Tensor) -> Tensor:
    """Shifts up and down (2, K, N) of some of the angles along the last axis."""
    up = torch.zeros(len(shifted), angles.shape[-1], dtype=angles.dtype, device="cpu")
    up[range(len(shifted)), shifted] = math.pi / 2
    return torch.stack((up, -up)).to(angles.device)


def _taken(tensor: Tensor, index: tuple[int, ...], dim: int) -> Tensor:
    """The values along `dim` with some of them repeated at the end."""
    if len(index) == tensor.shape[dim]:
        return tensor
    return tensor.index_select(dim, torch.tensor(index, device=tensor.device))


def _added(total: Tensor, dim: int, index: Sequence[int], added: Tensor) -> Tensor:
    return total.index_add(dim, torch.tensor(index, device=total.device), added)


def _parts(indices: Sequence[int], most: int) -> Iterator[Sequence[int]]:
    for first in range(0, len(indices), most):
        yield indices[first : first + most]
