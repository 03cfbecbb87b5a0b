"""Ansaetze: the trainable part of a circuit, built layer by layer.

To add an ansatz, write a frozen dataclass below `Ansatz` (or reuse one) and add an entry to
`ANSATZE` (`table.py`). A layer's weights are numbered from 0; the circuit shifts them.
"""

from resqunn.circuits.ansatze.base import Ansatz
from resqunn.circuits.ansatze.gate_list import GateList
from resqunn.circuits.ansatze.layered import ControlledRing, RotationChain, StronglyEntangling
from resqunn.circuits.ansatze.random_circuits import Random, RandomLayers
from resqunn.circuits.ansatze.sim import SIM, SimCircuit
from resqunn.circuits.ansatze.table import ANSATZE, SEEDED, ansatz
from resqunn.circuits.ansatze.tensor_networks import MatrixProduct, Mera, TreeTensorNetwork
from resqunn.circuits.ansatze.two_local import SimplifiedTwoDesign, TwoLocal

__all__ = [
    "ANSATZE",
    "SEEDED",
    "SIM",
    "Ansatz",
    "ControlledRing",
    "GateList",
    "MatrixProduct",
    "Mera",
    "Random",
    "RandomLayers",
    "RotationChain",
    "SimCircuit",
    "SimplifiedTwoDesign",
    "StronglyEntangling",
    "TreeTensorNetwork",
    "TwoLocal",
    "ansatz",
]
