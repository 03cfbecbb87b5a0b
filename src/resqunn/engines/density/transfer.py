r"""A noisy circuit as real matrices on Pauli words, constants of one dtype and device.

Of gate $U$ the matrix has the entries $\mathrm{tr}(P_a U P_b U^\dagger) / 2^k$ over the words of
its k qubits; the first letter is the first qubit's.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache, reduce

import numpy as np
import torch
from jaxtyping import Complex, Float
from torch import Tensor

from resqunn.circuits.channels import ChannelOperation
from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.circuits.gates import PAULIS, Gate
from resqunn.circuits.operations import Input, Weight
from resqunn.engines.guard import interpreted


@dataclass(frozen=True, eq=False)
class Rotated:
    """A rotation of one qubit: matrices A, B and C of $A + cos(t) B + sin(t) C$."""

    qubit: int
    angle: Input | Weight
    matrices: tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True, eq=False)
class Fixed:
    """A gate or channel without an angle."""

    qubits: tuple[int, ...]
    matrix: Tensor


@dataclass(frozen=True, eq=False)
class TransferPlan:
    """What the engine needs to know of a circuit.

    Attributes:
        start_S: the Pauli vector of $|0\\ldots0\\rangle$.
        to_words_SAA: the real parts of all words, for amplitudes.
        steps: the gates and channels in order.
        readouts_RS: the observables as rows.
    """

    num_qubits: int
    start_S: Tensor
    to_words_SAA: Tensor
    steps: tuple[Rotated | Fixed, ...]
    readouts_RS: Tensor


def transfer_plan(circuit: GateCircuit, dtype: torch.dtype, device: torch.device) -> TransferPlan:
    """The plan, kept from call to call (but not while torch traces with fake tensors)."""
    if interpreted():
        return _plan(circuit, dtype, device)
    return _kept_plan(circuit, dtype, device)


# torch.compile runs it, as in statevector/plan.py.
transfer_plan._dynamo_marked_constant = True  # pyright: ignore[reportFunctionMemberAccess]


@lru_cache(maxsize=256)
def _kept_plan(circuit: GateCircuit, dtype: torch.dtype, device: torch.device) -> TransferPlan:
    with torch.inference_mode(False):
        return _plan(circuit, dtype, device)


def _plan(circuit: GateCircuit, dtype: torch.dtype, device: torch.device) -> TransferPlan:
    def constant(array: np.ndarray) -> Tensor:
        return torch.as_tensor(np.ascontiguousarray(array), dtype=dtype, device=device)

    count = circuit.num_qubits
    start_S = reduce(np.kron, [np.array([1.0, 0.0, 0.0, 1.0])] * count)
    readouts_RS = np.zeros((circuit.num_outputs, 4**count))
    for row, observable in enumerate(circuit.observables):
        for coefficient, support in observable.products:
            readouts_RS[row, sum(3 * 4 ** (count - 1 - qubit) for qubit in support)] += coefficient
    words = np.real(pauli_words(count)) if circuit.prepares_amplitudes else np.zeros((0, 1, 1))
    return TransferPlan(
        count,
        constant(start_S),
        constant(words),
        tuple(_steps(circuit, dtype, device)),
        constant(readouts_RS),
    )


def _steps(
    circuit: GateCircuit, dtype: torch.dtype, device: torch.device
) -> Iterator[Rotated | Fixed]:
    rotations: dict[str, tuple[Tensor, Tensor, Tensor]] = {}
    fixed: dict[object, Tensor] = {}
    for operation in circuit.operations:
        name, angle = operation.name, operation.angle
        if isinstance(angle, Input | Weight):
            if name not in rotations:
                same, cosine, sine = (
                    torch.as_tensor(each, dtype=dtype, device=device)
                    for each in rotation_matrices(operation.gate)
                )
                rotations[name] = same, cosine, sine
            yield Rotated(operation.qubits[0], angle, rotations[name])
            continue
        of = operation.channel if isinstance(operation, ChannelOperation) else name
        if of not in fixed:
            noisy = isinstance(operation, ChannelOperation)
            matrix = operation.matrix if noisy else transfer_matrix(operation.gate.matrix())
            fixed[of] = torch.as_tensor(matrix, dtype=dtype, device=device)
        yield Fixed(operation.qubits, fixed[of])


@cache
def pauli_words(num_qubits: int) -> Complex[np.ndarray, "S A A"]:
    """The matrices of all words, II, IX, ..., ZZ."""
    letters = [np.eye(2, dtype=complex), *(PAULIS[axis] for axis in ("X", "Y", "Z"))]
    return np.stack([reduce(np.kron, w) for w in itertools.product(letters, repeat=num_qubits)])


def transfer_matrix(unitary: Complex[np.ndarray, "A A"]) -> Float[np.ndarray, "S S"]:
    """The matrix of a gate on Pauli words."""
    words = pauli_words(len(unitary).bit_length() - 1)
    turned = unitary @ words @ unitary.conj().T
    return np.einsum("aij,bji->ab", words, turned).real / len(unitary)


def rotation_matrices(gate: Gate) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A, B and C of a rotation."""
    at = {angle: transfer_matrix(gate.matrix(angle)) for angle in (0.0, np.pi / 2, np.pi)}
    same, cosine = (at[0.0] + at[np.pi]) / 2, (at[0.0] - at[np.pi]) / 2
    return same.round(15), cosine.round(15), (at[np.pi / 2] - same).round(15)
