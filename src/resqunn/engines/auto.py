"""The engine that chooses an engine.

On the CPU in float32 it takes the engine with the smallest estimated `cost`: the Fourier
engine where few monomials occur, the fused one elsewhere, the reference where neither can.
In float64, on other devices and while torch traces (`torch.export`, `torch.compile`,
`torch.func`) it is the reference engine, which is made of torch operations only. Second
derivatives are the reference's too, whichever engine computes the values.
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
from resqunn.engines.reference import REFERENCE
from resqunn.engines.tracing import traced
from resqunn.errors import CircuitError

CANDIDATES: tuple[Engine, ...] = (FourierEngine(), FusedEngine(), REFERENCE)


@lru_cache(maxsize=256)
def cheapest(circuit: Circuit) -> Engine:
    """The candidate with the smallest estimated cost on the CPU in float32.

    Raises:
        CircuitError: if none can evaluate the circuit.
    """
    costs = [(cost, engine) for engine in CANDIDATES if (cost := engine.cost(circuit)) is not None]
    if not costs:
        raise CircuitError(
            f"no engine can evaluate this circuit: {REFERENCE.obstacle(circuit)}, and "
            f"{CANDIDATES[0].obstacle(circuit)}; use a smaller kernel or fewer channels in a group"
        )
    return min(costs, key=lambda pair: pair[0])[1]


@dataclass(frozen=True)
class AutoEngine(Engine):
    """Whichever engine is estimated to be the fastest."""

    name: str = "auto"

    def obstacle(self, circuit: Circuit) -> str | None:
        try:
            cheapest(circuit)
        except CircuitError as error:
            return str(error)
        return None

    def chosen_for(self, circuit: Circuit, dtype: torch.dtype = torch.float32) -> str:
        compiled = dtype == torch.float32 or REFERENCE.obstacle(circuit) is not None
        return f"auto ({(cheapest(circuit) if compiled else REFERENCE).name})"

    def expectation_values(
        self,
        circuit: Circuit,
        inputs_GNP: Float[Tensor, "G N P"],
        weights_GFW: Float[Tensor, "G F W"],
    ) -> Float[Tensor, "G F R P"]:
        on_cpu = inputs_GNP.device.type == "cpu" and not traced()
        single = inputs_GNP.dtype == torch.float32
        if on_cpu and (single or REFERENCE.obstacle(circuit) is not None):
            return cheapest(circuit).expectation_values(circuit, inputs_GNP, weights_GFW)
        return REFERENCE.expectation_values(circuit, inputs_GNP, weights_GFW)
