"""The engine that chooses an engine.

On the CPU in float32 it takes the engine with the smallest estimated `cost`: the Fourier
engine where few monomials occur, the fused one elsewhere, the reference where neither can.
In float64, on other devices and while torch traces (`torch.export`, `torch.jit.trace`,
`torch.func`, forward-mode derivatives) it is the reference engine, which is made of torch
operations only. Second derivatives are the reference's too, whichever engine computes the values.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from resqunn.circuits.circuit import Circuit
from resqunn.engines.base import Engine
from resqunn.engines.fourier.engine import FourierEngine
from resqunn.engines.fused.engine import FusedEngine
from resqunn.engines.guard import compiling, interpreted, left_out
from resqunn.engines.statevector.gradients import REFERENCE

CANDIDATES: tuple[Engine, ...] = (FourierEngine(), FusedEngine(), REFERENCE)


@lru_cache(maxsize=256)
def cheapest(circuit: Circuit) -> Engine | None:
    """The candidate with the smallest estimated cost on the CPU in float32; None if none can
    evaluate the circuit."""
    costs = [(cost, engine) for engine in CANDIDATES if (cost := engine.cost(circuit)) is not None]
    return min(costs, key=lambda pair: pair[0])[1] if costs else None


@dataclass(frozen=True)
class AutoEngine(Engine):
    """Whichever engine is estimated to be the fastest."""

    name: str = "auto"

    def obstacle(self, circuit: Circuit) -> str | None:
        if cheapest(circuit) is not None:
            return None
        return f"{REFERENCE.obstacle(circuit)}, and {CANDIDATES[0].obstacle(circuit)}"

    def chosen_for(self, circuit: Circuit, dtype: torch.dtype = torch.float32) -> str:
        return f"auto ({self._chosen(circuit, dtype).name})"

    def _chosen(self, circuit: Circuit, dtype: torch.dtype) -> Engine:
        """The engine on the CPU."""
        if dtype != torch.float32 and REFERENCE.obstacle(circuit) is None:
            return REFERENCE
        found = cheapest(circuit)
        if found is None:
            self.require(circuit)
        assert found is not None
        return found

    def reader(self, circuit: Circuit, dtype: torch.dtype) -> Engine | None:
        return self._chosen(circuit, dtype).reader(circuit, dtype)

    def evaluate(
        self,
        circuit: Circuit,
        inputs_GNP: Float[Tensor, "G N P"],
        weights_GFW: Float[Tensor, "G F W"],
    ) -> Float[Tensor, "G F R P"]:
        if compiling() and inputs_GNP.is_cpu:
            return left_out(self.evaluate, circuit, inputs_GNP, weights_GFW)
        on_cpu = inputs_GNP.is_cpu and not interpreted()
        chosen = self._chosen(circuit, inputs_GNP.dtype) if on_cpu else REFERENCE
        return chosen.evaluate(circuit, inputs_GNP, weights_GFW)
