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
    return NOISY_REFERENCE if circuit.is_noisy else REFERENCE


# torch.compile runs it, as in statevector/plan.py.
reference._dynamo_marked_constant = True  # pyright: ignore[reportFunctionMemberAccess]
