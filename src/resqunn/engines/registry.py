"""The engine table: what a name stands for.

To add an engine, write one file beside this one and add an entry to `ENGINES`.
"""

from __future__ import annotations

from collections.abc import Callable

from resqunn.engines.alternating.engine import AlternatingEngine
from resqunn.engines.auto import AutoEngine
from resqunn.engines.base import Engine
from resqunn.engines.chains.engine import ChainsEngine
from resqunn.engines.density.engine import DensityEngine
from resqunn.engines.fourier.engine import FourierEngine
from resqunn.engines.fused.engine import FusedEngine
from resqunn.engines.paulis.engine import PaulisEngine
from resqunn.engines.pennylane import PennyLaneEngine
from resqunn.engines.statevector.engine import StatevectorEngine
from resqunn.errors import unknown_name

ENGINES: dict[str, Callable[[], Engine]] = {
    "auto": AutoEngine,
    "statevector": StatevectorEngine,
    "density": DensityEngine,
    "paulis": PaulisEngine,
    "fourier": FourierEngine,
    "fused": FusedEngine,
    "alternating": AlternatingEngine,
    "chains": ChainsEngine,
    "pennylane": PennyLaneEngine,
}


def engine(name: str | Engine) -> Engine:
    """The engine of that name; an `Engine` is returned as it is.

    `"pennylane:lightning.qubit"` names a PennyLane device.

    Raises:
        ConfigurationError: if the table has none.
    """
    if isinstance(name, Engine):
        return name
    if name.startswith("pennylane:"):
        return PennyLaneEngine(name.removeprefix("pennylane:"))
    if name not in ENGINES:
        raise unknown_name("engine", name, [*ENGINES, "pennylane:DEVICE"])
    return ENGINES[name]()
