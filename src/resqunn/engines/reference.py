"""The reference engines, by which everything is evaluated that compiled code may not touch, and
derivatives of derivatives."""

from __future__ import annotations

from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.engines.base import Engine
from resqunn.engines.density.engine import DensityEngine
from resqunn.engines.statevector.engine import StatevectorEngine

REFERENCE = StatevectorEngine()
NOISY_REFERENCE = DensityEngine()


def reference(circuit: GateCircuit) -> Engine:
    """The reference engine for a circuit."""
    return NOISY_REFERENCE if _is_noisy(circuit) else REFERENCE


def _is_noisy(circuit: GateCircuit) -> bool:
    return any(run.circuit.is_noisy for run in circuit.runs)


# torch.compile runs it, as in statevector/plan.py; of an engine it has to know where it is found.
_is_noisy._dynamo_marked_constant = True  # pyright: ignore[reportFunctionMemberAccess]
