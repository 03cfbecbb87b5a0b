r"""PennyLane operations written out as gates of the gate table, at any angles.

PennyLane itself decomposes controlled rotations by their matrices, which depend on the angles'
values. With $n$ controls, and $T$ a NOT on the target with these controls,
$C^n RY(t) = T\, RY(-t/2)\, T\, RY(t/2)$, and RZ likewise; RX is RZ between Hadamards. A controlled
phase is a controlled RZ and half the phase on the controls.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from torch import Tensor

from resqunn.circuits.gates import GATES
from resqunn.errors import CircuitError

NAMES = {row.pennylane: row.name for row in GATES.values()} | {"U1": "PhaseShift"}
"""Gates of the gate table by their PennyLane names."""

WITHOUT_EFFECT = ("Identity", "GlobalPhase", "Barrier", "WireCut", "Snapshot")
"""Operations that change no expectation value."""


def decomposed(
    qml: Any, operations: Iterable[Any], written_out: set[str] | None = None
) -> Iterator[Any]:
    """The operations as those of `NAMES`, amplitudes that are tensors, and what PennyLane cannot
    decompose.

    Args:
        qml: the package PennyLane.
        written_out: takes the names of gates (templates are none) that become several, or others.
    """
    for operation in operations:
        _require_unitary(qml, operation)
        if operation.name in WITHOUT_EFFECT or _is_phase(qml, operation):
            continue
        if _is_done(qml, operation):
            yield operation
            continue
        with qml.QueuingManager.stop_recording():
            parts = _parts(qml, operation)
        if written_out is not None and operation.has_matrix:
            written_out.add(operation.name)
        yield from decomposed(qml, parts, written_out)


def _is_done(qml: Any, operation: Any) -> bool:
    name = operation.name
    if isinstance(operation, qml.StatePrep):
        return isinstance(operation.data[0], Tensor)
    return name in NAMES or not operation.has_decomposition


def _require_unitary(qml: Any, operation: Any) -> None:
    """
    Raises:
        CircuitError: for what is no unitary operation, or is not what its decomposition is.
    """
    base = getattr(operation, "base", None)
    if base is not None:
        _require_unitary(qml, base)
    if isinstance(operation, qml.ops.Pow) and operation.z != int(operation.z):
        raise CircuitError(
            f"function must be without roots of gates, got {operation.name}: give the gate at "
            "another angle"
        )
    if isinstance(operation, qml.ops.Exp):  # of i times a real number
        coefficient = operation.coeff  # one that is traced is compared with PennyLane's values
        if not isinstance(coefficient, Tensor) and abs(complex(coefficient).real) > 1e-12:
            raise CircuitError(f"operations must be unitary, got {operation.name}")
    if operation.name in ("QubitUnitary", "DiagonalQubitUnitary"):
        matrix = operation.data[0]
        if isinstance(matrix, Tensor):
            return  # which is traced, and compared with PennyLane's values
        matrix = np.asarray(matrix, dtype=complex)
        matrix = np.diag(matrix) if matrix.ndim == 1 else matrix
        if not np.allclose(matrix @ matrix.conj().T, np.eye(len(matrix)), rtol=0, atol=1e-9):
            raise CircuitError(f"operations must be unitary, got a {operation.name} that is not")


def _is_phase(qml: Any, operation: Any) -> bool:
    return operation.name == "Exp" and isinstance(operation.base, qml.Identity)


def _parts(qml: Any, operation: Any) -> list[Any]:
    base: Any = getattr(operation, "base", None)
    controlled = isinstance(operation, qml.ops.Controlled)
    if not controlled or not base.num_params:
        return operation.decomposition()
    control, values = operation.control_wires, operation.control_values
    if base.name in ("RX", "RY", "RZ", "PhaseShift", "U1"):
        return _controlled(qml, base, control, values)
    if base.num_wires == 1 and base.has_decomposition and base.name != "GlobalPhase":
        return [qml.ctrl(part, control, values) for part in base.decomposition()]
    return operation.decomposition()


def _controlled(qml: Any, rotation: Any, control: Any, values: Any) -> list[Any]:
    (angle,), (target,) = rotation.data, rotation.wires
    if rotation.name == "RX":
        turned = qml.Hadamard(target)
        return [turned, *_controlled(qml, qml.RZ(angle, target), control, values), turned]
    flip = qml.ctrl(qml.X(target), control, values)
    if rotation.name in ("RY", "RZ"):
        make = getattr(qml, rotation.name)
        return [make(angle / 2, target), flip, make(-angle / 2, target), flip]
    # diag(1, e^it) is e^(it/2) RZ(t).
    *others, last = control
    phase = qml.PhaseShift(angle / 2, last)
    # The phase of |0> is that of |1> between two NOT.
    around = [] if values[-1] else [qml.X(last)]
    if others:
        phase = qml.ctrl(phase, others, values[:-1])
    rest = _controlled(qml, qml.RZ(angle, target), control, values)
    return [*rest, *around, phase, *around]
