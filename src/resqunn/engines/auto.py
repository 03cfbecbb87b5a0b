"""The engine that chooses an engine.

On the CPU it takes the engine with the smallest estimated `cost`; where none can evaluate the
circuit, it says why. On other devices and while torch traces (`torch.export`, `torch.jit.trace`,
`torch.func`, forward-mode derivatives) it is the reference engine, which is made of torch
operations only. Second derivatives are the reference's too, whichever engine computes the values.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.engines.alternating.engine import AlternatingEngine
from resqunn.engines.base import Engine
from resqunn.engines.chains.engine import ChainsEngine
from resqunn.engines.fourier.engine import FourierEngine
from resqunn.engines.fused.engine import FusedEngine
from resqunn.engines.guard import compiling, interpreted, left_out
from resqunn.engines.paulis.engine import PaulisEngine
from resqunn.engines.reference import NOISY_REFERENCE, REFERENCE, reference

CANDIDATES: tuple[Engine, ...] = (
    FourierEngine(),
    AlternatingEngine(),
    ChainsEngine(),
    FusedEngine(),
    REFERENCE,
)
NOISY_CANDIDATES: tuple[Engine, ...] = (PaulisEngine(), NOISY_REFERENCE)
"""For circuits with channels, beside those above that simulate noise."""


@lru_cache(maxsize=256)
def cheapest(circuit: GateCircuit, filters: int = 1) -> Engine | None:
    """The candidate with the smallest estimated cost on the CPU; None if none can evaluate the
    circuit."""
    found = CANDIDATES
    if circuit.is_noisy:
        able = (engine for engine in CANDIDATES if engine.simulates_noise)
        found = (*able, *NOISY_CANDIDATES)
    costs = ((engine.cost(circuit, filters), engine) for engine in found)
    able = [(cost, engine) for cost, engine in costs if cost is not None]
    return min(able, key=lambda pair: pair[0])[1] if able else None


@dataclass(frozen=True)
class AutoEngine(Engine):
    """Whichever engine is estimated to be the fastest."""

    name: str = "auto"
    simulates_noise: ClassVar[bool] = True

    def obstacle(self, circuit: GateCircuit) -> str | None:
        if cheapest(circuit) is not None:
            return None
        return f"{reference(circuit).obstacle(circuit)}, and {CANDIDATES[0].obstacle(circuit)}"

    def chosen_for(self, circuit: GateCircuit, filters: int = 1) -> str:
        return f"auto ({self._chosen(circuit, filters).name})"

    def _chosen(self, circuit: GateCircuit, filters: int) -> Engine:
        """The engine on the CPU."""
        found = cheapest(circuit, filters)
        if found is None:
            self.require(circuit)
        assert found is not None
        return found

    def reader(self, circuit: GateCircuit, filters: int) -> Engine | None:
        return self._chosen(circuit, filters).reader(circuit, filters)

    def evaluate(
        self,
        circuit: GateCircuit,
        inputs_GNP: Float[Tensor, "G N P"],
        weights_GFW: Float[Tensor, "G F W"],
    ) -> Float[Tensor, "G F R P"]:
        if compiling() and inputs_GNP.is_cpu:
            return left_out(self.evaluate, circuit, inputs_GNP, weights_GFW)
        chosen = self._engine_for(circuit, inputs_GNP, weights_GFW)
        return chosen.evaluate(circuit, inputs_GNP, weights_GFW)

    def gradients(
        self,
        circuit: GateCircuit,
        tensors: tuple[Tensor, Tensor],
        cotangents_GFRP: Float[Tensor, "G F R P"],
        wanted: tuple[bool, bool],
    ) -> tuple[Tensor | None, Tensor | None]:
        return self._engine_for(circuit, *tensors).gradients(
            circuit, tensors, cotangents_GFRP, wanted
        )

    def _engine_for(self, circuit: GateCircuit, inputs_GNP: Tensor, weights_GFW: Tensor) -> Engine:
        on_cpu = inputs_GNP.is_cpu and not interpreted()
        chosen = self._chosen(circuit, weights_GFW.shape[1]) if on_cpu else None
        return chosen or reference(circuit)
