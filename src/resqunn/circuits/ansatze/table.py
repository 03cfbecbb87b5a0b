"""The table of ansaetze, and ansaetze by their names."""

from __future__ import annotations

import re
from collections.abc import Callable

from resqunn.circuits.ansatze.base import Ansatz
from resqunn.circuits.ansatze.layered import ControlledRing, RotationChain, StronglyEntangling
from resqunn.circuits.ansatze.random_circuits import Random, RandomLayers
from resqunn.circuits.ansatze.sim import SIM, SimCircuit
from resqunn.circuits.ansatze.tensor_networks import MatrixProduct, Mera, TreeTensorNetwork
from resqunn.circuits.ansatze.two_local import SimplifiedTwoDesign, TwoLocal
from resqunn.errors import ConfigurationError, unknown_name

ANSATZE: dict[str, Ansatz] = {
    entry.name: entry
    for entry in (
        RotationChain("rx_chain", "RX"),
        RotationChain("ry_chain", "RY"),
        RotationChain("rx_ring", "RX", closed=True),
        RotationChain("ry_ring", "RY", closed=True),
        RotationChain("rz_ring", "RZ", closed=True),
        ControlledRing("crz_ring", "CRZ"),
        StronglyEntangling(),
        StronglyEntangling("strongly_entangling_cz", "CZ"),
        SimplifiedTwoDesign(),
        TwoLocal("real_amplitudes", ("RY",), "CNOT", "reverse_linear"),
        TwoLocal("efficient_su2", ("RY", "RZ"), "CNOT", "reverse_linear"),
        TwoLocal("two_local", ("RY",), "CZ", "full"),
        MatrixProduct(),
        TreeTensorNetwork(),
        Mera(),
        Random(),
        RandomLayers("random_layers"),
        RandomLayers("random_layers_2021", legacy=True),
    )
}

SEEDED: dict[str, Callable[[str, int], Ansatz]] = {
    "random": lambda name, seed: Random(name, seed),
    "random_layers": lambda name, seed: RandomLayers(name, seed),
    "random_layers_2021": lambda name, seed: RandomLayers(name, seed, legacy=True),
}
"""Ansaetze that are named with a seed, as `"random:7"`."""

COUNTED = {"random_layers": False, "random_layers_2021": True}
"""Of these, those whose number of rotations, and ratio of CNOTs, may be named too, as
`"random_layers/4/0.4:7"`, and whether they draw as PennyLane did in 2021."""

_OPTIONS = re.compile(r"(\d+)(?:/(\d{1,3}\.?\d{0,20}))?", re.ASCII)
"""Rotations, and the ratio of CNOTs."""

MAX_DIGITS = 100
"""Of a seed in an ansatz's name; Python itself reads a few thousand."""


def ansatz(name: str | Ansatz) -> Ansatz:
    """The table's entry of that name; an `Ansatz` is returned as it is.

    `"random:7"` is the random ansatz of seed 7, and so for each of `SEEDED`;
    `"random_layers/4:7"` has 4 rotations a layer, however many qubits there are, and
    `"random_layers/4/0.4:7"` draws CNOTs with probability 0.4. `"sim_1"` to `"sim_19"` are the
    circuits of `ansatze/sim.py`.

    Raises:
        ConfigurationError: if the table has none, or for a seed that is out of range.
    """
    if isinstance(name, Ansatz):
        return name
    counted, _, digits = name.partition(":")
    kind, _, options = counted.partition("/")
    found = _OPTIONS.fullmatch(options)
    if found and kind in COUNTED and digits.isdecimal():
        return RandomLayers(
            name,
            _bounded(digits, "seed"),
            float(found[2] or RandomLayers.ratio_imprim),
            _bounded(found[1], "number of rotations"),
            COUNTED[kind],
        )
    kind = counted
    if kind in SEEDED and digits.isdecimal():
        return SEEDED[kind](name, _bounded(digits, "seed"))
    if name in SIM:
        return SimCircuit(name)
    if name not in ANSATZE:
        seeded = [f"{kind}:SEED" for kind in SEEDED]
        seeded += [f"{kind}/ROTATIONS/RATIO:SEED" for kind in COUNTED]
        raise unknown_name("ansatz", name, [*ANSATZE, *seeded, "sim_1 to sim_19"])
    return ANSATZE[name]


def _bounded(digits: str, what: str) -> int:
    digits = digits.lstrip("0") or "0"
    if len(digits) > MAX_DIGITS:
        raise ConfigurationError(
            f"the {what} of a random ansatz must have {MAX_DIGITS} digits or fewer, got "
            f"{len(digits)}"
        )
    return int(digits)
