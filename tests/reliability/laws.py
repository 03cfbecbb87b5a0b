"""A law is what holds for every circuit, engine and layer; here are the cases it is tried on."""

import random
from collections.abc import Callable

from torch import Tensor

from resqunn.circuits.circuit import Circuit
from resqunn.engines.base import Engine
from resqunn.engines.registry import ENGINES, engine

from support import any_circuit, evaluates, random_arguments

OWN = [name for name in ENGINES if name != "pennylane"]

Law = Callable[[random.Random], None]
Holds = Callable[[Law], None]


def able(circuit: Circuit) -> list[Engine]:
    """The library's own engines that can evaluate the circuit."""
    return [each for each in map(engine, OWN) if evaluates(each, circuit)]


def drawn_case(
    rng: random.Random, parts: bool = True
) -> tuple[Engine, Circuit, tuple[Tensor, ...]]:
    """An engine, a circuit for it, and arguments in float64; with `parts=False` a circuit of Pauli
    rotations and fixed gates alone."""
    seed = rng.getrandbits(32)
    circuit = any_circuit(seed, max_qubits=4, max_depth=3, parts=parts)
    patches = rng.choice([1, 3, 9, 17])
    return rng.choice(able(circuit)), circuit, random_arguments(circuit, seed, 1, 2, patches)
